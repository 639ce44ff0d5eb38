from __future__ import annotations

import boto3
import pytest


@pytest.fixture
def kms(account):
    return boto3.client("kms", "us-west-2")


@pytest.fixture
def key(kms):
    return kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]["Arn"]


def test_keys_are_known_by_their_arn(kms, key):
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_rotation_has_a_period(kms, key):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=180)
    kms.enable_key_rotation(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 180)
    kms.disable_key_rotation(KeyId=key)
    assert "RotationPeriodInDays" not in kms.get_key_rotation_status(KeyId=key)


def test_an_alias_with_slashes_leads_to_its_key(kms, key):
    kms.create_alias(AliasName="alias/kafka-eks/demo/cluster", TargetKeyId=key)
    assert kms.describe_key(KeyId="alias/kafka-eks/demo/cluster")["KeyMetadata"]["Arn"] == key
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/kafka-eks/demo/none")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda kms, key: kms.enable_key(KeyId=key), id="enable"),
        pytest.param(lambda kms, key: kms.enable_key_rotation(KeyId=key), id="rotate"),
        pytest.param(lambda kms, key: kms.create_alias(AliasName="alias/a", TargetKeyId=key), id="alias"),
        pytest.param(lambda kms, key: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "c", "TagValue": "d"}]), id="tag"),
        pytest.param(lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"text"), id="encrypt"),
        pytest.param(lambda kms, key: kms.schedule_key_deletion(KeyId=key), id="delete again"),
    ],
)
def test_a_key_that_is_pending_deletion_is_of_no_use(kms, key, change):
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="pending deletion"):
        change(kms, key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}")
