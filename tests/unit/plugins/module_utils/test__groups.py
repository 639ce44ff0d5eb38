from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._groups import Group, group_of

OPTIONS = {"name": "b", "instance_types": ["m8g.large"]}


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
