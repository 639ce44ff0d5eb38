from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _offerings
from ansible_collections.streamops.kafka_eks.plugins.module_utils._cost import Volumes
from ansible_collections.streamops.kafka_eks.plugins.module_utils._groups import Group

ZONES = ["usw2-az1", "usw2-az2", "usw2-az3"]
NETWORK = dict(zip(("us-west-2a", "us-west-2b", "us-west-2c"), ZONES, strict=True))
BROKER = Group("broker", ("r8g.4xlarge",), 3)
R8G = {
    "ProcessorInfo": {"SupportedArchitectures": ["arm64"]},
    "EbsInfo": {
        "EbsOptimizedInfo": {
            "BaselineThroughputInMBps": 625.0,
            "BaselineIops": 20000,
            "MaximumThroughputInMBps": 1250.0,
            "MaximumIops": 40000,
        }
    },
}
VOLUME = Volumes("broker", "gp3", 3, 1000)


@pytest.mark.parametrize(
    ("group", "types", "offered", "status", "words"),
    [
        pytest.param(
            {}, {"r8g.4xlarge": R8G}, ZONES, "ok", "is offered in usw2-az1, usw2-az2, usw2-az3", id="all zones"
        ),
        pytest.param({}, {}, [], "failed", "EC2 has no instance type r8g.4xlarge in us-west-2", id="no such type"),
        pytest.param(
            {"ami_type": "AL2023_x86_64_STANDARD"},
            {"r8g.4xlarge": R8G},
            ZONES,
            "failed",
            "r8g.4xlarge is arm64, but the image AL2023_x86_64_STANDARD is x86_64",
            id="another architecture",
        ),
        pytest.param(
            {},
            {"r8g.4xlarge": R8G},
            ZONES[:2],
            "failed",
            "is not offered in usw2-az3, so that its 3 nodes cannot be spread",
            id="not in one zone, and a node for each",
        ),
        pytest.param(
            {"size": 2}, {"r8g.4xlarge": R8G}, ZONES[:2], "low", "not offered in usw2-az3", id="two are enough"
        ),
        pytest.param(
            {"size": 0}, {"r8g.4xlarge": R8G}, [], "failed", "usw2-az2, usw2-az3, so that it has no nodes", id="nowhere"
        ),
        pytest.param(
            {"zones": ("us-west-2a", "us-west-2b")},
            {"r8g.4xlarge": R8G},
            ZONES[:2],
            "ok",
            "is offered in usw2-az1, usw2-az2.",
            id="in the zones of its pool",
        ),
        pytest.param(
            {"zones": ("us-west-2c",)}, {"r8g.4xlarge": R8G}, ZONES[:2], "failed", "has no nodes", id="not in its own"
        ),
    ],
)
def test_types_are_looked_for_in_the_zones(group, types, offered, status, words):
    wanted = dataclasses.replace(BROKER, **group)
    (check,) = _offerings.checks([wanted], types, {"r8g.4xlarge": offered}, NETWORK, "us-west-2")
    assert (check.check, check.status) == ("offering_broker", status)
    assert words in check.sentence


def test_any_type_of_a_group_will_do_in_a_zone():
    group = Group("core", ("r8g.4xlarge", "r7g.4xlarge"), 3)
    types = dict.fromkeys(group.instance_types, R8G)
    offered = {"r8g.4xlarge": ZONES[:2], "r7g.4xlarge": ZONES}
    checks = list(_offerings.checks([group], types, offered, NETWORK, "us-west-2"))
    assert [check.status for check in checks] == ["ok", "ok"]
    assert checks[0].sentence.endswith("r8g.4xlarge is not offered in usw2-az3, where others of its types are.")
    nowhere = dict.fromkeys(types, ZONES[:2])
    checks = list(_offerings.checks([group], types, nowhere, NETWORK, "us-west-2"))
    assert [check.status for check in checks] == ["failed", "failed"]


def test_a_pool_by_requirements_is_not_known_where_it_is_needed():
    member = Group("broker", (), 3, is_pool=True)
    (check,) = _offerings.checks([member, dataclasses.replace(member, size=0)], {}, {}, NETWORK, "us-west-2")
    assert (check.check, check.status) == ("offering_broker", "unknown")
    assert check.sentence.startswith("Pool 'broker' has requirements instead of instance types")


def test_a_pool_in_a_zone_without_subnets_is_told():
    pools = [dataclasses.replace(BROKER, name=name, zones=("us-west-2a", "us-west-2d")) for name in ("b", "c")]
    found = list(_offerings.checks(pools, {"r8g.4xlarge": R8G}, {"r8g.4xlarge": ZONES}, NETWORK, "us-west-2"))
    assert [(check.check, check.status) for check in found] == [
        ("pool_zones", "failed"),
        ("offering_b", "ok"),
        ("offering_c", "ok"),
    ]
    assert found[0].sentence == (
        "Pools of nodes are to be in us-west-2d, where the network has no subnets: choose from us-west-2a, us-west-2b, us-west-2c."
    )


@pytest.mark.parametrize(
    ("volume", "status", "words"),
    [
        pytest.param({}, "ok", "the instance's 625 MB/s and 20,000 IOPS", id="the baseline of gp3"),
        pytest.param({"throughput": 596, "iops": 20000}, "ok", "are more", id="just so"),
        pytest.param(
            {"throughput": 600}, "low", "can do 629 MB/s, but the instance does 625 for long", id="over the baseline"
        ),
        pytest.param({"iops": 20001}, "low", "20,001 IOPS, but the instance does 20,000 for long", id="IOPS over it"),
        pytest.param(
            {"throughput": 2000}, "failed", "more than the 1,250 that the instance can ever do", id="over all"
        ),
        pytest.param({"iops": 80000}, "failed", "80,000 IOPS, more than the 40,000", id="IOPS over all"),
        pytest.param({"type": "st1"}, "ok", "are more", id="nothing is said of another type"),
    ],
)
def test_volumes_are_compared_with_the_instance(volume, status, words):
    (check,) = _offerings.volume_checks([(dataclasses.replace(VOLUME, **volume), BROKER)], {"r8g.4xlarge": R8G})
    assert (check.check, check.status) == ("ebs_broker", status)
    assert words in check.sentence


def test_what_gp3_can_do_anyway_is_no_wish():
    small = {"EbsInfo": {"EbsOptimizedInfo": {**R8G["EbsInfo"]["EbsOptimizedInfo"], "BaselineThroughputInMBps": 78.75}}}
    (check,) = _offerings.volume_checks([(VOLUME, BROKER)], {"r8g.4xlarge": small})
    assert (check.status, check.sentence) == (
        "ok",
        "Volumes 'broker' on r8g.4xlarge can do 131 MB/s, but the instance does 78.75 for long, and more for half an hour a day.",
    )


def test_an_instance_that_says_nothing_is_unknown():
    (check,) = _offerings.volume_checks([(VOLUME, BROKER)], {"r8g.4xlarge": {}})
    assert check.status == "unknown"
