from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

DEMO = {"cluster_name": "demo"}
# Each kind has its own way of being made, attached or tagged: the run ends before, between and after them.
KILLED_AFTER = (1, 4, 5, 18, 20, 25, 39)


def network_of(aws, **arguments):
    return aws.run("vpc_network_info", **DEMO, **arguments)


def tagged(aws, operation, answer):
    found = getattr(aws.ec2, operation)(Filters=[{"Name": "tag:kafka-eks/cluster", "Values": ["demo"]}])
    return found[answer]


def route_of(aws, table):
    found = aws.ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [table]}])["RouteTables"][0]
    return next((route for route in found["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"), None)


def test_an_empty_account_is_planned_whole_and_nothing_is_made(aws):
    result = aws.run("vpc_network", check=True, **DEMO)
    assert result["changed"]
    assert result["vpc_id"] is None
    assert {kind: len(subnets) for kind, subnets in result["subnets"].items()} == {
        "public": 3,
        "private": 3,
        "intra": 3,
    }
    assert result["diff"]["before"] == {}
    assert {kind: len(things) for kind, things in result["diff"]["after"].items()} == {
        "vpc": 1,
        "internet_gateway": 1,
        "subnet": 9,
        "address": 3,
        "nat_gateway": 3,
        "route_table": 5,
        "endpoint": 1,
    }
    assert aws.writes == []


def test_the_network_is_made_and_then_left_alone(aws):
    plan = aws.run("vpc_network", check=True, **DEMO)
    made = aws.run("vpc_network", account_id=aws.id, tags={"team": "streams"}, **DEMO)
    assert made["changed"]
    assert made["vpc_id"].startswith("vpc-")
    assert [subnet["cidr"] for subnet in made["subnets"]["private"]] == [
        subnet["cidr"] for subnet in plan["subnets"]["private"]
    ]
    assert {subnet["zone_id"] for subnet in made["subnets"]["intra"]} == {"usw2-az1", "usw2-az2", "usw2-az3"}
    again = aws.run("vpc_network", account_id=aws.id, tags={"team": "streams"}, **DEMO)
    assert not again["changed"]
    assert aws.writes == []
    assert len(aws.requests) == 11
    assert again["subnets"] == made["subnets"] == network_of(aws)["subnets"]


def test_everything_carries_the_tags_by_which_it_is_found(aws):
    aws.run("vpc_network", **DEMO)
    assert len(tagged(aws, "describe_addresses", "Addresses")) == 3
    private = [s for s in tagged(aws, "describe_subnets", "Subnets") if s["CidrBlock"].startswith("100.64.")]
    tags = [{tag["Key"]: tag["Value"] for tag in subnet["Tags"]} for subnet in private]
    assert len(tags) == 3
    assert all(t["karpenter.sh/discovery"] == "demo" and t["kubernetes.io/role/internal-elb"] == "1" for t in tags)
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in tagged(aws, "describe_subnets", "Subnets"))


@pytest.mark.parametrize("writes", KILLED_AFTER)
def test_a_run_that_was_killed_is_finished_by_the_next(aws, writes):
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("vpc_network", **DEMO)
    aws.writes_left = None
    assert aws.run("vpc_network", **DEMO)["changed"]
    assert not aws.run("vpc_network", **DEMO)["changed"]
    assert len(tagged(aws, "describe_vpcs", "Vpcs")) == 1
    assert len(tagged(aws, "describe_subnets", "Subnets")) == 9
    assert len(tagged(aws, "describe_addresses", "Addresses")) == 3
    assert len(tagged(aws, "describe_route_tables", "RouteTables")) == 5


def drop_route(aws):
    table = aws.ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["demo-public"]}])["RouteTables"][0]
    aws.ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")


def detach_subnet(aws):
    tables = tagged(aws, "describe_route_tables", "RouteTables")
    association = next(a for table in tables for a in table["Associations"] if a.get("SubnetId"))
    aws.ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])


def drop_dns(aws):
    vpc = network_of(aws)["vpc_id"]
    aws.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})


def drop_tag(aws):
    subnet = network_of(aws)["subnets"]["private"][0]["id"]
    aws.ec2.delete_tags(Resources=[subnet], Tags=[{"Key": "karpenter.sh/discovery"}])


def drop_nat_gateway(aws):
    nat = aws.ec2.describe_nat_gateways()["NatGateways"][0]
    aws.ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    aws.ec2.release_address(AllocationId=nat["NatGatewayAddresses"][0]["AllocationId"])


@pytest.mark.parametrize("drift", [drop_route, detach_subnet, drop_dns, drop_tag, drop_nat_gateway])
def test_drift_is_shown_and_put_right(aws, drift):
    aws.run("vpc_network", **DEMO)
    drift(aws)
    shown = aws.run("vpc_network", check=True, **DEMO)
    assert shown["changed"]
    assert shown["diff"]["before"] != shown["diff"]["after"]
    assert aws.writes == []
    assert aws.run("vpc_network", **DEMO)["changed"]
    assert not aws.run("vpc_network", **DEMO)["changed"]


def test_ways_out_are_changed_in_place(aws):
    aws.run("vpc_network", **DEMO)
    aws.run("vpc_network", nat="single", **DEMO)
    live = {"Name": "state", "Values": ["available"]}
    (nat,) = aws.ec2.describe_nat_gateways(Filter=[live])["NatGateways"]
    assert len(aws.ec2.describe_addresses()["Addresses"]) == 1
    assert route_of(aws, "demo-private-usw2-az3")["NatGatewayId"] == nat["NatGatewayId"]
    aws.run("vpc_network", nat="none", **DEMO)
    assert aws.ec2.describe_nat_gateways(Filter=[live])["NatGateways"] == []
    assert route_of(aws, "demo-private-usw2-az1") is None
    assert not aws.run("vpc_network", nat="none", **DEMO)["changed"]


def test_what_others_added_is_kept(aws):
    made = aws.run("vpc_network", nat="none", **DEMO)
    subnet = made["subnets"]["private"][0]["id"]
    aws.ec2.create_tags(Resources=[subnet], Tags=[{"Key": "theirs", "Value": "1"}])
    table = aws.ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["demo-private-usw2-az1"]}])
    peer = aws.ec2.create_vpc_peering_connection(VpcId=made["vpc_id"], PeerVpcId=made["vpc_id"])
    aws.ec2.create_route(
        RouteTableId=table["RouteTables"][0]["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        VpcPeeringConnectionId=peer["VpcPeeringConnection"]["VpcPeeringConnectionId"],
    )
    assert not aws.run("vpc_network", nat="none", **DEMO)["changed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"secondary_cidr": "10.1.64.0/18"}, "overlap", id="overlap"),
        pytest.param({"cidr": "10.0.0.0/8"}, "wrong size", id="too large"),
        pytest.param({"cidr": "10.1.0.0/24"}, "wrong size", id="too small"),
        pytest.param({"cidr": "10.1.2.3/16"}, "not an IPv4 block", id="host bits"),
        pytest.param({"secondary_cidr": "52.0.0.0/16"}, "addresses of the internet", id="public"),
        pytest.param({"zone_count": 1}, "EKS needs two zones", id="one zone"),
        pytest.param({"account_id": "000011112222"}, "use credentials of that account", id="other account"),
        pytest.param({"account_id": "1234"}, "all twelve digits", id="no account"),
        pytest.param({"nat": "twice"}, "value of nat must be one of", id="unknown choice"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(aws, arguments, message):
    result = aws.run("vpc_network", **DEMO, **arguments)
    assert result["failed"]
    assert message in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"cidr": "10.2.0.0/16"}, "VPC 'demo' has cidr 10.1.0.0/16 and 10.2.0.0/16 is wanted", id="cidr"),
        pytest.param({"zone_count": 2}, "a zone cannot be taken away in place", id="fewer zones"),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(aws, arguments, message):
    aws.run("vpc_network", **DEMO)
    result = aws.run("vpc_network", **DEMO, **arguments)
    assert message in result["msg"]
    assert aws.writes == []


def test_a_foreign_subnet_in_the_way_is_named_and_left(aws):
    aws.writes_left = 4
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("vpc_network", **DEMO)
    aws.writes_left = None
    vpc = network_of(aws)["vpc_id"]
    theirs = aws.ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    result = aws.run("vpc_network", **DEMO)
    assert result["failed"]
    assert theirs in result["msg"]
    assert aws.writes == []
    result = aws.run("vpc_network", state="absent", **DEMO)
    assert theirs in result["msg"]
    assert aws.writes == []


def test_it_is_removed_and_nothing_else_is(aws):
    theirs = aws.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    aws.run("vpc_network", **DEMO)
    before = len(aws.ec2.describe_vpcs()["Vpcs"])
    shown = aws.run("vpc_network", check=True, state="absent", **DEMO)
    assert shown["changed"]
    assert aws.writes == []
    removed = aws.run("vpc_network", state="absent", **DEMO)
    assert removed["changed"]
    assert removed["diff"]["after"] == {}
    assert not aws.run("vpc_network", state="absent", **DEMO)["changed"]
    vpcs = [vpc["VpcId"] for vpc in aws.ec2.describe_vpcs()["Vpcs"]]
    assert theirs in vpcs
    assert len(vpcs) == before - 1
    assert tagged(aws, "describe_addresses", "Addresses") == []


@pytest.mark.parametrize("writes", [2, 6, 26])
def test_a_removal_that_was_killed_is_finished_by_the_next(aws, writes):
    aws.run("vpc_network", **DEMO)
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("vpc_network", state="absent", **DEMO)
    aws.writes_left = None
    assert aws.run("vpc_network", state="absent", **DEMO)["changed"]
    assert network_of(aws)["vpc_id"] is None
    assert tagged(aws, "describe_internet_gateways", "InternetGateways") == []


def test_what_holds_the_network_is_named_when_it_does_not_go(aws):
    made = aws.run("vpc_network", nat="none", **DEMO)
    interface = aws.ec2.create_network_interface(
        SubnetId=made["subnets"]["private"][0]["id"], Description="aws-K8S-i-0123"
    )["NetworkInterface"]["NetworkInterfaceId"]
    result = aws.run("vpc_network", state="absent", wait_timeout=9, **DEMO)
    assert result["code"] == "DependencyViolation"
    assert f"network interface {interface} (aws-K8S-i-0123)" in result["msg"]
    assert aws.sleeps == [3, 3]
    aws.ec2.delete_network_interface(NetworkInterfaceId=interface)
    assert aws.run("vpc_network", state="absent", **DEMO)["changed"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        pytest.param("UnauthorizedOperation", "allow ec2:CreateVpc to arn:aws:sts::", id="denied"),
        pytest.param("VpcLimitExceeded", "have the quota raised", id="quota"),
        pytest.param("RequestExpired", "get new credentials", id="expired"),
    ],
)
def test_a_refusal_of_aws_names_object_action_code_and_remedy(aws, code, remedy):
    answer = {"Error": {"Code": code, "Message": "No."}}
    aws.refuse = lambda operation: ClientError(answer, operation) if operation == "CreateVpc" else None
    result = aws.run("vpc_network", **DEMO)
    assert result["code"] == code
    assert re.match(
        rf"VPC 'demo': AWS refused ec2:CreateVpc with {code} \(No\.\); .*{re.escape(remedy)}", result["msg"]
    )
