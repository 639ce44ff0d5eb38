from __future__ import annotations

from typing import Any

import pytest

from lab.aws import settings


@pytest.fixture
def ask(aws):
    aws.make_network("abc")

    def ask(*pools: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        return aws.run("ec2_offerings_info", cluster_name="demo", pools=list(pools), **arguments)

    return ask


def pool(*types: str, every_zone: bool = True) -> dict[str, Any]:
    return {"name": "broker", "instance_types": list(types), "every_zone": every_zone}


def test_types_that_every_zone_has_are_fine(ask, aws):
    result = ask(pool("r8g.4xlarge"), {"name": "load", "instance_types": ["c8g.2xlarge"]}, check=True)
    assert (result["changed"], sorted(result["offered"])) == (False, ["c8g.2xlarge", "r8g.4xlarge"])
    assert {"us-west-2a", "us-west-2b", "us-west-2c"} <= set(result["offered"]["r8g.4xlarge"])
    assert aws.writes == []


@pytest.mark.parametrize(
    ("wanted", "arguments", "sentence"),
    [
        pytest.param(
            pool("r8g.4xlarge", "r8g.5xlarge"),
            {},
            "Pool 'broker': EC2 has no instance type r8g.5xlarge in us-west-2: correct the name",
            id="no such type",
        ),
        pytest.param(
            pool("r8g.4xlarge"),
            {},
            "Pool 'broker': r8g.4xlarge is not offered in us-west-2b, where its pods would find no node: add a type",
            id="not in every zone",
        ),
        pytest.param(
            pool("r8g.4xlarge", every_zone=False),
            {"zones": ["us-west-2b"]},
            "is not offered in us-west-2b",
            id="in no zone that is wanted",
        ),
    ],
)
def test_what_would_leave_pods_without_a_node_is_refused(ask, wanted, arguments, sentence):
    settings.change(not_offered=["r8g.4xlarge:us-west-2b"])
    assert sentence in ask(wanted, **arguments)["msg"]


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        pytest.param(pool("r8g.4xlarge", "r7g.4xlarge"), {}, id="another type is"),
        pytest.param(pool("r8g.4xlarge", every_zone=False), {}, id="any zone will do"),
        pytest.param(pool("r8g.4xlarge"), {"zones": ["us-west-2a", "us-west-2c"]}, id="only others are wanted"),
    ],
)
def test_what_finds_a_node_all_the_same_is_not(ask, wanted, arguments):
    settings.change(not_offered=["r8g.4xlarge:us-west-2b"])
    assert "failed" not in ask(wanted, **arguments)


def test_without_a_network_the_types_are_judged_all_the_same(aws):
    run = {"cluster_name": "demo", "pools": [pool("r8g.4xlarge")]}
    assert "failed" not in aws.run("ec2_offerings_info", **run)
    run["pools"] = [pool("r8g.5xlarge")]
    assert "no instance type r8g.5xlarge" in aws.run("ec2_offerings_info", **run)["msg"]
