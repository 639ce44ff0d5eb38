# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits for a Job where its progress can be seen: a module could say nothing before it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._jobs import (
    JobState,
    ask_from,
    failure,
    has_ended,
    has_log,
    is_running,
    job_name,
    job_state,
    last_texts,
    log_lines,
    main_container,
    unplaced,
    unseen,
)
from ..module_utils._karpenter import Said, why_unplaced
from ..module_utils._karpenter_look import what_karpenter_said
from ..module_utils._kubernetes import (
    CONNECTION_OPTIONS,
    Cluster,
    KubernetesError,
    NotAnswering,
    connect,
)
from ..module_utils._perf_log import glance
from ..module_utils._waiting import Seen, TimedOut, wait_for

ARGUMENT_SPEC = {
    **CONNECTION_OPTIONS,
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "timeout": {"type": "int", "default": 3600},
    "start_timeout": {"type": "int", "default": 300},
}
SHOWN_PODS = 3

Object = dict[str, Any]


class JobFailed(Exception):
    """Its text is the sentence the user reads."""


class PodLog:
    """A file that grows with the log of a pod. Killed and started anew, it goes on where the file ends."""

    def __init__(self, cluster: Cluster, pod: Object, folder: Path):
        self.cluster = cluster
        self.pod = pod["metadata"]["name"]
        self.path = folder / f"{self.pod}.log"
        self.container = main_container(pod)
        self.newest: list[str] = []
        self.size = 0
        self.written = 0

    def collect(self, namespace: str, ended: bool) -> None:
        """Append what is new."""
        with self.path.open("ab+") as file:
            # Ansible's worker outlives a killed playbook for a while: it may still write when the next one does.
            fcntl.flock(file, fcntl.LOCK_EX)
            if file.seek(0, os.SEEK_END) != self.size:
                self.newest = self._kept(file)
            log = self.cluster.logs(
                self.pod, namespace, self.container, since_time=ask_from(self.newest), timestamps=True
            )
            lines = log_lines(log, ended)
            fresh = unseen(self.newest, lines)
            file.write("".join(fresh).encode())
            self.size = file.tell()
        self.written += len(fresh)
        # What is asked for next time begins within these lines.
        self.newest = lines or self.newest

    def _kept(self, file: BinaryIO) -> list[str]:
        """The lines that are there already. One that was cut off when it was written is taken back, to be written whole."""
        file.seek(0)
        kept = file.read()
        whole = kept[: kept.rfind(b"\n") + 1]
        file.truncate(len(whole))
        return log_lines(whole.decode(errors="replace"), ended=True)


class Watch:
    """The looks at one Job, and what they have brought so far."""

    def __init__(self, cluster: Cluster, args: Object, clock: Callable[[], float]):
        self.cluster = cluster
        self.name, self.namespace = args["name"], args["namespace"]
        self.folder = Path(args["dest"])
        self.start_timeout: int = args["start_timeout"]
        self.clock = clock
        self.logs: dict[str, PodLog] = {}
        self.job: Object | None = None
        self.stuck_since: float | None = None

    def look(self) -> Seen[None]:
        try:
            return self._look()
        except NotAnswering as error:
            # A load test outlives a short absence of the API server, but not a cluster that never was there.
            if self.job is None:
                raise
            return Seen(False, str(error).rstrip("."), None)

    def _look(self) -> Seen[None]:
        job = self.cluster.get("batch/v1", "Job", self.name, self.namespace)
        if job is None:
            was = "was removed while it was waited for" if self.job else "does not exist"
            raise JobFailed(f"Job {self.namespace}/{self.name} {was}: create it, and wait for it again.")
        self.job = job
        selector = f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}"
        pods = self.cluster.list("v1", "Pod", self.namespace, label_selector=selector)
        for pod in pods:
            self._collect(pod)
        state = job_state(job, pods, self._whys(pods))
        if state.phase == "failed" or self._stuck_too_long(state):
            log = self.logs.get(state.pod or "")
            raise JobFailed(failure(job, state, last_texts(log.newest) if log else [], str(log.path) if log else None))
        return Seen(state.phase == "succeeded", f"{job_name(job)}: {state.text}{self._figures(pods)}", None)

    def _whys(self, pods: list[Object]) -> dict[str, str]:
        waiting = unplaced(pods)
        said = what_karpenter_said(self.cluster, self.namespace) if waiting else Said()
        return {pod["metadata"]["name"]: why_unplaced(pod, said) for pod in waiting}

    def _collect(self, pod: Object) -> None:
        name = pod["metadata"]["name"]
        if not has_log(pod):
            return
        if name not in self.logs:
            self.logs[name] = PodLog(self.cluster, pod, self.folder)
        try:
            self.logs[name].collect(self.namespace, has_ended(pod))
        except KubernetesError as error:
            # Its node may be gone, or the pod since the list was read: what is kept of the log stays, and the Job tells the rest.
            if error.status not in (400, 404, 500):
                raise

    def _stuck_too_long(self, state: JobState) -> bool:
        if state.phase != "stuck":
            self.stuck_since = None
            return False
        self.stuck_since = self.clock() if self.stuck_since is None else self.stuck_since
        return self.clock() - self.stuck_since >= self.start_timeout

    def _figures(self, pods: list[Object]) -> str:
        """The newest line of those that run."""
        running = [self.logs[pod["metadata"]["name"]] for pod in pods if is_running(pod) and has_log(pod)]
        texts = [glance(texts[-1]) for log in running if (texts := last_texts(log.newest))]
        more = f"; and {len(texts) - SHOWN_PODS} more" if len(texts) > SHOWN_PODS else ""
        return "".join(f"; {text}" for text in texts[:SHOWN_PODS]) + more

    def result(self) -> dict[str, Any]:
        return {
            "changed": any(log.written for log in self.logs.values()),
            "logs": sorted(str(log.path) for log in self.logs.values()),
        }


class ActionModule(ActionBase):
    clock = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        dummy, args = self.validate_argument_spec(ARGUMENT_SPEC)
        if self._task.check_mode:
            sentence = f"Job {args['namespace']}/{args['name']} is not waited for in check mode."
            return {"changed": False, "msg": sentence, "logs": [], "seconds": 0, "succeeded": False}
        return self._wait(args)

    def _wait(self, args: dict[str, Any]) -> dict[str, Any]:
        watch, failed, began = None, "", self.clock()
        try:
            Path(args["dest"]).mkdir(parents=True, exist_ok=True)
            watch = Watch(connect(args["kubeconfig"], args["context"]), args, self.clock)
            wait_for(watch.look, args["timeout"], Display().display, self.clock, self.sleep)
        except (JobFailed, KubernetesError) as error:
            failed = str(error)
        except TimedOut as late:
            failed = f"{late} after {late.seconds:.0f} s: look at its logs, or raise timeout."
        except OSError as error:
            failed = f"The logs cannot be written to {args['dest']}: {error.strerror}; free or correct the folder."
        return {
            "changed": False,
            "logs": [],
            **(watch.result() if watch else {}),
            "seconds": round(self.clock() - began),
            "succeeded": not failed,
            **({"failed": True, "msg": failed} if failed else {}),
        }
