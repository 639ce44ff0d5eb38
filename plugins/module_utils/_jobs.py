# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a Job and its pods say, and which lines of a pod's log are new."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from ._objects import condition, holds, reason_of

Object = dict[str, Any]

LAST_LINES = 3

# The node has tried, or knows without trying, that the container cannot be made. ErrImagePull is the first try.
NEVER_STARTS = {
    "CreateContainerConfigError": "create what it refers to, or correct the reference",
    "CreateContainerError": "correct the pod template",
    "ErrImageNeverPull": "correct the image's name or its imagePullPolicy",
    "ImagePullBackOff": "correct the image's name, or give the nodes access to its registry",
    "InvalidImageName": "correct the image's name",
}
_REMEDIES = {
    "DeadlineExceeded": "raise its activeDeadlineSeconds or give it less to do",
    "Evicted": "run it on a node with more room, or raise its requests",
    "OOMKilled": "raise its memory limit or lower the heap of what runs in it",
}
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ", re.ASCII)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_OVERTAKING = timedelta(seconds=1)
# What is around it in a trace of a JVM says where, the rest says what.
_FRAME = re.compile(r"at \S+\(.*\)|\.\.\. \d+ more")


@dataclass(frozen=True)
class JobState:
    """Stuck means that it cannot go on now, and may later; failed is final."""

    phase: Literal["running", "stuck", "succeeded", "failed"]
    text: str
    remedy: str = ""
    # The pod whose log tells more.
    pod: str | None = None


def unplaced(pods: Sequence[Object]) -> list[Object]:
    """Those that no node takes."""
    return [pod for pod in pods if (condition(pod, "PodScheduled") or {}).get("reason") == "Unschedulable"]


def job_state(job: Object, pods: Sequence[Object], whys: Mapping[str, str]) -> JobState:
    """Where the Job is, by its own conditions first and then by what holds its pods up. Of pods that no node takes, somebody else may
    know why better than the scheduler."""
    if holds(job, "Complete"):
        return JobState("succeeded", "all its pods have succeeded")
    if holds(job, "Failed"):
        return _failure(job, pods)
    for pod in pods:
        for reason, text in waiting(pod):
            if reason in NEVER_STARTS:
                return JobState("failed", f"pod {_name(pod)} cannot start ({text})", NEVER_STARTS[reason])
    for pod in unplaced(pods):
        message = " ".join(str((condition(pod, "PodScheduled") or {}).get("message", "")).split()).rstrip(".")
        return JobState(
            "stuck",
            f"no node takes pod {_name(pod)} ({whys.get(_name(pod)) or message})",
            "add a node that does, or correct the pod's node selector, tolerations and requests",
        )
    if job["spec"].get("suspend"):
        return JobState("stuck", "it is suspended", "resume it by setting spec.suspend to false")
    if not pods:
        return JobState(
            "stuck", "it has no pod yet", "look for a quota or a policy in its events (kubectl describe job)"
        )
    return JobState("running", _counts(job, pods))


def failure(job: Object, state: JobState, last_lines: Sequence[str], log: str | None) -> str:
    """The sentence that the user reads of a Job that failed or is stuck."""
    lines = f"; its last lines: {' | '.join(last_lines)}" if last_lines else ""
    where = f" (the whole log: {log})" if log else ""
    verb = "failed" if state.phase == "failed" else "cannot go on"
    return f"{job_name(job)} {verb}: {state.text}{lines}; {state.remedy or 'correct what its log tells'}{where}."


def job_name(job: Object) -> str:
    return f"Job {job['metadata']['namespace']}/{job['metadata']['name']}"


def main_container(pod: Object) -> str:
    """The container whose log is the pod's: the first of the pod template, whatever else is put beside it."""
    return str(pod["spec"]["containers"][0]["name"])


def has_log(pod: Object) -> bool:
    """Whether the main container has ever run: before that, asking for its log is an error."""
    return any("running" in state or "terminated" in state for state in _main_states(pod))


def has_ended(pod: Object) -> bool:
    """Whether the main container will write no more."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_running(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def log_lines(log: str, ended: bool) -> list[str]:
    """The whole lines of a log. One that is not at its end yet is for the next time, unless the container has ended."""
    lines = _LINE.findall(log)
    if lines and not lines[-1].endswith("\n"):
        last = lines.pop()
        lines += [f"{last}\n"] if ended else []
    return lines


def unseen(kept: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Those of the lines that were not kept before.

    Order and time do not tell: standard output and error overtake each other, and lines may share a timestamp.
    """
    known = Counter(kept)
    fresh = []
    for line in lines:
        if known[line]:
            known[line] -= 1
        else:
            fresh.append(line)
    return fresh


def ask_from(lines: Sequence[str]) -> str | None:
    """The time from which on a log may have lines beyond these: that of the newest, less what lines overtake each other."""
    stamps = [datetime.fromisoformat(stamp[1]) for line in lines if (stamp := _STAMP.match(line))]
    return (max(stamps) - _OVERTAKING).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if stamps else None


def last_texts(lines: Sequence[str]) -> list[str]:
    """The newest lines that say something, without their timestamps."""
    texts = [_STAMP.sub("", line, count=1).strip() for line in lines]
    return [text for text in texts if text and not _FRAME.fullmatch(text)][-LAST_LINES:]


def _failure(job: Object, pods: Sequence[Object]) -> JobState:
    cause = condition(job, "Failed") or {}
    if cause.get("reason") == "DeadlineExceeded":
        seconds = job["spec"].get("activeDeadlineSeconds")
        return JobState("failed", f"it ran longer than its deadline of {seconds} s", _REMEDIES["DeadlineExceeded"])
    for pod in pods:
        if (pod.get("status") or {}).get("phase") == "Failed":
            reason, text = _end(pod)
            return JobState("failed", f"pod {_name(pod)} {text}", _REMEDIES.get(reason, ""), _name(pod))
    return JobState("failed", f"{reason_of(cause)}, and none of its failed pods is left", "run it again")


def _end(pod: Object) -> tuple[str, str]:
    """Why a pod failed: by its node, or else by its container."""
    status = pod["status"]
    if status.get("reason"):
        return status["reason"], f"was ended by its node ({reason_of(status)})"
    for seen in _states(pod):
        ended = seen.get("terminated")
        if ended and ended.get("exitCode"):
            reason = ended.get("reason") or "Error"
            return reason, f"ended with exit code {ended['exitCode']} ({reason_of({**ended, 'reason': reason})})"
    return "", "failed without saying why"


def waiting(pod: Object) -> Iterator[tuple[str, str]]:
    for seen in _states(pod):
        if waiting := seen.get("waiting"):
            yield waiting.get("reason", ""), reason_of(waiting)


def _states(pod: Object) -> Iterator[Object]:
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        yield from (container.get(field) or {} for field in ("state", "lastState"))


def _main_states(pod: Object) -> Iterator[Object]:
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        if container["name"] == main_container(pod):
            yield from (container.get(field) or {} for field in ("state", "lastState"))


def _counts(job: Object, pods: Sequence[Object]) -> str:
    status, wanted = job.get("status") or {}, job["spec"].get("completions") or job["spec"].get("parallelism") or 1
    running = sum(map(is_running, pods))
    return f"{running} running and {status.get('succeeded') or 0} done of {wanted}"


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])
