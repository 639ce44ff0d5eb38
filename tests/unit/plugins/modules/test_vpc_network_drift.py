"""What somebody changes behind our back is shown exactly, put right, and then left alone."""

from __future__ import annotations

import pytest

NETWORK = {"cluster_name": "demo", "interface_endpoints": ["sts", "ecr.api"]}
EVERYWHERE = "0.0.0.0/0"


@pytest.fixture(scope="module")
def shared(emulated):
    with emulated() as account:
        yield account


@pytest.fixture
def network(shared):
    """A network that all drifts share: what one of them left is no matter of the next."""
    assert "msg" not in shared.finish("vpc_network", **NETWORK)
    return shared


def find(aws, operation, answer, name):
    (found,) = getattr(aws.ec2, operation)(Filters=[{"Name": "tag:Name", "Values": [name]}])[answer]
    return found


def vpc(aws, name="demo"):
    return find(aws, "describe_vpcs", "Vpcs", name)["VpcId"]


def subnet(aws, name):
    return find(aws, "describe_subnets", "Subnets", name)["SubnetId"]


def table(aws, name):
    return find(aws, "describe_route_tables", "RouteTables", name)


def gateway(aws, name="demo"):
    return find(aws, "describe_internet_gateways", "InternetGateways", name)["InternetGatewayId"]


def endpoint(aws, name):
    return find(aws, "describe_vpc_endpoints", "VpcEndpoints", name)["VpcEndpointId"]


def group(aws):
    return find(aws, "describe_security_groups", "SecurityGroups", "demo-endpoints")["GroupId"]


def nat(aws, name):
    live = [{"Name": "tag:Name", "Values": [name]}, {"Name": "state", "Values": ["available"]}]
    (found,) = aws.ec2.describe_nat_gateways(Filter=live)["NatGateways"]
    return found


def default_group(aws):
    groups = aws.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc(aws)]}])["SecurityGroups"]
    return next(found["GroupId"] for found in groups if found["GroupName"] == "default")


def delete_route(aws, name="demo-public"):
    aws.ec2.delete_route(RouteTableId=table(aws, name)["RouteTableId"], DestinationCidrBlock=EVERYWHERE)


def point_route_at_another_zone(aws):
    aws.ec2.replace_route(
        RouteTableId=table(aws, "demo-private-usw2-az1")["RouteTableId"],
        DestinationCidrBlock=EVERYWHERE,
        NatGatewayId=nat(aws, "demo-nat-usw2-az2")["NatGatewayId"],
    )


def point_route_at_a_peer(aws):
    peer = aws.ec2.create_vpc_peering_connection(VpcId=vpc(aws), PeerVpcId=vpc(aws))["VpcPeeringConnection"]
    aws.ec2.replace_route(
        RouteTableId=table(aws, "demo-private-usw2-az1")["RouteTableId"],
        DestinationCidrBlock=EVERYWHERE,
        VpcPeeringConnectionId=peer["VpcPeeringConnectionId"],
    )


def open_the_intra_subnets(aws):
    aws.ec2.create_route(
        RouteTableId=table(aws, "demo-intra")["RouteTableId"], DestinationCidrBlock=EVERYWHERE, GatewayId=gateway(aws)
    )


def drop_association(aws):
    for association in table(aws, "demo-public")["Associations"]:
        if association["SubnetId"] == subnet(aws, "demo-public-usw2-az1"):
            aws.ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])


def move_association(aws):
    (association,) = table(aws, "demo-private-usw2-az2")["Associations"]
    aws.ec2.replace_route_table_association(
        AssociationId=association["RouteTableAssociationId"], RouteTableId=table(aws, "demo-public")["RouteTableId"]
    )


def delete_route_table(aws):
    found = table(aws, "demo-private-usw2-az3")
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint(aws, "demo-s3"), RemoveRouteTableIds=[found["RouteTableId"]])
    for association in found["Associations"]:
        aws.ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    aws.ec2.delete_route_table(RouteTableId=found["RouteTableId"])


def turn_off(attribute):
    def turned_off(aws):
        aws.ec2.modify_vpc_attribute(VpcId=vpc(aws), **{attribute: {"Value": False}})

    return turned_off


def drop_tag(aws):
    aws.ec2.delete_tags(Resources=[subnet(aws, "demo-private-usw2-az1")], Tags=[{"Key": "karpenter.sh/discovery"}])


def change_tag(aws):
    tags = [{"Key": "kubernetes.io/role/elb", "Value": "0"}]
    aws.ec2.create_tags(Resources=[subnet(aws, "demo-public-usw2-az2")], Tags=tags)


def rename_vpc(aws):
    aws.ec2.create_tags(Resources=[vpc(aws)], Tags=[{"Key": "Name", "Value": "production"}])


def drop_name_of_subnet(aws):
    aws.ec2.delete_tags(Resources=[subnet(aws, "demo-intra-usw2-az3")], Tags=[{"Key": "Name"}])


def drop_name_of_address(aws):
    address = nat(aws, "demo-nat-usw2-az1")["NatGatewayAddresses"][0]["AllocationId"]
    aws.ec2.delete_tags(Resources=[address], Tags=[{"Key": "Name"}])


def rename_route_table(aws):
    tags = [{"Key": "Name", "Value": "to the internet"}]
    aws.ec2.create_tags(Resources=[table(aws, "demo-public")["RouteTableId"]], Tags=tags)


def delete_subnet(aws):
    aws.ec2.delete_subnet(SubnetId=subnet(aws, "demo-intra-usw2-az1"))


def delete_nat_gateway(aws):
    aws.ec2.delete_nat_gateway(NatGatewayId=nat(aws, "demo-nat-usw2-az2")["NatGatewayId"])


def delete_nat_gateway_and_address(aws):
    found = nat(aws, "demo-nat-usw2-az3")
    aws.ec2.delete_nat_gateway(NatGatewayId=found["NatGatewayId"])
    aws.ec2.describe_nat_gateways()  # after which it is gone
    aws.ec2.release_address(AllocationId=found["NatGatewayAddresses"][0]["AllocationId"])


def detach_from_s3(aws):
    tables = [table(aws, "demo-intra")["RouteTableId"]]
    aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint(aws, "demo-s3"), RemoveRouteTableIds=tables)


def delete_endpoint(name):
    def deleted(aws):
        aws.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint(aws, name)])

    return deleted


def change_endpoint(**arguments):
    def changed(aws):
        values = {key: [value(aws)] if callable(value) else value for key, value in arguments.items()}
        aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint(aws, "demo-sts"), **values)

    return changed


def let_everybody_in(aws):
    aws.ec2.authorize_security_group_ingress(
        GroupId=group(aws), IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp=EVERYWHERE
    )


def shut_pods_out(aws):
    aws.ec2.revoke_security_group_ingress(
        GroupId=group(aws), IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="100.64.0.0/16"
    )


def add_block(aws):
    aws.ec2.associate_vpc_cidr_block(VpcId=vpc(aws), CidrBlock="100.70.0.0/16")


ROUTE = f"routes/{EVERYWHERE}"
DRIFTS = {
    "route deleted": (delete_route, {f"route_table/demo-public/{ROUTE}"}),
    "route through another zone": (point_route_at_another_zone, {f"route_table/demo-private-usw2-az1/{ROUTE}"}),
    "route through a peer": (point_route_at_a_peer, {f"route_table/demo-private-usw2-az1/{ROUTE}"}),
    "way out where none should be": (open_the_intra_subnets, {f"route_table/demo-intra/{ROUTE}"}),
    "subnet without its route table": (drop_association, {"subnet/demo-public-usw2-az1/route_table"}),
    "subnet with another route table": (move_association, {"subnet/demo-private-usw2-az2/route_table"}),
    "route table deleted": (
        delete_route_table,
        {
            "route_table/demo-private-usw2-az3",
            "subnet/demo-private-usw2-az3/route_table",
            "gateway_endpoint/demo-s3/route_tables",
        },
    ),
    "no DNS host names": (turn_off("EnableDnsHostnames"), {"vpc/demo/dns_hostnames"}),
    "no DNS": (turn_off("EnableDnsSupport"), {"vpc/demo/dns_support"}),
    "tag deleted": (drop_tag, {"subnet/demo-private-usw2-az1/tags/karpenter.sh/discovery"}),
    "tag changed": (change_tag, {"subnet/demo-public-usw2-az2/tags/kubernetes.io/role/elb"}),
    "VPC renamed": (rename_vpc, {"vpc/demo/tags/Name"}),
    "subnet without a name": (drop_name_of_subnet, {"subnet/demo-intra-usw2-az3/tags/Name"}),
    "address without a name": (drop_name_of_address, {"address/demo-nat-usw2-az1/tags/Name"}),
    "route table renamed": (rename_route_table, {"route_table/demo-public/tags/Name"}),
    "subnet deleted": (delete_subnet, {"subnet/demo-intra-usw2-az1"}),
    "NAT gateway deleted": (
        delete_nat_gateway,
        {"nat_gateway/demo-nat-usw2-az2", f"route_table/demo-private-usw2-az2/{ROUTE}"},
    ),
    "NAT gateway deleted and its address released": (
        delete_nat_gateway_and_address,
        {
            "address/demo-nat-usw2-az3",
            "nat_gateway/demo-nat-usw2-az3",
            f"route_table/demo-private-usw2-az3/{ROUTE}",
        },
    ),
    "route table without S3": (detach_from_s3, {"gateway_endpoint/demo-s3/route_tables"}),
    "endpoint of S3 deleted": (delete_endpoint("demo-s3"), {"gateway_endpoint/demo-s3"}),
    "interface endpoint deleted": (delete_endpoint("demo-ecr.api"), {"interface_endpoint/demo-ecr.api"}),
    "interface endpoint in another security group": (
        change_endpoint(AddSecurityGroupIds=default_group, RemoveSecurityGroupIds=group),
        {"interface_endpoint/demo-sts/security_groups"},
    ),
    "interface endpoint without its private name": (
        change_endpoint(PrivateDnsEnabled=False),
        {"interface_endpoint/demo-sts/private_dns"},
    ),
    "interface endpoint missing in a zone": (
        change_endpoint(RemoveSubnetIds=lambda aws: subnet(aws, "demo-private-usw2-az3")),
        {"interface_endpoint/demo-sts/subnets"},
    ),
    "rule for everybody": (let_everybody_in, {"security_group/demo-endpoints/ingress"}),
    "rule missing": (shut_pods_out, {"security_group/demo-endpoints/ingress"}),
}


def changed(before, after, path=""):
    """Where two sides of a diff differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield path
        return
    for key in sorted({*before, *after}):
        missing = None if path else {}  # a kind of which there is nothing
        yield from changed(before.get(key, missing), after.get(key, missing), f"{path}/{key}".lstrip("/"))


@pytest.mark.parametrize(("drift", "paths"), DRIFTS.values(), ids=DRIFTS)
def test_drift_is_shown_exactly_put_right_and_then_left_alone(network, drift, paths):
    drift(network)
    shown = network.run("vpc_network", check=True, **NETWORK)
    assert shown["changed"]
    assert set(changed(shown["diff"]["before"], shown["diff"]["after"])) == paths
    assert network.writes == []
    network.all_writes.clear()
    mended = network.finish("vpc_network", **NETWORK)
    assert "msg" not in mended
    assert network.all_writes
    again = network.run("vpc_network", **NETWORK)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"] == shown["diff"]["after"]


def test_a_block_that_somebody_added_may_use_the_endpoints(network):
    """It is no drift; but what follows from it is put right."""
    add_block(network)
    shown = network.run("vpc_network", check=True, **NETWORK)
    assert set(changed(shown["diff"]["before"], shown["diff"]["after"])) == {"security_group/demo-endpoints/ingress"}
    assert network.run("vpc_network", **NETWORK)["changed"]
    assert not network.run("vpc_network", **NETWORK)["changed"]


PRIVATE = {"cluster_name": "other", "nat": "none"}


def detach_internet_gateway(aws):
    aws.ec2.detach_internet_gateway(InternetGatewayId=gateway(aws, "other"), VpcId=vpc(aws, "other"))


def delete_internet_gateway(aws):
    own_id = gateway(aws, "other")
    delete_route(aws, "other-public")
    detach_internet_gateway(aws)
    aws.ec2.delete_internet_gateway(InternetGatewayId=own_id)


@pytest.mark.parametrize(
    ("drift", "paths"),
    [
        pytest.param(detach_internet_gateway, {"internet_gateway/other/attached"}, id="internet gateway detached"),
        pytest.param(
            delete_internet_gateway,
            {"internet_gateway/other", f"route_table/other-public/{ROUTE}"},
            id="internet gateway deleted",
        ),
    ],
)
def test_so_is_what_can_only_be_changed_where_no_nat_gateway_is(shared, drift, paths):
    assert "msg" not in shared.finish("vpc_network", **PRIVATE)
    drift(shared)
    shown = shared.run("vpc_network", check=True, **PRIVATE)
    assert set(changed(shown["diff"]["before"], shown["diff"]["after"])) == paths
    assert shared.run("vpc_network", **PRIVATE)["changed"]
    assert not shared.run("vpc_network", **PRIVATE)["changed"]


def test_so_is_a_block_that_was_taken_off_while_the_network_was_half_made(shared):
    """Later its subnets hold it."""
    shared.writes_left = 4
    with pytest.raises(BaseException, match=r"^$"):
        shared.run("vpc_network", cluster_name="third", nat="none")
    shared.writes_left = None
    for association in find(shared, "describe_vpcs", "Vpcs", "third")["CidrBlockAssociationSet"]:
        if association["CidrBlock"] == "100.64.0.0/16":
            shared.ec2.disassociate_vpc_cidr_block(AssociationId=association["AssociationId"])
    shown = shared.run("vpc_network", check=True, cluster_name="third", nat="none")
    assert shown["diff"]["before"]["vpc"]["third"]["secondary_cidrs"] == []
    assert shown["diff"]["after"]["vpc"]["third"]["secondary_cidrs"] == ["100.64.0.0/16"]
    assert "msg" not in shared.finish("vpc_network", cluster_name="third", nat="none")
    assert not shared.run("vpc_network", cluster_name="third", nat="none")["changed"]
