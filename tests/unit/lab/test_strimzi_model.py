from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from lab.strimzi.model import Problem, assign_node_ids, is_allowed, is_managed, is_paused, plan, pools_of, unimplemented
from tests.unit.lab.strimzi_cases import IMAGES, PLAIN, RECORDED, cluster, kafka, observed, pools

Object = dict[str, Any]
Change = Callable[[Object, list[Object]], Any]


def told(case: str) -> tuple[str, str]:
    """Reason and message that the real operator gave for a bad input."""
    text = (RECORDED / "bad-inputs-conditions.txt").read_text()
    block = text.split(f"{case} kafka kc", 1)[1].split(" kafka kc", 1)[0]
    found = re.search(r"NotReady True \| (.*?) \| (.*)", block)
    assert found
    return found[1], found[2]


def spec(**changes: Any) -> Change:
    return lambda resource, _: resource["spec"]["kafka"].update(changes)


def config(**changes: Any) -> Change:
    return lambda resource, _: resource["spec"]["kafka"]["config"].update(
        {k.replace("_", "."): v for k, v in changes.items()}
    )


def only(number: int) -> Change:
    def change(_: Object, them: list[Object]) -> None:
        them[:] = [them[number]]

    return change


@pytest.mark.parametrize(
    ("case", "change"),
    [
        pytest.param("b02-unknown-version", spec(version="3.9.7"), id="unknown version"),
        pytest.param("b03-unsupported-version", spec(version="3.8.0"), id="version of another Strimzi"),
        pytest.param("b10-kafka-without-pools", lambda _, them: them.clear(), id="no pools"),
        pytest.param("b11-no-controller-pool", only(0), id="no controller pool"),
        pytest.param("b12-no-broker-pool", only(1), id="no broker pool"),
        pytest.param("b24-zero-brokers", lambda _, them: them[0]["spec"].update(replicas=0), id="no broker"),
        pytest.param("b13-rf-gt-brokers", config(default_replication_factor=5), id="more replicas than brokers"),
        pytest.param("b17-bad-config-value", config(num_partitions="abc"), id="no number"),
        pytest.param(
            "b18-duplicate-listener-port", spec(listeners=[PLAIN, PLAIN | {"name": "two"}]), id="one port twice"
        ),
    ],
)
def test_bad_input_is_told_as_the_real_operator_does(case: str, change: Change) -> None:
    resource, them = kafka(), pools()
    resource["metadata"] |= {"name": "kc", "namespace": case}
    change(resource, them)
    with pytest.raises(Problem) as caught:
        plan(resource, them, {}, IMAGES)
    assert (caught.value.reason, str(caught.value)) == told(case)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(spec(version="4.0.0"), 'spec.kafka.version: "4.0.0"', id="Kafka 4"),
        pytest.param(lambda resource, _: resource["spec"]["kafka"].pop("version"), 'spec.kafka.version: "4.0.0"', id="default version"),
        pytest.param(spec(authorization={"type": "simple"}), "spec.kafka.authorization", id="authorization"),
        pytest.param(spec(listeners=[PLAIN | {"tls": True}]), "spec.kafka.listeners[0].tls: true", id="TLS"),
        pytest.param(spec(listeners=[PLAIN | {"type": "loadbalancer"}]), 'spec.kafka.listeners[0].type: "loadbalancer"', id="load balancer"),
        pytest.param(spec(listeners=[PLAIN | {"authentication": {"type": "tls"}}]), "spec.kafka.listeners[0].authentication", id="authentication"),
        pytest.param(lambda resource, _: resource["spec"].update(cruiseControl={}), "spec.cruiseControl", id="Cruise Control"),
        pytest.param(lambda resource, _: resource["spec"].update(kafkaExporter={}), "spec.kafkaExporter", id="Kafka Exporter"),
        pytest.param(lambda _, them: them[1]["spec"].update(replicas=2), "KafkaNodePool controller spec.replicas: scaling down", id="scaling down"),
        pytest.param(
            lambda _, them: them[1]["spec"]["template"]["pod"].update(hostAliases=[]),
            "KafkaNodePool controller spec.template.pod.hostAliases", id="part of a template",
        ),
    ],
)  # fmt: skip
def test_what_the_lab_cannot_do_is_named(change: Change, named: str) -> None:
    resource, them = kafka(), pools()
    change(resource, them)
    with pytest.raises(Problem) as caught:
        plan(resource, them, {}, IMAGES)
    assert caught.value.reason == "NotImplementedOnTheLab"
    assert f"does not implement {named}: leave it out on the lab." in str(caught.value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param({"a": 1, "b": {"c": [{"d": True}]}}, [], id="all known"),
        pytest.param({"x": 1}, ["s.x"], id="unknown key"),
        pytest.param(
            {"b": {"c": [{"d": True}, {"d": False, "e": 1}]}}, ["s.b.c[1].d: false", "s.b.c[1].e"], id="in a list"
        ),
    ],
)
def test_unimplemented(value: Object, found: list[str]) -> None:
    assert list(unimplemented(value, {"a": True, "b": {"c": [{"d": (True,)}]}}, "s")) == found


def pool(name: str, replicas: int, present: list[int] | None = None, wishes: str = "") -> Object:
    meta = {"name": name, "annotations": {"strimzi.io/next-node-ids": wishes} if wishes else {}}
    return {"metadata": meta, "spec": {"replicas": replicas}, "status": {"nodeIds": present} if present else {}}


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        pytest.param([pool("a", 3), pool("b", 2)], {"a": [0, 1, 2], "b": [3, 4]}, id="by name, without gaps"),
        pytest.param([pool("a", 3, wishes="[0-2,6-99]"), pool("b", 3, wishes="[3-5]")], {"a": [0, 1, 2], "b": [3, 4, 5]}, id="pinned"),
        pytest.param([pool("a", 4, [0, 1, 2], "[0-2,6-99]"), pool("b", 3, [3, 4, 5])], {"a": [0, 1, 2, 6], "b": [3, 4, 5]}, id="grown"),
        pytest.param([pool("a", 3, [0, 7]), pool("b", 1, [2])], {"a": [0, 1, 7], "b": [2]}, id="into the lowest gap"),
        pytest.param([pool("a", 2, wishes="[9-8]")], {"a": [8, 9]}, id="falling range"),
        pytest.param([pool("a", 2, wishes="[5]")], {"a": [0, 5]}, id="wishes run out"),
        pytest.param([pool("a", 1, wishes="3-5")], {"a": [0]}, id="no range"),
    ],
)  # fmt: skip
def test_node_ids(given: list[Object], ids: dict[str, list[int]]) -> None:
    assert assign_node_ids(given) == ids


CLAIM = {"id": 0, "type": "persistent-claim", "size": "100Gi", "class": "gp3"}


@pytest.mark.parametrize(
    ("desired", "allowed"),
    [
        pytest.param(CLAIM, True, id="same"),
        pytest.param(CLAIM | {"size": "0.2Ti"}, True, id="grown"),
        pytest.param(CLAIM | {"deleteClaim": True, "kraftMetadata": "shared"}, True, id="kept or not"),
        pytest.param(CLAIM | {"size": "100G"}, False, id="shrunk by its unit"),
        pytest.param(CLAIM | {"class": "other"}, False, id="another class"),
        pytest.param({"id": 0, "type": "ephemeral"}, False, id="ephemeral"),
    ],
)
def test_storage_changes(desired: Object, allowed: bool) -> None:
    volumes = [{"type": "jbod", "volumes": [volume]} for volume in (CLAIM, desired)]
    assert is_allowed(*volumes) is allowed
    assert is_allowed(volumes[0], {"type": "jbod", "volumes": [desired, CLAIM | {"id": 1}]}) is allowed


def test_a_storage_change_that_is_not_allowed_is_ignored_with_the_real_warning() -> None:
    them = pools()
    present = {"data-on-eks-broker": observed("strimzipodset--data-on-eks-broker")}
    storage = json.loads(present["data-on-eks-broker"]["metadata"]["annotations"]["strimzi.io/storage"])
    them[0]["spec"]["storage"]["volumes"][0]["size"] = "10Gi"
    planned = plan(kafka(), them, present, IMAGES)
    assert planned.pools[0].storage == storage
    shrunk = yaml.safe_load((RECORDED / "kafka-cr-status-06-live-storage-shrink.yaml").read_text())
    (real,) = [c for c in shrunk["status"]["conditions"] if c["type"] == "Warning"]
    del real["lastTransitionTime"]
    assert list(planned.warnings) == list(planned.pools[0].warnings) == [real]


def test_replication_that_is_left_to_kafka_is_warned_about() -> None:
    assert [warning["reason"] for warning in cluster(config={}).warnings] == [
        "KafkaDefaultReplicationFactor",
        "KafkaMinInsyncReplicas",
    ]


def test_two_controllers_are_warned_about() -> None:
    them = pools()
    them[1]["status"]["nodeIds"] = [3, 4]
    them[1]["spec"]["replicas"] = 2
    assert [warning["reason"] for warning in plan(kafka(), them, {}, IMAGES).warnings] == [
        "KafkaKRaftControllerNodeCount"
    ]


def test_the_cluster_id_stays_as_long_as_anything_knows_it() -> None:
    known = observed("kafka--data-on-eks")["status"]["clusterId"]
    forgotten = kafka()
    del forgotten["status"]
    assert plan(kafka(), pools(), {}, IMAGES).cluster_id == plan(forgotten, pools(), {}, IMAGES).cluster_id == known
    new = [item | {"status": {}} for item in pools()]
    assert re.fullmatch(r"[\w-]{22}", plan(forgotten, new, {}, IMAGES).cluster_id)


def test_annotations_decide_who_is_managed_and_paused() -> None:
    resource = kafka()
    assert is_managed(resource)
    assert not is_paused(resource)
    resource["metadata"]["annotations"] = {"strimzi.io/kraft": "enabled", "strimzi.io/pause-reconciliation": "true"}
    assert not is_managed(resource)
    assert is_paused(resource)


def test_only_pools_with_the_label_belong_to_a_cluster() -> None:
    them = [
        *reversed(pools()),
        {"metadata": {"name": "other", "labels": {"strimzi.io/cluster": "other"}}},
        {"metadata": {"name": "none"}},
    ]
    assert [item["metadata"]["name"] for item in pools_of(kafka(), them)] == ["broker", "controller"]
