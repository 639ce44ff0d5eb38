from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab.strimzi import objects, rolling
from lab.strimzi.model import Problem
from tests.unit.lab.strimzi_cases import cluster, observed

Object = dict[str, Any]
BORN = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
CLUSTER = cluster()
PODSETS = {item["metadata"]["name"]: item for item in objects.nodes(CLUSTER) if item["kind"] == "StrimziPodSet"}
WANTED = {pod["metadata"]["name"]: pod for podset in PODSETS.values() for pod in podset["spec"]["pods"]}
NAMES = {name.removeprefix("data-on-eks-"): name for name in WANTED}


def running(*, unready: str = "", stale: tuple[str, ...] = (), asked: tuple[str, ...] = ()) -> dict[str, Object]:
    """All six pods, up to date and ready but for those that are named."""
    pods = {}
    for short, name in NAMES.items():
        pod = deepcopy(WANTED[name])
        pod["metadata"] |= {"uid": f"uid-{short}", "creationTimestamp": BORN.isoformat()}
        annotations = pod["metadata"]["annotations"]
        if short in stale:
            annotations["strimzi.io/revision"] = "old"
        if short in asked:
            annotations["strimzi.io/manual-rolling-update"] = "true"
        ready = {
            "type": "Ready",
            "status": "False" if short == unready else "True",
            "lastTransitionTime": BORN.isoformat(),
        }
        pod["status"] = {"phase": "Running", "conditions": [ready]}
        pods[name] = pod
    return pods


def step(pods: dict[str, Object], *, after: float = 10, active: int | None = 4) -> rolling.Step:
    return rolling.next_step(CLUSTER, WANTED, pods, lambda: active, BORN + timedelta(seconds=after), 300)


@pytest.mark.parametrize(
    ("pods", "restarted", "why"),
    [
        pytest.param(running(), None, "", id="nothing to do"),
        pytest.param(
            running(stale=("broker-0", "controller-5")), "controller-5", "Pod has old revision", id="controllers first"
        ),
        pytest.param(
            running(stale=("controller-3", "controller-4", "controller-5")),
            "controller-3",
            "Pod has old revision",
            id="lowest first",
        ),
        pytest.param(
            running(stale=("controller-4", "controller-5")),
            "controller-5",
            "Pod has old revision",
            id="active controller last",
        ),
        pytest.param(
            running(stale=("controller-4", "broker-0")),
            "controller-4",
            "Pod has old revision",
            id="active controller before brokers",
        ),
        pytest.param(
            running(stale=("broker-2", "broker-1")), "broker-1", "Pod has old revision", id="brokers in order"
        ),
        pytest.param(
            running(stale=("controller-3", "broker-2"), unready="broker-2"),
            "broker-2",
            "Pod has old revision",
            id="what does not run first",
        ),
        pytest.param(
            running(asked=("broker-1",)), "broker-1", "Pod was manually annotated to be rolled", id="asked for"
        ),
    ],
)
def test_which_pod_is_restarted(pods: dict[str, Object], restarted: str | None, why: str) -> None:
    found = step(pods)
    assert found.restart == (pods[NAMES[restarted]] if restarted else None)
    assert (found.why, found.wait) == (why, "")


def test_what_is_waited_for() -> None:
    gone = running(stale=("controller-3",))
    del gone[NAMES["broker-1"]]
    assert step(gone).wait == "data-on-eks-broker-1 to be created"
    ending = running(stale=("controller-3",))
    ending[NAMES["broker-1"]]["metadata"]["deletionTimestamp"] = BORN.isoformat()
    assert step(ending).wait == "data-on-eks-broker-1 to be created"
    assert step(running(stale=("controller-3",), unready="broker-1")).wait == "data-on-eks-broker-1 to be ready"


def test_the_active_controller_is_asked_for_only_when_something_restarts() -> None:
    def ask() -> int:
        raise AssertionError("Kafka was asked")

    assert rolling.next_step(CLUSTER, WANTED, running(), ask, BORN, 300) == rolling.Step()


@pytest.mark.parametrize(
    ("status", "after", "reason"),
    [
        pytest.param(
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
            59,
            None,
            id="a node may yet join",
        ),
        pytest.param(
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
            61,
            "FatalProblem",
            id="no node",
        ),
        pytest.param(
            {"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            61,
            "FatalProblem",
            id="crashing",
        ),
        pytest.param(
            {"initContainerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]},
            61,
            "FatalProblem",
            id="no image",
        ),
        pytest.param({"phase": "Failed"}, 61, "FatalProblem", id="failed"),
        pytest.param({"containerStatuses": [{"state": {"running": {}}}]}, 299, None, id="slow"),
        pytest.param({"containerStatuses": [{"state": {"running": {}}}]}, 301, "TimeoutException", id="too slow"),
    ],
)
def test_when_waiting_is_given_up(status: Object, after: float, reason: str | None) -> None:
    pods = running(unready="broker-1")
    pods[NAMES["broker-1"]]["status"] = status
    if reason is None:
        assert step(pods, after=after).wait
        return
    with pytest.raises(Problem) as caught:
        step(pods, after=after)
    assert caught.value.reason == reason


def test_a_podset_makes_what_it_lacks_and_ends_what_it_has_too_much() -> None:
    podset = PODSETS["data-on-eks-broker"] | {"metadata": observed("strimzipodset--data-on-eks-broker")["metadata"]}
    owner = observed("pod--data-on-eks-broker-0")["metadata"]["ownerReferences"]
    pods = running(stale=("broker-1",), unready="broker-0")
    for pod in pods.values():
        pod["metadata"]["ownerReferences"] = owner
    del pods[NAMES["broker-2"]]
    surplus = {"metadata": {"name": "data-on-eks-broker-9", "uid": "u", "ownerReferences": owner}}
    foreign = {"metadata": {"name": "data-on-eks-controller-3", "uid": "u", "ownerReferences": [{"uid": "other"}]}}
    mine = {name: pod for name, pod in pods.items() if "broker" in name}
    lacking, ended, status = rolling.podset_pods(
        podset, mine | {"data-on-eks-broker-9": surplus, "data-on-eks-controller-3": foreign}
    )
    assert [pod["metadata"]["name"] for pod in lacking] == ["data-on-eks-broker-2"]
    assert lacking[0]["metadata"]["ownerReferences"] == owner
    assert ended == [surplus]
    assert status == {"pods": 3, "currentPods": 1, "readyPods": 1, "observedGeneration": 1}
