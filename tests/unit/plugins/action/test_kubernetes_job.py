"""The waiting is real; the cluster is a list of looks, the clock jumps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.streamops.kafka_eks.plugins.action import kubernetes_job
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import (
    KubernetesError,
    NoKubeconfig,
    NotAnswering,
)
from ansible_collections.streamops.kafka_eks.plugins.modules.kubernetes_job import DOCUMENTATION

Object = dict[str, Any]

WINDOW = "5002 records sent, 1000.2 records/sec (0.10 MB/sec), 14.8 ms avg latency, 475.0 ms max latency."


def stamped(second: int, text: str) -> str:
    return f"2026-11-23T21:52:{second:02}.5Z {text}\n"


def job(*conditions: str) -> Object:
    return {
        "metadata": {"name": "load", "namespace": "kafka", "uid": "u1"},
        "spec": {"completions": 1},
        "status": {"conditions": [{"type": kind, "status": "True", "reason": "R"} for kind in conditions]},
    }


def pod(phase: str, state: Object, log: str | KubernetesError = "") -> Object:
    return {
        "metadata": {"name": "load-0-abcde"},
        "spec": {"containers": [{"name": "tool"}]},
        "status": {"phase": phase, "containerStatuses": [{"name": "tool", "state": state}]},
        "log": log,
    }


def running(log: str | KubernetesError) -> Object:
    return pod("Running", {"running": {}}, log)


Look = tuple[Object | KubernetesError | None, list[Object]]


class FakeCluster:
    """Answers each look with the next of the list, and the last one for ever."""

    def __init__(self, looks: list[Look], events: list[Object] | None = None):
        self.looks = looks
        self.asked: list[str | None] = []
        self.events = events

    def served(self, api_version: str, kind: str) -> bool:
        assert kind == "NodeClaim"
        return self.events is not None

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Object | None:
        assert (api_version, kind, name, namespace) == ("batch/v1", "Job", "load", "kafka")
        self.now, self.pods = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(self.now, KubernetesError):
            raise self.now
        return self.now

    def list(self, api_version: str, kind: str, namespace: str | None, label_selector: str = "") -> list[Object]:
        if kind in ("Event", "NodeClaim"):
            return (self.events or []) if namespace == "kafka" else []
        assert (kind, label_selector) == ("Pod", "batch.kubernetes.io/controller-uid=u1")
        return self.pods

    def logs(self, pod: str, namespace: str, container: str, since_time: str | None, timestamps: bool) -> str:
        self.asked.append(since_time)
        log = next(one["log"] for one in self.pods if one["metadata"]["name"] == pod)
        if isinstance(log, KubernetesError):
            raise log
        return str(log)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(kubernetes_job, "Display", lambda: Mock(display=lines.append))
    return lines


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: list[str]) -> Callable[..., Object]:
    def waited(cluster: FakeCluster | KubernetesError, check_mode: bool = False, **options: Any) -> Object:
        def connect(kubeconfig: str, context: str) -> FakeCluster:
            if isinstance(cluster, KubernetesError):
                raise cluster
            return cluster

        now = [0.0]
        monkeypatch.setattr(kubernetes_job, "connect", connect)
        args = {"kubeconfig": "k", "context": "c", "name": "load", "namespace": "kafka", "dest": str(tmp_path / "logs")}
        task = Mock(args={**args, **options}, check_mode=check_mode, async_val=0, diff=False)
        action = kubernetes_job.ActionModule(task, Mock(), Mock(), Mock(), Mock(), Mock())
        monkeypatch.setattr(action, "clock", lambda: now[0], raising=False)
        monkeypatch.setattr(action, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds), raising=False)
        return action.run(task_vars={})

    return waited


def test_logs_grow_while_the_job_runs(wait: Callable[..., Object], said: list[str], tmp_path: Path) -> None:
    cluster = FakeCluster(
        [
            (job(), []),
            (job(), [pod("Pending", {"waiting": {"reason": "ContainerCreating"}})]),
            (job(), [running(stamped(1, "Picked up JAVA_TOOL_OPTIONS: x"))]),
            (job(), [running(stamped(1, "Picked up JAVA_TOOL_OPTIONS: x") + stamped(5, WINDOW))]),
            (job(), [running(stamped(5, WINDOW) + "2026-11-23T21:52:10.5Z half a li")]),
            (job("Complete"), [pod("Succeeded", {"terminated": {"exitCode": 0}}, stamped(5, WINDOW) + stamped(10, "half a line"))]),
        ]
    )  # fmt: skip
    result = wait(cluster)
    log = tmp_path / "logs/load-0-abcde.log"
    assert result == {"changed": True, "logs": [str(log)], "seconds": 10, "succeeded": True}
    assert log.read_text(encoding="utf-8") == (
        stamped(1, "Picked up JAVA_TOOL_OPTIONS: x") + stamped(5, WINDOW) + stamped(10, "half a line")
    )
    assert cluster.asked == [None, *["2026-11-23T21:52:00Z"], *["2026-11-23T21:52:04Z"] * 2]
    assert said == ["Job kafka/load: it has no pod yet (0 of 3600 s)"]


def test_a_line_at_most_every_fifteen_seconds_shows_the_newest_figures(
    wait: Callable[..., Object], said: list[str]
) -> None:
    result = wait(FakeCluster([(job(), [running(stamped(1, "x") + stamped(5, WINDOW))])]), timeout=40)
    figures = "1,000 records/s, 0.10 MB/s, latency 15 ms on average and 475 ms at most"
    assert said == [
        f"Job kafka/load: 1 running and 0 done of 1; {figures} ({seconds} of 40 s)" for seconds in (0, 16, 32)
    ]
    assert result["msg"] == (
        f"Job kafka/load: 1 running and 0 done of 1; {figures} after 40 s: look at its logs, or raise timeout."
    )


def test_waiting_again_appends_what_is_missing(wait: Callable[..., Object], tmp_path: Path) -> None:
    first, second = stamped(1, "a") + stamped(2, "b"), stamped(3, "c")
    wait(FakeCluster([(job(), [running(first)])]), timeout=1)
    done = (job("Complete"), [pod("Succeeded", {"terminated": {"exitCode": 0}}, first + second)])
    assert wait(FakeCluster([done]))["changed"] is True
    assert (tmp_path / "logs/load-0-abcde.log").read_text(encoding="utf-8") == first + second
    assert wait(FakeCluster([done]))["changed"] is False


def test_a_line_that_an_earlier_wait_was_killed_in_is_written_whole(
    wait: Callable[..., Object], tmp_path: Path
) -> None:
    log = stamped(1, "a") + stamped(2, "ä") + stamped(3, "c")
    path = tmp_path / "logs/load-0-abcde.log"
    path.parent.mkdir()
    path.write_bytes(log.encode()[: len(stamped(1, "a")) + 24])
    wait(FakeCluster([(job("Complete"), [pod("Succeeded", {"terminated": {"exitCode": 0}}, log)])]))
    assert path.read_text(encoding="utf-8") == log


def test_two_waits_at_once_write_each_line_once(tmp_path: Path) -> None:
    first, second = stamped(1, "a"), stamped(2, "b")
    cluster: Any = FakeCluster([(job(), [])])
    logs = [kubernetes_job.PodLog(cluster, running(""), tmp_path) for _ in range(2)]
    for text in (first, first + second, first + second):
        cluster.pods = [running(text)]
        for log in logs:
            log.collect("kafka", ended=False)
    assert logs[0].path.read_text(encoding="utf-8") == first + second


def test_a_failed_job_is_explained_and_its_log_kept(wait: Callable[..., Object], tmp_path: Path) -> None:
    log = stamped(1, WINDOW) + stamped(2, "java.lang.OutOfMemoryError: Java heap space")
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    result = wait(FakeCluster([(job("Failed"), [pod("Failed", ended, log)])]))
    path = tmp_path / "logs/load-0-abcde.log"
    assert (result["failed"], result["succeeded"], result["logs"]) == (True, False, [str(path)])
    assert result["msg"] == (
        f"Job kafka/load failed: pod load-0-abcde ended with exit code 3 (Error); its last lines: {WINDOW} | "
        f"java.lang.OutOfMemoryError: Java heap space; correct what its log tells (the whole log: {path})."
    )
    assert path.read_text(encoding="utf-8") == log


def test_an_image_that_cannot_be_had_ends_the_waiting_at_once(wait: Callable[..., Object]) -> None:
    result = wait(FakeCluster([(job(), [pod("Pending", {"waiting": {"reason": "ImagePullBackOff"}})])]))
    assert (result["failed"], result["seconds"]) == (True, 0)
    assert "pod load-0-abcde cannot start (ImagePullBackOff)" in result["msg"]


def test_a_pod_without_a_node_is_given_time(wait: Callable[..., Object]) -> None:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/6 nodes."}
    lonely = {
        "metadata": {"name": "load-0-abcde", "uid": "p"},
        "status": {"phase": "Pending", "conditions": [scheduled]},
    }
    result = wait(FakeCluster([(job(), [lonely])]), start_timeout=60)
    assert result["seconds"] == 60
    assert result["msg"].startswith(
        "Job kafka/load cannot go on: no node takes pod load-0-abcde (0/6 nodes); add a node"
    )
    finished = (job("Complete"), [])
    assert wait(FakeCluster([*[(job(), [lonely])] * 20, finished]), start_timeout=60)["succeeded"] is True


def test_karpenter_is_asked_why_no_node_takes_a_pod(wait: Callable[..., Object]) -> None:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/6 nodes."}
    lonely = {
        "metadata": {"name": "load-0-abcde", "uid": "p"},
        "status": {"phase": "Pending", "conditions": [scheduled]},
    }
    event = {
        "reason": "FailedScheduling",
        "message": "Failed to schedule pod, all available instance types exceed limits for nodepool (NodePool=load)",
        "involvedObject": {"uid": "p"},
        "reportingComponent": "karpenter",
    }
    result = wait(FakeCluster([(job(), [lonely])], [event]), start_timeout=60)
    assert "no node takes pod load-0-abcde (Karpenter: all available instance types exceed limits" in result["msg"]


@pytest.mark.parametrize(
    "looks, sentence",
    [
        pytest.param(
            [(None, [])], "Job kafka/load does not exist: create it, and wait for it again.", id="never there"
        ),
        pytest.param(
            [(job(), []), (None, [])],
            "Job kafka/load was removed while it was waited for: create it, and wait for it again.",
            id="removed",
        ),
        pytest.param(
            [(NotAnswering("Nobody answers.", gone=False), [])], "Nobody answers.", id="no cluster from the start"
        ),
    ],
)
def test_a_job_that_is_not_there(wait: Callable[..., Object], looks: list[Look], sentence: str) -> None:
    assert wait(FakeCluster(looks))["msg"] == sentence


def test_an_api_server_that_is_away_for_a_while_does_not_end_the_waiting(wait: Callable[..., Object]) -> None:
    away: list[Look] = [(job(), []), *[(NotAnswering("Nobody answers.", gone=False), [])] * 3]
    assert wait(FakeCluster([*away, (job("Complete"), [])]))["succeeded"] is True
    late = wait(FakeCluster(away), timeout=10)["msg"]
    assert late == "Nobody answers after 10 s: look at its logs, or raise timeout."


def test_a_log_that_cannot_be_read_leaves_the_rest_to_the_job(wait: Callable[..., Object]) -> None:
    gone = running(KubernetesError("The node does not answer.", 500))
    assert wait(FakeCluster([(job(), [gone]), (job("Complete"), [])]))["succeeded"] is True
    forbidden = running(KubernetesError("This identity may not read logs.", 403))
    assert wait(FakeCluster([(job(), [forbidden])]))["msg"] == "This identity may not read logs."


def test_without_a_kubeconfig_it_is_said(wait: Callable[..., Object]) -> None:
    result = wait(NoKubeconfig("The kubeconfig k does not exist."))
    assert result == {
        "changed": False,
        "logs": [],
        "seconds": 0,
        "succeeded": False,
        "failed": True,
        "msg": "The kubeconfig k does not exist.",
    }


def test_logs_that_cannot_be_written(wait: Callable[..., Object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = wait(FakeCluster([(job(), [])]), dest=str(tmp_path / "file/logs"))
    assert result["msg"] == (
        f"The logs cannot be written to {tmp_path}/file/logs: Not a directory; free or correct the folder."
    )


def test_check_mode_waits_for_nothing(wait: Callable[..., Object], tmp_path: Path) -> None:
    result = wait(NoKubeconfig("never asked"), check_mode=True)
    assert result == {
        "changed": False,
        "msg": "Job kafka/load is not waited for in check mode.",
        "logs": [],
        "seconds": 0,
        "succeeded": False,
    }
    assert not (tmp_path / "logs").exists()


def test_unknown_options_are_refused(wait: Callable[..., Object]) -> None:
    with pytest.raises(AnsibleError, match="deadline"):
        wait(FakeCluster([(job(), [])]), deadline=5)


def test_the_documentation_has_the_options_of_the_plugin() -> None:
    documented = yaml.safe_load(DOCUMENTATION)["options"]
    own = {
        name: option for name, option in kubernetes_job.ARGUMENT_SPEC.items() if name not in ("kubeconfig", "context")
    }
    assert {
        name: {key: value for key, value in option.items() if key != "description"}
        for name, option in documented.items()
    } == own
