from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._groups import Group, gib, group_of, pool_of

OPTIONS = {"name": "b", "instance_types": ["m8g.large"]}
POOL = {
    **OPTIONS,
    "size": 3,
    "temporary": 1,
    "spot": True,
    "zones": ["us-west-2a"],
    "root_size": "21G",
    "root_iops": 4000,
    "root_throughput": 250,
}


@pytest.mark.parametrize(
    ("options", "group"),
    [
        pytest.param({}, {"size": 1}, id="as little as there can be"),
        pytest.param({"desired_size": None, "min_size": 2}, {"size": 2}, id="the least number"),
        pytest.param({"desired_size": "3", "min_size": 2}, {"size": 3}, id="from the command line"),
        pytest.param({"desired_size": 0}, {"size": 0}, id="none"),
        pytest.param({"capacity_type": "SPOT"}, {"size": 1, "spot": True}, id="spot"),
        pytest.param(
            {"labels": {"kafka-eks.streamops.io/pool": "broker"}, "taints": []},
            {"size": 1, "pool": "broker"},
            id="pool",
        ),
        pytest.param({"root_volume": {"size": 100}}, {"size": 1, "root_size": 100}, id="root volume"),
        pytest.param(
            {"ami_type": "AL2023_x86_64_STANDARD"}, {"size": 1, "ami_type": "AL2023_x86_64_STANDARD"}, id="image"
        ),
    ],
)
def test_a_group_is_read_from_the_options_of_its_module(options, group):
    assert group_of(OPTIONS | options) == Group("b", ("m8g.large",), **group)


@pytest.mark.parametrize(
    ("ami_type", "architecture"),
    [
        ("AL2023_ARM_64_STANDARD", "arm64"),
        ("AL2023_x86_64_STANDARD", "x86_64"),
        ("BOTTLEROCKET_ARM_64", "arm64"),
        ("BOTTLEROCKET_x86_64", "x86_64"),
    ],
)
def test_the_image_tells_the_architecture(ami_type, architecture):
    assert Group("b", ("m8g.large",), 1, ami_type).architecture == architecture


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instance_types": None}, "Node group 'b' cannot be read"),
        ({"desired_size": "many"}, "Node group 'b' cannot be read"),
        ({"instance_types": []}, "has no instance_types"),
        ({"desired_size": -1}, "fewer nodes than none"),
    ],
)
def test_what_is_no_group_is_refused(options, words):
    with pytest.raises(AwsError, match=words):
        group_of(OPTIONS | options)


def test_a_pool_has_an_image_for_each_architecture():
    group = pool_of(POOL)
    assert (group.pool, group.size, group.spot, group.architecture) == ("b", 3, True, None)
    assert (group.root_size, group.root_iops, group.root_throughput) == (20, 4000, 250)
    assert (group.temporary, group.zones) == (1, ("us-west-2a",))
    assert (str(group), str(group_of(OPTIONS))) == ("Pool 'b'", "Node group 'b'")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": -1}, "Pool 'b' is to have fewer nodes than none"),
        ({"temporary": -1}, "Pool 'b' is to have fewer nodes than none"),
        ({"root_size": "big"}, "The size 'big' is none"),
    ],
)
def test_what_is_no_pool_is_refused(options, words):
    with pytest.raises(AwsError, match=words):
        pool_of(POOL | options)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000Gi", 1000), ("1Ti", 1024), ("1024Mi", 1), ("1.5Gi", 1.5), ("1073741824", 1), ("1G", 0.9313)],
)
def test_sizes_are_those_of_kubernetes(text, size):
    assert gib(text) == pytest.approx(size, rel=1e-4)
