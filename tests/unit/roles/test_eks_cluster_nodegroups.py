"""The node groups of the role are such that EKS takes them, and that only Kafka runs on those of Kafka."""

from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_nodegroups

POOL = "kafka-eks.streamops.io/pool"
# What the module takes where the list does not say.
OMITTED = {
    **dict.fromkeys(("version", "release_version", "max_unavailable", "max_unavailable_percentage")),
    "metadata_hop_limit": 1,
    "root_volume": {"size": 50, "iops": 3000, "throughput": 125},
}


@pytest.fixture
def nodegroups(evaluate):
    return {group["name"]: group for group in evaluate("eks_cluster", "eks_cluster_nodegroups")}


@pytest.mark.parametrize(
    ("name", "machines"),
    [
        ("core", ("m8g.large", 2)),
        ("broker", ("r8g.4xlarge", 3)),
        ("controller", ("m8g.large", 3)),
        ("load", ("c8g.2xlarge", 1)),
    ],
)
def test_each_pool_has_its_machines(nodegroups, name, machines):
    group = nodegroups[name]
    assert (*group["instance_types"], group["desired_size"]) == machines
    _eks_nodegroups.check_nodegroups([{**OMITTED, **group, "role": "node"}], "kafka-on-eks")


@pytest.mark.parametrize("name", ["broker", "controller", "load"])
def test_only_pods_of_a_pool_run_on_its_nodes(nodegroups, name):
    assert nodegroups[name]["labels"] == {POOL: name}
    assert nodegroups[name]["taints"] == [{"key": POOL, "value": name, "effect": "NoSchedule"}]


def test_the_core_is_for_everybody(nodegroups):
    assert "taints" not in nodegroups["core"]
