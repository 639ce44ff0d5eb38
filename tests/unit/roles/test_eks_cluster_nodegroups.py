"""The node group of the role is one that EKS takes, for whatever is not Kafka: Kafka's nodes are launched by Karpenter."""

from __future__ import annotations

from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_nodegroups

# What the module takes where the list does not say.
OMITTED = {
    **dict.fromkeys(("version", "release_version", "max_unavailable", "max_unavailable_percentage")),
    "metadata_hop_limit": 1,
    "root_volume": {"size": 50, "iops": 3000, "throughput": 125},
}


def test_the_core_has_two_nodes_for_everybody(evaluate):
    (group,) = evaluate("eks_cluster", "eks_cluster_nodegroups")
    assert (group["name"], group["instance_types"], group["desired_size"]) == ("core", ["m8g.large"], 2)
    assert not {"labels", "taints"} & group.keys()
    _eks_nodegroups.check_nodegroups([{**OMITTED, **group, "role": "node"}], "kafka-on-eks")
