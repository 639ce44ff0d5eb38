from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._deployer_policy import Scope
from ansible_collections.streamops.kafka_eks.plugins.module_utils._preflight_permissions import (
    Question,
    check,
    questions,
    requests,
)

ROLE = "arn:aws:iam::1:role/deployer"
CALLER = "arn:aws:sts::1:assumed-role/deployer/me"


def result(action, decision="allowed", **more):
    return {"EvalActionName": action, "EvalDecision": decision, **more}


@pytest.mark.parametrize(
    ("answers", "status", "words"),
    [
        pytest.param([[result("a:A"), result("a:B")], [result("a:A")]], "ok", "the 2 actions", id="all"),
        pytest.param([[result("a:B", "explicitDeny"), result("a:A", "implicitDeny")]], "failed", "a:A, a:B", id="none"),
        pytest.param(
            [[result(f"a:{index:02}", "implicitDeny") for index in range(15)]], "failed", "a:09 and 5 more", id="many"
        ),
        pytest.param(
            [[result("a:A", "implicitDeny", MissingContextValues=["aws:SourceVpc"])]],
            "unknown",
            "may do a:A depends on conditions",
            id="conditions",
        ),
        pytest.param([[], AwsError("Denied.")], "unknown", "Denied, or go on", id="the simulation is not allowed"),
        pytest.param([], "unknown", f"The policies of {CALLER} cannot be simulated", id="nobody's policies"),
    ],
)
def test_decisions_are_judged(answers, status, words):
    found = check(answers, ROLE, CALLER)
    assert found.status == status
    assert words in found.sentence


def test_a_root_user_has_no_policies():
    assert check([], None, "arn:aws:iam::1:root").status == "unknown"


def test_questions_are_those_of_the_deployers_policy():
    found = questions(Scope("demo", "us-west-2", "123456789012"))
    by_action = {action: question for question in found for action in question.actions}
    assert by_action["eks:CreateCluster"] == Question(
        ["eks:CreateCluster"], "*", {"aws:RequestTag/kafka-eks/cluster": ["demo"], "aws:RequestedRegion": ["us-west-2"]}
    )
    assert by_action["iam:PassRole"].resource == "arn:aws:iam::123456789012:role/kafka-eks/us-west-2/demo/something"
    assert not any("*" in question.resource for question in found if question.resource != "*")


def test_a_question_is_asked_in_its_context():
    (request,) = requests(ROLE, [Question(["a:A"], "arn:x", {"aws:RequestTag/t": ["demo"]})]).values()
    assert request.arguments == {
        "PolicySourceArn": ROLE,
        "ActionNames": ["a:A"],
        "ResourceArns": ["arn:x"],
        "ContextEntries": [
            {"ContextKeyName": "aws:RequestTag/t", "ContextKeyValues": ["demo"], "ContextKeyType": "string"}
        ],
    }
