from __future__ import annotations

import copy
import dataclasses

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_plan as planning
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_steps as stepping
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError, Ref
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import (
    KINDS,
    Failed,
    Foreign,
    Observed,
    Settings,
    Zone,
)

SETTINGS = Settings(
    "demo", "us-west-2", "10.1.0.0/16", "100.64.0.0/16", 2, [], True, "per_zone", ["sts", "route53"], {}
)
ZONES = [Zone("us-west-2b", "usw2-az1", 0), Zone("us-west-2a", "usw2-az2", 1)]
EMPTY = Observed({kind: {} for kind in KINDS}, {})
NAT1, NAT2 = Ref("nat_gateway", "demo-nat-usw2-az1"), Ref("nat_gateway", "demo-nat-usw2-az2")
STS, DNS = Ref("interface_endpoint", "demo-sts"), Ref("interface_endpoint", "demo-route53")


def target(now, **changes):
    wanted = planning.wanted(dataclasses.replace(SETTINGS, **changes), ZONES)
    return planning.target(wanted, now, "demo")


def complete(**changes):
    """The network as it should be, as if it were there."""
    network = target(EMPTY)
    ids = {Ref(kind, name): f"id of {name}" for kind, things in network.items() for name in things}
    ids |= {Ref("association", name): f"association of {name}" for name in network["subnet"]}
    return dataclasses.replace(Observed(network, ids), **changes)


def without(now, *refs):
    network = {
        kind: {name: thing for name, thing in things.items() if Ref(kind, name) not in refs}
        for kind, things in now.network.items()
    }
    return dataclasses.replace(now, network=network, ids={ref: i for ref, i in now.ids.items() if ref not in refs})


def leaving(now, *refs):
    """What is there, with some of it on its way out."""
    gone = {kind: {ref.name: now.network[kind][ref.name] for ref in refs if ref.kind == kind} for kind in KINDS}
    return dataclasses.replace(without(now, *refs), leaving=gone)


def steps(now, then):
    return stepping.steps(now, then, "us-west-2")


def asked(plan):
    return [(request.operation, request.about) for request in plan.requests]


def operations(plan):
    return list(dict.fromkeys(request.operation for request in plan.requests))


def used(value):
    """The ids that a request refers to."""
    if isinstance(value, Ref):
        return {value}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return set().union(*map(used, items))


def test_nothing_is_referred_to_before_it_is_made():
    known: set[Ref] = set()
    for request in steps(EMPTY, target(EMPTY)).requests:
        assert used(request.arguments) <= known
        if request.makes:
            known.add(request.makes)
    assert {ref.kind for ref in known} == set(KINDS)


def test_the_first_pass_makes_all_but_the_routes_to_nat_gateways():
    plan = steps(EMPTY, target(EMPTY))
    routes = [request for request in plan.requests if request.operation == "create_route"]
    assert [route.about for route in routes] == ["Route table 'demo-public'"]
    assert plan.in_progress
    assert plan.progress("demo") == (
        "Network of 'demo': NAT gateways demo-nat-usw2-az1, demo-nat-usw2-az2 are being made; interface endpoints demo-sts, "
        "demo-route53 are being made."
    )


def test_a_route_is_made_when_its_nat_gateway_is_available():
    now = complete(pending=[NAT2])
    for name in ("demo-private-usw2-az1", "demo-private-usw2-az2"):
        now.network["route_table"][name]["routes"] = {}
    then = target(now)
    plan = steps(now, then)
    assert asked(plan) == [("create_route", "Route table 'demo-private-usw2-az1'")]
    assert plan.progress("demo") == "Network of 'demo': NAT gateway demo-nat-usw2-az2 is being made."


def test_a_service_of_another_region_is_asked_for_there():
    made = {
        request.makes.name: request.arguments
        for request in steps(EMPTY, target(EMPTY)).requests
        if request.makes and request.makes.kind == "interface_endpoint"
    }
    assert made["demo-route53"]["ServiceRegion"] == "us-east-1"
    assert "ServiceRegion" not in made["demo-sts"]
    assert made["demo-sts"]["PrivateDnsEnabled"]


def test_a_network_that_is_as_it_should_be_needs_nothing():
    now = complete()
    plan = steps(now, target(now))
    assert (plan.requests, plan.in_progress, plan.progress("demo")) == ([], False, "")


@pytest.mark.parametrize("ref", [NAT1, STS])
def test_what_is_pending_is_waited_for(ref):
    plan = steps(now := complete(pending=[ref]), target(now))
    assert (plan.requests, plan.being_made) == ([], [ref])


def test_an_endpoint_that_is_pending_is_changed_when_it_is_there():
    now = complete(pending=[STS])
    now.network["interface_endpoint"]["demo-sts"] |= {"private_dns": False}
    assert steps(now, target(now)).requests == []
    assert asked(steps(dataclasses.replace(now, pending=[]), target(now))) == [
        ("modify_vpc_endpoint", "Interface endpoint 'demo-sts'")
    ]


@pytest.mark.parametrize("ref", [NAT1, STS])
def test_a_successor_waits_for_what_its_predecessor_holds(ref):
    now = leaving(complete(), ref)
    plan = steps(now, target(now))
    assert (plan.requests, plan.being_deleted, plan.being_made) == ([], [ref], [])
    then_gone = dataclasses.replace(now, leaving={})
    assert [request.makes for request in steps(then_gone, target(now)).requests] == [ref]


def test_an_address_that_somebody_uses_is_told_and_waited_for():
    now = dataclasses.replace(without(complete(), NAT1), users={"demo-nat-usw2-az1": "eni-9"})
    plan = steps(now, target(now))
    assert plan.requests == []
    assert plan.progress("demo") == (
        "Network of 'demo': Elastic IP address 'demo-nat-usw2-az1' is still in use by eni-9."
    )


def test_ways_out_are_taken_away_step_by_step():
    now = complete()
    then = target(now, nat="single")
    plan = steps(now, then)
    assert asked(plan) == [
        ("replace_route", "Route table 'demo-private-usw2-az2'"),
        ("delete_nat_gateway", "NAT gateway 'demo-nat-usw2-az2'"),
    ]
    assert plan.being_deleted == [NAT2]
    now = leaving(now, NAT2)
    now.network["route_table"]["demo-private-usw2-az2"] = then["route_table"]["demo-private-usw2-az2"]
    waiting = steps(now, then)
    assert (waiting.requests, waiting.being_deleted) == ([], [NAT2])
    last = steps(dataclasses.replace(now, leaving={}), then)
    assert asked(last) == [("release_address", "Elastic IP address 'demo-nat-usw2-az2'")]
    assert not last.in_progress


def test_a_nat_gateway_stays_until_the_routes_can_lead_elsewhere():
    now = complete(pending=[NAT1])
    plan = steps(now, target(now, nat="single"))
    assert plan.requests == []
    assert plan.in_progress


def test_what_is_public_goes_after_the_nat_gateways():
    now = complete()
    then = target(now, nat="none", public=False)
    assert operations(steps(now, then)) == ["delete_route", "delete_nat_gateway"]
    now = without(leaving(now, NAT1, NAT2))
    for name in ("demo-private-usw2-az1", "demo-private-usw2-az2"):
        now.network["route_table"][name]["routes"] = {}
    assert steps(now, then).requests == []
    assert operations(steps(dataclasses.replace(now, leaving={}), then)) == [
        "release_address",
        "delete_subnet",
        "delete_route_table",
        "detach_internet_gateway",
        "delete_internet_gateway",
    ]


def test_the_security_group_goes_after_the_endpoints():
    now = complete()
    then = target(now, interface_endpoints=[])
    plan = steps(now, then)
    (request,) = plan.requests
    assert (request.operation, request.arguments) == ("delete_vpc_endpoints", {"VpcEndpointIds": [STS, DNS]})
    assert plan.being_deleted == [STS, DNS]
    now = leaving(now, STS, DNS)
    assert steps(now, then).requests == []
    plan = steps(dataclasses.replace(now, leaving={}), then)
    assert asked(plan) == [("delete_security_group", "Security group 'demo-endpoints'")]
    assert not plan.in_progress


def test_a_security_group_that_somebody_else_s_endpoint_uses_is_told():
    now = without(complete(), STS, DNS)
    theirs = {"service": "x", "subnets": [], "security_groups": ["demo-endpoints"], "private_dns": False}
    now.network["interface_endpoint"]["theirs"] = {**theirs, "tags": {"Name": "theirs"}}
    plan = steps(now, target(now, interface_endpoints=[]))
    assert plan.requests == []
    assert plan.progress("demo") == "Network of 'demo': Interface endpoint 'theirs' uses what is to go."


def test_an_endpoint_less_needs_no_waiting():
    now = complete()
    plan = steps(now, target(now, interface_endpoints=["sts"]))
    assert asked(plan) == [("delete_vpc_endpoints", "Interface endpoint demo-route53")]
    assert not plan.in_progress


def test_rules_are_added_before_others_are_taken_away():
    rogue = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    now = complete(permissions={"tcp 22 from 0.0.0.0/0": rogue})
    now.network["security_group"]["demo-endpoints"]["ingress"] = ["tcp 22 from 0.0.0.0/0", "tcp 443 from 10.1.0.0/16"]
    added, removed = steps(now, target(now)).requests
    assert (added.operation, added.arguments["IpPermissions"][0]["IpRanges"]) == (
        "authorize_security_group_ingress",
        [{"CidrIp": "100.64.0.0/16"}],
    )
    assert (removed.operation, removed.arguments["IpPermissions"]) == ("revoke_security_group_ingress", [rogue])


def test_an_endpoint_gets_back_its_own_and_loses_what_is_not():
    now = complete()
    now.network["interface_endpoint"]["demo-sts"] |= {
        "subnets": ["demo-private-usw2-az1", "subnet-9"],
        "security_groups": ["sg-9"],
        "private_dns": False,
    }
    (request,) = steps(now, target(now)).requests
    assert request.arguments == {
        "VpcEndpointId": STS,
        "AddSubnetIds": [Ref("subnet", "demo-private-usw2-az2")],
        "RemoveSubnetIds": ["subnet-9"],
        "AddSecurityGroupIds": [Ref("security_group", "demo-endpoints")],
        "RemoveSecurityGroupIds": ["sg-9"],
        "PrivateDnsEnabled": True,
    }


def test_what_failed_is_removed_and_told():
    now = dataclasses.replace(
        complete(),
        failed=[Failed(NAT1, "nat-9", "Gateway.NotAttached: No gateway"), Failed(STS, "vpce-9", "Rejected")],
    )
    assert [(request.operation, request.arguments) for request in stepping.failed_removal(now)] == [
        ("delete_nat_gateway", {"NatGatewayId": "nat-9"}),
        ("delete_vpc_endpoints", {"VpcEndpointIds": ["vpce-9"]}),
    ]
    assert str(stepping.failure(now)) == (
        "NAT gateway 'demo-nat-usw2-az1' has failed (Gateway.NotAttached: No gateway); Interface endpoint 'demo-sts' has failed "
        "(Rejected): it is being removed, so correct what is named and run again, which makes it anew."
    )


def test_a_removal_takes_away_first_what_uses_others():
    now = complete()
    plan = stepping.removal(now, "demo")
    assert operations(plan) == ["delete_vpc_endpoints", "delete_nat_gateway"]
    assert list(dict.fromkeys(plan.being_deleted)) == [NAT1, NAT2, STS, DNS]
    now = without(leaving(now, NAT1, NAT2, STS, DNS), Ref("gateway_endpoint", "demo-s3"))
    assert stepping.removal(now, "demo").requests == []
    last = stepping.removal(dataclasses.replace(now, leaving={}), "demo")
    assert operations(last) == [
        "release_address",
        "delete_security_group",
        "disassociate_route_table",
        "delete_subnet",
        "delete_route_table",
        "detach_internet_gateway",
        "delete_internet_gateway",
        "delete_vpc",
    ]
    assert not last.in_progress


@pytest.mark.parametrize(
    ("foreign", "message"),
    [
        pytest.param(
            {"subnets": {"subnet-9": "10.1.9.0/24"}}, "holds subnets that this collection did not make", id="subnet"
        ),
        pytest.param({"route_tables": ["rtb-9"]}, r"holds route tables .* \(rtb-9\)", id="route table"),
        pytest.param({"endpoints": [{"VpcEndpointId": "vpce-9"}]}, r"holds endpoints .* \(vpce-9\)", id="endpoint"),
    ],
)
def test_a_vpc_that_holds_what_does_not_go_by_itself_is_not_removed(foreign, message):
    with pytest.raises(AwsError, match=message):
        stepping.removal(complete(foreign=Foreign(**foreign)), "demo")


def test_nothing_is_taken_from_under_what_still_runs():
    plan = stepping.removal(complete(foreign=Foreign(interfaces_in_use={"eni-9": "Amazon EKS demo"})), "demo")
    assert plan.requests == []
    assert plan.progress("demo") == (
        "Network of 'demo': it is kept while others use it: network interface eni-9 (Amazon EKS demo)."
    )


@pytest.mark.parametrize(
    ("foreign", "left", "message"),
    [
        pytest.param(
            {"idle_interfaces": {"eni-9": "aws-K8S-i-0123"}},
            "subnet",
            "its subnets still hold network interface eni-9 (aws-K8S-i-0123)",
            id="idle network interface",
        ),
        pytest.param(
            {"security_groups": {"sg-9": "eks-cluster-sg-demo-1"}},
            "vpc",
            "VPC 'demo' still holds the security groups of others: sg-9 (eks-cluster-sg-demo-1)",
            id="security group",
        ),
    ],
)
def test_what_costs_money_goes_though_the_rest_is_held(foreign, left, message):
    now = without(complete(foreign=Foreign(**foreign)), NAT1, NAT2, STS, DNS)
    plan = stepping.removal(now, "demo")
    assert "release_address" in operations(plan)
    assert f"delete_{left}" not in operations(plan)
    assert message in plan.progress("demo")


def test_plans_do_not_change_what_they_are_made_from():
    now = complete()
    before = copy.deepcopy(now)
    stepping.removal(now, "demo")
    steps(now, target(now, nat="none", public=False, interface_endpoints=[]))
    assert now == before
