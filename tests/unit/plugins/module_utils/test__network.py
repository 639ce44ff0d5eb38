from __future__ import annotations

from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import Ref


def subnet(kind, zone_id, **tags):
    return {"cidr": "10.1.0.0/24", "zone": "us-west-2a", "zone_id": zone_id, "tags": {"kafka-eks/subnet": kind, **tags}}


def test_subnets_are_listed_by_kind_and_zone_and_have_ids_when_they_are_there():
    network = {
        "subnet": {
            "demo-intra-usw2-az2": subnet("intra", "usw2-az2"),
            "demo-intra-usw2-az1": subnet("intra", "usw2-az1"),
            "theirs": {**subnet("intra", "usw2-az1"), "tags": {}},
        }
    }
    ids = {Ref("vpc", "demo"): "vpc-1", Ref("subnet", "demo-intra-usw2-az1"): "subnet-1"}
    summary = _network.summary(network, ids)
    assert summary["vpc_id"] == "vpc-1"
    assert summary["subnets"]["public"] == summary["subnets"]["private"] == []
    assert [(one["name"], one["id"]) for one in summary["subnets"]["intra"]] == [
        ("demo-intra-usw2-az1", "subnet-1"),
        ("demo-intra-usw2-az2", None),
    ]


def test_a_diff_does_not_show_kinds_of_which_there_is_nothing():
    assert _network.shown({"vpc": {"demo": {}}, "subnet": {}}) == {"vpc": {"demo": {}}}
