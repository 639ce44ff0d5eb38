from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Render = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def validators(crd_validator: Callable[[str, str], Any]) -> Callable[[dict[str, Any]], list[str]]:
    """Checks an object against Strimzi's real CRD of its version."""
    return crd_validator("crds", "crds/0.47.0")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"kafka_cluster_listeners": ["plain"]}, id="plain only"),
        pytest.param(
            {"kafka_cluster_listeners": ["plain", "scram", "mtls"], "kafka_cluster_brokers": 5}, id="all listeners"
        ),
        pytest.param(
            {"kafka_cluster_controllers": 1, "kafka_cluster_config": {"num.io.threads": 16}}, id="own settings"
        ),
    ],
)
def test_manifests_are_what_strimzi_accepts(
    render: Render, validators: Callable[[dict[str, Any]], list[str]], settings: dict[str, Any]
) -> None:
    objects = render("kafka_cluster", "kafka.yml.j2", **settings) + render(
        "kafka_cluster", "kafka_topic.yml.j2", **settings
    )
    assert [o["kind"] for o in objects] == ["Namespace", "KafkaNodePool", "KafkaNodePool", "Kafka", "KafkaTopic"]
    assert {o["metadata"]["name"]: validators(o) for o in objects[1:]} == {
        o["metadata"]["name"]: [] for o in objects[1:]
    }


def test_the_validator_finds_an_unknown_field(
    validators: Callable[[dict[str, Any]], list[str]], render: Render
) -> None:
    kafka = render("kafka_cluster", "kafka.yml.j2")[3]
    kafka["spec"]["kafka"]["bogusField"] = 1
    assert any("bogusField" in problem for problem in validators(kafka))


def test_pods_go_only_where_their_pool_lives(render: Render) -> None:
    for pool in render("kafka_cluster", "kafka.yml.j2")[1:3]:
        name, template = pool["metadata"]["name"], pool["spec"]["template"]["pod"]
        (term,) = template["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
            "nodeSelectorTerms"
        ]
        assert term["matchExpressions"] == [{"key": "kafka-eks.streamops.io/pool", "operator": "In", "values": [name]}]
        assert template["tolerations"][0]["value"] == name
        (spread,) = template["topologySpreadConstraints"]
        assert (spread["whenUnsatisfiable"], spread["minDomains"]) == ("DoNotSchedule", 3)
        assert spread["labelSelector"]["matchLabels"]["strimzi.io/pool-name"] == name


@pytest.mark.parametrize("one", [1, "1"])
def test_one_zone_is_no_zone(render: Render, validators: Callable[[dict[str, Any]], list[str]], one: Any) -> None:
    objects = render("kafka_cluster", "kafka.yml.j2", kafka_cluster_zones=one)
    assert [validators(obj) for obj in objects[1:]] == [[], [], []]
    for pool in objects[1:3]:
        template = pool["spec"]["template"]["pod"]
        assert "topologySpreadConstraints" not in template and "podAntiAffinity" in template["affinity"]
    assert "rack" not in objects[3]["spec"]["kafka"]
    assert render("kafka_cluster", "kafka.yml.j2")[3]["spec"]["kafka"]["rack"] == {
        "topologyKey": "topology.kubernetes.io/zone"
    }


def test_what_is_to_be_placed(evaluate: Callable[..., Any]) -> None:
    settings = {"kafka_cluster_brokers": 5, "kafka_cluster_zones": 2, "kafka_cluster_controller_resources": {}}
    broker, controller = evaluate("kafka_cluster", "__kafka_cluster_placed", **settings)
    assert broker == {"name": "broker", "pods": 5, "zones": 2, "requests": {"cpu": "6", "memory": "58Gi"}}
    assert controller == {"name": "controller", "pods": 3, "zones": 2, "requests": {}}


def test_defaults_are_the_secure_ones(render: Render) -> None:
    kafka = render("kafka_cluster", "kafka.yml.j2")[3]["spec"]["kafka"]
    assert [listener["name"] for listener in kafka["listeners"]] == ["scram", "mtls"]
    assert all(listener["tls"] and listener["authentication"] for listener in kafka["listeners"])
    assert kafka["authorization"] == {"type": "simple"}
    assert kafka["config"]["auto.create.topics.enable"] is False


def test_volumes_outlive_the_cluster(render: Render) -> None:
    for pool in render("kafka_cluster", "kafka.yml.j2")[1:3]:
        assert [volume["deleteClaim"] for volume in pool["spec"]["storage"]["volumes"]] == [False]


@pytest.mark.parametrize(
    "settings, refused",
    [
        pytest.param({}, [], id="plain"),
        pytest.param({"kafka_cluster_listeners": ["scram", "mtls"]}, ["probe"], id="no user to prove a listener with"),
        pytest.param({"kafka_cluster_replication_factor": 5}, ["replication factor"], id="more copies than brokers"),
        pytest.param(
            {"kafka_cluster_min_insync_replicas": 4}, ["in-sync replicas"], id="more in-sync copies than copies"
        ),
        pytest.param({"kafka_cluster_min_insync_replicas": 3}, [], id="as many in-sync copies as copies is allowed"),
        pytest.param({"kafka_cluster_controllers": 2}, ["controllers"], id="two controllers"),
        pytest.param(
            {"kafka_cluster_controllers": "1", "kafka_cluster_brokers": "10", "kafka_cluster_replication_factor": "5"},
            [],
            id="numbers of the command line, which are texts",
        ),
        pytest.param({"kafka_cluster_listeners": []}, ["listeners"], id="no listener"),
    ],
)
def test_promises_that_cannot_be_kept_are_refused(
    evaluate: Callable[..., Any], settings: dict[str, Any], refused: list[str]
) -> None:
    rules = evaluate("kafka_cluster", "__kafka_cluster_rules", **{"kafka_cluster_listeners": ["plain"], **settings})
    assert [rule["name"] for rule in rules if not rule["that"]] == refused
