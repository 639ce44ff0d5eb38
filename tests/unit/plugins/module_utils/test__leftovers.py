from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _leftovers


def raw(**found):
    """Answers of which all are empty but those that are given by the kind or name of their request."""
    answers = {name: [] for name in _leftovers.reads("demo", "us-west-2")}
    answers["queue"] = {}
    for kind, resources in found.items():
        name = next(name for name in answers if name.split()[0] == kind)
        answers[name] = resources
    return answers


def left(keep=(), cluster=None, keys=(), **found):
    return _leftovers.leftovers(raw(**found), "demo", cluster, keys, keep)


def endpoint(kind, state="available"):
    return {"VpcEndpointId": "vpce-1", "VpcEndpointType": kind, "State": state}


@pytest.mark.parametrize(
    ("kind", "resource", "billable"),
    [
        pytest.param("nat_gateway", {"NatGatewayId": "nat-1", "State": "available"}, True, id="NAT gateway"),
        pytest.param("address", {"AllocationId": "eipalloc-1"}, True, id="address"),
        pytest.param("volume", {"VolumeId": "vol-1", "State": "available"}, True, id="volume"),
        pytest.param("endpoint", endpoint("Interface"), True, id="interface endpoint"),
        pytest.param("endpoint", endpoint("Gateway"), False, id="gateway endpoint"),
        pytest.param("network_interface", {"NetworkInterfaceId": "eni-1"}, False, id="network interface"),
        pytest.param("vpc", {"VpcId": "vpc-1"}, False, id="VPC"),
        pytest.param(
            "launch_template",
            {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "demo-core"},
            False,
            id="launch template",
        ),
    ],
)
def test_what_is_left_is_listed_with_what_it_costs(kind, resource, billable):
    ((found),) = left(**{kind: [resource]})
    assert (found["type"], found["billable"], found["kept"]) == (kind, billable, False)
    assert found["reason"]


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        pytest.param("nat_gateway", {"NatGatewayId": "nat-1", "State": "deleted"}, id="NAT gateway"),
        pytest.param("endpoint", endpoint("Interface", "deleted"), id="endpoint"),
        pytest.param(
            "instance", {"Instances": [{"InstanceId": "i-1", "State": {"Name": "terminated"}}]}, id="instance"
        ),
    ],
)
def test_what_aws_still_shows_but_is_gone_is_not_listed(kind, resource):
    assert left(**{kind: [resource]}) == []


@pytest.mark.parametrize(
    ("state", "listed"),
    [pytest.param("Enabled", True, id="in use"), pytest.param("PendingDeletion", False, id="going")],
)
def test_a_key_costs_until_its_deletion_is_scheduled(state, listed):
    assert bool(left(keys=[{"KeyId": "k", "KeyState": state}])) is listed


def test_what_is_billed_comes_first_and_what_was_to_be_kept_is_marked():
    found = left(
        keep=["volume"], volume=[{"VolumeId": "vol-1"}], vpc=[{"VpcId": "vpc-1"}], address=[{"AllocationId": "a"}]
    )
    assert [(one["type"], one["kept"]) for one in found] == [("address", False), ("volume", True), ("vpc", False)]


def test_a_thing_that_is_found_by_two_tags_is_listed_once():
    answers = raw()
    for name in answers:
        if name.startswith("volume "):
            answers[name] = [{"VolumeId": "vol-1"}]
    assert len(_leftovers.leftovers(answers, "demo", None, [], [])) == 1


def test_load_balancers_and_the_cluster_are_billed():
    arn = "arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/net/web/0123"
    found = left(cluster={"arn": "arn:c", "name": "demo"}, tagged_by_kubernetes=[{"ResourceARN": arn}])
    assert [(one["type"], one["name"], one["billable"]) for one in found] == [
        ("eks_cluster", "demo", True),
        ("load_balancer", "web", True),
    ]


def test_a_key_is_looked_for_by_its_tags_and_by_its_aliases():
    asked = _leftovers.key_reads(raw(tagged=[{"ResourceARN": "arn:aws:kms:us-west-2:1:key/k"}]), "demo")
    assert list(asked) == ["k", "alias/kafka-eks/demo/cluster", "alias/kafka-eks/demo/volumes"]
    key = {"KeyId": "k", "KeyState": "Enabled"}
    assert len(left(keys=[key, key, None])) == 1


def test_what_karpenter_needed_is_residue():
    urls = {"QueueUrls": ["https://sqs/1/demo-karpenter", "https://sqs/1/demo-karpenter-of-somebody-else"]}
    found = left(
        instance_profile=[{"Arn": "arn:p", "InstanceProfileName": "p"}],
        queue=urls,
        event_rule=[{"Arn": "arn:r", "Name": "demo-karpenter-spot"}],
    )
    assert {(one["type"], one["name"]): one["billable"] for one in found} == {
        ("event_rule", "demo-karpenter-spot"): False,
        ("instance_profile", "p"): False,
        ("queue", "demo-karpenter"): False,
    }
