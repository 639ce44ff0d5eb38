from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from lab.strimzi import statuses
from lab.strimzi.model import condition
from tests.unit.lab.strimzi_cases import cluster, kafka, observed

NOW = datetime(2026, 11, 22, 17, 0, tzinfo=UTC)


def without_times(status: dict[str, Any]) -> dict[str, Any]:
    bare = deepcopy(status)
    for item in bare["conditions"]:
        item.pop("lastTransitionTime", None)
    return bare


def test_the_ready_status_is_that_of_the_real_operator() -> None:
    real = without_times(observed("kafka--data-on-eks")["status"])
    del real["autoRebalance"]  # Cruise Control's
    host = "data-on-eks-kafka-bootstrap.kafka.svc"
    real["listeners"] = [real["listeners"][0] | {"name": "plain"}]
    assert statuses.ready_status(cluster(), []) == real
    assert real["listeners"][0]["bootstrapServers"] == f"{host}:9092"


def test_the_pool_statuses_are_those_of_the_real_operator() -> None:
    for pool in cluster().pools:
        assert statuses.pool_status(cluster(), pool) == observed(f"kafkanodepool--{pool.name}")["status"]


def test_creating() -> None:
    assert statuses.creating_status() == {
        "conditions": [
            {"type": "NotReady", "status": "True", "reason": "Creating", "message": "Kafka cluster is being deployed"}
        ],
        "observedGeneration": 0,
    }


def test_a_failure_keeps_what_is_known_and_has_seen_the_generation() -> None:
    found = kafka()
    found["metadata"]["generation"] = 7
    warning = condition("Warning", "W", "w")
    status = statuses.not_ready_status(found, "InvalidResourceException", "wrong", [warning])
    assert status["conditions"] == [warning, condition("NotReady", "InvalidResourceException", "wrong")]
    assert status["observedGeneration"] == 7
    assert status["clusterId"] == found["status"]["clusterId"]
    assert "listeners" not in status


def test_a_paused_resource_keeps_the_old_generation() -> None:
    found = kafka()
    found["metadata"]["generation"] = 7
    known = found["status"]["clusterId"]
    assert statuses.paused_status(found) == {
        "conditions": [condition("ReconciliationPaused")],
        "observedGeneration": 1,
        "clusterId": known,
    }
    del found["status"]
    assert statuses.paused_status(found)["observedGeneration"] == 0


def test_only_changes_are_written_and_get_a_time() -> None:
    old = observed("kafka--data-on-eks")["status"]
    assert statuses.with_times(old, without_times(old), NOW) is None
    changed = without_times(old) | {"observedGeneration": 2}
    assert statuses.with_times(old, changed, NOW) == old | {"observedGeneration": 2}
    changed["conditions"] = [*changed["conditions"], condition("Warning", "W", "w")]
    found = statuses.with_times(old, changed, NOW)
    assert found
    assert [item["lastTransitionTime"] for item in found["conditions"]] == [
        old["conditions"][0]["lastTransitionTime"],
        "2026-11-22T17:00:00.000000Z",
    ]


def test_statuses_without_conditions() -> None:
    counts = {"pods": 3, "observedGeneration": 1}
    assert statuses.with_times(None, counts, NOW) == counts
    assert statuses.with_times(counts, dict(counts), NOW) is None
