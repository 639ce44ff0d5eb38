from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _kms
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError

ALIAS = "alias/kafka-eks/demo/volumes"
ARN = "arn:aws:kms:us-west-2:111122223333:key/k"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = {"alias": ALIAS, "description": "", "policy_statements": [], "rotation": True, "rotation_period_days": None}
DOCUMENT = _kms.policy(KEY, "111122223333", "aws")
WANT = _kms.wanted(KEY, DOCUMENT, "demo", {})
NOW_AS_WANTED = {**WANT, "alias_leads_to": "k", "rotation_period_days": 365}


def described(state="Enabled", age=timedelta(days=1)):
    return lambda request: {"Arn": ARN, "KeyState": state, "CreationDate": NOW - age}


def test_a_key_is_found_by_its_alias():
    asked = []
    found = _kms.find_key(lambda request: asked.append(request) or described()(request), ALIAS, False, NOW)
    assert found == _kms.Key(ARN)
    assert [(request.operation, request.arguments) for request in asked] == [("describe_key", {"KeyId": ALIAS})]


def test_an_arn_of_a_key_needs_no_look():
    assert _kms.find_key(lambda request: None, ARN, False, NOW) == _kms.Key(ARN)


def test_an_arn_of_an_alias_is_an_alias():
    found = _kms.find_key(described(), f"arn:aws:kms:us-west-2:111122223333:{ALIAS}", False, NOW)
    assert found.arn == ARN


def test_a_key_that_is_only_planned_is_shown_by_its_alias():
    assert _kms.find_key(lambda request: None, ALIAS, True, NOW).arn == ALIAS
    assert _kms.find_key(described("PendingDeletion"), ALIAS, True, NOW).arn == ARN


def test_a_plan_keeps_the_key_in_use_when_only_its_alias_is_lost():
    assert _kms.find_key(lambda request: None, ALIAS, True, NOW, in_use=ARN).arn == ARN
    other = "arn:aws:kms:us-west-2:111122223333:key/other"
    assert _kms.find_key(described(), ALIAS, True, NOW, in_use=other).arn == ARN


@pytest.mark.parametrize(
    ("find", "message"),
    [
        pytest.param(lambda request: None, f"KMS key '{ALIAS}' is not there: make it first", id="missing"),
        pytest.param(described("PendingDeletion"), "is PendingDeletion, so that nothing can be encrypted", id="going"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(find, message):
    with pytest.raises(AwsError, match=message):
        _kms.find_key(find, ALIAS, False, NOW, in_use=ARN)


def test_services_get_time_to_hear_of_a_new_key():
    young = _kms.find_key(described(age=timedelta(seconds=5)), ALIAS, False, NOW)
    assert (young.patience, _kms.find_key(described(), ALIAS, False, NOW).patience) == (_kms.UNKNOWN_KEY, ())


def seen(state="Enabled", leads_to="k", **properties):
    metadata = {"KeyState": state, "Description": ""}
    return _kms.Observed(leads_to, [_kms.Found("k", metadata, "{}", {}, {})]), {
        **NOW_AS_WANTED,
        "state": state,
        "alias_leads_to": leads_to,
        **properties,
    }


@pytest.mark.parametrize(
    ("observed", "operations"),
    [
        pytest.param((_kms.Observed(None), None), ["create_key", "create_alias", "enable_key_rotation"], id="missing"),
        pytest.param(
            (_kms.Observed("other"), None),
            ["create_key", "update_alias", "enable_key_rotation"],
            id="missing, and its alias leads to another key of ours",
        ),
        pytest.param(seen(), [], id="as wanted"),
        pytest.param(seen(leads_to=None), ["create_alias"], id="without alias"),
        pytest.param(seen(leads_to="other"), ["update_alias"], id="alias moved"),
        pytest.param(seen("Disabled"), ["enable_key"], id="disabled"),
        pytest.param(
            seen("PendingDeletion", rotation=False, rotation_period_days=None),
            ["cancel_key_deletion", "enable_key", "enable_key_rotation"],
            id="deletion pending",
        ),
        pytest.param(seen(policy={}), ["put_key_policy"], id="policy"),
        pytest.param(seen(description="theirs"), ["update_key_description"], id="description"),
        pytest.param(seen(rotation=False, rotation_period_days=None), ["enable_key_rotation"], id="no rotation"),
        pytest.param(seen(rotation_period_days=90), [], id="a period that nobody asked for"),
        pytest.param(seen(tags={}), ["tag_resource"], id="without tags"),
        pytest.param(seen(tags={**WANT["tags"], "theirs": "1"}), [], id="with the tags of others"),
    ],
)
def test_a_key_is_made_as_wanted(observed, operations):
    keys, now = observed
    then = _kms.target(ALIAS, keys.keys[0] if keys.keys else None, now, WANT)
    assert [request.operation for request in _kms.requests(ALIAS, keys, now, then, DOCUMENT)] == operations


def test_a_key_in_another_state_is_refused():
    keys, now = seen("PendingImport")
    with pytest.raises(AwsError, match="which is PendingImport: make it Enabled, Disabled, PendingDeletion"):
        _kms.target(ALIAS, keys.keys[0], now, WANT)


def test_of_several_keys_that_were_made_for_an_alias_one_that_can_be_used_is_taken():
    keys = {"old": "PendingDeletion", "off": "Disabled", "on": "Enabled"}
    metadata = {key: {"KeyId": key, "KeyState": state, "CreationDate": NOW} for key, state in keys.items()}
    tags = [{"TagKey": "kafka-eks/cluster", "TagValue": "demo"}, {"TagKey": _kms.ALIAS_TAG, "TagValue": ALIAS}]
    listed = [{"ResourceARN": f"arn:::key/{key}", "Tags": [{"Key": _kms.ALIAS_TAG, "Value": ALIAS}]} for key in keys]
    answers = {"policy": "{}", "rotation": {"KeyRotationEnabled": False}, "tags": tags, "tagged": listed}
    found = _kms.look(
        lambda requests: {name: answers[name.split()[0]] for name in requests},
        lambda requests: {name: metadata.get(name) for name in requests},
        "demo",
        [ALIAS],
        all_keys=False,
    )
    assert [key.id for key in found[ALIAS].keys] == ["on", "off", "old"]


def test_kms_gets_time_to_hear_of_the_tags_of_a_new_key():
    missing = _kms.Observed(None)
    then = _kms.target(ALIAS, None, None, WANT)
    create, *others = _kms.requests(ALIAS, missing, None, then, DOCUMENT)
    assert create.patience == ()
    assert {request.patience for request in others} == {("AccessDeniedException",)}
