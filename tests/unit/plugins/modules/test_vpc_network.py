from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from lab.aws import clock, faults, quotas

DEMO = {"cluster_name": "demo"}
PRIVATE = {**DEMO, "nat": "none", "public": False, "interface_endpoints": ["sts", "ecr.api", "route53"]}
# Each kind has its own way of being made, attached or tagged: the run ends before, between and after them.
KILLED_AFTER = (1, 4, 5, 18, 20, 25, 36, 38, 39)
REMOVAL_KILLED_AFTER = (1, 4, 6, 9, 26)


def network_of(aws, **arguments):
    return aws.run("vpc_network_info", **DEMO, **arguments)


def tagged(aws, operation, answer, cluster="demo"):
    found = getattr(aws.ec2, operation)(Filters=[{"Name": "tag:kafka-eks/cluster", "Values": [cluster]}])
    return found[answer]


def endpoints(aws):
    found = aws.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    return {endpoint["ServiceName"].split(".", 2)[-1]: endpoint for endpoint in found}


def live_nat_gateways(aws):
    return aws.ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["pending", "available"]}])["NatGateways"]


def route_of(aws, table):
    found = aws.ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [table]}])["RouteTables"][0]
    return next((route for route in found["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"), None)


def refuse(aws, operation, code, message="No."):
    """Have AWS refuse one operation."""
    answer = {"Error": {"Code": code, "Message": message}}
    aws.refuse = lambda asked: ClientError(answer, asked) if asked == operation else None


def allow_all(aws):
    aws.refuse = lambda operation: None


def kill(aws, writes, **arguments):
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        for _ in range(9):
            aws.run("vpc_network", **arguments)
    aws.writes_left = None


# Making it


def test_an_empty_account_is_planned_whole_and_nothing_is_made(aws):
    result = aws.run("vpc_network", check=True, **DEMO, interface_endpoints=["sts", "logs"])
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
        "gateway_endpoint": 1,
        "security_group": 1,
        "interface_endpoint": 2,
    }
    assert not result["in_progress"]
    assert aws.writes == []


def test_the_network_is_made_in_passes_and_then_left_alone(aws):
    arguments = {**DEMO, "account_id": aws.id, "tags": {"team": "streams"}, "interface_endpoints": ["sts"]}
    plan = aws.run("vpc_network", check=True, **arguments)
    first = aws.run("vpc_network", **arguments)
    assert first["changed"]
    assert first["in_progress"]
    assert first["progress"] == (
        "Network of 'demo': NAT gateways demo-nat-usw2-az1, demo-nat-usw2-az2, demo-nat-usw2-az3 are being made; interface "
        "endpoint demo-sts is being made."
    )
    assert route_of(aws, "demo-public")["GatewayId"].startswith("igw-")
    assert route_of(aws, "demo-private-usw2-az1") is None
    second = aws.run("vpc_network", **arguments)
    assert (second["changed"], second["in_progress"], second["progress"]) == (True, False, "")
    assert aws.writes == ["CreateRoute"] * 3
    assert first["vpc_id"] == second["vpc_id"]
    assert [subnet["cidr"] for subnet in first["subnets"]["private"]] == [
        subnet["cidr"] for subnet in plan["subnets"]["private"]
    ]
    assert {subnet["zone_id"] for subnet in first["subnets"]["intra"]} == {"usw2-az1", "usw2-az2", "usw2-az3"}
    third = aws.run("vpc_network", **arguments)
    assert (third["changed"], third["in_progress"]) == (False, False)
    assert aws.writes == []
    assert len(aws.requests) == 12
    assert third["diff"]["before"] == third["diff"]["after"] == plan["diff"]["after"]
    assert third["subnets"] == first["subnets"] == network_of(aws)["subnets"]


def test_what_is_pending_is_only_looked_at(aws):
    seconds = 0.0
    clock.current = clock.Clock(scale=1, now=lambda: seconds)
    arguments = {**DEMO, "nat": "single", "interface_endpoints": ["sts"]}
    aws.run("vpc_network", **arguments)
    waiting = aws.run("vpc_network", **arguments)
    assert (waiting["changed"], waiting["in_progress"]) == (False, True)
    assert aws.writes == []
    shown = aws.run("vpc_network", check=True, **arguments)
    assert shown["changed"]  # the route to the NAT gateway is still to be made
    seconds = 70.0
    waiting = aws.run("vpc_network", **arguments)
    assert waiting["progress"] == "Network of 'demo': NAT gateway demo-nat-usw2-az1 is being made."
    seconds = 120.0
    done = aws.run("vpc_network", **arguments)
    assert (done["changed"], done["in_progress"]) == (True, False)
    assert aws.writes == ["CreateRoute"] * 3


def test_everything_carries_the_tags_by_which_it_is_found(aws):
    aws.finish("vpc_network", **DEMO)
    assert len(tagged(aws, "describe_addresses", "Addresses")) == 3
    private = [s for s in tagged(aws, "describe_subnets", "Subnets") if s["CidrBlock"].startswith("100.64.")]
    tags = [{tag["Key"]: tag["Value"] for tag in subnet["Tags"]} for subnet in private]
    assert len(tags) == 3
    assert all(t["karpenter.sh/discovery"] == "demo" and t["kubernetes.io/role/internal-elb"] == "1" for t in tags)
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in tagged(aws, "describe_subnets", "Subnets"))


def test_zones_can_be_named(aws):
    made = aws.finish("vpc_network", **DEMO, nat="single", zone_ids=["usw2-az4", "usw2-az2"])
    assert {subnet["zone_id"] for subnet in made["subnets"]["private"]} == {"usw2-az4", "usw2-az2"}
    assert [tag["Value"] for tag in live_nat_gateways(aws)[0]["Tags"] if tag["Key"] == "Name"] == ["demo-nat-usw2-az4"]
    more = aws.finish("vpc_network", **DEMO, nat="single", zone_ids=["usw2-az1", "usw2-az4", "usw2-az2"])
    assert len(more["subnets"]["private"]) == 3
    assert {s["id"] for s in made["subnets"]["private"]} < {s["id"] for s in more["subnets"]["private"]}


def test_a_private_network_has_endpoints_and_no_way_out(aws):
    made = aws.finish("vpc_network", **PRIVATE)
    assert made["subnets"]["public"] == []
    assert tagged(aws, "describe_internet_gateways", "InternetGateways") == []
    found = endpoints(aws)
    assert set(found) == {"us-west-2.s3", "us-west-2.sts", "us-west-2.ecr.api", "route53"}
    private = {subnet["id"] for subnet in made["subnets"]["private"]}
    (group,) = tagged(aws, "describe_security_groups", "SecurityGroups")
    assert group["GroupName"] == "demo-endpoints"
    assert {r["CidrIp"] for p in group["IpPermissions"] for r in p["IpRanges"]} == {"10.1.0.0/16", "100.64.0.0/16"}
    for name in ("us-west-2.sts", "us-west-2.ecr.api", "route53"):
        assert set(found[name]["SubnetIds"]) == private
        assert [one["GroupId"] for one in found[name]["Groups"]] == [group["GroupId"]]
        assert found[name]["PrivateDnsEnabled"]
    assert len(found["us-west-2.s3"]["RouteTableIds"]) == 4
    again = aws.run("vpc_network", **PRIVATE)
    assert (again["changed"], again["in_progress"], aws.writes) == (False, False, [])


@pytest.mark.parametrize("writes", KILLED_AFTER)
def test_a_run_that_was_killed_is_finished_by_the_next(aws, writes):
    arguments = {**DEMO, "interface_endpoints": ["sts"]}
    kill(aws, writes, **arguments)
    assert "msg" not in aws.finish("vpc_network", **arguments)
    assert not aws.run("vpc_network", **arguments)["changed"]
    assert len(tagged(aws, "describe_vpcs", "Vpcs")) == 1
    assert len(tagged(aws, "describe_subnets", "Subnets")) == 9
    assert len(tagged(aws, "describe_addresses", "Addresses")) == 3
    assert len(tagged(aws, "describe_route_tables", "RouteTables")) == 5
    assert len(tagged(aws, "describe_security_groups", "SecurityGroups")) == 1
    assert len(endpoints(aws)) == 2


# Changing it


def test_ways_out_are_changed_in_place(aws):
    aws.finish("vpc_network", **DEMO)
    assert "msg" not in aws.finish("vpc_network", nat="single", **DEMO)
    (nat,) = live_nat_gateways(aws)
    assert len(aws.ec2.describe_addresses()["Addresses"]) == 1
    assert route_of(aws, "demo-private-usw2-az3")["NatGatewayId"] == nat["NatGatewayId"]
    assert "msg" not in aws.finish("vpc_network", nat="none", **DEMO)
    assert live_nat_gateways(aws) == []
    assert aws.ec2.describe_addresses()["Addresses"] == []
    assert route_of(aws, "demo-private-usw2-az1") is None
    assert not aws.run("vpc_network", nat="none", **DEMO)["changed"]


def test_a_network_can_become_private_and_public_again(aws):
    aws.finish("vpc_network", **DEMO)
    assert "msg" not in aws.finish("vpc_network", **PRIVATE)
    assert len(tagged(aws, "describe_subnets", "Subnets")) == 6
    assert tagged(aws, "describe_internet_gateways", "InternetGateways") == []
    assert not aws.run("vpc_network", **PRIVATE)["changed"]
    assert "msg" not in aws.finish("vpc_network", **DEMO)
    assert len(tagged(aws, "describe_subnets", "Subnets")) == 9
    assert set(endpoints(aws)) == {"us-west-2.s3"}
    assert tagged(aws, "describe_security_groups", "SecurityGroups") == []
    assert not aws.run("vpc_network", **DEMO)["changed"]


def test_what_others_added_is_kept(aws):
    made = aws.finish("vpc_network", nat="none", **DEMO)
    subnet = made["subnets"]["private"][0]["id"]
    aws.ec2.create_tags(Resources=[subnet], Tags=[{"Key": "theirs", "Value": "1"}])
    table = aws.ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": ["demo-private-usw2-az1"]}])
    peer = aws.ec2.create_vpc_peering_connection(VpcId=made["vpc_id"], PeerVpcId=made["vpc_id"])
    aws.ec2.create_route(
        RouteTableId=table["RouteTables"][0]["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        VpcPeeringConnectionId=peer["VpcPeeringConnection"]["VpcPeeringConnectionId"],
    )
    aws.ec2.create_security_group(VpcId=made["vpc_id"], GroupName="theirs", Description="theirs")
    aws.ec2.create_vpc_endpoint(
        VpcId=made["vpc_id"],
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.us-west-2.kms",
        SubnetIds=[subnet],
        PrivateDnsEnabled=False,
    )
    assert not aws.run("vpc_network", nat="none", **DEMO)["changed"]


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"secondary_cidr": "10.1.64.0/18"}, "overlap", id="overlap"),
        pytest.param(
            {"secondary_cidr": "172.20.0.0/16"}, "AWS associates no block of 172.16.0.0/12", id="cannot be added"
        ),
        pytest.param({"cidr": "10.1.0.0/24"}, "wrong size", id="too small"),
        pytest.param({"zone_count": 1}, "EKS needs two zones", id="one zone"),
        pytest.param(
            {"zone_ids": ["usw2-az1", "use1-az1"]},
            "zone_ids names use1-az1, in which EKS cannot run",
            id="other region",
        ),
        pytest.param({"nat": "single", "public": False}, "needs the public subnets", id="no place for a NAT gateway"),
        pytest.param(
            {"interface_endpoints": ["kafka"]}, "us-west-2 offers no interface endpoint for kafka", id="no service"
        ),
        pytest.param({"account_id": "000011112222"}, "use credentials of that account", id="other account"),
        pytest.param({"account_id": "1234"}, "all twelve digits", id="no account"),
        pytest.param({"nat": "twice"}, "value of nat must be one of", id="unknown choice"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(aws, arguments, message):
    for check in (True, False):
        result = aws.run("vpc_network", check=check, **DEMO, **arguments)
        assert result["failed"]
        assert message in result["msg"]
        assert aws.writes == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"cidr": "10.2.0.0/16"}, "VPC 'demo' has cidr 10.1.0.0/16 and 10.2.0.0/16 is wanted", id="cidr"),
        pytest.param({"zone_count": 2}, "a zone cannot be taken away in place", id="fewer zones"),
        pytest.param(
            {"zone_ids": ["usw2-az1", "usw2-az4"]}, "zone_ids does not name usw2-az2, usw2-az3", id="other zones"
        ),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(aws, arguments, message):
    aws.finish("vpc_network", **DEMO, nat="none")
    result = aws.run("vpc_network", **DEMO, nat="none", **arguments)
    assert message in result["msg"]
    assert aws.writes == []


def test_a_service_that_a_zone_lacks_is_refused_before_anything_is_made(aws, monkeypatch):
    describe = type(aws.ec2)._make_api_call

    def without_a_zone(client, operation, arguments):
        answer = describe(client, operation, arguments)
        for detail in answer.get("ServiceDetails", []):
            detail["AvailabilityZones"] = ["us-west-2a", "us-west-2b"]
        return answer

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", without_a_zone)
    result = aws.run("vpc_network", **PRIVATE)
    assert "no interface endpoint for sts is offered in usw2-az3" in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize(
    ("quota", "limit", "message"),
    [
        pytest.param(quotas.VPCS, 1, "VPCs in the region: 1 more VPC is needed, but 1 of 1", id="VPCs"),
        pytest.param(
            quotas.ADDRESSES, 2, "Elastic IP addresses: 3 more addresses are needed, but 0 of 2", id="addresses"
        ),
        pytest.param(quotas.NAT_GATEWAYS, 0, "demo', usw2-az1: NAT gateways in a zone: 1 more", id="NAT gateways"),
    ],
)
def test_an_exhausted_quota_is_told_before_anything_is_made(aws, quota, limit, message):
    quotas.current.applied[quota.service, quota.code] = limit
    for check in (True, False):
        result = aws.run("vpc_network", check=check, **DEMO)
        assert message in result["msg"]
        assert f"have quota {quota.code} ({quota.service}) raised to" in result["msg"]
        assert aws.writes == []


def test_a_quota_is_no_matter_when_nothing_of_it_is_to_be_made(aws):
    aws.finish("vpc_network", **DEMO)
    quotas.current.applied[quotas.VPCS.service, quotas.VPCS.code] = 1
    assert "msg" not in aws.run("vpc_network", **DEMO)


def test_a_quota_that_may_not_be_read_is_no_hindrance(aws):
    refuse(aws, "GetServiceQuota", "AccessDeniedException")
    assert aws.run("vpc_network", **DEMO)["changed"]


@pytest.mark.parametrize(
    ("operation", "code", "about", "quota"),
    [
        pytest.param("CreateVpc", "VpcLimitExceeded", "VPC 'demo'", "L-F678F1CE", id="VPCs"),
        pytest.param(
            "AllocateAddress",
            "AddressLimitExceeded",
            "Elastic IP address 'demo-nat-usw2-az1'",
            "L-0263D0A3",
            id="addresses",
        ),
        pytest.param(
            "CreateNatGateway",
            "NatGatewayLimitExceeded",
            "NAT gateway 'demo-nat-usw2-az1'",
            "L-FE5A380F",
            id="NAT gateways",
        ),
        pytest.param("CreateVpcEndpoint", "VpcEndpointLimitExceeded", "Gateway endpoint 'demo-s3'", "", id="endpoints"),
    ],
)
def test_a_quota_that_is_hit_half_way_is_named_and_the_next_run_goes_on(aws, operation, code, about, quota):
    refuse(aws, operation, code)
    result = aws.run("vpc_network", **DEMO)
    assert result["code"] == code
    assert result["msg"].startswith(f"{about}: AWS refused ec2:{operation} with {code} (No.); have ")
    assert quota in result["msg"]
    assert "and run again: it goes on where it stopped" in result["msg"]
    allow_all(aws)
    assert "msg" not in aws.finish("vpc_network", **DEMO)
    assert not aws.run("vpc_network", **DEMO)["changed"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        pytest.param("UnauthorizedOperation", "allow ec2:CreateVpc to arn:aws:sts::", id="denied"),
        pytest.param("RequestExpired", "get new credentials", id="expired"),
    ],
)
def test_a_refusal_of_aws_names_object_action_code_and_remedy(aws, code, remedy):
    refuse(aws, "CreateVpc", code)
    result = aws.run("vpc_network", **DEMO)
    assert result["code"] == code
    assert re.match(
        rf"VPC 'demo': AWS refused ec2:CreateVpc with {code} \(No\.\); .*{re.escape(remedy)}", result["msg"]
    )


def test_a_nat_gateway_that_failed_is_told_removed_and_made_anew_by_the_next_run(aws):
    faults.current.planned.append(
        faults.PlannedFailure("NAT gateway create", code="InternalError", message="Something went wrong.")
    )
    result = aws.finish("vpc_network", **DEMO)
    assert result["msg"] == (
        "NAT gateway 'demo-nat-usw2-az1' has failed (InternalError: Something went wrong): it is being removed, so correct what "
        "is named and run again, which makes it anew."
    )
    assert aws.writes == ["DeleteNatGateway"]
    shown = aws.run("vpc_network", check=True, **DEMO)
    assert "demo-nat-usw2-az1" not in shown["diff"]["before"]["nat_gateway"]
    assert "msg" not in aws.finish("vpc_network", **DEMO)
    assert len(live_nat_gateways(aws)) == 3
    assert not aws.run("vpc_network", **DEMO)["changed"]


# What belongs to others


def test_a_vpc_that_only_has_the_name_is_not_ours(aws):
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "demo"}]}]
    theirs = aws.ec2.create_vpc(CidrBlock="10.1.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    made = aws.finish("vpc_network", **DEMO, nat="none")
    assert made["vpc_id"] != theirs
    assert "msg" not in aws.finish("vpc_network", state="absent", **DEMO)
    assert theirs in [vpc["VpcId"] for vpc in aws.ec2.describe_vpcs()["Vpcs"]]


def test_two_vpcs_that_both_are_ours_are_refused(aws):
    made = aws.finish("vpc_network", **DEMO, nat="none")
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "kafka-eks/cluster", "Value": "demo"}]}]
    other = aws.ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]
    for state in ("present", "absent"):
        result = aws.run("vpc_network", **DEMO, nat="none", state=state)
        assert "VPC 'demo' exists 2 times" in result["msg"]
        assert made["vpc_id"] in result["msg"] and other in result["msg"]
        assert aws.writes == []


def test_a_foreign_subnet_in_the_way_is_named_and_left(aws):
    kill(aws, 4, **DEMO)
    theirs = aws.ec2.create_subnet(VpcId=network_of(aws)["vpc_id"], CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    for state in ("present", "absent"):
        result = aws.run("vpc_network", **DEMO, state=state)
        assert result["failed"]
        assert theirs in result["msg"]
        assert aws.writes == []


@pytest.mark.parametrize("thing", ["group", "endpoint"])
def test_what_others_have_in_the_place_of_ours_is_named_and_left(aws, thing):
    made = aws.finish("vpc_network", **DEMO, nat="none")
    if thing == "group":
        theirs = aws.ec2.create_security_group(VpcId=made["vpc_id"], GroupName="demo-endpoints", Description="theirs")[
            "GroupId"
        ]
    else:
        theirs = aws.ec2.create_vpc_endpoint(
            VpcId=made["vpc_id"],
            VpcEndpointType="Interface",
            ServiceName="com.amazonaws.us-west-2.sts",
            SubnetIds=[made["subnets"]["private"][0]["id"]],
            PrivateDnsEnabled=True,
        )["VpcEndpoint"]["VpcEndpointId"]
    result = aws.run("vpc_network", **DEMO, nat="none", interface_endpoints=["sts"])
    assert theirs in result["msg"]
    assert aws.writes == []


# Removing it


def test_it_is_removed_and_nothing_else_is(aws):
    theirs = aws.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    arguments = {**DEMO, "interface_endpoints": ["sts"]}
    aws.finish("vpc_network", **arguments)
    before = len(aws.ec2.describe_vpcs()["Vpcs"])
    shown = aws.run("vpc_network", check=True, state="absent", **arguments)
    assert shown["changed"]
    assert shown["diff"]["after"] == {}
    assert aws.writes == []
    first = aws.run("vpc_network", state="absent", **arguments)
    assert (first["changed"], first["in_progress"]) == (True, True)
    assert "interface endpoint demo-sts is being deleted" in first["progress"]
    last = aws.finish("vpc_network", state="absent", **arguments)
    assert (last["changed"], last["in_progress"], last["progress"]) == (True, False, "")
    assert not aws.run("vpc_network", state="absent", **arguments)["changed"]
    vpcs = [vpc["VpcId"] for vpc in aws.ec2.describe_vpcs()["Vpcs"]]
    assert theirs in vpcs
    assert len(vpcs) == before - 1
    assert tagged(aws, "describe_addresses", "Addresses") == []
    assert endpoints(aws) == {}


@pytest.mark.parametrize("writes", REMOVAL_KILLED_AFTER)
def test_a_removal_that_was_killed_is_finished_by_the_next(aws, writes):
    aws.finish("vpc_network", **DEMO, interface_endpoints=["sts"])
    kill(aws, writes, state="absent", **DEMO)
    last = aws.finish("vpc_network", state="absent", **DEMO)
    assert "msg" not in last
    assert network_of(aws)["vpc_id"] is None
    assert tagged(aws, "describe_internet_gateways", "InternetGateways") == []
    assert tagged(aws, "describe_addresses", "Addresses") == []
    assert live_nat_gateways(aws) == []


def test_a_network_in_which_something_runs_is_kept_until_that_is_gone(aws):
    made = aws.finish("vpc_network", **DEMO, nat="single")
    subnet = made["subnets"]["private"][0]["id"]
    image = aws.ec2.describe_images(Owners=["amazon"])["Images"] or [{"ImageId": "ami-12c6146b"}]
    (instance,) = aws.ec2.run_instances(
        ImageId=image[0]["ImageId"], MinCount=1, MaxCount=1, SubnetId=subnet, InstanceType="m8g.large"
    )["Instances"]
    interface = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
    waiting = aws.run("vpc_network", state="absent", **DEMO)
    assert (waiting["changed"], waiting["in_progress"], aws.writes) == (False, True, [])
    assert f"it is kept while others use it: network interface {interface}" in waiting["progress"]
    aws.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert "msg" not in aws.finish("vpc_network", state="absent", **DEMO)


def test_what_holds_the_network_is_named_when_it_does_not_go(aws):
    made = aws.finish("vpc_network", nat="none", **DEMO)
    interface = aws.ec2.create_network_interface(
        SubnetId=made["subnets"]["private"][0]["id"], Description="aws-K8S-i-0123"
    )["NetworkInterface"]["NetworkInterfaceId"]
    aws.run("vpc_network", state="absent", **DEMO)
    waiting = aws.run("vpc_network", state="absent", **DEMO)
    assert (waiting["changed"], waiting["in_progress"]) == (False, True)
    assert f"its subnets still hold network interface {interface} (aws-K8S-i-0123)" in waiting["progress"]
    aws.ec2.delete_network_interface(NetworkInterfaceId=interface)
    assert aws.finish("vpc_network", state="absent", **DEMO)["changed"]


def test_what_aws_does_not_let_go_yet_is_tried_again(aws):
    aws.finish("vpc_network", nat="none", **DEMO)
    refuse(aws, "DeleteVpc", "DependencyViolation", "It has dependencies.")
    for changed in (True, False):
        waiting = aws.run("vpc_network", state="absent", **DEMO)
        assert (waiting["changed"], waiting["in_progress"]) == (changed, True)
        assert "VPC 'demo': AWS refused ec2:DeleteVpc with DependencyViolation" in waiting["progress"]
    allow_all(aws)
    assert aws.run("vpc_network", state="absent", **DEMO)["changed"]
    assert network_of(aws)["vpc_id"] is None
