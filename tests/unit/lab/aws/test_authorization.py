from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from lab.aws import settings


def statement(*actions, **others):
    return {"Effect": "Allow", "Resource": "*", **({"Action": list(actions)} if actions else {}), **others}


class Person:
    """Somebody with policies, who asks."""

    def __init__(self, account, kind):
        self.iam, self.kind = account.iam, kind
        if kind == "role":
            self.arn = account.make_role("person", "/people/")
            found = boto3.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="me")["Credentials"]
            self.keys = {
                "aws_access_key_id": found["AccessKeyId"],
                "aws_secret_access_key": found["SecretAccessKey"],
                "aws_session_token": found["SessionToken"],
            }
        else:
            self.arn = self.iam.create_user(UserName="person")["User"]["Arn"]
            found = self.iam.create_access_key(UserName="person")["AccessKey"]
            self.keys = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}

    def may(self, *statements, name="own"):
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        if self.kind == "role":
            self.iam.put_role_policy(RoleName="person", PolicyName=name, PolicyDocument=document)
        else:
            self.iam.put_user_policy(UserName="person", PolicyName=name, PolicyDocument=document)

    def asks(self, service, operation, **arguments):
        """The code and the action that is refused, or None."""
        client = boto3.client(service, "us-west-2", **self.keys)
        try:
            getattr(client, operation)(**arguments)
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if "not authorized to perform" not in message:
                return None  # it came through, and there is something else about it
            return code, message.partition("not authorized to perform: ")[2].partition(" on resource")[0]
        return None


@pytest.fixture
def person(account):
    somebody = Person(account, "role")
    settings.change(authorization=True)
    return somebody


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "refused"),
    [
        pytest.param("ec2", "describe_vpcs", {}, ("UnauthorizedOperation", "ec2:DescribeVpcs"), id="ec2"),
        pytest.param("eks", "list_clusters", {}, ("AccessDeniedException", "eks:ListClusters"), id="eks"),
        pytest.param("iam", "list_roles", {}, ("AccessDenied", "iam:ListRoles"), id="iam"),
        pytest.param("kms", "list_keys", {}, ("AccessDeniedException", "kms:ListKeys"), id="kms"),
        pytest.param("logs", "describe_log_groups", {}, ("AccessDeniedException", "logs:DescribeLogGroups"), id="logs"),
        pytest.param("amp", "list_workspaces", {}, ("AccessDeniedException", "aps:ListWorkspaces"), id="aps"),
        pytest.param(
            "service-quotas",
            "list_service_quotas",
            {"ServiceCode": "vpc"},
            ("AccessDeniedException", "servicequotas:ListServiceQuotas"),
            id="servicequotas",
        ),
        pytest.param(
            "resourcegroupstaggingapi", "get_resources", {}, ("AccessDeniedException", "tag:GetResources"), id="tag"
        ),
        pytest.param("ssm", "get_parameter", {"Name": "n"}, ("AccessDeniedException", "ssm:GetParameter"), id="ssm"),
        pytest.param("sqs", "list_queues", {}, ("AccessDeniedException", "sqs:ListQueues"), id="sqs"),
        pytest.param("events", "list_rules", {}, ("AccessDeniedException", "events:ListRules"), id="events"),
        pytest.param("sts", "get_caller_identity", {}, None, id="sts"),
    ],
)
def test_who_may_nothing_may_only_ask_who_it_is(person, service, operation, arguments, refused):
    assert person.asks(service, operation, **arguments) == refused


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        pytest.param([statement("ec2:DescribeVpcs")], True, id="named"),
        pytest.param([statement("EC2:describe*")], True, id="wildcard, in any case"),
        pytest.param([statement("ec2:DescribeVpc?")], True, id="one letter"),
        pytest.param([statement("ec2:DescribeVpc")], False, id="beginning only"),
        pytest.param([statement("*")], True, id="all"),
        pytest.param([statement(NotAction=["iam:*"])], True, id="all but others"),
        pytest.param([statement(NotAction=["ec2:*"])], False, id="all but this"),
        pytest.param([statement("*"), statement("ec2:DescribeVpcs", Effect="Deny")], False, id="denied after all"),
        pytest.param(
            [statement("*"), statement("ec2:*", Effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})],
            True,
            id="denied under a condition, which is not looked at",
        ),
        pytest.param(
            [statement("*"), statement("ec2:*", Effect="Deny", Resource="arn:aws:ec2:*:*:vpc/vpc-1")],
            True,
            id="denied for a resource, which is not looked at",
        ),
    ],
)
def test_statements(person, statements, allowed):
    person.may(*statements)
    assert (person.asks("ec2", "describe_vpcs") is None) is allowed


def test_managed_policies_count_with_their_default_version(person, account):
    def document(action):
        return json.dumps({"Version": "2012-10-17", "Statement": [statement(action)]})

    arn = account.iam.create_policy(PolicyName="p", PolicyDocument=document("ec2:*"))["Policy"]["Arn"]
    account.iam.attach_role_policy(RoleName="person", PolicyArn=arn)
    assert person.asks("ec2", "describe_vpcs") is None
    account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("eks:*"), SetAsDefault=True)
    assert person.asks("ec2", "describe_vpcs") == ("UnauthorizedOperation", "ec2:DescribeVpcs")


def test_a_user_has_the_policies_of_the_groups_too(account):
    user = Person(account, "user")
    settings.change(authorization=True)
    assert user.asks("ec2", "describe_vpcs") is not None
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement("ec2:*")]})
    account.iam.create_group(GroupName="g")
    account.iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document)
    account.iam.add_user_to_group(GroupName="g", UserName="person")
    assert user.asks("ec2", "describe_vpcs") is None
    user.may(statement("ec2:*", Effect="Deny"))
    assert user.asks("ec2", "describe_vpcs") is not None


TAGS = [{"Key": "a", "Value": "b"}]
ROLE = "arn:aws:iam::123456789012:role/eks"
CLUSTER = {"name": "kafka", "roleArn": ROLE, "resourcesVpcConfig": {"subnetIds": []}}
NODEGROUP = {"clusterName": "kafka", "nodegroupName": "n", "nodeRole": ROLE, "subnets": []}
KEY = {"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:us-west-2:123456789012:key/k"}}
IDENTITY = [{"serviceAccount": "s", "roleArn": ROLE}]


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "actions"),
    [
        pytest.param(
            "ec2",
            "create_vpc",
            {"CidrBlock": "10.9.0.0/16", "TagSpecifications": [{"ResourceType": "vpc", "Tags": TAGS}]},
            ["ec2:CreateVpc", "ec2:CreateTags"],
            id="tags of EC2",
        ),
        pytest.param(
            "iam",
            "create_role",
            {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": TAGS},
            ["iam:CreateRole", "iam:TagRole"],
            id="tags of IAM",
        ),
        pytest.param(
            "kms",
            "create_key",
            {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
            ["kms:CreateKey", "kms:TagResource"],
            id="tags of KMS",
        ),
        pytest.param(
            "logs",
            "create_log_group",
            {"logGroupName": "g", "tags": {"a": "b"}},
            ["logs:CreateLogGroup", "logs:TagResource"],
            id="tags of logs",
        ),
        pytest.param(
            "eks",
            "create_cluster",
            {**CLUSTER, "tags": {"a": "b"}, "encryptionConfig": [KEY]},
            [
                "eks:CreateCluster",
                "eks:TagResource",
                "iam:PassRole",
                "kms:DescribeKey",
                "kms:CreateGrant",
                "iam:CreateServiceLinkedRole",
            ],
            id="cluster",
        ),
        pytest.param(
            "eks",
            "create_nodegroup",
            {**NODEGROUP, "launchTemplate": {"name": "template"}},
            [
                "eks:CreateNodegroup",
                "iam:PassRole",
                "ec2:RunInstances",
                "ec2:CreateTags",
                "iam:CreateServiceLinkedRole",
            ],
            id="node group",
        ),
        pytest.param(
            "eks",
            "create_addon",
            {"clusterName": "kafka", "addonName": "vpc-cni", "podIdentityAssociations": IDENTITY},
            ["eks:CreateAddon", "eks:CreatePodIdentityAssociation", "iam:PassRole"],
            id="add-on",
        ),
        pytest.param(
            "eks",
            "create_pod_identity_association",
            {"clusterName": "kafka", "namespace": "n", "serviceAccount": "s", "roleArn": ROLE},
            ["eks:CreatePodIdentityAssociation", "iam:PassRole"],
            id="pod identity",
        ),
        pytest.param(
            "iam",
            "add_role_to_instance_profile",
            {"InstanceProfileName": "none", "RoleName": "eks"},
            ["iam:AddRoleToInstanceProfile", "iam:PassRole"],
            id="instance profile",
        ),
    ],
)
def test_what_a_request_takes_besides(person, service, operation, arguments, actions):
    """Each of the actions is needed, in this order, and with all of them it comes through."""
    refused = []
    for number in range(len(actions)):
        person.may(statement(*actions[:number])) if number else None
        refused.append(person.asks(service, operation, **arguments)[1])
    person.may(statement(*actions))
    assert refused == actions
    assert person.asks(service, operation, **arguments) is None


def test_the_role_that_a_service_has_already_need_not_be_made(person, account):
    account.iam.create_service_linked_role(AWSServiceName="eks.amazonaws.com")
    person.may(statement("eks:CreateCluster", "iam:PassRole"))
    assert person.asks("eks", "create_cluster", **CLUSTER) is None


def test_an_action_can_be_taken_away_at_run_time(person):
    person.may(statement("*"))
    settings.change(denied={person.arn: ["ec2:Describe*"]})
    assert person.asks("ec2", "describe_vpcs") == ("UnauthorizedOperation", "ec2:DescribeVpcs")
    assert person.asks("eks", "list_clusters") is None
    settings.change(denied={})
    assert person.asks("ec2", "describe_vpcs") is None


def test_it_can_be_off(person):
    settings.change(authorization=False)
    assert person.asks("ec2", "describe_vpcs") is None


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        pytest.param("ec2", "describe_vpcs", "AuthFailure", id="ec2"),
        pytest.param("sts", "get_caller_identity", "InvalidClientTokenId", id="sts"),
        pytest.param("eks", "list_clusters", "UnrecognizedClientException", id="eks"),
    ],
)
def test_a_key_of_nobody_is_root_s_unless_it_is_told_otherwise(account, service, operation, code):
    client = boto3.client(service, "us-west-2")
    settings.change(authorization=True)
    getattr(client, operation)()
    settings.change(strangers_are_root=False)
    with pytest.raises(ClientError, match=rf"\({code}\)"):
        getattr(client, operation)()


def test_what_may_be_done_can_be_asked_beforehand(person, account):
    person.may(statement("ec2:*"), statement("ec2:DeleteVpc", Effect="Deny"))
    actions = ["ec2:CreateVpc", "ec2:DeleteVpc", "eks:CreateCluster"]
    answer = account.iam.simulate_principal_policy(PolicySourceArn=person.arn, ActionNames=actions)
    decisions = {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}
    assert decisions == {
        "ec2:CreateVpc": "allowed",
        "ec2:DeleteVpc": "explicitDeny",
        "eks:CreateCluster": "implicitDeny",
    }


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        pytest.param("arn:aws:sts::123456789012:assumed-role/person/me", "InvalidInput", id="session"),
        pytest.param("arn:aws:iam::123456789012:role/none", "NoSuchEntity", id="nobody"),
    ],
)
def test_it_is_asked_of_a_user_or_role(account, arn, code):
    with pytest.raises(ClientError, match=rf"\({code}\)"):
        account.iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ec2:CreateVpc"])
