from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
import yaml

from lab.strimzi import topics
from lab.strimzi.topics import Changes, Topic, TopicOperator, TopicProblem
from tests.unit.lab.strimzi_cases import RECORDED

Object = dict[str, Any]
ID = uuid.UUID("ad1c84ca-fb27-9244-bcba-f0da9d618819")


def observed(name: str) -> Object:
    found: Object = yaml.safe_load((RECORDED / f"kafkatopic--{name}.yaml").read_text())
    return found


def topic(partitions: int = 12, replicas: int = 3, **own: str) -> Topic:
    settings = {"retention.ms": "604800000", "min.insync.replicas": "2", "cleanup.policy": "delete"}
    own = {name.replace("_", "."): value for name, value in own.items()}
    return Topic("id", (replicas,) * partitions, settings | own, frozenset(own))


@pytest.mark.parametrize(
    ("spec", "present", "found"),
    [
        pytest.param({"partitions": 12, "replicas": 3}, topic(), Changes(None, {}), id="nothing"),
        pytest.param({}, topic(), Changes(None, {}), id="no wishes"),
        pytest.param({"partitions": 15}, topic(), Changes(15, {}), id="more partitions"),
        pytest.param({"partitions": 5}, topic(), Changes(None, {}), id="fewer partitions"),
        pytest.param({"config": {"retention.ms": 604800000}}, topic(), Changes(None, {}), id="the default by name"),
        pytest.param({"config": {"retention.ms": 1000}}, topic(), Changes(None, {"retention.ms": "1000"}), id="set"),
        pytest.param(
            {"config": {"no.such.option": "x"}},
            topic(),
            Changes(None, {"no.such.option": "x"}),
            id="unknown: Kafka refuses it",
        ),
        pytest.param(
            {},
            topic(retention_ms="5", cleanup_policy="compact"),
            Changes(None, {"cleanup.policy": None, "retention.ms": None}),
            id="unset",
        ),
        pytest.param({"config": {"retention.ms": 5}}, topic(retention_ms="5"), Changes(None, {}), id="set already"),
    ],
)
def test_changes(spec: Object, present: Topic, found: Changes) -> None:
    assert topics.changes(spec, present) == found


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        pytest.param({"partitions": 12, "replicas": 3}, "", id="nothing"),
        pytest.param({}, "", id="no wishes"),
        pytest.param({"partitions": 1}, "Decreasing partitions not supported", id="fewer partitions"),
        pytest.param(
            {"replicas": 2},
            "Replication factor change not supported, but required for partitions [0, 1]",
            id="other replicas",
        ),
    ],
)
def test_refusals(spec: Object, refused: str) -> None:
    assert topics.refusal(spec, topic(partitions=2) if "replicas" in spec else topic()) == refused


def test_creation_leaves_to_kafka_what_is_not_said() -> None:
    assert topics.creation({}) == {"num_partitions": -1, "replication_factor": -1, "configs": {}}
    assert topics.creation(observed("orders")["spec"]) == {
        "num_partitions": 12, "replication_factor": 3, "configs": {"min.insync.replicas": "2", "retention.ms": "604800000"},
    }  # fmt: skip


def test_a_topic_as_the_admin_client_tells_it() -> None:
    described = {
        "topic_id": str(ID),
        "partitions": [{"partition_index": 1, "replica_nodes": [0]}, {"partition_index": 0, "replica_nodes": [0, 1]}],
    }
    settings = {
        "a": {"value": "1", "config_source": "DEFAULT_CONFIG"},
        "b": {"value": "2", "config_source": "DYNAMIC_TOPIC_CONFIG"},
    }
    encoded = base64.urlsafe_b64encode(ID.bytes).decode().rstrip("=")
    assert topics.topic_of(described, settings) == Topic(encoded, (2, 1), {"a": "1", "b": "2"}, frozenset({"b"}))


class Api:
    """The API server, as far as one KafkaTopic goes."""

    def __init__(self, resource: Object) -> None:
        self.resource = resource

    def get(self, *_: str) -> Object:
        return self.resource

    def merge(self, _: Object, patch: Object) -> None:
        self.resource["metadata"] |= patch["metadata"]

    def set_status(self, _: Object, status: Object) -> None:
        self.resource["status"] = status


class Admin:
    """Kafka, as far as one topic goes; `refusal` is an error code and message for the next change."""

    def __init__(self, partitions: int | None = None, refusal: tuple[int, str | None] = (0, None)) -> None:
        self.partitions, self.refusal, self.asked = partitions, refusal, list[str]()

    def describe_topics(self, _: list[str]) -> list[Object]:
        if self.partitions is None:
            return [{"error_code": 3}]
        parts = [{"partition_index": n, "replica_nodes": [0, 1, 2]} for n in range(self.partitions)]
        return [{"error_code": 0, "topic_id": str(ID), "partitions": parts}]

    def describe_configs(self, resources: list[Any], config_filter: str) -> Object:
        assert config_filter == "all"
        return {"topic": {resources[0].name: {}}}

    def _answer(self, asked: str, partitions: int | None) -> list[Object]:
        self.asked.append(asked)
        code, message = self.refusal
        if code == 0:
            self.partitions = partitions
        return [{"error_code": code, "error_message": message}]

    def create_topics(self, wanted: Object, raise_errors: bool) -> Object:
        (options,) = wanted.values()
        return {"topics": self._answer("create", options["num_partitions"])}

    def wait_for_topics(self, names: list[str]) -> None:
        self.asked.append("wait")

    def create_partitions(self, wanted: dict[str, int], raise_errors: bool) -> Object:
        return {"results": self._answer("grow", *wanted.values())}

    def alter_configs(self, resources: list[Any], raise_on_unknown: bool) -> Object:
        self.asked.append(f"alter {resources[0].configs}")
        code, message = self.refusal
        return {"topic": {resources[0].name: f"[Error {code}] SomeError: {message}" if code else "OK"}}

    def delete_topics(self, names: list[str], raise_errors: bool) -> Object:
        return {"topics": self._answer("delete", None)}


def reconcile(resource: Object, admin: Admin) -> Object:
    operator = TopicOperator(Api(resource), "kafka", "strimzi.io/cluster=data-on-eks", "kafka:9091", 120)  # type: ignore[arg-type] # a double
    operator.client = admin
    assert operator.reconcile(resource["metadata"]["name"], True)
    for item in resource.get("status", {}).get("conditions", []):
        del item["lastTransitionTime"]
    return resource


def new(name: str) -> tuple[Object, Object]:
    """A KafkaTopic as its user made it, and the status that the real operator gave it."""
    resource = observed(name)
    status = resource.pop("status")
    for item in status["conditions"]:
        del item["lastTransitionTime"]
    resource["metadata"].pop("finalizers", None)
    return resource, status


def test_a_topic_is_created_and_ready() -> None:
    resource, status = new("orders")
    del resource["spec"]["config"]
    admin = Admin()
    found = reconcile(resource, admin)
    assert admin.asked == ["create", "wait"]
    assert found["metadata"]["finalizers"] == ["strimzi.io/topic-operator"]
    assert found["status"] | {"topicId": status["topicId"]} == status


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        pytest.param("bad-rf", (38, "Unable to replicate the partition 7 time(s): The target replication factor of 7 cannot be reached because only 3 broker(s) are registered."), id="too many replicas"),
        pytest.param("bad-config", (40, "Unknown topic config name: no.such.option"), id="unknown setting"),
    ],
)  # fmt: skip
def test_what_kafka_refuses_is_told_as_the_real_operator_does(name: str, refusal: tuple[int, str]) -> None:
    resource, status = new(name)
    assert reconcile(resource, Admin(refusal=refusal))["status"] == status


def test_settings_that_kafka_refuses() -> None:
    resource, status = new("bad-config")
    found = reconcile(resource, Admin(3, (40, "Unknown topic config name: no.such.option")))["status"]
    assert found == status


def test_a_topic_is_grown_and_changed() -> None:
    resource, _ = new("orders")
    admin = Admin(3)
    assert reconcile(resource, admin)["status"]["conditions"] == [{"type": "Ready", "status": "True"}]
    assert admin.asked == ["grow", "alter {'min.insync.replicas': ('SET', '2'), 'retention.ms': ('SET', '604800000')}"]


def test_another_name_is_refused() -> None:
    resource = observed("orders")
    resource["spec"]["topicName"] = "other"
    found = reconcile(resource, Admin(12))["status"]
    assert found["conditions"][0]["message"] == "Changing spec.topicName is not supported"
    assert found["topicName"] == "orders"


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        pytest.param({"strimzi.io/managed": "false"}, "Unmanaged", id="unmanaged"),
        pytest.param({"strimzi.io/pause-reconciliation": "true"}, "ReconciliationPaused", id="paused"),
    ],
)
def test_topics_that_are_left_alone(annotation: Object, kind: str) -> None:
    resource, _ = new("orders")
    resource["metadata"]["annotations"] = annotation
    admin = Admin()
    assert reconcile(resource, admin)["status"]["conditions"] == [{"type": kind, "status": "True"}]
    assert admin.asked == []


@pytest.mark.parametrize(
    ("annotations", "admin", "asked"),
    [
        pytest.param({}, Admin(12), ["delete"], id="managed"),
        pytest.param({}, Admin(None, (3, None)), ["delete"], id="gone already"),
        pytest.param({"strimzi.io/managed": "false"}, Admin(12), [], id="its data is kept"),
    ],
)
def test_deletion(annotations: Object, admin: Admin, asked: list[str]) -> None:
    resource = observed("orders")
    resource["metadata"] |= {
        "deletionTimestamp": "2026-11-22T17:00:00Z",
        "annotations": annotations,
        "finalizers": ["other", "strimzi.io/topic-operator"],
    }
    reconcile(resource, admin)
    assert admin.asked == asked
    assert resource["metadata"]["finalizers"] == ["other"]


def test_a_deletion_that_kafka_refuses_keeps_the_finalizer() -> None:
    resource = observed("orders")
    resource["metadata"]["deletionTimestamp"] = "2026-11-22T17:00:00Z"
    found = reconcile(resource, Admin(12, (73, "Topic deletion is disabled.")))
    assert found["metadata"]["finalizers"] == ["strimzi.io/topic-operator"]
    assert (
        found["status"]["conditions"][0]["message"]
        == "org.apache.kafka.common.errors.TopicDeletionDisabledException: Topic deletion is disabled."
    )


@pytest.mark.parametrize(
    ("code", "message", "text"),
    [
        pytest.param(
            36,
            "Topic 'a' already exists.",
            "org.apache.kafka.common.errors.TopicExistsException: Topic 'a' already exists.",
            id="other name",
        ),
        pytest.param(
            37,
            None,
            "org.apache.kafka.common.errors.InvalidPartitionsException: Number of partitions is invalid.",
            id="no message",
        ),
    ],
)
def test_errors_have_the_names_of_kafkas_own_client(code: int, message: str | None, text: str) -> None:
    problem = topics.kafka_problem(code, message)
    assert isinstance(problem, TopicProblem)
    assert (problem.reason, str(problem)) == ("KafkaError", text)
