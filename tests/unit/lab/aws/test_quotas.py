from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

from lab.aws import settings


@pytest.fixture
def quotas(account):
    return boto3.client("service-quotas", "us-west-2")


def refused(code):
    return pytest.raises(ClientError, match=rf"\({code}\)")


@pytest.mark.parametrize(
    ("service", "code", "value"),
    [
        pytest.param("ec2", "L-1216C47A", 640.0, id="vCPUs"),
        pytest.param("ec2", "L-0263D0A3", 5.0, id="addresses"),
        pytest.param("ec2", "L-34B43A08", 640.0, id="spot vCPUs"),
        pytest.param("ebs", "L-7A658B76", 50.0, id="gp3"),
        pytest.param("vpc", "L-F678F1CE", 5.0, id="VPCs"),
        pytest.param("vpc", "L-FE5A380F", 5.0, id="NAT gateways"),
        pytest.param("eks", "L-1194D53C", 100.0, id="clusters"),
        pytest.param("eks", "L-6D54EA21", 30.0, id="node groups"),
    ],
)
def test_the_default_and_what_applies(quotas, service, code, value):
    settings.change(quotas={f"{service}/{code}": 1})
    named = {"ServiceCode": service, "QuotaCode": code}
    assert quotas.get_service_quota(**named)["Quota"]["Value"] == 1
    assert quotas.get_aws_default_service_quota(**named)["Quota"]["Value"] == value
    applied = {
        quota["QuotaCode"]: quota["Value"] for quota in quotas.list_service_quotas(ServiceCode=service)["Quotas"]
    }
    assert applied[code] == 1


def test_an_unknown_quota_is_not_there(quotas):
    with refused("NoSuchResourceException"):
        quotas.get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")


def test_what_a_network_needs_is_limited(account):
    limits = {"VPCs": 3, "addresses": 2, "NAT gateways": 1, "internet gateways": 1, "endpoints": 1}
    codes = ("vpc/L-F678F1CE", "ec2/L-0263D0A3", "vpc/L-FE5A380F", "vpc/L-A4707A72", "vpc/L-29B6F2EB")
    settings.change(quotas=dict(zip(codes, limits.values(), strict=True)))
    account.ec2.create_vpc(CidrBlock="10.1.0.0/16")
    with refused("VpcLimitExceeded"):  # the account's default VPC counts
        account.ec2.create_vpc(CidrBlock="10.2.0.0/16")
    first, second = (account.ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2))
    with refused("AddressLimitExceeded"):
        account.ec2.allocate_address(Domain="vpc")
    account.ec2.create_nat_gateway(SubnetId=account.subnets[0], AllocationId=first)
    with refused("NatGatewayLimitExceeded"):
        account.ec2.create_nat_gateway(SubnetId=account.subnets[0], AllocationId=second)
    account.ec2.create_nat_gateway(SubnetId=account.subnets[1], AllocationId=second)
    account.ec2.create_internet_gateway()
    with refused("InternetGatewayLimitExceeded"):
        account.ec2.create_internet_gateway()
    endpoint = {"VpcId": account.vpc, "VpcEndpointType": "Interface", "PrivateDnsEnabled": False}
    account.ec2.create_vpc_endpoint(**endpoint, ServiceName="com.amazonaws.us-west-2.sts")
    with refused("VpcEndpointLimitExceeded"):
        account.ec2.create_vpc_endpoint(**endpoint, ServiceName="com.amazonaws.us-west-2.ec2")


def test_clusters_and_node_groups_are_limited(account):
    settings.change(quotas={"eks/L-6D54EA21": 1, "eks/L-1194D53C": 1})
    account.make_cluster()
    with pytest.raises(account.eks.exceptions.ResourceLimitExceededException):
        account.begin_cluster(name="other")
    account.begin_nodegroup("one")
    with pytest.raises(account.eks.exceptions.ResourceLimitExceededException):
        account.begin_nodegroup("two")


def test_a_node_group_fails_at_the_quota_of_machines(account):
    settings.change(quotas={"ec2/L-1216C47A": 32})
    account.make_cluster()
    nodegroup = account.make_nodegroup(size=3)
    (issue,) = nodegroup["health"]["issues"]
    assert (nodegroup["status"], issue["code"]) == ("CREATE_FAILED", "AsgInstanceLaunchFailures")
    assert "VcpuLimitExceeded" in issue["message"]
    assert len(account.instances()) == 2


def test_a_node_group_that_grew_too_much_is_degraded_until_there_is_room(account):
    account.make_cluster()
    account.make_nodegroup(size=1)
    settings.change(quotas={"ec2/L-1216C47A": 16})
    named = {"clusterName": "kafka", "nodegroupName": "broker"}
    update = account.eks.update_nodegroup_config(**named, scalingConfig={"desiredSize": 2})["update"]
    account.eks.describe_update(name="kafka", nodegroupName="broker", updateId=update["id"])
    assert account.nodegroup()["status"] == "DEGRADED"
    settings.change(quotas={})
    assert account.nodegroup()["status"] == "ACTIVE"
    assert len(account.instances()) == 2
