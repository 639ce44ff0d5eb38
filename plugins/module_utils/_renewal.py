# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Renewing a Kafka cluster member by member: what is to be done next follows from what is seen, so that it goes on after a kill.

What was there at the start is written down at the Kafka resource: it is renewed when none of it is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._objects import condition, holds, reason_of

Object = dict[str, Any]

CLUSTER_LABEL = "strimzi.io/cluster"
CONTROLLER_LABEL = "strimzi.io/controller-role"
ROLLING = "strimzi.io/manual-rolling-update"
POOL_LABEL = "kafka-eks.streamops.io/pool"
ZONE_LABEL = "topology.kubernetes.io/zone"
HOST_LABEL = "kubernetes.io/hostname"
NODE_POOL_LABEL = "karpenter.sh/nodepool"
MARK = "kafka-eks.streamops.io/renewing"
PLACEHOLDER_LABEL = "kafka-eks.streamops.io/placeholder"
NODES, PODS = "nodes", "pods"


@dataclass(frozen=True)
class Seen:
    """What one look at Kubernetes found."""

    kafka: Object
    pods: Sequence[Object]
    nodes: Sequence[Object]
    claims: Sequence[Object] = ()  # Karpenter's NodeClaims
    placeholders: Sequence[Object] = ()

    def node_of(self, pod: Object) -> Object | None:
        name = pod["spec"].get("nodeName")
        return next((node for node in self.nodes if node["metadata"]["name"] == name), None)

    def claim_of(self, node: Object) -> Object | None:
        name = node["metadata"]["name"]
        return next((claim for claim in self.claims if (claim.get("status") or {}).get("nodeName") == name), None)


@dataclass(frozen=True)
class Mark:
    """What is to be renewed, by UID, as it was written down at the start."""

    scope: str
    uids: frozenset[str] = field(default_factory=frozenset)

    @property
    def text(self) -> str:
        return f"{self.scope}:{','.join(sorted(self.uids))}"


def mark_of(kafka: Object) -> Mark | None:
    text = (kafka["metadata"].get("annotations") or {}).get(MARK)
    if not text:
        return None
    scope, dummy, uids = text.partition(":")
    return Mark(scope, frozenset(uids.split(",")))


def new_mark(seen: Seen, scope: str, only_drifted: bool) -> Mark:
    if scope == PODS:
        return Mark(scope, frozenset(_uid(pod) for pod in seen.pods))
    nodes = [node for pod in seen.pods if (node := seen.node_of(pod))]
    return Mark(scope, frozenset(_uid(node) for node in nodes if not only_drifted or is_stale(seen.claim_of(node))))


def is_stale(claim: Object | None) -> bool:
    """Whether a machine is not as its pool would make it now, or is to be ended as soon as the member is gone."""
    return claim is not None and (holds(claim, "Drifted") or bool(claim["metadata"].get("deletionTimestamp")))


def unclaimed(seen: Seen, mark: Mark) -> list[str]:
    """Nodes that are to be renewed and that nobody but their owner can."""
    if mark.scope == PODS:
        return []
    return sorted(_name(node) for node in seen.nodes if _uid(node) in mark.uids and seen.claim_of(node) is None)


def is_due(seen: Seen, mark: Mark, pod: Object) -> bool:
    if mark.scope == PODS:
        return _uid(pod) in mark.uids
    node = seen.node_of(pod)
    return node is not None and _uid(node) in mark.uids


def order(seen: Seen, mark: Mark, leader: int | None) -> list[Object]:
    """The members that are due: controllers before brokers, the active controller after the others."""
    return sorted(
        (pod for pod in seen.pods if is_due(seen, mark, pod)),
        key=lambda pod: (not is_controller(pod), number(pod) == leader, number(pod)),
    )


def is_controller(pod: Object) -> bool:
    return bool(pod["metadata"]["labels"].get(CONTROLLER_LABEL) == "true")


def number(pod: Object) -> int:
    return int(_name(pod).rpartition("-")[2])


def is_renewed(seen: Seen, mark: Mark, name: str) -> bool:
    """Whether a member runs where, or as what, it did not at the start."""
    pod = next((pod for pod in seen.pods if _name(pod) == name), None)
    if pod is None or pod["metadata"].get("deletionTimestamp") or not pod["spec"].get("nodeName"):
        return False
    return holds(pod, "Ready") and not is_due(seen, mark, pod)


def is_rolling(pod: Object) -> bool:
    return (
        bool(pod["metadata"].get("deletionTimestamp"))
        or (pod["metadata"].get("annotations") or {}).get(ROLLING) == "true"
    )


def spare(seen: Seen, mark: Mark, pod: Object, node: Object) -> Object | None:
    """A new node of the same pool in the same zone, on which no member is and which takes this one: not one that its drivers have not
    prepared yet, nor one that Karpenter is about to end."""
    taken = {other["spec"].get("nodeName") for other in seen.pods}
    labels = node["metadata"]["labels"]
    for other in seen.nodes:
        same = all(other["metadata"]["labels"].get(key) == labels.get(key) for key in (POOL_LABEL, ZONE_LABEL))
        free = _uid(other) not in mark.uids and _name(other) not in taken and not other["spec"].get("unschedulable")
        if same and free and holds(other, "Ready") and _takes(other, pod):
            return other
    return None


def _takes(node: Object, pod: Object) -> bool:
    if node["metadata"].get("deletionTimestamp"):
        return False
    taints = [taint for taint in node["spec"].get("taints") or [] if taint["effect"] != "PreferNoSchedule"]
    tolerations = pod["spec"].get("tolerations") or []
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)


def _tolerates(toleration: Object, taint: Object) -> bool:
    return (
        toleration.get("key") in (None, "", taint["key"])
        and toleration.get("effect") in (None, "", taint["effect"])
        and (toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", ""))
    )


def placeholder_name(pod: Object) -> str:
    return f"{_name(pod)}-placeholder"


def placeholder(pod: Object, node: Object) -> Object:
    """A pod that asks for a node like the member's, where no member is: Karpenter launches one for it. It has the image of the member,
    which is on the new node then. (An old node that a member has left takes no pods.)"""
    main = pod["spec"]["containers"][0]
    labels = node["metadata"]["labels"]
    wanted = [
        {"key": POOL_LABEL, "operator": "In", "values": [labels[POOL_LABEL]]},
        {"key": ZONE_LABEL, "operator": "In", "values": [labels[ZONE_LABEL]]},
    ]
    members = {"matchLabels": {CLUSTER_LABEL: pod["metadata"]["labels"][CLUSTER_LABEL]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": placeholder_name(pod),
            "namespace": pod["metadata"]["namespace"],
            "labels": {PLACEHOLDER_LABEL: "true", "app.kubernetes.io/part-of": "kafka-eks"},
        },
        "spec": {
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "tolerations": pod["spec"].get("tolerations") or [],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1001, "seccompProfile": {"type": "RuntimeDefault"}},
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": wanted}]
                    }
                },
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": HOST_LABEL, "labelSelector": members}
                    ]
                },
            },
            "containers": [
                {
                    "name": "placeholder",
                    "image": main["image"],
                    "command": ["sleep", "infinity"],
                    "resources": {"requests": (main.get("resources") or {}).get("requests", {})},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


def retired(seen: Seen, mark: Mark) -> list[Object]:
    """The NodeClaims of old nodes that no member is on any more."""
    taken = {pod["spec"].get("nodeName") for pod in seen.pods}
    old = [node for node in seen.nodes if _uid(node) in mark.uids and _name(node) not in taken]
    claims = [claim for node in old if (claim := seen.claim_of(node))]
    return [claim for claim in claims if not claim["metadata"].get("deletionTimestamp")]


def trouble_of(pod: Object | None) -> str:
    """What a member's pod is at, as far as its status says so."""
    if pod is None:
        return "its pod is to be made again"
    if pod["metadata"].get("deletionTimestamp"):
        return "its pod ends"
    scheduled = condition(pod, "PodScheduled")
    if not pod["spec"].get("nodeName"):
        return f"its pod has no node ({reason_of(scheduled)})"
    if (pod["metadata"].get("annotations") or {}).get(ROLLING) == "true":
        return "the operator has not begun to restart it"
    return f"its pod starts on {pod['spec']['nodeName']}"


def summary(moves: Mapping[str, str]) -> str:
    done = ", ".join(f"{name} ({place})" for name, place in moves.items())
    return f"this run has renewed {done}" if done else "this run has renewed nothing"


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _uid(obj: Object) -> str:
    return str(obj["metadata"]["uid"])
