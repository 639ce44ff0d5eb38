# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Kubernetes says of a Kafka cluster of Strimzi, judged.

Strimzi's Ready condition alone is not enough: it may belong to an earlier generation, it stays True while pods roll, and
it is True for a spec that the operator has silently not applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._karpenter import Said, why_unplaced
from ._objects import condition, holds, reason_of, seen_by_controller, state_of
from ._readiness import Check, Verdict, judged, listed
from ._readiness_kafka import Expected

Object = dict[str, Any]

CLUSTER_LABEL = "strimzi.io/cluster"
POOL_LABEL = "strimzi.io/pool-name"
ZONE_LABEL = "topology.kubernetes.io/zone"

# The operator says so when a resource contradicts itself. (A ConfigMap that it misses is an
# InvalidConfigurationException too, but heals when the ConfigMap comes; so does everything else, such as
# "Pod is unschedulable" when a node joins.)
FINAL_REASONS = ("InvalidResourceException", "InvalidConfigurationException", "UnsupportedKafkaVersionException")
HEALS_WHEN_IT_COMES = "does not exist"
# Ready=True, yet the spec is not what runs. Of these a scale-down heals when the partitions have moved.
FATAL_WARNINGS = {
    "KafkaStorage": True,
    "UnknownFields": True,
    "MetadataUpdateFailed": False,
    "PvcResizingWarning": False,
    "ScaleDownPreventionCheck": False,
}
# From this version on, node pools and KRaft need no annotations on the Kafka resource.
ANNOTATIONS_UNTIL = (0, 48)
NEEDED_ANNOTATIONS = ("strimzi.io/kraft", "strimzi.io/node-pools")
WIDE_ENOUGH_ZONES = 3


@dataclass(frozen=True)
class Kubernetes:
    """Everything that one look at the Kubernetes API found."""

    name: str
    namespace: str
    kafka: Object | None
    pools: Sequence[Object] = ()
    pod_sets: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    nodes: Sequence[Object] = ()
    claims: Sequence[Object] = ()
    deployments: Sequence[Object] = ()
    budgets: Sequence[Object] = ()
    endpoint_slices: Sequence[Object] = ()
    # None: this identity may not list pods of other namespaces.
    operators: Sequence[Object] | None = ()
    canary_name: str | None = None
    canary: Object | None = None
    # Asked for only while a pod has no node.
    said: Said = Said()

    def node_ids(self, role: str) -> list[int]:
        """Ids of all nodes that have this role, as the operator assigned them."""
        return sorted(
            number
            for pool in self.pools
            if role in pool["spec"]["roles"]
            for number in _status(pool).get("nodeIds") or []
        )

    def expected(self) -> Expected:
        """What Kafka itself should answer."""
        return Expected(
            cluster_id=_status(self.kafka or {}).get("clusterId", ""),
            brokers=frozenset(self.node_ids("broker")),
            controllers=frozenset(self.node_ids("controller")),
            racks=bool(self.kafka and self.kafka["spec"]["kafka"].get("rack")),
        )

    def pods_by_pool(self) -> dict[str, list[str]]:
        """The pods that should be there."""
        return {
            _name(pool): [f"{self.name}-{_name(pool)}-{number}" for number in _status(pool).get("nodeIds") or []]
            for pool in self.pools
        }

    def pod_uids(self) -> frozenset[str]:
        return frozenset(pod["metadata"]["uid"] for pod in self.pods)


def kubernetes_checks(seen: Kubernetes) -> list[Check]:
    if seen.kafka is None:
        return [Check("kafka", "final", f"there is no Kafka {seen.namespace}/{seen.name}")]
    checks = [
        _operator(seen),
        _kafka(seen, seen.kafka),
        _applied(seen, seen.kafka),
        _pools(seen),
        _pod_sets(seen),
        _nodes(seen),
        _pods(seen, seen.kafka),
        _placement(seen, seen.kafka),
        _claims(seen),
        _components(seen, seen.kafka),
        _endpoints(seen),
    ]
    return [*checks, _canary(seen)] if seen.canary_name else checks


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _status(obj: Object) -> Object:
    return obj.get("status") or {}


def _annotations(obj: Object) -> Object:
    return obj["metadata"].get("annotations") or {}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def spec_changed_at(obj: Object) -> datetime:
    """When somebody other than a controller that reports into the status last changed the object."""
    metadata = obj["metadata"]
    changes = [
        _time(entry["time"])
        for entry in metadata.get("managedFields") or []
        if entry.get("time") and entry.get("subresource") != "status"
    ]
    return max(changes, default=_time(metadata["creationTimestamp"]))


def _is_settled(found: Object, sources: Iterable[Object]) -> bool:
    """Whether a condition is younger than everything it judges: else the operator may still think better of it.

    A pool that is corrected does not change the generation of the Kafka resource, so that one cannot tell.
    """
    since = found.get("lastTransitionTime")
    return since is not None and all(_time(since) >= spec_changed_at(obj) for obj in sources)


def operator_version(operators: Iterable[Object]) -> tuple[int, ...] | None:
    """Version of the Strimzi operator by the tag of its image."""
    for pod in operators:
        for container in pod["spec"]["containers"]:
            found = re.search(r":v?(\d+)\.(\d+)\.(\d+)", container["image"])
            if found:
                return tuple(map(int, found.groups()))
    return None


def _operator(seen: Kubernetes) -> Check:
    if seen.operators is None:
        return Check("operator", "warn", "this identity may not look for the Strimzi operator in other namespaces")
    watching = [pod for pod in seen.operators if _watches(pod, seen.namespace)]
    if not watching:
        others = ", ".join(sorted({pod["metadata"]["namespace"] for pod in seen.operators}))
        where = f": those in {others} watch others" if others else ""
        return Check("operator", "fail", f"no Strimzi operator watches the namespace {seen.namespace}{where}")
    ready = [pod for pod in watching if _is_ready(pod)]
    if not ready:
        return Check("operator", "fail", "; ".join(f"{_name(pod)} is not ready: {_trouble(pod)}" for pod in watching))
    return Check("operator", "pass", f"{_name(ready[0])} is ready and watches {seen.namespace}")


def _watches(pod: Object, namespace: str) -> bool:
    """STRIMZI_NAMESPACE is a list, "*", empty (all), or a reference to the operator's own namespace."""
    for container in pod["spec"]["containers"]:
        for variable in container.get("env") or []:
            if variable["name"] == "STRIMZI_NAMESPACE":
                if "valueFrom" in variable:
                    return bool(pod["metadata"]["namespace"] == namespace)
                value = variable.get("value") or "*"
                return value.strip() == "*" or namespace in (part.strip() for part in value.split(","))
    return True


def _kafka(seen: Kubernetes, kafka: Object) -> Check:
    """The resource: reconciled as it is now, and without an error."""
    name = "kafka"
    generation = kafka["metadata"]["generation"]
    if _annotations(kafka).get("strimzi.io/pause-reconciliation") == "true":
        return Check(
            name, "final", "its reconciliation is paused; remove the annotation strimzi.io/pause-reconciliation"
        )
    missing = [one for one in NEEDED_ANNOTATIONS if _annotations(kafka).get(one) != "enabled"]
    version = operator_version(seen.operators or ())
    if missing and version and version < ANNOTATIONS_UNTIL:
        return Check(name, "final", f"this operator ignores it without the annotation {' and '.join(missing)}: enabled")
    not_ready = condition(kafka, "NotReady")
    if not seen_by_controller(kafka):
        observed = _status(kafka).get("observedGeneration")
        progress = f" ({reason_of(not_ready)})" if not_ready else ""
        return Check(name, "fail", f"the operator has seen generation {observed or 'none'} of {generation}{progress}")
    if not_ready and holds(kafka, "NotReady"):
        reason = reason_of(not_ready)
        final = not_ready.get("reason") in FINAL_REASONS and HEALS_WHEN_IT_COMES not in reason
        settled = _is_settled(not_ready, [kafka, *seen.pools])
        return Check(name, "final" if final and settled else "fail", reason)
    if holds(kafka, "ReconciliationPaused"):
        return Check(name, "fail", "its reconciliation was paused and has not been taken up again")
    if not holds(kafka, "Ready"):
        return Check(name, "fail", "it has no condition Ready yet")
    warnings = [one for one in _status(kafka)["conditions"] if one["type"] == "Warning"]
    fatal = [one for one in warnings if one.get("reason") in FATAL_WARNINGS]
    if fatal:
        final = any(FATAL_WARNINGS[one["reason"]] and _is_settled(one, [kafka, *seen.pools]) for one in fatal)
        return Check(name, "final" if final else "fail", "; ".join(map(reason_of, fatal)))
    if warnings:
        return Check(name, "warn", f"ready in generation {generation}, but {'; '.join(map(reason_of, warnings))}")
    return Check(name, "pass", f"ready in generation {generation}")


def _applied(seen: Kubernetes, kafka: Object) -> Check:
    """What the status says that runs is what the spec asks for."""
    spec, status = kafka["spec"]["kafka"], _status(kafka)
    faults: list[str] = []
    for field, reported in (("version", "kafkaVersion"), ("metadataVersion", "kafkaMetadataVersion")):
        wanted, found = spec.get(field), status.get(reported)
        # "4.1" is short for "4.1-IV1".
        if wanted and not (found == wanted or str(found).startswith(f"{wanted}-")):
            faults.append(f"{reported} is {found or 'unknown'} instead of {wanted}")
    if not status.get("clusterId"):
        faults.append("the cluster has no id yet")
    pools, known = {_name(pool) for pool in seen.pools}, {pool["name"] for pool in status.get("kafkaNodePools") or []}
    if pools != known:
        faults.append(f"the operator knows the pools {listed(known)} instead of {listed(pools)}")
    served = {one.get("name") for one in status.get("listeners") or [] if one.get("bootstrapServers")}
    faults += [f"the listener {one['name']} has no address" for one in spec["listeners"] if one["name"] not in served]
    version, last = operator_version(seen.operators or ()), status.get("operatorLastSuccessfulVersion")
    if version and last and last != ".".join(map(str, version)):
        faults.append(f"it was last reconciled by the operator {last}, not by {'.'.join(map(str, version))}")
    state = (status.get("autoRebalance") or {}).get("state", "Idle")
    if not faults and state != "Idle":
        return Check("applied", "warn", f"partitions are being moved: {state}")
    return judged("applied", faults, f"Kafka {status.get('kafkaVersion')} with {len(served)} listeners")


def _pools(seen: Kubernetes) -> Check:
    faults: list[str] = []
    owners: dict[int, str] = {}
    for pool in seen.pools:
        name, spec, status = _name(pool), pool["spec"], _status(pool)
        ids = status.get("nodeIds") or []
        if not seen_by_controller(pool):
            faults.append(f"the operator has not yet seen generation {pool['metadata']['generation']} of {name}")
        elif not spec["replicas"] == status.get("replicas") == len(ids):
            faults.append(
                f"{name} has {status.get('replicas')} replicas and the ids {ids} instead of {spec['replicas']}"
            )
        elif sorted(spec["roles"]) != sorted(status.get("roles") or []):
            faults.append(f"{name} runs with the roles {listed(status.get('roles') or [])}")
        for number in ids:
            if number in owners:
                faults.append(f"id {number} belongs to {owners[number]} and {name}")
            owners[number] = name
    if not seen.pools:
        faults.append(f"no KafkaNodePool has the label {CLUSTER_LABEL}={seen.name}")
    return judged("pools", faults, f"{listed(map(_name, seen.pools))} with {len(owners)} nodes")


def _pod_sets(seen: Kubernetes) -> Check:
    faults: list[str] = []
    found = {_name(one): one for one in seen.pod_sets}
    for pool in seen.pools:
        name, wanted = f"{seen.name}-{_name(pool)}", pool["spec"]["replicas"]
        if name not in found:
            faults.append(f"StrimziPodSet {name} does not exist yet")
            continue
        status = _status(found[name])
        counts = {field: status.get(field) or 0 for field in ("pods", "currentPods", "readyPods")}
        if holds(found[name], "Error"):
            faults.append(f"{name}: {reason_of(condition(found[name], 'Error'))}")
        elif not seen_by_controller(found[name]):
            faults.append(f"{name}: its latest generation is not yet seen")
        elif set(counts.values()) != {wanted}:
            shown = ", ".join(f"{field} {count}" for field, count in counts.items())
            faults.append(f"{name}: {shown} of {wanted}")
    return judged("pod-sets", faults, f"all pods of {len(found)} sets are current and ready")


def _nodes(seen: Kubernetes) -> Check:
    """Every pod has found a node, or what keeps it from that."""
    faults = [
        f"{_name(pod)} has no node: {why_unplaced(pod, seen.said) or reason_of(condition(pod, 'PodScheduled'))}"
        for pod in seen.pods
        if not pod["spec"].get("nodeName")
    ]
    return judged("nodes", sorted(faults), f"{len(seen.pods)} pods have a node")


def _pods(seen: Kubernetes, kafka: Object) -> Check:
    """Exactly the pods of the pools, each of them running what its set says now."""
    expected = {pod for pods in seen.pods_by_pool().values() for pod in pods}
    found = {_name(pod): pod for pod in seen.pods}
    revisions = {
        _name(pod): _annotations(pod)["strimzi.io/revision"]
        for pod_set in seen.pod_sets
        for pod in pod_set["spec"].get("pods") or []
        if "strimzi.io/revision" in _annotations(pod)
    }
    faults = [f"{name} does not exist" for name in sorted(expected - found.keys())]
    faults += [f"{name} should not exist" for name in sorted(found.keys() - expected)]
    version = _status(kafka).get("kafkaVersion")
    for name, pod in sorted(found.items()):
        annotations = _annotations(pod)
        if pod["metadata"].get("deletionTimestamp"):
            faults.append(f"{name} is being deleted")
        elif not _is_ready(pod):
            faults.append(f"{name} is not ready: {_trouble(pod)}")
        elif annotations.get("strimzi.io/manual-rolling-update") == "true":
            faults.append(f"{name} waits for a restart that was asked for")
        elif name in revisions and annotations.get("strimzi.io/revision") != revisions[name]:
            faults.append(f"{name} still runs an earlier revision")
        elif version and annotations.get("strimzi.io/kafka-version", version) != version:
            faults.append(f"{name} runs Kafka {annotations['strimzi.io/kafka-version']} instead of {version}")
    return judged("pods", faults, f"{len(found)} pods are ready")


def _is_ready(pod: Object) -> bool:
    return _status(pod).get("phase") == "Running" and holds(pod, "Ready") and not _stuck(pod)


def _stuck(pod: Object) -> list[str]:
    """Containers that wait to be started, with the reason."""
    return [
        f"{container['name']} {reason_of(container['state']['waiting'])}"
        for container in _status(pod).get("containerStatuses") or []
        if (container.get("state") or {}).get("waiting")
    ]


def _trouble(pod: Object) -> str:
    """Why a pod is not ready, as far as its status says so."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled and scheduled["status"] == "False":
        return reason_of(scheduled)
    waiting = _stuck(pod)
    if waiting:
        return ", ".join(waiting)
    restarts = sum(one.get("restartCount") or 0 for one in _status(pod).get("containerStatuses") or [])
    phase = str(_status(pod).get("phase") or "no phase yet")
    return f"{phase}, restarted {restarts} times" if restarts else phase


def _placement(seen: Kubernetes, kafka: Object) -> Check:
    """No two brokers share a node, and they use as many zones as they can; so do controllers.

    Pods do not move by themselves, so with all of them placed this does not heal. It is only a warning when the
    resource does not ask for racks: then nobody promised that a zone may be lost.
    """
    zones = {_name(node): (node["metadata"].get("labels") or {}).get(ZONE_LABEL) for node in seen.nodes}
    wide = len({zone for zone in zones.values() if zone})
    faults: list[str] = []
    placed = True
    for role in ("broker", "controller"):
        of_role = [pool for pool in seen.pools if role in pool["spec"]["roles"]]
        pools = {_name(pool) for pool in of_role}
        pods = [pod for pod in seen.pods if pod["metadata"]["labels"].get(POOL_LABEL) in pools]
        nodes = [pod["spec"].get("nodeName") for pod in pods]
        placed = placed and all(nodes)
        shared = sorted({node for node in nodes if node and nodes.count(node) > 1})
        faults += [f"{nodes.count(node)} {role}s share the node {node}" for node in shared]
        used = {zones.get(node) for node in nodes if zones.get(node)}
        enough = min(WIDE_ENOUGH_ZONES, len(pods), wide, *map(_zones_asked_for, of_role))
        if len(used) < enough:
            faults.append(f"{role}s use {len(used)} of {enough} zones ({listed(used)})")
    bad: Verdict = "warn" if not kafka["spec"]["kafka"].get("rack") else "final" if placed else "fail"
    return judged("placement", faults, "no node is shared and the zones are used", bad)


def _zones_asked_for(pool: Object) -> int:
    """A cluster may have zones in which Kafka has no nodes."""
    spreads = ((pool["spec"].get("template") or {}).get("pod") or {}).get("topologySpreadConstraints") or []
    asked = [one["minDomains"] for one in spreads if one["topologyKey"] == ZONE_LABEL and "minDomains" in one]
    return min(asked, default=WIDE_ENOUGH_ZONES)


def quantity(text: str | int) -> float:
    """A Kubernetes quantity such as 100Gi in its base unit."""
    found = re.fullmatch(r"([0-9.]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?", str(text))
    if not found:
        raise ValueError(f"{text} is not a quantity")
    number, unit = found.groups()
    if not unit:
        return float(number)
    if unit == "m":
        return float(number) / 1000
    base = 1024.0 if unit.endswith("i") else 1000.0
    return float(float(number) * base ** ("KMGTPE".index(unit[0].upper()) + 1))


def _claims(seen: Kubernetes) -> Check:
    found = {_name(claim): claim for claim in seen.claims}
    faults: list[str] = []
    expected = 0
    for pool in seen.pools:
        for pod in seen.pods_by_pool()[_name(pool)]:
            for prefix, volume in _persistent_volumes(pool["spec"]["storage"]):
                expected += 1
                claim = found.get(f"{prefix}-{pod}")
                faults += [f"claim {prefix}-{pod} {fault}" for fault in _claim_faults(claim, volume)]
    return judged("claims", faults, f"{expected} claims are bound and as large as asked")


def _persistent_volumes(storage: Object) -> list[tuple[str, Object]]:
    """Prefix of the claim's name, and the volume, for each that is kept."""
    if storage["type"] == "jbod":
        return [
            (f"data-{volume['id']}", volume) for volume in storage["volumes"] if volume["type"] == "persistent-claim"
        ]
    return [("data", storage)] if storage["type"] == "persistent-claim" else []


def _claim_faults(claim: Object | None, volume: Object) -> list[str]:
    if claim is None:
        return ["does not exist"]
    status = _status(claim)
    if status.get("phase") != "Bound":
        return [f"is {status.get('phase') or 'new'}"]
    faults = [
        f"is being resized: {reason_of(condition(claim, kind))}"
        for kind in ("Resizing", "FileSystemResizePending")
        if holds(claim, kind)
    ]
    capacity = (status.get("capacity") or {}).get("storage", "0")
    if quantity(capacity) < quantity(volume["size"]):
        faults.append(f"has {capacity} instead of {volume['size']}")
    storage_class = claim["spec"].get("storageClassName")
    if volume.get("class") and storage_class != volume["class"]:
        faults.append(f"is of the class {storage_class} instead of {volume['class']}")
    return faults


def _components(seen: Kubernetes, kafka: Object) -> Check:
    """What runs beside the brokers, where the resource asks for it."""
    spec = kafka["spec"]
    wanted = {
        f"{seen.name}-entity-operator": {"topicOperator", "userOperator"} & (spec.get("entityOperator") or {}).keys(),
        f"{seen.name}-cruise-control": {"cruiseControl"} & spec.keys(),
        f"{seen.name}-kafka-exporter": {"kafkaExporter"} & spec.keys(),
    }
    names = [name for name, asked in wanted.items() if asked]
    found = {_name(one): one for one in seen.deployments}
    faults: list[str] = []
    for name in names:
        if name not in found:
            faults.append(f"Deployment {name} does not exist yet")
            continue
        state = state_of(found[name])
        if not state.done:
            faults.append(f"{name}: {state.text}")
    for budget in seen.budgets:
        healthy, needed = (_status(budget).get(field) or 0 for field in ("currentHealthy", "desiredHealthy"))
        if healthy < needed:
            faults.append(f"disruption budget {_name(budget)}: {healthy} of {needed} pods are healthy")
    return judged("components", faults, f"{len(names)} deployments are available")


def _endpoints(seen: Kubernetes) -> Check:
    ready = {
        address
        for one in seen.endpoint_slices
        for endpoint in one.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready", True)
        for address in endpoint["addresses"]
    }
    wanted = len(seen.node_ids("broker"))
    faults = [] if len(ready) >= wanted else [f"the bootstrap service leads to {len(ready)} of {wanted} brokers"]
    return judged("endpoints", faults, f"the bootstrap service leads to {len(ready)} brokers")


def _canary(seen: Kubernetes) -> Check:
    if seen.canary is None:
        return Check("canary-topic", "fail", f"KafkaTopic {seen.namespace}/{seen.canary_name} does not exist")
    state = state_of(seen.canary)
    failed = condition(seen.canary, "Ready")
    final = state.final and failed is not None and _is_settled(failed, [seen.canary])
    verdict: Verdict = "pass" if state.done else "final" if final else "fail"
    return Check("canary-topic", verdict, f"{seen.canary_name}: {state.text}")
