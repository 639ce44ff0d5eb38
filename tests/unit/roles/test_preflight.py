"""What the preflight takes from the settings of the other roles."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles/preflight"
NAMES = (
    *(
        "kubernetes_version",
        "support_type",
        "public_access_cidrs",
        "nodegroups",
        "node_pools",
        "network",
        "kafka",
        "volumes",
    ),
    *("strimzi_version", "kafka_version", "argocd_version", "zones", "nat_gateways", "load", "packages"),
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
    ]
    assert [
        (pool["name"], pool["instance_types"], pool["size"], pool["temporary"]) for pool in found["node_pools"]
    ] == [
        ("broker", ["r8g.4xlarge"], 3, 0),
        ("controller", ["m8g.large"], 3, 0),
        ("load", ["c8g.2xlarge"], 0, 1),
        ("general", [], 0, 0),
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
        node_pools_classes=[{"name": "large", "volume": {"size": "80Gi", "iops": 4000}}],
        node_pools_pools=[
            {"name": "broker", "class": "large", "instance_types": ["r8g.8xlarge"], "capacity_types": ["spot"]},
            {"name": "load", "class": "general", "requirements": []},
        ],
        node_pools_zones=["us-west-2a", "us-west-2b"],
        load_test_clients=4,
        kafka_cluster_broker_storage="2Ti",
        kafka_eks_strimzi_version="1.2.0",
        kafka_eks_kafka_version="4.3.1",
        preflight_usage={"load": {"produced": 50, "consumed": 0}},
    )
    assert (found["zones"], found["nat_gateways"]) == (2, 0)
    assert "ecr.api" in found["network"]["interface_endpoints"]
    assert found["node_pools"] == [
        {
            "name": "broker",
            "instance_types": ["r8g.8xlarge"],
            "size": 6,
            "temporary": 0,
            "spot": True,
            "zones": ["us-west-2a", "us-west-2b"],
            "root_size": "80Gi",
            "root_iops": 4000,
            "root_throughput": 125,
        },
        {
            "name": "load",
            "instance_types": [],
            "size": 0,
            "temporary": 4,
            "spot": False,
            "zones": ["us-west-2a", "us-west-2b"],
            "root_size": "50Gi",
            "root_iops": 3000,
            "root_throughput": 125,
        },
    ]
    assert found["volumes"][0] == {"name": "broker", "count": 6, "size": "2Ti"}
    assert (found["strimzi_version"], found["kafka_version"]) == ("1.2.0", "4.3.1")
    assert found["load"] == {"produced": 50, "consumed": 0, "replication_factor": 3}


@pytest.mark.parametrize(
    ("settings", "version"),
    [
        pytest.param({}, "3.4.4", id="of the role's own chart"),
        pytest.param({"argocd_chart_version": "99.0.0"}, "", id="of a chart that is not known"),
        pytest.param({"kafka_eks_delivery": "helm"}, "", id="where there is none"),
        pytest.param({"argocd_installation": "existing"}, "", id="where somebody else has installed it"),
    ],
)
def test_it_knows_the_argo_cd_that_is_installed(values, settings, version):
    assert values(**settings)["argocd_version"] == version
