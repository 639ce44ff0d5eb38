from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from moto.events.responses import EventsHandler

PATTERN = {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]}
QUEUE = "arn:aws:sqs:us-west-2:123456789012:demo"
SPOT = {"name": "demo-spot", "event_pattern": PATTERN, "targets": [{"id": "karpenter", "arn": QUEUE}]}
HEALTH = {**SPOT, "name": "demo-health", "event_pattern": {"source": ["aws.health"]}}
DEMO: dict[str, Any] = {"cluster_name": "demo", "rules": [SPOT, HEALTH]}


@pytest.fixture
def events(aws):
    return boto3.client("events", "us-west-2")


def targets(events, name="demo-spot"):
    return {one["Id"]: one["Arn"] for one in events.list_targets_by_rule(Rule=name)["Targets"]}


def test_they_are_planned_made_and_left_alone(aws, events):
    planned = aws.run("event_rules", check=True, **DEMO)
    assert planned["changed"]
    assert aws.writes == []
    made = aws.run("event_rules", account_id=aws.id, **DEMO)
    assert made["rules"] == planned["rules"]
    assert set(made["rules"]) == {"demo-spot", "demo-health"}
    rule = events.describe_rule(Name="demo-spot")
    assert (rule["State"], json.loads(rule["EventPattern"])) == ("ENABLED", PATTERN)
    assert made["rules"]["demo-spot"] == rule["Arn"]
    assert targets(events) == {"karpenter": QUEUE}
    tags = events.list_tags_for_resource(ResourceARN=rule["Arn"])["Tags"]
    assert tags == [{"Key": "kafka-eks/cluster", "Value": "demo"}]
    again = aws.run("event_rules", **DEMO)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"] == made["diff"]["after"]


DRIFTS = {
    "disabled": lambda events: events.disable_rule(Name="demo-spot"),
    "pattern": lambda events: events.put_rule(Name="demo-spot", EventPattern='{"source": ["x"]}', State="ENABLED"),
    "no target": lambda events: events.remove_targets(Rule="demo-spot", Ids=["karpenter"]),
    "another target": lambda events: events.put_targets(Rule="demo-spot", Targets=[{"Id": "x", "Arn": QUEUE + "2"}]),
    "bent target": lambda events: events.put_targets(
        Rule="demo-spot", Targets=[{"Id": "karpenter", "Arn": QUEUE + "2"}]
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_put_right(aws, events, drift):
    aws.run("event_rules", **DEMO)
    DRIFTS[drift](events)
    shown = aws.run("event_rules", check=True, **DEMO)
    assert shown["changed"]
    assert shown["diff"]["before"] != shown["diff"]["after"]
    assert aws.writes == []
    assert aws.run("event_rules", **DEMO)["changed"]
    assert not aws.run("event_rules", **DEMO)["changed"]
    assert targets(events) == {"karpenter": QUEUE}


def test_those_that_were_killed_half_way_are_finished(aws, events):
    aws.writes_left = 1
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("event_rules", **DEMO)
    aws.writes_left = None
    assert targets(events) == {}
    assert aws.run("event_rules", **DEMO)["changed"]
    assert targets(events) == targets(events, "demo-health") == {"karpenter": QUEUE}


@pytest.mark.parametrize("state", ["present", "absent"])
def test_that_of_somebody_else_is_left_alone(aws, events, state):
    events.put_rule(Name="demo-spot", EventPattern=json.dumps(PATTERN))
    result = aws.run("event_rules", state=state, **DEMO)
    assert "EventBridge rule 'demo-spot' exists, but was not made for this cluster" in result["msg"]
    assert aws.writes == []


def test_they_are_removed_with_their_targets(aws, events):
    aws.run("event_rules", **DEMO)
    gone = {"cluster_name": "demo", "state": "absent", "rules": [{"name": "demo-spot"}, {"name": "demo-health"}]}
    assert aws.run("event_rules", check=True, **gone)["changed"]
    assert aws.writes == []
    assert aws.run("event_rules", **gone)["changed"]
    assert events.list_rules()["Rules"] == []
    assert not aws.run("event_rules", **gone)["changed"]


def test_a_target_that_eventbridge_does_not_take_is_no_success(aws, monkeypatch):
    failed = {"TargetId": "karpenter", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "too many"}
    answer = json.dumps({"FailedEntryCount": 1, "FailedEntries": [failed]})
    monkeypatch.setattr(EventsHandler, "put_targets", lambda response: answer)
    result = aws.run("event_rules", **DEMO)
    assert result["failed"]
    assert (
        "refused 1 of its targets in put_targets (karpenter: ConcurrentModificationException too many)" in result["msg"]
    )
