from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._jobs import (
    JobState,
    ask_from,
    failure,
    has_ended,
    has_log,
    job_state,
    last_texts,
    log_lines,
    unplaced,
    unseen,
)

Object = dict[str, Any]

LOGS = Path(__file__).resolve().parents[2] / "fixtures/perf"


def job(*conditions: Object, **spec: Any) -> Object:
    return {
        "metadata": {"name": "load", "namespace": "kafka", "uid": "1"},
        "spec": {"completions": 2, "parallelism": 2, "activeDeadlineSeconds": 600, **spec},
        "status": {"conditions": list(conditions)},
    }


def met(kind: str, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": "True", "reason": reason, "message": message}


def pod(phase: str = "Running", state: Object | None = None, last: Object | None = None, **status: Any) -> Object:
    return {
        "metadata": {"name": "load-0-abcde"},
        "spec": {"containers": [{"name": "tool"}, {"name": "proxy"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": "proxy", "state": {"running": {}}},
                {"name": "tool", "state": state or {"running": {}}, "lastState": last or {}},
            ],
            **status,
        },
    }


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "", message: str = "") -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


FAILED = met("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
UNSCHEDULABLE = {
    "metadata": {"name": "load-0-abcde"},
    "spec": {"containers": [{"name": "tool"}]},
    "status": {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": "0/6 nodes are available: 6 node(s) didn't match Pod's node affinity/selector.",
            }
        ],
    },
}


@pytest.mark.parametrize(
    "seen, pods, state",
    [
        pytest.param(
            job(),
            [],
            JobState("stuck", "it has no pod yet", "look for a quota or a policy in its events (kubectl describe job)"),
            id="new",
        ),
        pytest.param(
            job(),
            [pod(), pod("Pending", waiting("ContainerCreating"))],
            JobState("running", "1 running and 0 done of 2"),
            id="running",
        ),
        pytest.param(
            job(met("SuccessCriteriaMet")),
            [pod("Succeeded", ended(0))],
            JobState("running", "0 running and 0 done of 2"),
            id="pods still ending",
        ),
        pytest.param(job(met("Complete")), [], JobState("succeeded", "all its pods have succeeded"), id="complete"),
        pytest.param(
            job(met("FailureTarget")),
            [pod("Failed", ended(1))],
            JobState("running", "0 running and 0 done of 2"),
            id="other pods are being ended",
        ),
        pytest.param(
            job(FAILED),
            [pod(), pod("Failed", ended(1, "Error"))],
            JobState("failed", "pod load-0-abcde ended with exit code 1 (Error)", "", "load-0-abcde"),
            id="exit code",
        ),
        pytest.param(
            job(FAILED),
            [pod("Failed", ended(137, "OOMKilled"))],
            JobState(
                "failed",
                "pod load-0-abcde ended with exit code 137 (OOMKilled)",
                "raise its memory limit or lower the heap of what runs in it",
                "load-0-abcde",
            ),
            id="out of memory",
        ),
        pytest.param(
            job(FAILED),
            [pod("Failed", ended(137, "Error"), reason="Evicted", message="The node was low on resource: memory.")],
            JobState(
                "failed",
                "pod load-0-abcde was ended by its node (Evicted: The node was low on resource: memory.)",
                "run it on a node with more room, or raise its requests",
                "load-0-abcde",
            ),
            id="evicted",
        ),
        pytest.param(
            job(met("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")),
            [],
            JobState(
                "failed",
                "it ran longer than its deadline of 600 s",
                "raise its activeDeadlineSeconds or give it less to do",
            ),
            id="deadline",
        ),
        pytest.param(
            job(FAILED),
            [],
            JobState(
                "failed",
                "BackoffLimitExceeded: Job has reached the specified backoff limit, and none of its failed pods is left",
                "run it again",
            ),
            id="failed pods removed",
        ),
        pytest.param(
            job(),
            [pod("Failed", ended(1)), pod()],
            JobState("running", "1 running and 0 done of 2"),
            id="a pod failed and another is tried",
        ),
        pytest.param(
            job(),
            [pod("Pending", waiting("ImagePullBackOff", 'Back-off pulling image "no/such:1"'))],
            JobState(
                "failed",
                'pod load-0-abcde cannot start (ImagePullBackOff: Back-off pulling image "no/such:1")',
                "correct the image's name, or give the nodes access to its registry",
            ),
            id="no such image",
        ),
        pytest.param(
            job(),
            [pod("Pending", waiting("ErrImagePull"))],
            JobState("running", "0 running and 0 done of 2"),
            id="first try of the image failed",
        ),
        pytest.param(
            job(),
            [pod("Pending", waiting("CreateContainerConfigError", 'configmap "x" not found'))],
            JobState(
                "failed",
                'pod load-0-abcde cannot start (CreateContainerConfigError: configmap "x" not found)',
                "create what it refers to, or correct the reference",
            ),
            id="no such configuration",
        ),
        pytest.param(
            job(),
            [UNSCHEDULABLE],
            JobState(
                "stuck",
                "no node takes pod load-0-abcde (0/6 nodes are available: 6 node(s) didn't match Pod's node affinity/selector)",
                "add a node that does, or correct the pod's node selector, tolerations and requests",
            ),
            id="unschedulable",
        ),
        pytest.param(
            job(suspend=True),
            [],
            JobState("stuck", "it is suspended", "resume it by setting spec.suspend to false"),
            id="suspended",
        ),
    ],
)
def test_job_state(seen: Object, pods: list[Object], state: JobState) -> None:
    assert job_state(seen, pods, {}) == state


def test_who_knows_better_than_the_scheduler_is_heard() -> None:
    assert unplaced([pod("Running", {}), UNSCHEDULABLE]) == [UNSCHEDULABLE]
    whys = {"load-0-abcde": "EC2 has none", "another": "x"}
    assert job_state(job(), [UNSCHEDULABLE], whys).text == "no node takes pod load-0-abcde (EC2 has none)"
    assert "0/6 nodes are available" in job_state(job(), [UNSCHEDULABLE], {"load-0-abcde": ""}).text


def test_the_failure_is_one_sentence() -> None:
    state = job_state(job(FAILED), [pod("Failed", ended(1, "Error"))], {})
    assert failure(job(), state, ["a", "b"], "logs/x.log") == (
        "Job kafka/load failed: pod load-0-abcde ended with exit code 1 (Error); its last lines: a | b; "
        "correct what its log tells (the whole log: logs/x.log)."
    )
    stuck = job_state(job(suspend=True), [], {})
    assert failure(job(), stuck, [], None) == (
        "Job kafka/load cannot go on: it is suspended; resume it by setting spec.suspend to false."
    )


@pytest.mark.parametrize(
    "seen, log, end",
    [
        pytest.param(pod("Pending", waiting("ContainerCreating")), False, False, id="not started"),
        pytest.param(UNSCHEDULABLE, False, False, id="no node"),
        pytest.param(pod(), True, False, id="running"),
        pytest.param(pod("Running", waiting("CrashLoopBackOff"), ended(1)), True, False, id="started again"),
        pytest.param(pod("Succeeded", ended(0)), True, True, id="succeeded"),
        pytest.param(pod("Failed", ended(1)), True, True, id="failed"),
        pytest.param({**pod(), "status": {}}, False, False, id="no status"),
    ],
)
def test_when_a_pod_has_a_log(seen: Object, log: bool, end: bool) -> None:
    assert (has_log(seen), has_ended(seen)) == (log, end)


A, B, C = (
    f"2026-11-23T21:52:24.{number}Z {text}\n" for number, text in (("46", "a"), ("461", "b"), ("462000001", "c"))
)


@pytest.mark.parametrize(
    "kept, log, fresh",
    [
        pytest.param([], [A, B], [A, B], id="all of it"),
        pytest.param([A, B], [A, B], [], id="nothing"),
        pytest.param([A, B], [A, B, C], [C], id="one more"),
        pytest.param([A, B], [B, C], [C], id="only asked for the newest"),
        pytest.param([A, A], [A, A, A, B], [A, B], id="the same line at the same time"),
        pytest.param([A, C], [A, B, C], [B], id="one that was overtaken"),
        pytest.param([A, B], [C], [C], id="the node has begun a new file"),
    ],
)
def test_unseen_lines(kept: list[str], log: list[str], fresh: list[str]) -> None:
    assert unseen(kept, log) == fresh


@pytest.mark.parametrize(
    "log, over, lines",
    [
        pytest.param("a\nb", False, ["a\n"], id="the last line may grow"),
        pytest.param("a\nb", True, ["a\n", "b\n"], id="the last line of all"),
        pytest.param("a\rb\u2028c\r\n", False, ["a\rb\u2028c\r\n"], id="only a line feed ends a line"),
        pytest.param("", True, [], id="nothing"),
    ],
)
def test_log_lines(log: str, over: bool, lines: list[str]) -> None:
    assert log_lines(log, over) == lines


@pytest.mark.parametrize(
    "lines, time",
    [
        pytest.param([], None, id="nothing kept"),
        pytest.param(["no time\n"], None, id="no time"),
        pytest.param([A, B, C], "2026-11-23T21:52:23Z", id="a second before the newest"),
        pytest.param([C, A], "2026-11-23T21:52:23Z", id="the newest is not the last"),
        pytest.param(["2026-11-23T22:00:00.123456789+02:00 x\n"], "2026-11-23T19:59:59Z", id="another time zone"),
    ],
)
def test_ask_from(lines: list[str], time: str | None) -> None:
    assert ask_from(lines) == time


def test_last_texts_have_no_times() -> None:
    assert last_texts([A, B, "2026-11-23T21:52:25Z  \n", C, "d\n"]) == ["b", "c", "d"]


def test_last_texts_leave_the_frames_of_a_trace_out() -> None:
    log = (LOGS / "consumer_nohost.log").read_text(encoding="utf-8").splitlines()
    assert last_texts(log) == [
        "Failed to construct kafka consumer",
        "org.apache.kafka.common.KafkaException: Failed to construct kafka consumer",
        "Caused by: org.apache.kafka.common.config.ConfigException: No resolvable bootstrap urls given in bootstrap.servers",
    ]
