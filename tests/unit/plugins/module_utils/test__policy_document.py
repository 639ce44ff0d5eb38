from __future__ import annotations

import json

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._policy_document import normalised

ALLOW = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
ROOT = "arn:aws:iam::111122223333:root"


def document(*statements, **statement):
    return {"Version": "2012-10-17", "Statement": [*statements, {**ALLOW, **statement}]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(document(), json.dumps(document()), id="text"),
        pytest.param(document(), {"Version": "2012-10-17", "Statement": ALLOW}, id="a single statement"),
        pytest.param(
            {"Statement": [ALLOW, {"Effect": "Deny"}]}, {"Statement": [{"Effect": "Deny"}, ALLOW]}, id="order"
        ),
        pytest.param(document(Action="a"), document(Action=["a"]), id="a single action"),
        pytest.param(document(Action=["a", "b"]), document(Action=["b", "a", "b"]), id="order of actions"),
        pytest.param(document(Resource="*"), document(Resource=["*"]), id="a single resource"),
        pytest.param(document(Principal="*"), document(Principal={"AWS": ["*"]}), id="everybody"),
        pytest.param(document(Principal={"AWS": "111122223333"}), document(Principal={"AWS": ROOT}), id="account"),
        pytest.param(
            document(Condition={"Bool": {"a": True}}), document(Condition={"Bool": {"a": ["true"]}}), id="truth"
        ),
    ],
)
def test_documents_that_mean_the_same_are_equal(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(document(Effect="Deny"), id="effect"),
        pytest.param(document(Action=["sts:AssumeRole", "sts:TagSession"]), id="action"),
        pytest.param(document(Principal={"Service": "ec2.amazonaws.com"}), id="principal"),
        # What AWS makes of the ARN of a role that was deleted.
        pytest.param(document(Principal={"AWS": "AROAEXAMPLEEXAMPLE"}), id="id of a principal that is gone"),
        pytest.param(document(Condition={"Bool": {"a": "true"}}), id="condition"),
        pytest.param(document({"Effect": "Deny"}), id="one more statement"),
        pytest.param({**document(), "Version": "2008-10-17"}, id="version"),
    ],
)
def test_documents_that_mean_something_else_are_not(other):
    assert normalised(other) != normalised(document())


def test_the_document_itself_stays_as_it_is():
    given = document(Action=["b", "a"])
    normalised(given)
    assert given == document(Action=["b", "a"])
