# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps Kafka from running on a Kubernetes cluster: rights, nodes, zones, a storage class. A sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._groups import POOL_LABEL
from ._objects import Object
from ._readiness import listed
from ._readiness_kubernetes import CLUSTER_LABEL, ZONE_LABEL, quantity

NAMED_AT_MOST = 8
# What Kubernetes itself sets and takes away: the scheduler waits for it.
PASSING_TAINTS = "node.kubernetes.io/"
NEEDS_TOLERATION = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Right:
    verb: str
    # As kubectl auth can-i takes it, such as pods/portforward and kafkas.kafka.strimzi.io.
    resource: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f' in {self.namespace}' if self.namespace else ''}"


EVERYTHING = Right("*", "*.*")


@dataclass(frozen=True)
class Pool:
    """Pods of which each needs a node with the pool's label."""

    name: str
    pods: int
    # The pods are spread over so many zones; with one they do not care.
    zones: int
    requests: Mapping[str, Any]


def rights_of(groups: Sequence[Mapping[str, Any]]) -> list[Right]:
    return [
        Right(verb, resource, group["namespace"] or "")
        for group in groups
        for resource in group["resources"]
        for verb in group["verbs"]
    ]


def pool_of(options: Mapping[str, Any]) -> Pool:
    return Pool(options["name"], options["pods"], options["zones"], options["requests"])


def rights_problem(missing: Sequence[Right]) -> str:
    if not missing:
        return ""
    named = ", ".join(map(str, missing[:NAMED_AT_MOST]))
    more = f" and {len(missing) - NAMED_AT_MOST} more" if len(missing) > NAMED_AT_MOST else ""
    return f"This identity lacks rights in the cluster ({named}{more}): ask for them, or use an identity that has them."


def storage_class_problem(name: str, found: Object | None, known: Collection[str]) -> str:
    if found is not None:
        return ""
    return f"The storage class {name} does not exist (there are: {listed(known)}): name one of these, or create it."


def storage_class_warning(found: Object, zones: int) -> str:
    """Volumes of most clouds cannot be reached from another zone."""
    if zones == 1 or found.get("volumeBindingMode") == "WaitForFirstConsumer":
        return ""
    return (
        f"The storage class {found['metadata']['name']} makes volumes before it is known where their pods can run: unless they are reached "
        "from every zone, use one with volumeBindingMode WaitForFirstConsumer."
    )


def claims_problem(name: str, namespace: str, claims: Sequence[Object]) -> str:
    """What is left of an earlier cluster, which a new one cannot take up."""
    if not claims:
        return ""
    return (
        f"The namespace {namespace} has {len(claims)} claims of an earlier Kafka cluster {name}, whose volumes a new one cannot take up: delete them with "
        f"all their records (kubectl delete pvc -n {namespace} -l {CLUSTER_LABEL}={name}), or name the new one otherwise "
        "(kafka_eks_kafka_cluster_name)."
    )


def is_provided_for(pool: Pool, node_pools: Sequence[Object]) -> bool:
    """Whether Karpenter launches nodes with the pool's label when they are needed."""
    return any(
        (one["spec"]["template"].get("metadata", {}).get("labels") or {}).get(POOL_LABEL) == pool.name
        for one in node_pools
    )


def nodes_problems(pools: Sequence[Pool], nodes: Sequence[Object]) -> Iterator[str]:
    """What is wrong with the nodes, as they are labelled now."""
    fit = {pool.name: [node for node in _labelled(pool, nodes) if not _unfitness(pool, node)] for pool in pools}
    short = [pool for pool in pools if len(fit[pool.name]) < pool.pods]
    if short:
        counts = ", ".join(f"{len(fit[pool.name])} of {pool.pods} for {pool.name}" for pool in short)
        unfit = [
            f"{_name(node)} ({reason})"
            for pool in short
            for node in _labelled(pool, nodes)
            if (reason := _unfitness(pool, node))
        ]
        useless = f"; of no use: {', '.join(unfit)}" if unfit else ""
        yield (
            f"Too few nodes with the label {POOL_LABEL} can take Kafka's pods, which are placed on no others ({counts}{useless}): label one for "
            f"each pod, such as with kubectl label node NAME {POOL_LABEL}={short[0].name}."
        )
    crowded = [
        (pool, zones)
        for pool in pools
        if pool not in short and pool.zones > 1
        if placeable(zones := _zones(fit[pool.name]), pool.zones) < pool.pods
    ]
    if crowded:
        yield _zones_problem(crowded)


def found_lines(pools: Sequence[Pool], nodes: Sequence[Object]) -> list[str]:
    """Where the pods of each pool can run."""
    lines = []
    for pool in pools:
        labelled = _labelled(pool, nodes)
        zones = {zone for node in labelled if (zone := _zone(node))}
        lines.append(f"{pool.name}: {len(labelled)} nodes for {pool.pods} pods, in the zones {listed(zones)}")
    return lines


def placeable(nodes_by_zone: Mapping[str, int], zones: int) -> int:
    """How many pods the scheduler places, one a node and with at most one more in a zone than in any other.

    zones: with fewer zones than these it takes it that one is empty.
    """
    least = min(nodes_by_zone.values(), default=0) if len(nodes_by_zone) >= zones else 0
    return sum(min(count, least + 1) for count in nodes_by_zone.values())


def _zones_problem(crowded: Sequence[tuple[Pool, Mapping[str, int]]]) -> str:
    placed = [
        f"{placeable(zones, pool.zones)} of {pool.pods} of {pool.name}, whose nodes {_whereabouts(zones)}"
        for pool, zones in crowded
    ]
    fewer = min(len(zones) if placeable(zones, len(zones)) >= pool.pods else 1 for pool, zones in crowded)
    return (
        f"Pods are spread evenly over {crowded[0][0].zones} zones, with which not all would be placed ({'; '.join(placed)}): label nodes in other "
        f"zones, or set kafka_cluster_zones to {fewer}."
    )


def _whereabouts(zones: Mapping[str, int]) -> str:
    if not zones:
        return f"have no label {ZONE_LABEL}"
    return f"are in {', '.join(f'{zone} ({zones[zone]})' for zone in sorted(zones))}"


def _zones(nodes: Sequence[Object]) -> Counter[str]:
    return Counter(zone for node in nodes if (zone := _zone(node)))


def _labelled(pool: Pool, nodes: Sequence[Object]) -> list[Object]:
    return [node for node in nodes if _labels(node).get(POOL_LABEL) == pool.name]


def _unfitness(pool: Pool, node: Object) -> str:
    """Why a node that has the label takes none of the pods, for ever; nothing when it does."""
    for taint in node["spec"].get("taints") or []:
        tolerated = taint["key"].startswith(PASSING_TAINTS) or (taint["key"], taint.get("value")) == (
            POOL_LABEL,
            pool.name,
        )
        if taint["effect"] in NEEDS_TOLERATION and not tolerated:
            return f"taint {taint['key']}={taint.get('value', '')}"
    room = (node.get("status") or {}).get("allocatable") or {}
    lacking = [
        f"{room[name]} of {wanted} {name}"
        for name, wanted in pool.requests.items()
        if name in room and quantity(room[name]) < quantity(wanted)
    ]
    return ", ".join(lacking)


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _labels(obj: Object) -> Object:
    return obj["metadata"].get("labels") or {}


def _zone(node: Object) -> str:
    return str(_labels(node).get(ZONE_LABEL, ""))
