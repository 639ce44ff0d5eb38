from __future__ import annotations

import json

import boto3
import pytest

REGION = "us-west-2"
CLUSTER, VOLUMES = "alias/kafka-eks/demo/cluster", "alias/kafka-eks/demo/volumes"
LOGS = {
    "Sid": "Logs",
    "Effect": "Allow",
    "Principal": {"Service": "logs.us-west-2.amazonaws.com"},
    "Action": ["kms:Encrypt", "kms:Decrypt"],
    "Resource": "*",
}
DEMO = {
    "cluster_name": "demo",
    "keys": [{"alias": CLUSTER, "description": "Secrets", "policy_statements": [LOGS]}, {"alias": VOLUMES}],
}
OURS = [{"TagKey": "kafka-eks/cluster", "TagValue": "demo"}]


@pytest.fixture
def kms(aws):
    return boto3.client("kms", REGION)


def id_of(kms, alias):
    return kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"]


def states(kms):
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    return sorted(key["KeyState"] for key in keys)


def policy(kms, alias):
    return json.loads(kms.get_key_policy(KeyId=id_of(kms, alias), PolicyName="default")["Policy"])


def tags(kms, key):
    return {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key)["Tags"]}


def aliases(kms):
    return [alias["AliasName"] for alias in kms.list_aliases()["Aliases"] if "/aws/" not in alias["AliasName"]]


def test_keys_are_planned_made_and_left_alone(aws, kms):
    shown = aws.run("kms_keys", check=True, **DEMO)
    assert shown["changed"]
    assert shown["keys"][CLUSTER] == {"arn": None, "id": None, "state": None}
    assert shown["diff"]["after"][CLUSTER]["alias_leads_to"] == "a new key"
    assert aws.writes == []
    made = aws.run("kms_keys", account_id=aws.id, tags={"team": "data"}, **DEMO)
    key = id_of(kms, CLUSTER)
    assert made["keys"][CLUSTER] == {"arn": f"arn:aws:kms:{REGION}:{aws.id}:key/{key}", "id": key, "state": "Enabled"}
    assert tags(kms, key) == {"kafka-eks/cluster": "demo", "kafka-eks/alias": CLUSTER, "team": "data"}
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 365
    again = aws.run("kms_keys", **DEMO)
    assert not again["changed"]
    assert again["keys"] == made["keys"]
    assert len(aws.requests) == 9


def test_iam_always_decides_too_who_may_use_a_key(aws, kms):
    aws.run("kms_keys", **DEMO)
    account, logs = policy(kms, CLUSTER)["Statement"]
    assert (account["Principal"], account["Action"]) == ({"AWS": f"arn:aws:iam::{aws.id}:root"}, "kms:*")
    assert logs == LOGS


def put_policy(kms):
    kms.put_key_policy(KeyId=id_of(kms, CLUSTER), PolicyName="default", Policy=json.dumps({"Statement": []}))


def let_somebody_use_it(kms):
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    now = policy(kms, CLUSTER)
    text = json.dumps({**now, "Statement": [*now["Statement"], statement]})
    kms.put_key_policy(KeyId=id_of(kms, CLUSTER), PolicyName="default", Policy=text)


def move_alias(kms):
    kms.update_alias(AliasName=CLUSTER, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])


def move_alias_to_the_other_key(kms):
    kms.update_alias(AliasName=CLUSTER, TargetKeyId=id_of(kms, VOLUMES))


DRIFTS = {
    "policy replaced": put_policy,
    "policy opened": let_somebody_use_it,
    "rotation off": lambda kms: kms.disable_key_rotation(KeyId=id_of(kms, CLUSTER)),
    "disabled": lambda kms: kms.disable_key(KeyId=id_of(kms, CLUSTER)),
    "deletion scheduled": lambda kms: kms.schedule_key_deletion(KeyId=id_of(kms, CLUSTER)),
    "description": lambda kms: kms.update_key_description(KeyId=id_of(kms, CLUSTER), Description="theirs"),
    "tags changed": lambda kms: kms.untag_resource(KeyId=id_of(kms, CLUSTER), TagKeys=["kafka-eks/alias"]),
    "alias moved": move_alias,
    "alias moved to the other key": move_alias_to_the_other_key,
    "alias deleted": lambda kms: kms.delete_alias(AliasName=CLUSTER),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_put_right(aws, kms, drift):
    made = aws.run("kms_keys", **DEMO)
    DRIFTS[drift](kms)
    shown = aws.run("kms_keys", check=True, **DEMO)
    assert shown["changed"]
    assert shown["diff"]["before"] != shown["diff"]["after"]
    assert aws.writes == []
    assert aws.run("kms_keys", **DEMO)["keys"] == made["keys"]
    again = aws.run("kms_keys", **DEMO)
    assert not again["changed"]
    assert again["diff"]["after"][CLUSTER] == made["diff"]["after"][CLUSTER] | {"alias_leads_to": id_of(kms, CLUSTER)}
    assert policy(kms, CLUSTER)["Statement"][1:] == [LOGS]


def test_the_period_of_rotation_is_changed_and_kept(aws, kms):
    aws.run("kms_keys", **DEMO)
    often = {"cluster_name": "demo", "keys": [{"alias": VOLUMES, "rotation_period_days": 90}]}
    assert aws.run("kms_keys", **often)["changed"]
    assert kms.get_key_rotation_status(KeyId=id_of(kms, VOLUMES))["RotationPeriodInDays"] == 90
    assert not aws.run("kms_keys", **DEMO)["changed"]
    never = {"cluster_name": "demo", "keys": [{"alias": VOLUMES, "rotation": False}]}
    assert aws.run("kms_keys", **never)["changed"]
    assert not kms.get_key_rotation_status(KeyId=id_of(kms, VOLUMES))["KeyRotationEnabled"]


@pytest.mark.parametrize("writes", range(6))
def test_a_run_that_was_killed_is_finished_by_the_next_with_the_keys_it_left(aws, kms, writes):
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("kms_keys", **DEMO)
    aws.writes_left = None
    assert aws.run("kms_keys", **DEMO)["changed"]
    assert not aws.run("kms_keys", **DEMO)["changed"]
    assert states(kms) == ["Enabled", "Enabled"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_alias_of_somebody_else_s_key_is_left_alone(aws, kms, state):
    kms.create_alias(AliasName=VOLUMES, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    result = aws.run("kms_keys", state=state, **DEMO)
    assert f"KMS key '{VOLUMES}' is key {id_of(kms, VOLUMES)}, which was not made for this cluster" in result["msg"]
    assert aws.writes == []


def test_a_key_that_was_given_to_us_is_taken_over(aws, kms):
    given = kms.create_key(Tags=OURS)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=VOLUMES, TargetKeyId=given)
    assert aws.run("kms_keys", **DEMO)["keys"][VOLUMES]["id"] == given
    assert tags(kms, given)["kafka-eks/alias"] == VOLUMES


def test_keys_are_removed_and_come_back_as_long_as_they_can(aws, kms):
    made = aws.run("kms_keys", **DEMO)
    gone = {"cluster_name": "demo", "keys": [{"alias": CLUSTER}, {"alias": VOLUMES}], "pending_window_days": 7}
    assert aws.run("kms_keys", state="absent", check=True, **gone)["changed"]
    assert aws.writes == []
    assert aws.run("kms_keys", state="absent", **gone)["changed"]
    assert states(kms) == ["PendingDeletion", "PendingDeletion"]
    assert aliases(kms) == []
    assert not aws.run("kms_keys", state="absent", **gone)["changed"]
    shown = aws.run("kms_keys", check=True, **DEMO)
    assert shown["diff"]["before"][CLUSTER]["state"] == "PendingDeletion"
    assert shown["diff"]["after"][CLUSTER]["state"] == "Enabled"
    assert aws.run("kms_keys", **DEMO)["keys"] == made["keys"]
    assert not aws.run("kms_keys", **DEMO)["changed"]


def test_removal_takes_keys_along_that_no_alias_leads_to(aws, kms):
    aws.run("kms_keys", **DEMO)
    kms.create_key(Tags=[*OURS, {"TagKey": "kafka-eks/alias", "TagValue": VOLUMES}])
    kms.create_key(Tags=[{"TagKey": "kafka-eks/cluster", "TagValue": "other"}])
    assert aws.run("kms_keys", state="absent", **DEMO)["changed"]
    assert states(kms) == ["Enabled", "PendingDeletion", "PendingDeletion", "PendingDeletion"]


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_removal_that_was_killed_is_finished_by_the_next(aws, kms, writes):
    aws.run("kms_keys", **DEMO)
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("kms_keys", state="absent", **DEMO)
    aws.writes_left = None
    assert aws.run("kms_keys", state="absent", **DEMO)["changed"]
    assert (states(kms), aliases(kms)) == (["PendingDeletion", "PendingDeletion"], [])


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param({"alias": "kafka"}, "give one that begins with alias/", id="not an alias"),
        pytest.param({"alias": "alias/aws/ebs"}, "not with alias/aws/", id="AWS's own"),
        pytest.param({"rotation_period_days": 30}, "every 30 days, KMS takes 90 to 2560", id="period"),
        pytest.param({"rotation": False, "rotation_period_days": 90}, "but no rotation", id="period of nothing"),
    ],
)
def test_bad_input_is_refused(aws, key, message):
    result = aws.run("kms_keys", cluster_name="demo", keys=[{"alias": CLUSTER, **key}])
    assert message in result["msg"]
    assert aws.requests == []


def test_more_bad_input_is_refused(aws):
    key = {"alias": CLUSTER}
    assert "named 2 times" in aws.run("kms_keys", cluster_name="demo", keys=[key, key])["msg"]
    window = aws.run("kms_keys", cluster_name="demo", keys=[key], state="absent", pending_window_days=3)
    assert "pending_window_days is 3, KMS takes 7 to 30" in window["msg"]


def test_no_key_is_made_for_a_name_that_somebody_elses_cluster_has(aws):
    aws.make_cluster()
    arn = aws.eks.describe_cluster(name="demo")["cluster"]["arn"]
    aws.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    result = aws.run("kms_keys", cluster_name="demo", keys=[{"alias": "alias/kafka-eks/demo/volumes"}])
    assert "EKS cluster 'demo' exists, but was not made by this collection" in result["msg"]
    assert aws.writes == []
