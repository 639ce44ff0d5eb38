"""EC2's networks: what moto has otherwise, and what others hold."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lab.aws import clock, settings

S3, STS = "com.amazonaws.us-west-2.s3", "com.amazonaws.us-west-2.sts"


def refused(code, match=""):
    return pytest.raises(ClientError, match=rf"\({code}\).*{match}")


def in_use():
    return refused("DependencyViolation")


class TestBlocks:
    @pytest.mark.parametrize(
        ("cidr", "sentence"),
        [
            pytest.param("10.0.128.0/20", "conflicts", id="overlap"),
            pytest.param("100.64.0.0/15", "invalid", id="too large"),
            pytest.param("100.64.0.0/29", "invalid", id="too small"),
            pytest.param("192.168.0.0/16", "restricted", id="of another private range"),
        ],
    )
    def test_that_a_vpc_cannot_have(self, account, cidr, sentence):
        with refused("InvalidVpc.Range", sentence):
            account.ec2.associate_vpc_cidr_block(VpcId=account.vpc, CidrBlock=cidr)

    def test_that_a_subnet_needs_stays(self, account):
        added = account.ec2.associate_vpc_cidr_block(VpcId=account.vpc, CidrBlock="100.64.0.0/16")
        association = added["CidrBlockAssociation"]["AssociationId"]
        subnet = account.ec2.create_subnet(VpcId=account.vpc, CidrBlock="100.64.0.0/20")["Subnet"]["SubnetId"]
        with refused("InvalidCidrBlock.InUse"):
            account.ec2.disassociate_vpc_cidr_block(AssociationId=association)
        account.ec2.delete_subnet(SubnetId=subnet)
        account.ec2.disassociate_vpc_cidr_block(AssociationId=association)


def attach_internet(account):
    gateway = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    account.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=account.vpc)
    return gateway


class TestNatGateways:
    @pytest.fixture
    def address(self, account):
        return account.ec2.allocate_address(Domain="vpc")["AllocationId"]

    def make(self, account, address):
        made = account.ec2.create_nat_gateway(SubnetId=account.subnets[0], AllocationId=address)["NatGateway"]
        assert made["State"] == "pending"
        return made["NatGatewayId"]

    def gateway(self, account, gateway):
        return account.ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]

    def test_come_and_go_with_their_interface_and_hold_what_they_use(self, account, address):
        internet = attach_internet(account)
        gateway = self.make(account, address)
        assert self.gateway(account, gateway)["State"] == "available"
        with refused("Resource.AlreadyAssociated"):
            account.ec2.create_nat_gateway(SubnetId=account.subnets[1], AllocationId=address)
        account.ec2.delete_nat_gateway(NatGatewayId=gateway)
        with in_use():
            account.ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=account.vpc)
        with in_use():
            account.ec2.delete_subnet(SubnetId=account.subnets[0])
        with refused("InvalidIPAddress.InUse"):
            account.ec2.release_address(AllocationId=address)
        assert self.gateway(account, gateway)["State"] == "deleted"
        account.ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=account.vpc)
        account.ec2.delete_subnet(SubnetId=account.subnets[0])
        account.ec2.release_address(AllocationId=address)

    def test_without_a_way_out_of_the_vpc_fail_and_say_why(self, account, address):
        gateway = self.gateway(account, self.make(account, address))
        assert (gateway["State"], gateway["FailureCode"]) == ("failed", "Gateway.NotAttached")
        assert "has no Internet gateway" in gateway["FailureMessage"]
        account.ec2.release_address(AllocationId=address)

    def test_that_are_gone_leave_a_route_to_nowhere(self, account, address):
        attach_internet(account)
        gateway = self.make(account, address)
        table = account.ec2.create_route_table(VpcId=account.vpc)["RouteTable"]["RouteTableId"]
        account.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)

        def states():
            (found,) = account.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
            return [route["State"] for route in found["Routes"]]

        assert states() == ["active", "active"]
        account.ec2.delete_nat_gateway(NatGatewayId=gateway)
        self.gateway(account, gateway)
        assert states() == ["active", "blackhole"]

    def test_have_the_right_kind_of_tags_and_are_found_by_them(self, account, address):
        gateway = self.make(account, address)
        account.ec2.create_tags(Resources=[gateway], Tags=[{"Key": "a", "Value": "b"}])
        tags = account.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [gateway]}])["Tags"]
        assert [tag["ResourceType"] for tag in tags] == ["natgateway"]

        def found(value):
            return len(account.ec2.describe_nat_gateways(Filters=[{"Name": "tag:a", "Values": [value]}])["NatGateways"])

        assert (found("b"), found("c")) == (1, 0)

    def test_that_nobody_made_are_not_found(self, account):
        for call in (
            lambda: account.ec2.describe_nat_gateways(NatGatewayIds=["nat-1"]),
            lambda: account.ec2.delete_nat_gateway(NatGatewayId="nat-1"),
        ):
            with refused("NatGatewayNotFound"):
                call()
        table = account.ec2.create_route_table(VpcId=account.vpc)["RouteTable"]["RouteTableId"]
        with refused("InvalidNatGatewayID.NotFound"):
            account.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId="nat-1")

    def test_take_their_time(self, account, address, monkeypatch):
        settings.change(time_scale=0.1)
        now = clock.current.now()
        monkeypatch.setattr(clock.current, "now", lambda: now)
        attach_internet(account)
        gateway = self.make(account, address)
        assert self.gateway(account, gateway)["State"] == "pending"
        now += 11
        assert self.gateway(account, gateway)["State"] == "available"
        account.ec2.delete_nat_gateway(NatGatewayId=gateway)
        now += 6
        # It is gone though nobody has looked at it.
        account.ec2.release_address(AllocationId=address)


class TestInterfaceEndpoints:
    @pytest.fixture
    def group(self, account):
        account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsHostnames={"Value": True})
        return account.ec2.create_security_group(GroupName="g", Description="g", VpcId=account.vpc)["GroupId"]

    def make(self, account, group, subnets, **options):
        defaults = {"ServiceName": STS, "VpcEndpointType": "Interface", "PrivateDnsEnabled": True}
        made = account.ec2.create_vpc_endpoint(
            VpcId=account.vpc, SubnetIds=subnets, SecurityGroupIds=[group], **{**defaults, **options}
        )
        return made["VpcEndpoint"]

    def endpoint(self, account):
        (found,) = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        return found

    def interfaces(self, account):
        return {
            interface["SubnetId"]: [group["GroupId"] for group in interface["Groups"]]
            for interface in account.ec2.describe_network_interfaces()["NetworkInterfaces"]
        }

    def test_come_and_go_with_their_interfaces(self, account, group):
        made = self.make(account, group, account.subnets[:2])
        assert made["State"] == "pending"
        found = self.endpoint(account)
        assert (found["State"], found["PrivateDnsEnabled"], found["ServiceName"]) == ("available", True, STS)
        assert [g["GroupId"] for g in found["Groups"]] == [group]
        assert self.interfaces(account) == dict.fromkeys(account.subnets[:2], [group])
        with in_use():
            account.ec2.delete_security_group(GroupId=group)
        account.ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
        with in_use():
            account.ec2.delete_subnet(SubnetId=account.subnets[0])
        assert account.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
        account.ec2.delete_subnet(SubnetId=account.subnets[0])
        account.ec2.delete_security_group(GroupId=group)

    def test_are_changed_in_place(self, account, group):
        endpoint = self.make(account, group, account.subnets[:2])["VpcEndpointId"]
        other = account.ec2.create_security_group(GroupName="o", Description="o", VpcId=account.vpc)["GroupId"]
        account.ec2.modify_vpc_endpoint(
            VpcEndpointId=endpoint,
            AddSubnetIds=account.subnets[2:],
            RemoveSubnetIds=account.subnets[:1],
            AddSecurityGroupIds=[other],
            RemoveSecurityGroupIds=[group],
            PrivateDnsEnabled=False,
        )
        found = self.endpoint(account)
        assert (found["SubnetIds"], found["PrivateDnsEnabled"]) == (account.subnets[1:], False)
        assert self.interfaces(account) == dict.fromkeys(account.subnets[1:], [other])

    def test_have_one_subnet_of_a_zone(self, account, group):
        twin = account.make_subnet(9, "a")
        with refused("DuplicateSubnetsInSameZone"):
            self.make(account, group, [account.subnets[0], twin])
        assert account.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []

    def test_are_for_services_that_exist(self, account, group):
        with refused("InvalidServiceName"):
            self.make(account, group, account.subnets[:1], ServiceName="com.amazonaws.us-west-2.none")

    def test_need_dns_and_the_name_for_themselves(self, account, group):
        self.make(account, group, account.subnets[:1])
        with refused("InvalidParameter", "conflicting DNS domain"):
            self.make(account, group, account.subnets[:1])
        account.ec2.modify_vpc_attribute(VpcId=account.vpc, EnableDnsHostnames={"Value": False})
        with refused("InvalidParameter", "enableDnsHostnames"):
            self.make(account, group, account.subnets[:1], ServiceName="com.amazonaws.us-west-2.ec2")

    def test_that_are_not_there_are_told_without_an_error(self, account):
        (failed,) = account.ec2.delete_vpc_endpoints(VpcEndpointIds=["vpce-1"])["Unsuccessful"]
        assert (failed["ResourceId"], failed["Error"]["Code"]) == ("vpce-1", "InvalidVpcEndpoint.NotFound")


def test_a_gateway_endpoint_makes_and_removes_routes(account):
    tables = [account.ec2.create_route_table(VpcId=account.vpc)["RouteTable"]["RouteTableId"] for _ in range(2)]

    def routed():
        found = account.ec2.describe_route_tables(RouteTableIds=tables)["RouteTables"]
        return [t["RouteTableId"] for t in found if any("DestinationPrefixListId" in route for route in t["Routes"])]

    made = account.ec2.create_vpc_endpoint(VpcId=account.vpc, ServiceName=S3, RouteTableIds=tables[:1])["VpcEndpoint"]
    endpoint = made["VpcEndpointId"]
    assert (made["State"], made["VpcEndpointType"], routed()) == ("available", "Gateway", tables[:1])
    account.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=tables[1:], RemoveRouteTableIds=tables[:1])
    assert routed() == tables[1:]
    with refused("RouteAlreadyExists"):
        account.ec2.create_vpc_endpoint(VpcId=account.vpc, ServiceName=S3, RouteTableIds=tables[1:])
    account.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert routed() == []
    assert account.ec2.describe_vpc_endpoints()["VpcEndpoints"] == []


def test_a_subnet_that_goes_leaves_its_route_table(account):
    table = account.ec2.create_route_table(VpcId=account.vpc)["RouteTable"]["RouteTableId"]
    account.ec2.associate_route_table(RouteTableId=table, SubnetId=account.subnets[0])
    account.ec2.delete_subnet(SubnetId=account.subnets[0])
    account.ec2.delete_route_table(RouteTableId=table)


def test_a_security_group_that_an_interface_or_a_rule_uses_stays(account):
    def group(name):
        return account.ec2.create_security_group(GroupName=name, Description=name, VpcId=account.vpc)["GroupId"]

    used, user = group("used"), group("user")
    rule = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": used}]}
    account.ec2.authorize_security_group_ingress(GroupId=user, IpPermissions=[rule])
    with in_use():
        account.ec2.delete_security_group(GroupId=used)
    account.ec2.revoke_security_group_ingress(GroupId=user, IpPermissions=[rule])
    interface = account.ec2.create_network_interface(SubnetId=account.subnets[0], Groups=[used])
    with in_use():
        account.ec2.delete_security_group(GroupId=used)
    account.ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterface"]["NetworkInterfaceId"])
    account.ec2.delete_security_group(GroupId=used)


def make_group(account):
    group = account.ec2.create_security_group(GroupName="g", Description="g", VpcId=account.vpc)["GroupId"]
    return lambda: account.ec2.delete_security_group(GroupId=group)


def make_endpoint(account):
    service = {"ServiceName": "com.amazonaws.us-west-2.s3", "VpcEndpointType": "Gateway"}
    endpoint = account.ec2.create_vpc_endpoint(VpcId=account.vpc, **service)["VpcEndpoint"]["VpcEndpointId"]
    return lambda: account.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])


def make_gateway(account):
    gateway = attach_internet(account)
    return lambda: account.ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=account.vpc)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make_group, id="security group"),
        pytest.param(make_endpoint, id="endpoint"),
        pytest.param(make_gateway, id="internet gateway"),
    ],
)
def test_a_vpc_goes_last(account, make):
    remove = make(account)
    for subnet in account.subnets:
        account.ec2.delete_subnet(SubnetId=subnet)
    with in_use():
        account.ec2.delete_vpc(VpcId=account.vpc)
    remove()
    account.ec2.delete_vpc(VpcId=account.vpc)


def test_the_interface_of_an_instance_goes_with_it(account):
    launched = account.ec2.run_instances(SubnetId=account.subnets[0], MinCount=1, MaxCount=1, ImageId="ami-1")
    with in_use():
        account.ec2.delete_subnet(SubnetId=account.subnets[0])
    account.ec2.terminate_instances(InstanceIds=[launched["Instances"][0]["InstanceId"]])
    account.ec2.delete_subnet(SubnetId=account.subnets[0])
