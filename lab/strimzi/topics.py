"""The Topic Operator: makes the topics of a cluster what KafkaTopic resources say."""

from __future__ import annotations

import base64
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kafka import errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from lab.strimzi import statuses
from lab.strimzi.api import Api, serve_health
from lab.strimzi.model import Object, condition, is_paused
from lab.strimzi.objects import text_of
from lab.strimzi.work import Work, log, watch

FINALIZER = "strimzi.io/topic-operator"


class TopicProblem(Exception):
    """Why a KafkaTopic is not Ready."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Topic:
    """A topic as Kafka has it. `values` are all its settings, `own` the names of those set on the topic itself."""

    topic_id: str
    replicas: tuple[int, ...]  # how many each partition has
    values: Mapping[str, str]
    own: frozenset[str]


@dataclass(frozen=True)
class Changes:
    partitions: int | None  # the new number, where it grows
    config: Mapping[str, str | None]  # None: back to the default


def name_of(resource: Object) -> str:
    return str((resource.get("spec") or {}).get("topicName") or resource["metadata"]["name"])


def is_managed(resource: Object) -> bool:
    return str(resource["metadata"].get("annotations", {}).get("strimzi.io/managed", "true")) != "false"


def check(resource: Object) -> None:
    known = (resource.get("status") or {}).get("topicName")
    if known and known != name_of(resource):
        raise TopicProblem("NotSupported", "Changing spec.topicName is not supported")


def creation(spec: Object) -> Object:
    config = {key: text_of(value) for key, value in (spec.get("config") or {}).items()}
    return {
        "num_partitions": spec.get("partitions", -1),
        "replication_factor": spec.get("replicas", -1),
        "configs": config,
    }


def changes(spec: Object, topic: Topic) -> Changes:
    """What to change on a topic that exists."""
    wanted = {key: text_of(value) for key, value in (spec.get("config") or {}).items()}
    config: dict[str, str | None] = {key: value for key, value in wanted.items() if topic.values.get(key) != value}
    config |= dict.fromkeys(sorted(topic.own - set(wanted)), None)
    partitions = spec.get("partitions", len(topic.replicas))
    return Changes(partitions if partitions > len(topic.replicas) else None, config)


def refusal(spec: Object, topic: Topic) -> str:
    """What of a spec cannot be done to a topic that exists; the rest of it is done all the same."""
    if spec.get("partitions", len(topic.replicas)) < len(topic.replicas):
        return "Decreasing partitions not supported"
    different = [number for number, count in enumerate(topic.replicas) if count != spec.get("replicas", count)]
    if different:
        return f"Replication factor change not supported, but required for partitions {different}"
    return ""


def kafka_problem(code: int, message: str | None) -> TopicProblem:
    """An error that Kafka answered with, told as Kafka's own client does."""
    error = errors.for_code(code)
    name = {"TopicAlreadyExists": "TopicExists"}.get(plain := error.__name__.removesuffix("Error"), plain)
    return TopicProblem("KafkaError", f"org.apache.kafka.common.errors.{name}Exception: {message or error.description}")


def topic_of(described: Object, settings: Mapping[str, Object]) -> Topic:
    """A topic from what the admin client tells about it."""
    partitions = sorted(described["partitions"], key=lambda partition: int(partition["partition_index"]))
    return Topic(
        topic_id=base64.urlsafe_b64encode(uuid.UUID(described["topic_id"]).bytes).decode().rstrip("="),
        replicas=tuple(len(partition["replica_nodes"]) for partition in partitions),
        values={name: setting["value"] for name, setting in settings.items()},
        own=frozenset(name for name, setting in settings.items() if setting["config_source"] == "DYNAMIC_TOPIC_CONFIG"),
    )


class TopicOperator:
    def __init__(self, api: Api, namespace: str, selector: str, address: str, interval: float) -> None:
        self.api, self.namespace, self.selector, self.address = api, namespace, selector, address
        self.work = Work(self.reconcile, interval)
        self.client: KafkaAdminClient | None = None

    def run(self) -> None:
        serve_health(8080, lambda: True)
        key, _, value = self.selector.partition("=")
        watch(
            self.work,
            (("kafka.strimzi.io", "v1beta2", "kafkatopics"),),
            self.notice,
            [self.namespace],
            labels={key: value},
        )

    async def notice(self, name: str | None, **_: Any) -> None:
        self.work.notice(str(name))

    def reconcile(self, name: str, everything: bool) -> bool:
        try:
            return self._reconcile(name)
        except errors.KafkaError:
            self.client = None  # it may hold on to a broker that is gone
            raise

    def _reconcile(self, name: str) -> bool:
        resource = self.api.get("KafkaTopic", self.namespace, name)
        if resource is None:
            return True
        status: Object = {"observedGeneration": resource["metadata"]["generation"]}
        if is_managed(resource):
            status["topicName"] = (resource.get("status") or {}).get("topicName", name_of(resource))
        try:
            if "deletionTimestamp" in resource["metadata"]:
                self._delete(resource)
                return True
            kind = self._keep(resource, status)
        except TopicProblem as problem:
            log.error("KafkaTopic %s is not ready: %s: %s", name, problem.reason, problem)
            status["conditions"] = [condition("Ready", problem.reason, str(problem), "False")]
        else:
            status["conditions"] = [condition(kind)]
        new = statuses.with_times(resource.get("status"), status, datetime.now(UTC))
        if new is not None:
            self.api.set_status(resource, new)
        return True

    def _keep(self, resource: Object, status: Object) -> str:
        """See that the topic is as it should be; returns the type of the condition that says so."""
        if not is_managed(resource):
            return "Unmanaged"
        if is_paused(resource):
            return "ReconciliationPaused"
        check(resource)
        finalizers = resource["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            self.api.merge(resource, {"metadata": {"finalizers": [*finalizers, FINALIZER]}})
        status["topicId"], refused = self._make(name_of(resource), resource.get("spec") or {})
        if refused:
            raise TopicProblem("NotSupported", refused)
        return "Ready"

    def _make(self, name: str, spec: Object) -> tuple[str, str]:
        """Create or change the topic; returns its id and what could not be done."""
        topic = self._describe(name)
        if topic is None:
            log.info("creating topic %s", name)
            self._require(self.admin.create_topics({name: creation(spec)}, raise_errors=False)["topics"])
            self.admin.wait_for_topics([name])
            return self._make(name, spec)
        todo = changes(spec, topic)
        if todo.partitions:
            log.info("growing topic %s to %d partitions", name, todo.partitions)
            self._require(self.admin.create_partitions({name: todo.partitions}, raise_errors=False)["results"])
        if todo.config:
            log.info("changing the settings of topic %s: %s", name, dict(todo.config))
            operations = {
                key: ("DELETE", None) if value is None else ("SET", value) for key, value in todo.config.items()
            }
            result = self.admin.alter_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name, configs=operations)], raise_on_unknown=False
            )
            # Here the client gives the error as a text only.
            if found := re.fullmatch(r"\[Error (-?\d+)\] \w+: (.*)", result["topic"][name], re.DOTALL):
                raise kafka_problem(int(found[1]), found[2])
        return topic.topic_id, refusal(spec, topic)

    @staticmethod
    def _require(results: list[Object]) -> None:
        for result in results:
            if result["error_code"]:
                raise kafka_problem(result["error_code"], result["error_message"])

    def _delete(self, resource: Object) -> None:
        finalizers = resource["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            return
        if is_managed(resource):
            check(resource)
            log.info("deleting topic %s", name_of(resource))
            (result,) = self.admin.delete_topics([name_of(resource)], raise_errors=False)["topics"]
            if result["error_code"] != errors.UnknownTopicOrPartitionError.errno:
                self._require([result])
        self.api.merge(resource, {"metadata": {"finalizers": [name for name in finalizers if name != FINALIZER]}})

    @property
    def admin(self) -> KafkaAdminClient:
        if self.client is None:
            self.client = KafkaAdminClient(bootstrap_servers=self.address, client_id="strimzi-topic-operator")
        return self.client

    def _describe(self, name: str) -> Topic | None:
        (described,) = self.admin.describe_topics([name])
        if described["error_code"] == errors.UnknownTopicOrPartitionError.errno:
            return None
        self._require([described | {"error_message": None}])
        settings = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
        return topic_of(described, settings["topic"][name])


def run() -> None:
    env = os.environ
    interval = float(env.get("STRIMZI_FULL_RECONCILIATION_INTERVAL_MS", "120000")) / 1000
    TopicOperator(
        Api.in_cluster(),
        env["STRIMZI_NAMESPACE"],
        env["STRIMZI_RESOURCE_LABELS"],
        env["STRIMZI_KAFKA_BOOTSTRAP_SERVERS"],
        interval,
    ).run()
