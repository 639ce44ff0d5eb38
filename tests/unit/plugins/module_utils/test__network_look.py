from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_look as looking
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError, Ref

VPC = {"VpcId": "vpc-1", "CidrBlock": "10.1.0.0/16", "CidrBlockAssociationSet": []}


def tags(name="", **more):
    named = {"Name": name} if name else {}
    pairs = {"kafka-eks/cluster": "demo", **named, **{key.replace("__", "/"): value for key, value in more.items()}}
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def raw(**found):
    """Answers of EC2: a VPC of ours, and what the test adds."""
    return {
        "vpc": [{**VPC, "Tags": tags("demo")}],
        "internet_gateway": [],
        "address": [],
        "nat_gateway": [],
        "dns_support": True,
        "dns_hostnames": True,
        "subnet": [],
        "route_table": [],
        "endpoint": [],
        "security_group": [],
        **found,
    }


def subnet(number, kind="public", name=None, owned=True):
    given = f"demo-{kind}-usw2-az{number}" if name is None else name
    return {
        "SubnetId": f"subnet-{number}",
        "CidrBlock": f"10.1.{number}.0/24",
        "AvailabilityZone": f"zone-{number}",
        "AvailabilityZoneId": f"usw2-az{number}",
        "Tags": tags(given, **{"kafka-eks__subnet": kind}) if owned else [],
    }


def nat(number, state="available", name="demo-nat-usw2-az1", address="eipalloc-1", **more):
    return {
        "NatGatewayId": f"nat-{number}",
        "State": state,
        "SubnetId": "subnet-1",
        "NatGatewayAddresses": [{"AllocationId": address, "NetworkInterfaceId": f"eni-{number}"}] if address else [],
        "Tags": tags(name),
        **more,
    }


def endpoint(number, service="sts", state="available", kind="Interface", name="demo-sts", owned=True, **more):
    return {
        "VpcEndpointId": f"vpce-{number}",
        "VpcEndpointType": kind,
        "ServiceName": f"com.amazonaws.us-west-2.{service}",
        "State": state,
        "Tags": tags(name) if owned else [],
        **more,
    }


def address(number=1, name="demo-nat-usw2-az1", **more):
    return {"AllocationId": f"eipalloc-{number}", "Tags": tags(name), **more}


def table(number, name, *subnets, **more):
    associations = [
        {"SubnetId": one, "RouteTableAssociationId": f"rtbassoc-{one}", "RouteTableId": f"rtb-{number}"}
        for one in subnets
    ]
    return {"RouteTableId": f"rtb-{number}", "Associations": associations, "Tags": tags(name), "Routes": [], **more}


def test_where_there_is_no_vpc_nothing_in_it_is_asked_for():
    asked = []

    def read(requests):
        asked.append(sorted(requests))
        return {kind: [] for kind in requests}

    now = looking.look(read, "demo", zones=True)
    assert asked == [["address", "internet_gateway", "nat_gateway", "vpc", "zones"]]
    assert not any(now.network.values())


def test_two_networks_of_one_cluster_are_refused():
    with pytest.raises(AwsError, match=r"exists 2 times \(vpc-1, vpc-2\)"):
        looking.vpc_of({"vpc": [{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]}, "demo")


@pytest.mark.parametrize(
    ("found", "kind", "name"),
    [
        pytest.param({"vpc": [{**VPC, "Tags": tags("theirs")}]}, "vpc", "demo", id="renamed VPC"),
        pytest.param({"subnet": [subnet(1, name="")]}, "subnet", "demo-public-usw2-az1", id="subnet without a name"),
        pytest.param({"subnet": [subnet(1, name="x")]}, "subnet", "demo-public-usw2-az1", id="renamed subnet"),
        pytest.param(
            {
                "internet_gateway": [
                    {"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1"}], "Tags": tags("x")}
                ]
            },
            "internet_gateway",
            "demo",
            id="renamed internet gateway",
        ),
        pytest.param(
            {"nat_gateway": [nat(1, name="x")], "address": [address()]},
            "nat_gateway",
            "demo-nat-usw2-az1",
            id="renamed NAT gateway, known by its address",
        ),
        pytest.param(
            {"nat_gateway": [nat(1)], "address": [address(name="")]},
            "address",
            "demo-nat-usw2-az1",
            id="address without a name, known by its NAT gateway",
        ),
        pytest.param(
            {"subnet": [subnet(1), subnet(2)], "route_table": [table(1, "x", "subnet-1", "subnet-2")]},
            "route_table",
            "demo-public",
            id="renamed table of the public subnets",
        ),
        pytest.param(
            {"subnet": [subnet(1, "private")], "route_table": [table(1, "", "subnet-1")]},
            "route_table",
            "demo-private-usw2-az1",
            id="table of a private subnet without a name",
        ),
        pytest.param(
            {"security_group": [{"GroupId": "sg-1", "GroupName": "demo-endpoints", "Tags": tags("x")}]},
            "security_group",
            "demo-endpoints",
            id="renamed security group, which has a name of its own",
        ),
        pytest.param(
            {"endpoint": [endpoint(1, name="")]}, "interface_endpoint", "demo-sts", id="endpoint without a name"
        ),
        pytest.param(
            {"endpoint": [endpoint(1, "s3", kind="Gateway", name="x")]},
            "gateway_endpoint",
            "demo-s3",
            id="renamed one of S3",
        ),
    ],
)
def test_what_was_renamed_is_known_by_its_place(found, kind, name):
    now = looking.observed(raw(**found), "demo")
    assert list(now.network[kind]) == [name]
    assert Ref(kind, name) in now.ids


def test_what_has_a_place_of_its_own_keeps_its_name():
    """Somebody's own address, NAT gateway and subnet, tagged to go with the cluster."""
    found = raw(
        subnet=[subnet(1), {**subnet(2, name="theirs"), "Tags": tags("theirs")}],
        nat_gateway=[nat(1, name="theirs", address="eipalloc-2")],
        address=[address(2, name="theirs")],
    )
    now = looking.observed(found, "demo")
    assert list(now.network["subnet"]) == ["demo-public-usw2-az1", "theirs"]
    assert list(now.network["nat_gateway"]) == list(now.network["address"]) == ["theirs"]


def test_of_two_with_one_name_the_second_is_called_by_its_id():
    now = looking.observed(raw(address=[address(1), address(2)]), "demo")
    assert list(now.network["address"]) == ["demo-nat-usw2-az1", "eipalloc-2"]


def test_what_is_on_its_way_out_is_not_taken_for_its_successor():
    found = raw(
        subnet=[subnet(1)],
        address=[address(NetworkInterfaceId="eni-1")],
        nat_gateway=[nat(1, "deleting"), nat(2, "pending")],
        route_table=[
            table(1, "demo-private-usw2-az1", Routes=[{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}])
        ],
        endpoint=[endpoint(1, state="Deleting"), endpoint(2, state="Pending"), endpoint(3, state="deleted")],
    )
    now = looking.observed(found, "demo")
    gateway, interface = Ref("nat_gateway", "demo-nat-usw2-az1"), Ref("interface_endpoint", "demo-sts")
    assert (now.ids[gateway], now.ids[interface]) == ("nat-2", "vpce-2")
    assert now.pending == [gateway, interface]
    assert now.leaving["nat_gateway"]["demo-nat-usw2-az1"]["address"] == "demo-nat-usw2-az1"
    assert list(now.leaving["interface_endpoint"]) == ["demo-sts"]
    assert now.network["route_table"]["demo-private-usw2-az1"]["routes"] == {"0.0.0.0/0": "nat-1"}
    assert now.users == {"demo-nat-usw2-az1": "eni-1"}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        pytest.param(
            {"nat_gateway": [nat(1, "failed", FailureCode="Gateway.NotAttached", FailureMessage="No gateway.")]},
            "Gateway.NotAttached: No gateway",
            id="NAT gateway",
        ),
        pytest.param(
            {"endpoint": [endpoint(1, state="Failed", LastError={"Code": "C", "Message": "M"})]}, "C: M", id="endpoint"
        ),
        pytest.param({"endpoint": [endpoint(1, state="rejected")]}, "rejected", id="endpoint that was rejected"),
    ],
)
def test_what_failed_is_not_there_and_tells_why(found, reason):
    now = looking.observed(raw(**found), "demo")
    assert [one.reason for one in now.failed] == [reason]
    assert not now.network["nat_gateway"] and not now.network["interface_endpoint"]


@pytest.mark.parametrize(
    ("route", "way"),
    [
        pytest.param({"NatGatewayId": "nat-1"}, "nat_gateway demo-nat-usw2-az1", id="ours"),
        pytest.param({"NatGatewayId": "nat-2", "State": "active"}, "nat-2", id="somebody's"),
        pytest.param({"NatGatewayId": "nat-2", "State": "blackhole"}, "nat-2 (gone)", id="gone"),
        pytest.param({"TransitGatewayId": "tgw-1"}, "tgw-1", id="transit gateway"),
    ],
)
def test_routes_tell_whose_their_target_is(route, way):
    routes = [
        {"DestinationCidrBlock": "10.1.0.0/16", "GatewayId": "local"},
        {"DestinationCidrBlock": "0.0.0.0/0", **route},
        {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"},
    ]
    now = looking.observed(raw(nat_gateway=[nat(1)], route_table=[table(1, "demo-intra", Routes=routes)]), "demo")
    assert now.network["route_table"]["demo-intra"]["routes"] == {"0.0.0.0/0": way}


def test_what_is_not_ours_is_told_apart():
    found = raw(
        subnet=[subnet(1, owned=False)],
        route_table=[
            {"RouteTableId": "rtb-main", "Associations": [{"Main": True}]},
            {"RouteTableId": "rtb-9", "Associations": []},
        ],
        nat_gateway=[nat(1)],
        endpoint=[
            endpoint(1, NetworkInterfaceIds=["eni-2"]),
            endpoint(8, owned=False, state="deleting"),
            endpoint(9, owned=False),
        ],
        security_group=[{"GroupId": "sg-0", "GroupName": "default"}, {"GroupId": "sg-9", "GroupName": "theirs"}],
        interface=[
            {"NetworkInterfaceId": "eni-1", "Status": "in-use", "Description": "of our NAT gateway"},
            {"NetworkInterfaceId": "eni-2", "Status": "in-use", "Description": "of our endpoint"},
            {"NetworkInterfaceId": "eni-8", "Status": "in-use", "Description": "Amazon EKS demo"},
            {"NetworkInterfaceId": "eni-9", "Status": "available"},
        ],
    )
    foreign = looking.observed(found, "demo").foreign
    assert foreign.subnets == {"subnet-1": "10.1.1.0/24"}
    assert foreign.route_tables == ["rtb-9"]
    assert [one["VpcEndpointId"] for one in foreign.endpoints] == ["vpce-9"]
    assert foreign.security_groups == {"sg-9": "theirs"}
    assert foreign.interfaces_in_use == {"eni-8": "Amazon EKS demo"}
    assert foreign.idle_interfaces == {"eni-9": "available"}
