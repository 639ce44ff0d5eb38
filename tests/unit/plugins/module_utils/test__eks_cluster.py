from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_cluster


@pytest.mark.parametrize("mode, next_mode", [("CONFIG_MAP", "API_AND_CONFIG_MAP"), ("API_AND_CONFIG_MAP", "API")])
def test_the_way_to_access_entries_has_two_steps(mode, next_mode):
    want = {"tags": {}, "authentication_mode": "API"}
    same = dict.fromkeys(
        ("private_access", "public_access_cidrs", "logs", "support_type", "deletion_protection"), "as it is"
    )
    (request,) = _eks_cluster._cluster_updates(
        {"name": "demo"}, {**same, **want, "authentication_mode": mode}, {**same, **want}
    )
    assert request.arguments["accessConfig"] == {"authenticationMode": next_mode}
