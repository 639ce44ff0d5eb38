from __future__ import annotations

import pytest


def setting(*terms: str) -> str:
    return "lookup('streamops.kafka_eks.role_setting', '" + "', '".join(terms) + "')"


def test_a_setting_is_what_the_role_would_use(templated):
    names = {
        "kafka_cluster_brokers": "kafka_cluster",
        "kafka_cluster_kafka_version": "kafka_cluster",
        "kafka_cluster_replication_factor": "kafka_cluster",
        "load_test_bootstrap_servers": "load_test",
        "network_cluster_name": "network",
        "network_tags": "network",
        "network_interface_endpoints": "network",
    }
    found = templated(
        {name: setting(role, name) for name, role in names.items()},
        kafka_eks_kafka_version="4.0.0",
        kafka_cluster_brokers=6,
        load_test_namespace="streams",
        network_nat="none",
        network_tags={"team": "{{ kafka_eks_cluster_name }}"},
    )
    # Made from what the role keeps for itself.
    assert "ecr.api" in found.pop("network_interface_endpoints")
    assert found == {
        "kafka_cluster_brokers": 6,
        "kafka_cluster_kafka_version": "4.0.0",
        "kafka_cluster_replication_factor": 3,
        "load_test_bootstrap_servers": "data-on-eks-kafka-bootstrap.streams.svc:9092",
        "network_cluster_name": "kafka-on-eks",
        "network_tags": {"team": "kafka-on-eks"},
    }


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        pytest.param(
            ["networks", "network_nat"], "has no role 'networks' with defaults: name one of", id="no such role"
        ),
        pytest.param(
            ["network", "network_nats"], "'network' has no default of a setting 'network_nats'", id="no such setting"
        ),
        pytest.param(["network"], "give it a role and one of its settings", id="too little"),
    ],
)
def test_what_is_not_there_is_an_error(templated, terms, error):
    assert error in templated({"it": setting(*terms)})["error"]


def test_a_value_of_the_wrong_type_is_refused_by_the_name_of_the_setting(templated):
    found = templated({"it": setting("kafka_cluster", "kafka_cluster_brokers")}, kafka_cluster_brokers="many")
    assert "argument 'kafka_cluster_brokers' is of type str and we were unable to convert to int" in found["error"]
