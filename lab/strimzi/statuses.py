"""The statuses of the resources, as the real operator was seen to write them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lab.strimzi.model import METADATA_VERSION, OPERATOR_VERSION, Cluster, Object, Pool, condition
from lab.strimzi.objects import labels_of

_KEPT = (
    "clusterId",
    "operatorLastSuccessfulVersion",
    "kafkaVersion",
    "kafkaMetadataVersion",
    "kafkaMetadataState",
    "registeredNodeIds",
)


def creating_status() -> Object:
    return {
        "conditions": [condition("NotReady", "Creating", "Kafka cluster is being deployed")],
        "observedGeneration": 0,
    }


def paused_status(kafka: Object) -> Object:
    old = kafka.get("status") or {}
    kept = {"clusterId": old["clusterId"]} if "clusterId" in old else {}
    return {
        "conditions": [condition("ReconciliationPaused")],
        "observedGeneration": old.get("observedGeneration", 0),
        **kept,
    }


def not_ready_status(kafka: Object, reason: str, message: str, warnings: Iterable[Object]) -> Object:
    old = kafka.get("status") or {}
    conditions = [*warnings, condition("NotReady", reason, message)]
    return {"conditions": conditions, "observedGeneration": kafka["metadata"]["generation"]} | {
        key: old[key] for key in _KEPT if key in old
    }


def ready_status(cluster: Cluster, warnings: Iterable[Object]) -> Object:
    host = f"{cluster.name}-kafka-bootstrap.{cluster.namespace}.svc"
    return {
        "clusterId": cluster.cluster_id,
        "conditions": [*warnings, condition("Ready")],
        "kafkaMetadataState": "KRaft",
        "kafkaMetadataVersion": METADATA_VERSION,
        "kafkaNodePools": [{"name": pool.name} for pool in cluster.pools],
        "kafkaVersion": cluster.version,
        "listeners": [
            {
                "name": listener["name"],
                "addresses": [{"host": host, "port": listener["port"]}],
                "bootstrapServers": f"{host}:{listener['port']}",
            }
            for listener in cluster.listeners
        ],
        "observedGeneration": cluster.kafka["metadata"]["generation"],
        "operatorLastSuccessfulVersion": OPERATOR_VERSION,
        "registeredNodeIds": sorted(node for pool in cluster.pools for node in pool.node_ids),
    }


def pool_status(cluster: Cluster, pool: Pool) -> Object:
    labels = labels_of(cluster, "kafka", pool_name=pool.name)
    return {
        "clusterId": cluster.cluster_id,
        "conditions": list(pool.warnings),
        "labelSelector": ",".join(
            f"strimzi.io/{name}={labels[f'strimzi.io/{name}']}" for name in ("cluster", "name", "kind", "pool-name")
        ),
        "nodeIds": list(pool.node_ids),
        "observedGeneration": pool.resource["metadata"]["generation"],
        "replicas": len(pool.node_ids),
        "roles": pool.roles,
    }


def with_times(old: Object | None, new: Object, now: datetime) -> Object | None:
    """The new status with the times of its conditions, or None where nothing but times would change."""

    def bare(item: Object) -> Object:
        return {key: value for key, value in item.items() if key != "lastTransitionTime"}

    before = (old or {}).get("conditions") or []
    if old is not None and {**old, "conditions": [bare(item) for item in before]} == {"conditions": [], **new}:
        return None
    conditions = []
    for item in new.get("conditions", []):
        since = next(
            (known["lastTransitionTime"] for known in before if bare(known) == item),
            now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        )
        conditions.append({"lastTransitionTime": since, **item})
    return {**new, "conditions": conditions} if "conditions" in new else new
