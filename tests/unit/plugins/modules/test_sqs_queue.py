from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

NAME = "demo-karpenter"
ARN = f"arn:aws:sqs:us-west-2:123456789012:{NAME}"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": ARN,
        }
    ],
}
DEMO: dict[str, Any] = {"name": NAME, "cluster_name": "demo", "retention_seconds": 300, "policy": POLICY}


@pytest.fixture
def sqs(aws):
    return boto3.client("sqs", "us-west-2")


def url(sqs):
    return sqs.get_queue_url(QueueName=NAME)["QueueUrl"]


def attributes(sqs):
    return sqs.get_queue_attributes(QueueUrl=url(sqs), AttributeNames=["All"])["Attributes"]


def test_it_is_planned_made_and_left_alone(aws, sqs):
    planned = aws.run("sqs_queue", check=True, **DEMO)
    assert planned["changed"]
    assert aws.writes == []
    made = aws.run("sqs_queue", account_id=aws.id, **DEMO)
    assert made["arn"] == planned["arn"] == ARN
    found = attributes(sqs)
    assert (found["MessageRetentionPeriod"], found["SqsManagedSseEnabled"]) == ("300", "true")
    assert json.loads(found["Policy"]) == POLICY
    assert sqs.list_queue_tags(QueueUrl=url(sqs))["Tags"] == {"kafka-eks/cluster": "demo"}
    again = aws.run("sqs_queue", **DEMO)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"] == made["diff"]["after"]
    assert len(aws.requests) == 4


def test_a_queue_whose_name_only_begins_so_is_another_one(aws, sqs):
    sqs.create_queue(QueueName=NAME + "-2")
    assert aws.run("sqs_queue", **DEMO)["changed"]
    assert aws.run("sqs_queue", state="absent", name=NAME, cluster_name="demo")["changed"]
    assert [one.rpartition("/")[2] for one in sqs.list_queues()["QueueUrls"]] == [NAME + "-2"]


DRIFTS = {
    "retention": {"MessageRetentionPeriod": "60"},
    "not encrypted": {"SqsManagedSseEnabled": "false"},
    "no policy": {"Policy": ""},
    "wider policy": {"Policy": json.dumps({**POLICY, "Statement": [{**POLICY["Statement"][0], "Principal": "*"}]})},
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_put_right(aws, sqs, drift):
    aws.run("sqs_queue", **DEMO)
    sqs.set_queue_attributes(QueueUrl=url(sqs), Attributes=DRIFTS[drift])
    shown = aws.run("sqs_queue", check=True, **DEMO)
    assert shown["changed"]
    assert shown["diff"]["before"] != shown["diff"]["after"]
    assert aws.writes == []
    aws.run("sqs_queue", **DEMO)
    assert aws.writes == ["SetQueueAttributes"]
    assert not aws.run("sqs_queue", **DEMO)["changed"]


def test_tags_of_others_stay(aws, sqs):
    aws.run("sqs_queue", **DEMO)
    sqs.tag_queue(QueueUrl=url(sqs), Tags={"team": "theirs"})
    assert not aws.run("sqs_queue", **DEMO)["changed"]
    assert aws.run("sqs_queue", tags={"cost": "1"}, **DEMO)["changed"]
    tags = sqs.list_queue_tags(QueueUrl=url(sqs))["Tags"]
    assert tags == {"kafka-eks/cluster": "demo", "team": "theirs", "cost": "1"}


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("tags", [{}, {"kafka-eks/cluster": "other"}])
def test_that_of_somebody_else_is_left_alone(aws, sqs, state, tags):
    sqs.create_queue(QueueName=NAME, tags=tags)
    result = aws.run("sqs_queue", state=state, **DEMO)
    assert "exists, but was not made for this cluster" in result["msg"]
    assert aws.writes == []


def test_it_is_removed_once(aws, sqs):
    aws.run("sqs_queue", **DEMO)
    assert aws.run("sqs_queue", state="absent", check=True, **DEMO)["changed"]
    assert aws.writes == []
    assert aws.run("sqs_queue", state="absent", **DEMO)["changed"]
    assert "QueueUrls" not in sqs.list_queues()
    assert not aws.run("sqs_queue", state="absent", **DEMO)["changed"]


@pytest.mark.parametrize("seconds", [59, 1209601])
def test_seconds_that_sqs_does_not_take_are_refused(aws, seconds):
    result = aws.run("sqs_queue", **{**DEMO, "retention_seconds": seconds})
    assert "SQS takes 60 to 1209600" in result["msg"]
