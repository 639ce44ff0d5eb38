from __future__ import annotations

import datetime

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks
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
