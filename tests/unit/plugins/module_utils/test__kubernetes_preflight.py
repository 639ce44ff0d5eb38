from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes_preflight import (
    Pool,
    Right,
    found_lines,
    is_provided_for,
    nodes_problems,
    placeable,
    rights_of,
    rights_problem,
    storage_class_problem,
    storage_class_warning,
)

LABEL = "kafka-eks.streamops.io/pool"
POOL_TAINT = {"key": LABEL, "value": "broker", "effect": "NoSchedule"}


def pool(pods: int = 3, zones: int = 3, name: str = "broker", **requests: str) -> Pool:
    return Pool(name, pods, zones, requests)


def node(zone: str | None, *taints: dict[str, Any], label: str = "broker", name: str = "n", **room: str) -> Any:
    labels = {LABEL: label, **({"topology.kubernetes.io/zone": zone} if zone else {})}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"allocatable": room},
    }


@pytest.mark.parametrize(
    ("counts", "zones", "expected"),
    [
        pytest.param({"a": 1, "b": 1, "c": 1}, 3, 3, id="one a zone"),
        pytest.param({"a": 2, "b": 1}, 3, 2, id="a zone short: one each"),
        pytest.param({"a": 2, "b": 1}, 2, 3, id="two zones"),
        pytest.param({"a": 5, "b": 1}, 2, 3, id="two zones, one of which is full"),
        pytest.param({"a": 5}, 1, 5, id="one zone"),
        pytest.param({}, 3, 0, id="none"),
    ],
)
def test_how_many_pods_can_be_placed(counts, zones, expected) -> None:
    assert placeable(counts, zones) == expected


@pytest.mark.parametrize(
    ("pools", "nodes", "sentences"),
    [
        pytest.param([pool()], [node(zone) for zone in "abc"], [], id="fine"),
        pytest.param([pool(zones=1)], [node(None)] * 3, [], id="fine: zones do not matter"),
        pytest.param(
            [pool(2, 1)],
            [node("a", POOL_TAINT), node("a", {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})],
            [],
            id="fine: taints that are tolerated, or pass",
        ),
        pytest.param([pool(1, 1)], [node("a", {"key": "x", "effect": "PreferNoSchedule"})], [], id="fine: no must"),
        pytest.param([pool(1, 1, cpu="6", memory="58Gi")], [node("a", cpu="6", memory="60Gi")], [], id="fine: room"),
        pytest.param(
            [pool(), pool(name="controller")],
            [node("a"), node("b")],
            [
                f"Too few nodes with the label {LABEL} can take Kafka's pods, which are placed on no others (2 of 3 for broker, 0 of 3 for "
                f"controller): label one for each pod, such as with kubectl label node NAME {LABEL}=broker."
            ],
            id="too few",
        ),
        pytest.param(
            [pool(1, 1, cpu="6", memory="58Gi")],
            [node("a", cpu="3920m", memory="60Gi")],
            ["(0 of 1 for broker; of no use: n (3920m of 6 cpu)): label"],
            id="too small",
        ),
        pytest.param(
            [pool(1, 1)],
            [node("a", {"key": "dedicated", "value": "kafka", "effect": "NoExecute"}, POOL_TAINT)],
            ["of no use: n (taint dedicated=kafka)"],
            id="a taint of somebody else",
        ),
        pytest.param(
            [pool(1, 1, name="controller")],
            [node("a", POOL_TAINT, label="controller")],
            [f"of no use: n (taint {LABEL}=broker)"],
            id="another pool's taint",
        ),
        pytest.param(
            [pool()],
            [node("a"), node("a"), node("b")],
            [
                "Pods are spread evenly over 3 zones, with which not all would be placed (2 of 3 of broker, whose nodes are in a (2), b (1)): label "
                "nodes in other zones, or set kafka_cluster_zones to 2."
            ],
            id="too few zones",
        ),
        pytest.param(
            [pool(5, 2)],
            [node(zone) for zone in "aaaab"],
            ["(3 of 5 of broker, whose nodes are in a (4), b (1)):", "or set kafka_cluster_zones to 1."],
            id="zones of unequal size",
        ),
        pytest.param(
            [pool(), pool(name="controller")],
            [node(None)] * 3 + [node(zone, label="controller") for zone in "aab"],
            [
                "(0 of 3 of broker, whose nodes have no label topology.kubernetes.io/zone; 2 of 3 of controller, whose nodes are in a (2), b (1)):",
                "or set kafka_cluster_zones to 1.",
            ],
            id="no zones",
        ),
    ],
)
def test_nodes_that_are_missing_are_named(pools, nodes, sentences) -> None:
    found = list(nodes_problems(pools, nodes))
    assert len(found) == bool(sentences)
    assert all(sentence in found[0] for sentence in sentences)


def test_what_was_found_is_a_line_for_each_pool() -> None:
    nodes = [node("a"), node("b"), node(None), node("a", label="load")]
    assert found_lines([pool(), pool(1, 1, "load")], nodes) == [
        "broker: 3 nodes for 3 pods, in the zones a, b",
        "load: 1 nodes for 1 pods, in the zones a",
    ]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param({LABEL: "broker"}, True, id="its label"),
        pytest.param({LABEL: "load"}, False, id="another pool's"),
        pytest.param(None, False, id="none"),
    ],
)
def test_karpenter_provides_for_the_pools_that_it_labels(labels, expected) -> None:
    template = {"metadata": {"labels": labels}} if labels else {}
    assert is_provided_for(pool(), [{"spec": {"template": template}}]) is expected


def test_rights_are_named_as_kubectl_names_them() -> None:
    rights = rights_of(
        [
            {"verbs": ["create", "patch"], "resources": ["namespaces"], "namespace": None},
            {"verbs": ["create"], "resources": ["pods/portforward"], "namespace": "kafka"},
        ]
    )
    assert rights_problem(rights) == (
        "This identity lacks rights in the cluster (create namespaces, patch namespaces, create pods/portforward in kafka): ask for them, or use "
        "an identity that has them."
    )
    assert rights_problem([]) == ""
    assert "and 12 more" in rights_problem([Right("list", "pods")] * 20)


def test_a_storage_class_must_exist() -> None:
    assert storage_class_problem("fast", {"metadata": {"name": "fast"}}, []) == ""
    assert storage_class_problem("fsat", None, ["slow", "fast"]) == (
        "The storage class fsat does not exist (there are: fast, slow): name one of these, or create it."
    )


@pytest.mark.parametrize(
    ("mode", "zones", "warned"),
    [
        pytest.param("Immediate", 3, True, id="at once"),
        pytest.param(None, 3, True, id="at once, by default"),
        pytest.param("Immediate", 1, False, id="one zone"),
        pytest.param("WaitForFirstConsumer", 3, False, id="with the pod"),
    ],
)
def test_a_class_that_makes_volumes_at_once_is_warned_about(mode, zones, warned) -> None:
    found = {"metadata": {"name": "fast"}, **({"volumeBindingMode": mode} if mode else {})}
    assert bool(storage_class_warning(found, zones)) is warned
