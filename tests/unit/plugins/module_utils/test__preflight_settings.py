from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._cost import Volumes
from ansible_collections.streamops.kafka_eks.plugins.module_utils._groups import Group
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import Settings
from ansible_collections.streamops.kafka_eks.plugins.module_utils._preflight_settings import (
    NEEDED_ENDPOINTS,
    Kafka,
    checks,
    network,
)

NETWORK = Settings("demo", "us-west-2", "10.1.0.0/16", "100.64.0.0/16", 3, (), True, "per_zone", (), {})
KAFKA = Kafka(3, 3, 3, 3, 2)
GROUPS = [Group(pool, ("m8g.large",), 3, pool=pool) for pool in ("broker", "controller")]
VOLUME = Volumes("broker", "gp3", 3, 1000)


def judged(plan=None, cidrs=("203.0.113.7/32",), kafka=None, groups=GROUPS, volume=None):
    found = checks(
        dataclasses.replace(NETWORK, **(plan or {})),
        cidrs,
        dataclasses.replace(KAFKA, **(kafka or {})),
        groups,
        [dataclasses.replace(VOLUME, **(volume or {}))],
    )
    return {check.check: (check.status, check.sentence) for check in found}


def test_the_defaults_do_not_contradict_each_other():
    assert {check: status for check, (status, _) in judged().items()} == {
        "endpoint_access": "ok",
        "volume_broker": "ok",
        "kafka_replication": "ok",
        "kafka_zones": "ok",
        "nodes_broker": "ok",
        "nodes_controller": "ok",
    }
    assert network(NETWORK).status == "ok"


@pytest.mark.parametrize(
    ("settings", "check", "status", "words"),
    [
        pytest.param(
            {"plan": {"nat": "none"}},
            "endpoints",
            "failed",
            "no interface endpoint for ec2, ecr.api, ecr.dkr, eks, eks-auth, sqs, ssm, sts",
            id="no way out",
        ),
        pytest.param(
            {"plan": {"nat": "none", "interface_endpoints": NEEDED_ENDPOINTS}},
            "endpoints",
            "low",
            "such as those of quay.io, cannot be pulled",
            id="no way out but to AWS",
        ),
        pytest.param({"cidrs": ["0.0.0.0/0"]}, "endpoint_access", "failed", "the whole internet", id="open to all"),
        pytest.param({"cidrs": []}, "endpoint_access", "low", "run this from inside the VPC", id="private only"),
        pytest.param(
            {"kafka": {"replication_factor": 4}}, "kafka_replication", "failed", "4 is wanted of 3 brokers", id="copies"
        ),
        pytest.param(
            {"kafka": {"min_insync_replicas": 4}}, "kafka_replication", "failed", "none would succeed", id="in sync"
        ),
        pytest.param(
            {"kafka": {"min_insync_replicas": 3}},
            "kafka_replication",
            "low",
            "each restart of a broker",
            id="all in sync",
        ),
        pytest.param(
            {"plan": {"zone_count": 2}}, "kafka_zones", "failed", "3 zones, but its nodes are in 2", id="zones"
        ),
        pytest.param(
            {"plan": {"zone_ids": ("a", "b")}},
            "kafka_zones",
            "failed",
            "3 zones, but its nodes are in 2",
            id="zone ids",
        ),
        pytest.param(
            {"groups": [dataclasses.replace(GROUPS[0], zones=("a", "b"))]},
            "kafka_zones",
            "failed",
            "3 zones, but its nodes are in 2",
            id="zones of its pool",
        ),
        pytest.param(
            {"kafka": {"brokers": 2, "replication_factor": 2, "min_insync_replicas": 1}},
            "kafka_zones",
            "low",
            "2 brokers cannot be in all of 3 zones",
            id="fewer brokers than zones",
        ),
        pytest.param({"kafka": {"zones": 2}}, "kafka_zones", "low", "3 copies in 2 zones", id="two copies in a zone"),
        pytest.param(
            {"kafka": {"brokers": 4}}, "nodes_broker", "failed", "4 brokers, but its node groups have 3", id="nodes"
        ),
        pytest.param({"groups": GROUPS[:1]}, "nodes_controller", "low", "pool=controller", id="no nodes of that label"),
        pytest.param({"volume": {"size_gib": 65537}}, "volume_broker", "failed", "gp3 is 1 to 65,536 GiB", id="size"),
        pytest.param({"volume": {"iops": 2000}}, "volume_broker", "failed", "3,000 to 80,000 IOPS", id="too few IOPS"),
        pytest.param({"volume": {"iops": 80001}}, "volume_broker", "failed", "3,000 to 80,000 IOPS", id="IOPS"),
        pytest.param(
            {"volume": {"throughput": 2001, "iops": 80000}}, "volume_broker", "failed", "125 to 2,000 MiB/s", id="speed"
        ),
        pytest.param(
            {"volume": {"size_gib": 10, "iops": 5001}},
            "volume_broker",
            "failed",
            "500 IOPS for each GiB",
            id="IOPS/GiB",
        ),
        pytest.param(
            {"volume": {"size_gib": 1}}, "volume_broker", "ok", "3,000 IOPS", id="the baseline is always there"
        ),
        pytest.param(
            {"volume": {"throughput": 751}},
            "volume_broker",
            "failed",
            "0.25 MiB/s for each of its IOPS",
            id="MiB/s/IOPS",
        ),
        pytest.param(
            {"volume": {"throughput": 750}}, "volume_broker", "ok", "750 MiB/s", id="as much as its IOPS carry"
        ),
        pytest.param(
            {"volume": {"type": "io2"}}, "volume_broker", "ok", "of io2", id="other types have limits of their own"
        ),
    ],
)
def test_contradictions_are_told(settings, check, status, words):
    found, sentence = judged(**settings)[check]
    assert found == status
    assert words in sentence


def test_a_network_that_cannot_be_is_told():
    check = network(dataclasses.replace(NETWORK, secondary_cidr="10.1.0.0/16"))
    assert (check.check, check.status) == ("network_settings", "failed")
    assert "overlap" in check.sentence
