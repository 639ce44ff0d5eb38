from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from lab.aws import clock, settings

MANAGED = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
    "service-role/AmazonEBSCSIDriverPolicy",
)
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
UNKNOWN = "could not be assumed because it does not exist"


@pytest.mark.parametrize("policy", MANAGED)
def test_the_policies_of_aws_attach(account, policy):
    account.iam.attach_role_policy(RoleName="eks", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")


def test_what_is_attached_is_not_deleted(account):
    arn = account.iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName="eks", PolicyArn=arn)
    for delete in (
        lambda: account.iam.delete_policy(PolicyArn=arn),
        lambda: account.iam.delete_role(RoleName="eks"),
    ):
        with pytest.raises(account.iam.exceptions.DeleteConflictException):
            delete()
    account.iam.detach_role_policy(RoleName="eks", PolicyArn=arn)
    account.iam.delete_policy(PolicyArn=arn)
    account.iam.create_instance_profile(InstanceProfileName="i")
    account.iam.add_role_to_instance_profile(InstanceProfileName="i", RoleName="eks")
    for delete in (
        lambda: account.iam.delete_role(RoleName="eks"),
        lambda: account.iam.delete_instance_profile(InstanceProfileName="i"),
    ):
        with pytest.raises(account.iam.exceptions.DeleteConflictException):
            delete()


def test_eks_makes_the_roles_by_which_it_works(account):
    account.make_cluster()
    account.make_nodegroup()
    roles = account.iam.list_roles(PathPrefix="/aws-service-role/")["Roles"]
    assert sorted(role["RoleName"] for role in roles) == [
        "AWSServiceRoleForAmazonEKS",
        "AWSServiceRoleForAmazonEKSNodegroup",
    ]


def test_eks_hears_of_a_new_role_later(account):
    settings.change(role_looks=2)
    role = account.make_role("new")
    for _ in range(2):
        with pytest.raises(account.eks.exceptions.InvalidParameterException, match=UNKNOWN):
            account.begin_cluster(roleArn=role)
    account.begin_cluster(roleArn=role)


def test_eks_hears_of_a_new_role_when_its_time_has_come(account, monkeypatch):
    now = 1000.0
    settings.change(time_scale=0.1)
    monkeypatch.setattr(clock.current, "now", lambda: now)
    role = account.make_role("new")
    with pytest.raises(ClientError, match=UNKNOWN):
        account.begin_cluster(roleArn=role)
    now += 1
    account.begin_cluster(roleArn=role)


def test_a_policy_is_not_too_large(account):
    statement = {"Effect": "Allow", "Action": [f"ec2:Action{n}" for n in range(500)], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=8)
    arn = account.iam.create_policy(PolicyName="p", PolicyDocument=POLICY)["Policy"]["Arn"]
    for create in (
        lambda: account.iam.create_policy(PolicyName="large", PolicyDocument=document),
        lambda: account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document),
    ):
        with pytest.raises(account.iam.exceptions.LimitExceededException, match="PolicySize: 6144"):
            create()
