from __future__ import annotations

import json

import boto3
import pytest

NAME = "/aws/eks/demo/cluster"
DEMO = {"name": NAME, "cluster_name": "demo"}


def group(aws):
    return next(group for group in aws.logs.describe_log_groups()["logGroups"] if group["logGroupName"] == NAME)


def tags(aws):
    return aws.logs.list_tags_for_resource(resourceArn=group(aws)["arn"].removesuffix(":*"))["tags"]


def test_it_is_planned_made_and_left_alone(aws):
    assert aws.run("log_group", check=True, **DEMO)["changed"]
    assert aws.writes == []
    assert aws.run("log_group", account_id=aws.id, **DEMO)["changed"]
    assert group(aws)["retentionInDays"] == 30
    assert tags(aws) == {"kafka-eks/cluster": "demo"}
    assert not aws.run("log_group", **DEMO)["changed"]
    assert len(aws.requests) == 3


def test_one_that_eks_has_made_is_taken_over(aws):
    aws.logs.create_log_group(logGroupName=NAME + "-of-somebody-else")
    aws.logs.create_log_group(logGroupName=NAME)
    shown = aws.run("log_group", check=True, retention_days=1096, **DEMO)
    assert shown["diff"]["before"]["retention_days"] is None
    assert aws.writes == []
    aws.run("log_group", retention_days=1096, **DEMO)
    assert group(aws)["retentionInDays"] == 1096
    assert tags(aws) == {"kafka-eks/cluster": "demo"}


def test_one_that_was_left_without_retention_gets_it(aws):
    aws.writes_left = 1
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("log_group", **DEMO)
    aws.writes_left = None
    assert "retentionInDays" not in group(aws)
    assert aws.run("log_group", **DEMO)["changed"]
    assert group(aws)["retentionInDays"] == 30


@pytest.mark.parametrize("state", ["present", "absent"])
def test_that_of_another_cluster_is_left_alone(aws, state):
    aws.logs.create_log_group(logGroupName=NAME, tags={"kafka-eks/cluster": "other"})
    result = aws.run("log_group", state=state, **DEMO)
    assert "is that of cluster 'other'" in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_that_of_somebody_elses_cluster_of_the_name_is_left_alone(aws, state):
    aws.logs.create_log_group(logGroupName=NAME)
    aws.make_cluster()
    arn = aws.eks.describe_cluster(name="demo")["cluster"]["arn"]
    aws.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    result = aws.run("log_group", state=state, **DEMO)
    assert "EKS cluster 'demo' exists, but was not made by this collection" in result["msg"]
    assert aws.writes == []
    aws.eks.tag_resource(resourceArn=arn, tags={"kafka-eks/cluster": "demo"})
    assert aws.run("log_group", state=state, **DEMO)["changed"]


def test_a_number_of_days_that_cloudwatch_does_not_know_is_refused(aws):
    assert "retention_days" in aws.run("log_group", retention_days=31, **DEMO)["msg"]


def test_it_is_removed_even_when_eks_has_made_it_again(aws):
    aws.logs.create_log_group(logGroupName=NAME)
    assert aws.run("log_group", state="absent", check=True, **DEMO)["changed"]
    assert aws.writes == []
    assert aws.run("log_group", state="absent", **DEMO)["changed"]
    assert aws.logs.describe_log_groups()["logGroups"] == []
    assert not aws.run("log_group", state="absent", **DEMO)["changed"]


ALIAS = "alias/kafka-eks/demo/cluster"


def make_key(aws, service="logs.us-west-2.amazonaws.com"):
    kms = boto3.client("kms", "us-west-2")
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "kms:*", "Resource": "*"}
    key = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))["KeyMetadata"]
    kms.create_alias(AliasName=ALIAS, TargetKeyId=key["KeyId"])
    return key["Arn"]


def test_it_is_encrypted_with_the_key_behind_an_alias(aws):
    shown = aws.run("log_group", check=True, kms_key=ALIAS, **DEMO)
    assert shown["diff"]["after"]["kms_key"] == ALIAS
    assert f"KMS key '{ALIAS}' is not there: make it first" in aws.run("log_group", kms_key=ALIAS, **DEMO)["msg"]
    key = make_key(aws)
    aws.run("log_group", kms_key=ALIAS, **DEMO)
    assert group(aws)["kmsKeyId"] == key
    assert not aws.run("log_group", kms_key=key, **DEMO)["changed"]
    assert aws.run("log_group", **DEMO)["changed"]
    assert "kmsKeyId" not in group(aws)


def test_a_plan_keeps_the_key_whose_alias_is_lost(aws):
    make_key(aws)
    aws.run("log_group", kms_key=ALIAS, **DEMO)
    boto3.client("kms", "us-west-2").delete_alias(AliasName=ALIAS)
    assert not aws.run("log_group", check=True, kms_key=ALIAS, **DEMO)["changed"]
    assert "is not there: make it first" in aws.run("log_group", kms_key=ALIAS, **DEMO)["msg"]


def test_a_new_key_gets_time_until_cloudwatch_may_use_it(aws):
    make_key(aws, service="eks.amazonaws.com")
    assert "is not allowed to be used with Arn" in aws.run("log_group", kms_key=ALIAS, **DEMO)["msg"]
    assert aws.sleeps


DRIFTS = {
    "retention": lambda logs, arn: logs.put_retention_policy(logGroupName=NAME, retentionInDays=1),
    "kept for ever": lambda logs, arn: logs.delete_retention_policy(logGroupName=NAME),
    "no key": lambda logs, arn: logs.disassociate_kms_key(logGroupName=NAME),
    "no tag": lambda logs, arn: logs.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"]),
    "other tag": lambda logs, arn: logs.tag_resource(resourceArn=arn, tags={"team": "theirs"}),
    "deleted": lambda logs, arn: logs.delete_log_group(logGroupName=NAME),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_put_right(aws, drift):
    wanted = {**DEMO, "kms_key": make_key(aws), "tags": {"team": "data"}}
    made = aws.run("log_group", **wanted)
    DRIFTS[drift](aws.logs, group(aws)["arn"].removesuffix(":*"))
    shown = aws.run("log_group", check=True, **wanted)
    assert shown["changed"]
    assert shown["diff"]["before"] != shown["diff"]["after"]
    assert aws.writes == []
    assert aws.run("log_group", **wanted)["changed"]
    again = aws.run("log_group", **wanted)
    assert not again["changed"]
    assert again["diff"]["before"] == made["diff"]["after"]
