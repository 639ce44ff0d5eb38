from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _renewal
from ansible_collections.streamops.kafka_eks.plugins.module_utils._renewal import Mark, Seen

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
POOL = "kafka-eks.streamops.io/pool"
ZONE = "topology.kubernetes.io/zone"


def node(name: str, pool: str = "broker", zone: str = "a", **spec: Any) -> dict[str, Any]:
    labels = {POOL: pool, ZONE: zone}
    return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": labels}, "spec": spec, "status": READY}


def claim(name: str, drifted: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Drifted", "status": "True"}] if drifted else []
    return {"metadata": {"name": f"claim-{name}"}, "status": {"nodeName": name, "conditions": conditions}}


def pod(role: str, number: int, on: str | None, **rest: Any) -> dict[str, Any]:
    labels = {
        "strimzi.io/cluster": "data-on-eks",
        "strimzi.io/controller-role": "true" if role == "controller" else "false",
    }
    name = f"data-on-eks-{role}-{number}"
    metadata = {"name": name, "namespace": "kafka", "uid": f"uid-{name}", "labels": labels, **rest}
    container = {"name": "kafka", "image": "kafka:1", "resources": {"requests": {"cpu": "6"}}}
    tolerations = [{"key": POOL, "value": role}]
    return {
        "metadata": metadata,
        "spec": {"containers": [container], "tolerations": tolerations, **({"nodeName": on} if on else {})},
        "status": READY,
    }


TAINT = {"key": POOL, "value": "broker", "effect": "NoSchedule"}
KAFKA: dict[str, Any] = {"metadata": {"name": "data-on-eks"}}
SEEN = Seen(
    KAFKA,
    [pod("broker", 0, "b0"), pod("broker", 10, "b10"), pod("controller", 3, "c3"), pod("controller", 4, "c4")],
    [node("b0"), node("b10", zone="b"), node("c3", "controller"), node("c4", "controller", "b"), node("other")],
    [claim("b0"), claim("b10", drifted=True), claim("c3"), claim("c4")],
)
ALL = _renewal.new_mark(SEEN, "nodes", only_drifted=False)


def names(objects: list[dict[str, Any]]) -> list[str]:
    return [one["metadata"]["name"].removeprefix("data-on-eks-") for one in objects]


@pytest.mark.parametrize(
    ("scope", "only_drifted", "due"),
    [
        pytest.param("nodes", False, ["controller-3", "controller-4", "broker-0", "broker-10"], id="all nodes"),
        pytest.param("nodes", True, ["broker-10"], id="those that have drifted"),
        pytest.param("pods", False, ["controller-3", "controller-4", "broker-0", "broker-10"], id="pods"),
    ],
)
def test_what_was_there_at_the_start_is_due(scope: str, only_drifted: bool, due: list[str]) -> None:
    assert names(_renewal.order(SEEN, _renewal.new_mark(SEEN, scope, only_drifted), None)) == due


def test_a_machine_that_is_to_be_ended_is_due_as_if_it_had_drifted() -> None:
    going = {**claim("c3"), "metadata": {"name": "claim-c3", "deletionTimestamp": "now"}}
    seen = Seen(KAFKA, SEEN.pods, SEEN.nodes, [claim("b0"), going])
    assert names(_renewal.order(seen, _renewal.new_mark(seen, "nodes", True), None)) == ["controller-3"]


def test_the_active_controller_is_the_last_of_the_controllers() -> None:
    assert names(_renewal.order(SEEN, ALL, 3)) == ["controller-4", "controller-3", "broker-0", "broker-10"]


def test_what_was_written_down_is_read_back() -> None:
    kafka = {"metadata": {"annotations": {_renewal.MARK: ALL.text}}}
    assert _renewal.mark_of(kafka) == ALL
    assert _renewal.mark_of(KAFKA) is None


def test_a_member_on_a_new_node_is_not_due() -> None:
    moved = Seen(KAFKA, [pod("broker", 0, "new")], [*SEEN.nodes, node("new")])
    assert _renewal.order(moved, ALL, None) == []
    assert _renewal.is_renewed(moved, ALL, "data-on-eks-broker-0")


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(pod("broker", 0, None), id="without a node"),
        pytest.param(pod("broker", 0, "b0"), id="on its old node"),
        pytest.param(pod("broker", 0, "new", deletionTimestamp="now"), id="ending"),
        pytest.param({**pod("broker", 0, "new"), "status": {}}, id="starting"),
        pytest.param(pod("broker", 1, "new"), id="another one"),
    ],
)
def test_a_member_is_renewed_only_when_it_runs_elsewhere(one: dict[str, Any]) -> None:
    assert not _renewal.is_renewed(Seen(KAFKA, [one], [*SEEN.nodes, node("new")]), ALL, "data-on-eks-broker-0")


@pytest.mark.parametrize(
    ("new", "found"),
    [
        pytest.param(node("new"), True, id="like the old one"),
        pytest.param(node("new", zone="b"), False, id="in another zone"),
        pytest.param(node("new", "controller"), False, id="of another pool"),
        pytest.param(node("new", unschedulable=True), False, id="cordoned"),
        pytest.param({**node("new"), "status": {}}, False, id="not ready"),
        pytest.param(node("new", taints=[TAINT]), True, id="with the taint of its pool"),
        pytest.param(node("new", taints=[{**TAINT, "value": "controller"}]), False, id="with another's taint"),
        pytest.param(
            node("new", taints=[TAINT, {"key": "ebs.csi.aws.com/agent-not-ready", "effect": "NoExecute"}]),
            False,
            id="its driver is not there yet",
        ),
        pytest.param(
            node("new", taints=[{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]), False, id="about to end"
        ),
        pytest.param(node("new", taints=[{"key": "x", "effect": "PreferNoSchedule"}]), True, id="not liked by others"),
        pytest.param(node("b0"), False, id="the old one itself"),
        pytest.param(node("b10"), False, id="with a member on it"),
    ],
)
def test_a_spare_node(new: dict[str, Any], found: bool) -> None:
    seen = Seen(KAFKA, SEEN.pods, [new])
    assert bool(_renewal.spare(seen, ALL, SEEN.pods[0], node("b0"))) == found


@pytest.mark.parametrize(
    ("toleration", "taken"),
    [
        pytest.param({"operator": "Exists"}, True, id="everything"),
        pytest.param({"key": POOL, "operator": "Exists"}, True, id="whatever its value"),
        pytest.param({"key": POOL, "operator": "Equal", "value": "broker", "effect": "NoSchedule"}, True, id="exactly"),
        pytest.param({"key": POOL, "value": "broker", "effect": "NoExecute"}, False, id="another effect"),
        pytest.param({"key": "other", "operator": "Exists"}, False, id="another key"),
    ],
)
def test_a_node_is_spare_for_who_tolerates_its_taints(toleration: dict[str, Any], taken: bool) -> None:
    member = SEEN.pods[0]
    member = {**member, "spec": {**member["spec"], "tolerations": [toleration]}}
    found = _renewal.spare(Seen(KAFKA, SEEN.pods, [node("new", taints=[TAINT])]), ALL, member, node("b0"))
    assert bool(found) == taken


def test_a_placeholder_asks_for_a_node_where_the_volume_of_the_member_can_follow() -> None:
    made = _renewal.placeholder(SEEN.pods[0], node("b0"))
    (container,) = made["spec"]["containers"]
    assert (container["image"], container["resources"]) == ("kafka:1", {"requests": {"cpu": "6"}})
    assert made["spec"]["tolerations"] == [{"key": POOL, "value": "broker"}]
    (term,) = made["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert {one["key"]: one["values"] for one in term["matchExpressions"]} == {POOL: ["broker"], ZONE: ["a"]}
    (apart,) = made["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart["labelSelector"] == {"matchLabels": {"strimzi.io/cluster": "data-on-eks"}}


def test_only_machines_that_no_member_is_on_are_ended() -> None:
    going = {**claim("c3"), "metadata": {"name": "claim-c3", "deletionTimestamp": "now"}}
    seen = Seen(
        KAFKA, [pod("broker", 0, "new"), pod("broker", 10, "b10")], SEEN.nodes, [claim("b0"), claim("b10"), going]
    )
    assert names(_renewal.retired(seen, ALL)) == ["claim-b0"]


def test_a_node_that_karpenter_did_not_launch_is_its_owners() -> None:
    seen = Seen(KAFKA, SEEN.pods, SEEN.nodes, [claim("b0")])
    assert _renewal.unclaimed(seen, ALL) == ["b10", "c3", "c4"]
    assert _renewal.unclaimed(seen, Mark("pods", ALL.uids)) == []


UNPLACED = {
    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no nodes"}]
}


@pytest.mark.parametrize(
    ("one", "words"),
    [
        pytest.param(None, "its pod is to be made again", id="gone"),
        pytest.param(pod("broker", 0, "b0", deletionTimestamp="now"), "its pod ends", id="ending"),
        pytest.param(
            {**pod("broker", 0, None), "status": UNPLACED},
            "its pod has no node (Unschedulable: no nodes)",
            id="unplaced",
        ),
        pytest.param(
            pod("broker", 0, "b0", annotations={_renewal.ROLLING: "true"}),
            "the operator has not begun to restart it",
            id="asked for",
        ),
        pytest.param(pod("broker", 0, "new"), "its pod starts on new", id="starting"),
    ],
)
def test_what_a_member_is_at(one: dict[str, Any] | None, words: str) -> None:
    assert _renewal.trouble_of(one) == words
