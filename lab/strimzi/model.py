"""What a Kafka resource and its node pools ask for, or why they cannot have it: pure functions over plain objects."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Object = dict[str, Any]

OPERATOR_VERSION = "0.47.0"
SUPPORTED_VERSIONS = ("3.9.0", "3.9.1", "4.0.0")
IMPLEMENTED_VERSIONS = ("3.9.0", "3.9.1")
DEFAULT_VERSION = "4.0.0"
METADATA_VERSION = "3.9-IV0"
DATA = "/var/lib/kafka"

# What the lab can do with a manifest. A tuple lists the only values, True lets everything through.
_POD = {
    "pod": dict.fromkeys(("metadata", "affinity", "tolerations", "topologySpreadConstraints", "terminationGracePeriodSeconds", "priorityClassName"), True),
    "podDisruptionBudget": {"maxUnavailable": True},
    "kafkaContainer": {"env": True},
}  # fmt: skip
_LISTENER = {"name": True, "port": True, "type": ("internal",), "tls": (False,)}
_JVM = {"-Xms": True, "-Xmx": True, "-XX": True}
_KAFKA = {
    "kafka": {
        "version": IMPLEMENTED_VERSIONS, "metadataVersion": ("3.9", METADATA_VERSION), "config": True, "listeners": [_LISTENER],
        "rack": {"topologyKey": True}, "metricsConfig": {"type": ("jmxPrometheusExporter",), "valueFrom": True},
        "resources": True, "jvmOptions": _JVM, "readinessProbe": True, "livenessProbe": True, "template": _POD,
    },
    "entityOperator": {"topicOperator": {"resources": True}, "userOperator": {"resources": True}, "template": {"pod": {"affinity": True, "tolerations": True}}},
}  # fmt: skip
_VOLUME = dict.fromkeys(("id", "size", "class", "kraftMetadata", "deleteClaim"), True) | {
    "type": ("persistent-claim", "ephemeral")
}
_POOL = {
    "replicas": True, "roles": True, "resources": True, "jvmOptions": _JVM, "template": _POD,
    "storage": _VOLUME | {"type": ("jbod", "persistent-claim", "ephemeral"), "volumes": [_VOLUME]},
}  # fmt: skip

# The type of the options that people set, as the operator checks them.
_NUMBERS = {
    "default.replication.factor": "an int", "min.insync.replicas": "an int", "num.partitions": "an int", "num.io.threads": "an int",
    "num.network.threads": "an int", "num.replica.fetchers": "an int", "log.segment.bytes": "an int", "log.retention.hours": "an int",
    "offsets.topic.replication.factor": "a short", "transaction.state.log.replication.factor": "a short",
    "transaction.state.log.min.isr": "an int", "log.retention.bytes": "a long", "log.retention.ms": "a long", "message.max.bytes": "an int",
}  # fmt: skip


class Problem(Exception):
    """Why a Kafka is NotReady: the reason and the message of its condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Images:
    """The images that the operator gives to what it creates; `kafka` by version."""

    kafka: Mapping[str, str]
    init: str
    topic_operator: str
    user_operator: str


@dataclass(frozen=True)
class Volume:
    """A data volume of a node; without a claim it is as short-lived as the pod."""

    name: str
    claim: Object | None

    @property
    def path(self) -> str:
        return f"{DATA}/{self.name}"


@dataclass(frozen=True)
class Pool:
    resource: Object
    node_ids: tuple[int, ...]
    storage: Object  # what is used, not what is asked for, where a change is not allowed
    warnings: tuple[Object, ...]

    @property
    def name(self) -> str:
        return str(self.resource["metadata"]["name"])

    @property
    def spec(self) -> Object:
        spec: Object = self.resource["spec"]
        return spec

    @property
    def roles(self) -> list[str]:
        return list(self.spec["roles"])


@dataclass(frozen=True)
class Cluster:
    kafka: Object
    pools: tuple[Pool, ...]
    cluster_id: str
    images: Images
    warnings: tuple[Object, ...]

    @property
    def name(self) -> str:
        return str(self.kafka["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.kafka["metadata"]["namespace"])

    @property
    def spec(self) -> Object:
        spec: Object = self.kafka["spec"]["kafka"]
        return spec

    @property
    def version(self) -> str:
        return str(self.spec["version"])

    @property
    def listeners(self) -> list[Object]:
        return list(self.spec["listeners"])

    @property
    def brokers_domain(self) -> str:
        return f"{self.name}-kafka-brokers.{self.namespace}.svc"

    @property
    def replication_address(self) -> str:
        return f"{self.name}-kafka-bootstrap.{self.namespace}.svc:9091"

    def with_role(self, role: str) -> list[tuple[Pool, int]]:
        return [(pool, node) for pool in self.pools if role in pool.roles for node in pool.node_ids]

    def pod_name(self, pool: Pool, node: int) -> str:
        return f"{self.name}-{pool.name}-{node}"


def is_managed(kafka: Object) -> bool:
    """Without these annotations the real operator fails before it writes a status."""
    annotations = kafka["metadata"].get("annotations", {})
    return all(annotations.get(f"strimzi.io/{name}") == "enabled" for name in ("kraft", "node-pools"))


def is_paused(resource: Object) -> bool:
    return str(resource["metadata"].get("annotations", {}).get("strimzi.io/pause-reconciliation")) == "true"


def pools_of(kafka: Object, pools: Iterable[Object]) -> list[Object]:
    """The node pools of a cluster, in the API's order."""
    name = kafka["metadata"]["name"]
    mine = [pool for pool in pools if pool["metadata"].get("labels", {}).get("strimzi.io/cluster") == name]
    return sorted(mine, key=lambda pool: str(pool["metadata"]["name"]))


def plan(kafka: Object, pools: list[Object], podsets: Mapping[str, Object], images: Images) -> Cluster:
    """What the resources ask for, or the problem that they have. `podsets` are the present ones, by name."""
    check(kafka, pools)
    node_ids = assign_node_ids(pools)
    planned = []
    for pool in pools:
        name = pool["metadata"]["name"]
        podset = podsets.get(f"{kafka['metadata']['name']}-{name}")
        current = (
            json.loads(podset["metadata"]["annotations"]["strimzi.io/storage"]) if podset else pool["spec"]["storage"]
        )
        allowed = is_allowed(current, pool["spec"]["storage"])
        warning = condition(
            "Warning", "KafkaStorage",
            f"The desired Kafka storage configuration in the KafkaNodePool resource {pool['metadata']['namespace']}/{name} contains changes "
            "which are not allowed. As a result, all storage changes will be ignored. Use DEBUG level logging for more information "
            "about the detected changes.",
        )  # fmt: skip
        planned.append(
            Pool(
                pool,
                tuple(node_ids[name]),
                pool["spec"]["storage"] if allowed else current,
                () if allowed else (warning,),
            )
        )
    statuses = [resource.get("status") or {} for resource in (kafka, *pools)]
    cluster_id = next((status["clusterId"] for status in statuses if status.get("clusterId")), None) or new_cluster_id()
    warnings = (*_warnings(kafka, pools), *(warning for pool in planned for warning in pool.warnings))
    return Cluster(kafka, tuple(planned), cluster_id, images, warnings)


def check(kafka: Object, pools: list[Object]) -> None:
    """Raise the problem of bad input, in the words of the real operator; then that of what the lab cannot do."""
    name, namespace = kafka["metadata"]["name"], kafka["metadata"]["namespace"]
    spec = kafka["spec"]["kafka"]
    version = spec.get("version", DEFAULT_VERSION)
    if version not in SUPPORTED_VERSIONS:
        supported = ", ".join(SUPPORTED_VERSIONS)
        raise Problem(
            "UnsupportedKafkaVersionException",
            f"Unsupported Kafka.spec.kafka.version: {version}. Supported versions are: [{supported}]",
        )
    if not pools:
        raise Problem(
            "InvalidConfigurationException",
            f"KafkaNodePools are enabled, but no KafkaNodePools found for Kafka cluster {name}",
        )
    missing = [
        f"At least one KafkaNodePool with the {role} role and at least one replica is required when KRaft mode is enabled"
        for role in ("controller", "broker")
        if not _count(pools, role)
    ]
    if missing:
        raise Problem("InvalidResourceException", f"The Kafka cluster {name} is invalid: [{', '.join(missing)}]")
    ports = [listener["port"] for listener in spec["listeners"]]
    if len(set(ports)) < len(ports):
        raise Problem(
            "InvalidResourceException",
            "Listener configuration is not valid: [every listener needs to have a unique port number]",
        )
    config = spec.get("config") or {}
    wrong = [
        f"{key} has value '{config[key]}' which is not {kind}"
        for key, kind in _NUMBERS.items()
        if key in config and not re.fullmatch(r"-?\d+", str(config[key]))
    ]
    if wrong:
        raise Problem(
            "InvalidResourceException", f"Kafka {namespace}/{name} has invalid spec.kafka.config: {', '.join(wrong)}"
        )
    brokers = _count(pools, "broker")
    for key in (
        "default.replication.factor",
        "offsets.topic.replication.factor",
        "transaction.state.log.replication.factor",
    ):
        if int(config.get(key, 1)) > brokers:
            raise Problem(
                "InvalidResourceException",
                f"Kafka configuration option '{key}' should be set to {brokers} or less because this cluster has only {brokers} Kafka broker(s).",
            )
    lacking = list(unimplemented({"version": version} | spec, _KAFKA["kafka"], "spec.kafka"))
    lacking += unimplemented({key: value for key, value in kafka["spec"].items() if key != "kafka"}, _KAFKA, "spec")
    for pool in pools:
        path = f"KafkaNodePool {pool['metadata']['name']} spec"
        lacking += unimplemented(pool["spec"], _POOL, path)
        if pool["spec"]["replicas"] < len((pool.get("status") or {}).get("nodeIds") or ()):
            lacking.append(f"{path}.replicas: scaling down")
    if lacking:
        raise Problem(
            "NotImplementedOnTheLab",
            f"The lab's stand-in for Strimzi does not implement {'; '.join(lacking)}: leave it out on the lab.",
        )


def _count(pools: Iterable[Object], role: str) -> int:
    return sum(pool["spec"]["replicas"] for pool in pools if role in pool["spec"]["roles"])


def unimplemented(value: Any, known: Any, path: str) -> Iterable[str]:
    """The paths of a manifest that are not in a table of what is known."""
    if isinstance(known, tuple):
        if value not in known:
            yield f"{path}: {json.dumps(value)}"
    elif isinstance(known, list):
        for number, item in enumerate(value):
            yield from unimplemented(item, known[0], f"{path}[{number}]")
    elif isinstance(known, dict):
        for key, item in value.items():
            yield from unimplemented(item, known[key], f"{path}.{key}") if key in known else (f"{path}.{key}",)


def _warnings(kafka: Object, pools: list[Object]) -> list[Object]:
    found = []
    config = kafka["spec"]["kafka"].get("config") or {}
    if _count(pools, "broker") > 1:
        for key, reason in (
            ("default.replication.factor", "KafkaDefaultReplicationFactor"),
            ("min.insync.replicas", "KafkaMinInsyncReplicas"),
        ):
            if key not in config:
                text = f"{key} option is not configured. It defaults to 1 which does not guarantee reliability and availability."
                found.append(
                    condition("Warning", reason, f"{text} You should configure this option in .spec.kafka.config.")
                )
    if _count(pools, "controller") == 2:
        text = "Running KRaft controller quorum with two nodes is not advisable as both nodes will be needed to avoid downtime."
        found.append(
            condition(
                "Warning",
                "KafkaKRaftControllerNodeCount",
                f"{text} It is recommended that a minimum of three nodes are used.",
            )
        )
    return found


def assign_node_ids(pools: list[Object]) -> dict[str, list[int]]:
    """Node ids by pool: kept once given, new ones first from the pool's wishes, then the lowest that no pool has."""
    present = {pool["metadata"]["name"]: list((pool.get("status") or {}).get("nodeIds") or ()) for pool in pools}
    used = {node for nodes in present.values() for node in nodes}
    for pool in pools:
        nodes = present[pool["metadata"]["name"]]
        wishes = _ranges(pool["metadata"].get("annotations", {}).get("strimzi.io/next-node-ids", ""))
        while len(nodes) < pool["spec"]["replicas"]:
            node = next((wish for wish in wishes if wish not in used), None)
            if node is None:
                node = min(set(range(len(used) + 1)) - used)
            used.add(node)
            nodes.append(node)
        nodes.sort()
    return present


def _ranges(text: str) -> list[int]:
    """[0-2,6-99] as numbers; the real operator ignores, too, what is not a range."""
    if not re.fullmatch(r"\s*\[\s*\d+(\s*-\s*\d+)?(\s*,\s*\d+(\s*-\s*\d+)?)*\s*\]\s*", text):
        return []
    numbers: list[int] = []
    for first, last in re.findall(r"(\d+)(?:\s*-\s*(\d+))?", text):
        step = 1 if int(last or first) >= int(first) else -1
        numbers += range(int(first), int(last or first) + step, step)
    return numbers


def is_allowed(current: Object, desired: Object) -> bool:
    """Volumes may grow and be added; any other change is ignored as a whole."""
    if current["type"] != desired["type"]:
        return False
    if current["type"] == "jbod":
        wanted = {volume["id"]: volume for volume in desired["volumes"]}
        return all(is_allowed(volume, wanted[volume["id"]]) for volume in current["volumes"] if volume["id"] in wanted)
    fixed = set(current) | set(desired)
    fixed -= {"size", "deleteClaim", "kraftMetadata"}
    same = all(current.get(key) == desired.get(key) for key in fixed)
    return same and _bytes(desired.get("size", "0")) >= _bytes(current.get("size", "0"))


def _bytes(quantity: str) -> Decimal:
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]?)(i?)", str(quantity))
    if found is None:
        raise Problem("IllegalArgumentException", f"Invalid memory suffix: {quantity}")
    base = Decimal(1024 if found[3] else 1000)
    return Decimal(found[1]) * base ** " KMGTPE".index(found[2].upper() or " ")


def new_cluster_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def condition(kind: str, reason: str = "", message: str = "", status: str = "True") -> Object:
    """A condition without its time, which `with_times` gives."""
    return {"type": kind, "status": status} | ({"reason": reason, "message": message} if reason else {})
