"""The address plan of the role is one that AWS takes."""

from __future__ import annotations

from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network


def test_the_default_network_is_possible(evaluate):
    options = {
        name: evaluate("network", f"network_{name}") for name in ("cidr", "secondary_cidr", "zone_count", "nat", "tags")
    }
    _network.check(
        _network.Settings(cluster=evaluate("network", "network_cluster_name"), region="us-west-2", **options)
    )
