from __future__ import annotations

import datetime

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Role

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("age", "is_new"), [pytest.param(5, True, id="just made"), pytest.param(600, False, id="known everywhere")]
)
def test_only_a_new_role_is_waited_for(age, is_new):
    role = {"Arn": "arn:aws:iam::1:role/node", "CreateDate": NOW - datetime.timedelta(seconds=age)}
    found = _eks.find_role(lambda request: role, "node", False, NOW)
    assert (found.is_new, bool(found.patience)) == (is_new, is_new)


def test_a_role_that_is_given_by_its_arn_is_not_looked_for():
    def never(request):
        raise AssertionError

    assert _eks.find_role(never, "arn:aws:iam::1:role/x/node", False, NOW) == Role("arn:aws:iam::1:role/x/node")


def test_the_role_that_is_in_use_is_not_looked_for_either():
    used = ["arn:aws:iam::1:role/x/other", "arn:aws:iam::1:role/x/node"]
    assert _eks.find_role(lambda request: None, "node", False, NOW, used) == Role("arn:aws:iam::1:role/x/node")
    with pytest.raises(AwsError, match="IAM role 'de' is not there"):
        _eks.find_role(lambda request: None, "de", False, NOW, used)


def update(status, *errors):
    return {"type": "VersionUpdate", "status": status, "errors": list(errors)}


def test_of_updates_those_are_told_that_are_still_going_on():
    updates = {"core": update("InProgress"), "broker": update("Successful"), "gone": None}
    assert _eks.still_updating(updates, str) == {"core"}


EVICTION = {"errorCode": "PodEvictionFailure", "errorMessage": "Reached max retries\nwhile trying to evict pods."}


@pytest.mark.parametrize(
    ("failed", "sentence"),
    [
        pytest.param(
            update("Failed", EVICTION),
            "core: its VersionUpdate has failed (PodEvictionFailure: Reached max retries while trying to evict pods); see to it that "
            "its pods can be evicted (look at their disruption budgets), or set force, which ends them all the same, and run again.",
            id="pods that stay",
        ),
        pytest.param(
            update("Failed", {"errorCode": "Unknown", "errorMessage": "It broke"}),
            "core: its VersionUpdate has failed (Unknown: It broke); correct what is named and run again.",
            id="anything",
        ),
        pytest.param(
            update("Cancelled"),
            "core: its VersionUpdate was cancelled (EKS gives no reason); correct what is named and run again.",
            id="cancelled",
        ),
    ],
)
def test_an_update_that_failed_says_why_and_what_to_do(failed, sentence):
    with pytest.raises(AwsError) as caught:
        _eks.still_updating({"core": failed}, str)
    assert str(caught.value) == sentence


def test_a_health_issue_is_one_line():
    issues = [{"code": "A", "message": "Broken.\n"}, {"code": "B", "message": "Too"}]
    assert _eks.issues({"health": {"issues": issues}}) == "A: Broken; B: Too"
    assert _eks.issues({}) == "EKS gives no reason"
