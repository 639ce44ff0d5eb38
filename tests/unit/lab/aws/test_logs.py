from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

NAME = "/aws/eks/demo/cluster"


def make_key(service):
    principal = {"Service": service}
    policy = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}]}
    kms = boto3.client("kms", "us-west-2")
    return kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]


@pytest.fixture
def logs(account):
    return boto3.client("logs", "us-west-2")


def key_of_group(logs):
    (group,) = logs.describe_log_groups(logGroupNamePrefix=NAME)["logGroups"]
    return group.get("kmsKeyId")


def test_a_log_group_takes_a_key_and_gives_it_back(logs):
    first, second = (make_key("logs.us-west-2.amazonaws.com") for _ in range(2))
    logs.create_log_group(logGroupName=NAME, kmsKeyId=first)
    logs.associate_kms_key(logGroupName=NAME, kmsKeyId=second)
    assert key_of_group(logs) == second
    logs.disassociate_kms_key(logGroupName=NAME)
    assert key_of_group(logs) is None


def test_the_key_must_be_there_and_allow_the_service(logs):
    for key in (make_key("logs.eu-west-1.amazonaws.com"), "arn:aws:kms:us-west-2:123456789012:key/none"):
        with pytest.raises(ClientError, match="AccessDeniedException.*not allowed to be used"):
            logs.create_log_group(logGroupName=NAME, kmsKeyId=key)


def test_a_key_needs_a_group(logs):
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.associate_kms_key(logGroupName=NAME, kmsKeyId=make_key("logs.us-west-2.amazonaws.com"))
