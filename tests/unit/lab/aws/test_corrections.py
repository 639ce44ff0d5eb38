from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError

MANAGED = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "service-role/AmazonEBSCSIDriverPolicy",
)


def in_use():
    return pytest.raises(ClientError, match="DependencyViolation")


@pytest.mark.parametrize("policy", MANAGED)
def test_the_policies_of_aws_attach(account, policy):
    account.iam.attach_role_policy(RoleName="eks", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")


def test_a_nat_gateway_has_the_right_kind_of_tags_and_takes_its_interface_along(account):
    address = account.ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = account.ec2.create_nat_gateway(SubnetId=account.subnets[0], AllocationId=address)["NatGateway"][
        "NatGatewayId"
    ]
    account.ec2.create_tags(Resources=[gateway], Tags=[{"Key": "a", "Value": "b"}])
    tags = account.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [gateway]}])["Tags"]
    assert [tag["ResourceType"] for tag in tags] == ["natgateway"]
    internet = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    account.ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=account.vpc)
    with in_use():
        account.ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=account.vpc)
    with in_use():
        account.ec2.delete_subnet(SubnetId=account.subnets[0])
    account.ec2.delete_nat_gateway(NatGatewayId=gateway)
    account.ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=account.vpc)
    account.ec2.delete_subnet(SubnetId=account.subnets[0])


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
    gateway = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    account.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=account.vpc)
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


def test_an_empty_volume_has_an_empty_snapshot(account):
    assert account.ec2.create_volume(AvailabilityZone="us-west-2a", Size=1)["SnapshotId"] == ""


def test_the_tags_of_a_launch_template_are_not_its_data(account):
    account.ec2.create_launch_template(
        LaunchTemplateName="broker",
        LaunchTemplateData={"InstanceType": "m8g.large"},
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    (version,) = account.ec2.describe_launch_template_versions(LaunchTemplateName="broker")["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"] == {"InstanceType": "m8g.large"}
    (template,) = account.ec2.describe_launch_templates(LaunchTemplateNames=["broker"])["LaunchTemplates"]
    assert template["Tags"] == [{"Key": "a", "Value": "b"}]


def test_keys_are_known_by_their_arn(account):
    kms = boto3.client("kms", "us-west-2")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


@pytest.mark.parametrize(
    ("service", "code", "value"),
    [
        pytest.param("ec2", "L-1216C47A", 640.0, id="ours"),
        pytest.param("vpc", "L-F678F1CE", 5.0, id="moto's"),
    ],
)
def test_quotas(account, service, code, value):
    quotas = boto3.client("service-quotas", "us-west-2")
    assert quotas.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"] == value
