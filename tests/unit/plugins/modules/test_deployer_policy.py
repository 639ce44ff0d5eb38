"""With the documented policies the one who deploys can do all of it, and without one action of them he is told which.

The emulator judges actions only; resources and conditions are checked in module_utils/test__deployer_policy.py.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._deployer_policy import policies

from lab.aws import settings

KEY = "alias/kafka-eks/demo/cluster"
LOGS = {
    "Effect": "Allow",
    "Principal": {"Service": "logs.us-west-2.amazonaws.com"},
    "Action": ["kms:Encrypt", "kms:Decrypt"],
    "Resource": "*",
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
OWN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:us-west-2:123456789012:key/k"}],
}
ROLE = {"name": "demo-cluster", "trust_policy": TRUST, "policies": ["AmazonEKSClusterPolicy"]}
DEMO = {"cluster_name": "demo"}
PARTS = {
    "kms_keys": {"keys": [{"alias": KEY, "policy_statements": [LOGS]}]},
    "iam_roles": {"roles": [{**ROLE, "inline_policies": {"own": OWN}}]},
    "log_group": {"name": "/aws/eks/demo/cluster", "kms_key": KEY},
}


def allow(aws, without=""):
    for name, document in policies("demo", "us-west-2", aws.id).items():
        for statement in document["Statement"]:
            statement["Action"] = [action for action in statement["Action"] if action != without]
        document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
        arn = aws.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        aws.iam.attach_role_policy(RoleName="platform-engineer", PolicyArn=arn)
    settings.change(authorization=True)


def failure(aws, *parts):
    """Make parts, find them as they were made, remove them, and look what is left; what the first failure says."""
    for state in ("present", "present", "absent"):
        for part in parts:
            result = aws.run(part, state=state, **PARTS[part], **DEMO)
            if result.get("failed"):
                return result["msg"]
    return aws.run("aws_leftovers_info", **DEMO).get("msg")


def test_with_the_policies_everything_is_made_and_removed(aws):
    allow(aws)
    assert failure(aws, *PARTS) is None
    assert aws.run("aws_leftovers_info", **DEMO)["leftovers"] == []


def test_without_any_policy_nothing_is(aws):
    settings.change(authorization=True)
    assert "is not authorized to perform: kms:DescribeKey" in failure(aws, *PARTS)


@pytest.mark.parametrize(
    ("part", "action"),
    [
        ("kms_keys", "kms:CreateAlias"),
        ("kms_keys", "kms:CreateKey"),
        ("kms_keys", "kms:EnableKeyRotation"),
        ("kms_keys", "kms:ScheduleKeyDeletion"),
        ("kms_keys", "kms:TagResource"),
        ("iam_roles", "iam:AttachRolePolicy"),
        ("iam_roles", "iam:CreateRole"),
        ("iam_roles", "iam:DeleteRole"),
        ("iam_roles", "iam:GetRole"),
        ("iam_roles", "iam:PutRolePolicy"),
        ("iam_roles", "iam:TagRole"),
        ("log_group", "logs:CreateLogGroup"),
        ("log_group", "logs:ListTagsForResource"),
        ("log_group", "logs:PutRetentionPolicy"),
        ("log_group", "logs:TagResource"),
        (None, "ec2:DescribeNatGateways"),
        (None, "iam:ListRoles"),
        (None, "tag:GetResources"),
    ],
)
def test_without_one_action_the_error_names_it(aws, part, action):
    if part == "log_group":
        aws.run("kms_keys", **PARTS["kms_keys"], **DEMO)
    allow(aws, without=action)
    message = failure(aws, *filter(None, [part]))
    assert f"allow {action} to arn:aws:sts::{aws.id}:assumed-role/platform-engineer/test." in message
