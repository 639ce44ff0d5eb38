from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _event_rules
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError

RULE = {"name": "r", "description": "", "event_pattern": {"source": ["aws.ec2"]}, "targets": []}
TARGET = {"id": "q", "arn": "arn:q"}


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        pytest.param([{**RULE, "name": "r" * 65}], "EventBridge takes 64", id="long name"),
        pytest.param([RULE, RULE], "is in the list twice", id="twice"),
        pytest.param([{**RULE, "targets": [TARGET] * 6}], "has 6 targets, EventBridge takes 5", id="many targets"),
        pytest.param([{**RULE, "event_pattern": None}], "has no event_pattern", id="no pattern"),
    ],
)
def test_what_no_account_can_make_right_is_refused(rules, sentence):
    with pytest.raises(AwsError, match=sentence):
        _event_rules.check(rules, is_wanted=True)


def test_for_their_removal_the_names_are_enough():
    _event_rules.check([{**RULE, "event_pattern": None}], is_wanted=False)


NOW = {
    "arn": "arn:r",
    "description": "",
    "enabled": True,
    "event_pattern": {"source": ["aws.ec2"]},
    "targets": {"q": "arn:q"},
    "tags": {"kafka-eks/cluster": "demo"},
}


@pytest.mark.parametrize(
    ("now", "operations"),
    [
        pytest.param(None, ["put_rule", "put_targets"], id="missing"),
        pytest.param(NOW, [], id="as wanted"),
        pytest.param({**NOW, "enabled": False}, ["put_rule"], id="disabled"),
        pytest.param({**NOW, "targets": {"x": "arn:x"}}, ["remove_targets", "put_targets"], id="another target"),
        pytest.param({**NOW, "tags": {"kafka-eks/cluster": "demo", "team": "b"}}, ["tag_resource"], id="tag"),
    ],
)
def test_a_rule_is_made_as_wanted(now, operations):
    tags = {"team": "a"} if "tag_resource" in operations else {}
    then = _event_rules.target({**RULE, "targets": [TARGET]}, now, "demo", tags, "arn:r")
    assert [request.operation for request in _event_rules.requests("r", now, then)] == operations


def test_an_answer_that_names_no_reason_is_told_as_such():
    (request,) = _event_rules.requests("r", {**NOW, "targets": {}}, NOW)
    with pytest.raises(AwsError, match=r"refused 2 of its targets in put_targets \(no reason given\)"):
        _event_rules.require_done(request, {"FailedEntryCount": 2})
    _event_rules.require_done(request, {"FailedEntryCount": 0, "FailedEntries": []})
