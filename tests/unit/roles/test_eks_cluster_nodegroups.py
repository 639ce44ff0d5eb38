"""The node groups of the role are such that EKS takes them, and that only Kafka runs on those of Kafka."""

from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_nodegroups, _iam

POOL = "kafka-eks.streamops.io/pool"


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
    _eks_nodegroups.check_nodegroups([{**group, "role": "node"}])


@pytest.mark.parametrize("name", ["broker", "controller", "load"])
def test_only_pods_of_a_pool_run_on_its_nodes(nodegroups, name):
    assert nodegroups[name]["labels"] == {POOL: name}
    assert nodegroups[name]["taints"] == [{"key": POOL, "value": name, "effect": "NoSchedule"}]


def test_the_core_is_for_everybody(nodegroups):
    assert "taints" not in nodegroups["core"]


def test_clusters_of_one_name_in_two_regions_have_different_roles(evaluate):
    here = evaluate("eks_cluster", "__eks_cluster_roles")
    there = evaluate("eks_cluster", "__eks_cluster_roles", kafka_eks_region="eu-west-1")
    assert not {role["name"] for role in here} & {role["name"] for role in there}
    _iam.check(here)
