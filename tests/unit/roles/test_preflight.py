"""What the preflight takes from the settings of the other roles."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles/preflight"
NAMES = (
    *("kubernetes_version", "support_type", "public_access_cidrs", "nodegroups", "network", "kafka", "volumes"),
    *("strimzi_version", "kafka_version", "zones", "nat_gateways", "load", "packages"),
)


@pytest.fixture
def values(templated):
    def found(**settings):
        given = {
            **yaml.safe_load((ROLE / "defaults/main.yml").read_text()),
            "kafka_eks_public_access_cidrs": ["203.0.113.7/32"],
            "role_path": str(ROLE),
            **settings,
        }
        answers = templated({name: f"__preflight_{name}" for name in NAMES}, ROLE / "vars/main.yml", **given)
        assert "error" not in answers, answers["error"]
        return answers

    return found


def test_it_judges_what_the_other_roles_make(values):
    found = values()
    assert [(group["name"], group["instance_types"], group["desired_size"]) for group in found["nodegroups"]] == [
        ("core", ["m8g.large"], 2),
        ("broker", ["r8g.4xlarge"], 3),
        ("controller", ["m8g.large"], 3),
        ("load", ["c8g.2xlarge"], 1),
    ]
    assert found["network"] == {
        "cidr": "10.1.0.0/16",
        "secondary_cidr": "100.64.0.0/16",
        "zone_count": 3,
        "zone_ids": [],
        "public": True,
        "nat": "per_zone",
        "interface_endpoints": [],
    }
    assert found["kafka"] == {
        "brokers": 3,
        "controllers": 3,
        "zones": 3,
        "replication_factor": 3,
        "min_insync_replicas": 2,
    }
    assert found["volumes"] == [
        {"name": "broker", "count": 3, "size": "1000Gi"},
        {"name": "controller", "count": 3, "size": "50Gi"},
    ]
    assert (found["kubernetes_version"], found["support_type"]) == ("1.35", "STANDARD")
    assert (found["strimzi_version"], found["kafka_version"]) == ("0.47.0", "3.9.0")
    assert (found["zones"], found["nat_gateways"]) == (3, 3)
    assert found["load"] == {"produced": 10, "consumed": 20, "rack_aware": False, "replication_factor": 3}
    assert any(line.startswith("boto3==") for line in found["packages"])


def test_it_follows_their_settings(values):
    found = values(
        network_nat="none",
        network_zone_ids=["usw2-az1", "usw2-az2"],
        kafka_cluster_brokers=6,
        kafka_cluster_broker_storage="2Ti",
        kafka_eks_strimzi_version="1.2.0",
        kafka_eks_kafka_version="4.3.1",
        preflight_usage={"load": {"produced": 50, "consumed": 0}},
    )
    assert (found["zones"], found["nat_gateways"]) == (2, 0)
    assert "ecr.api" in found["network"]["interface_endpoints"]
    assert found["volumes"][0] == {"name": "broker", "count": 6, "size": "2Ti"}
    assert (found["strimzi_version"], found["kafka_version"]) == ("1.2.0", "4.3.1")
    assert found["load"] == {"produced": 50, "consumed": 0, "replication_factor": 3}
