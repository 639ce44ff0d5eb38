from __future__ import annotations

import botocore.exceptions
import pytest

CLUSTER = {
    "nodegroups": [{"name": "broker", "instance_types": ["r8g.4xlarge"], "desired_size": 3, "labels": {"a": "b"}}],
    "volumes": [{"name": "broker", "count": 3, "size": "1000Gi"}],
    "nat_gateways": 3,
    "load": {"produced": 10, "consumed": 20},
}


def monthly(result):
    assert not result.get("failed"), result
    return {item["item"]: item["monthly"] for item in result["items"]}


def test_an_estimate_asks_nobody(aws):
    result = aws.run("cost_estimate", **CLUSTER)
    assert monthly(result) == {
        "EKS control plane": 73.0,
        "Nodes 'broker': 3 r8g.4xlarge": 2064.21,
        "Root volumes of 'broker'": 12.0,
        "Volumes 'broker': 3 gp3 of 1,000 GiB": 240.0,
        "NAT gateways: 3": 98.55,
        "Public IPv4 addresses: 3": 10.95,
        "Producers' 10 MiB/s to leaders in other zones": 342.19,
        "Replication of 10 MiB/s to other zones": 1026.56,
        "Consumers' 20 MiB/s from other zones": 684.38,
    }
    assert result["total"] == pytest.approx(sum(monthly(result).values()), abs=0.05)
    assert (result["unknown"], result["changed"]) == ([], False)
    assert not aws.requests


def test_pools_of_karpenter_are_priced_as_far_as_they_are_there_for_good(aws):
    pools = [
        {"name": "broker", "instance_types": ["r8g.4xlarge", "r7g.4xlarge"], "size": 3},
        {"name": "load", "instance_types": ["c8g.2xlarge"], "temporary": 1},
        {"name": "controller", "size": 3},
    ]
    for refresh in (False, True):
        result = aws.run("cost_estimate", node_pools=pools, refresh=refresh)
        assert set(monthly(result)) == {
            "EKS control plane",
            "Nodes 'broker': 3 r8g.4xlarge",
            "Root volumes of 'broker'",
            "Root volumes of 'controller'",
        }
        assert [item["item"] for item in result["unknown"]] == ["Nodes 'controller': 3 of any type"]


def test_it_is_the_same_in_check_mode(aws):
    assert aws.run("cost_estimate", check=True, **CLUSTER) == aws.run("cost_estimate", **CLUSTER)


def test_what_is_not_known_is_said(aws):
    result = aws.run("cost_estimate", **CLUSTER | {"region": "eu-west-1"})
    assert [item["item"] for item in result["unknown"]] == [
        "Root volumes of 'broker'",
        "Volumes 'broker': 3 gp3 of 1,000 GiB",
        "NAT gateways: 3",
    ]
    assert monthly(result)["Nodes 'broker': 3 r8g.4xlarge"] == 2309.84
    nowhere = aws.run("cost_estimate", **CLUSTER | {"region": "mars-1"})
    assert (nowhere["items"], nowhere["total"]) == ([], 0)
    assert nowhere["lines"][-1].startswith("No price of mars-1 is in the collection's table")


def test_a_refresh_asks_the_pricing_api(aws):
    result = aws.run("cost_estimate", **CLUSTER, refresh=True)
    sources = {item["item"]: item["source"] for item in result["items"]}
    assert set(aws.requests) == {"GetCallerIdentity", "GetProducts"}
    assert sources["EKS control plane"].startswith("AWS Pricing API, 20")
    assert monthly(result)["Nodes 'broker': 3 r8g.4xlarge"] == pytest.approx(3 * 730 * 0.9426, abs=0.01)
    assert "of AWS's Pricing API (" in result["lines"][-1]


def test_the_table_stands_where_the_api_has_nothing(aws):
    result = aws.run("cost_estimate", **CLUSTER | {"region": "eu-north-1"}, refresh=True)
    sources = {item["item"]: item["source"] for item in result["items"]}
    assert sources["EKS control plane"].startswith("AWS pricing pages")
    assert "Volumes 'broker': 3 gp3 of 1,000 GiB" in [item["item"] for item in result["unknown"]]


def test_a_refused_refresh_is_a_failure(aws):
    def refuse(operation):
        error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
        return botocore.exceptions.ClientError(error, operation) if operation == "GetProducts" else None

    aws.refuse = refuse
    result = aws.run("cost_estimate", **CLUSTER, refresh=True)
    assert result["failed"]
    assert "allow pricing:GetProducts to" in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"volumes": [{"name": "b", "count": 1, "size": "big"}]}, "The size 'big'"),
        ({"nodegroups": [{"name": "b"}]}, "Node group 'b' cannot be read"),
        ({"nat_gateways": -1}, "nat_gateways is -1"),
    ],
)
def test_nonsense_is_refused(aws, arguments, words):
    result = aws.run("cost_estimate", **CLUSTER | arguments)
    assert result["failed"]
    assert words in result["msg"]
