from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _log_group
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kms import Key
from ansible_collections.streamops.kafka_eks.plugins.module_utils._log_group import Settings

KEY = "arn:aws:kms:us-west-2:1:key/a"
SETTINGS = Settings(name="g", cluster="demo", retention_days=30, kms_key=Key(KEY), tags={})
FOUND = {"retention_days": 30, "kms_key": KEY, "tags": {"kafka-eks/cluster": "demo"}}


@pytest.mark.parametrize(
    ("now", "operations"),
    [
        pytest.param(None, ["create_log_group", "put_retention_policy"], id="missing"),
        pytest.param(FOUND, [], id="as wanted"),
        pytest.param({**FOUND, "retention_days": None}, ["put_retention_policy"], id="kept for ever"),
        pytest.param({**FOUND, "kms_key": None}, ["associate_kms_key"], id="another key"),
        pytest.param({**FOUND, "tags": {}}, ["tag_resource"], id="without tags"),
    ],
)
def test_a_group_is_made_as_wanted(now, operations):
    then = _log_group.target(SETTINGS, now)
    assert [request.operation for request in _log_group.requests(SETTINGS, "arn", now, then)] == operations


def test_a_key_that_is_not_wanted_is_taken_away():
    settings = Settings(name="g", cluster="demo", retention_days=30, kms_key=None, tags={})
    (request,) = _log_group.requests(settings, "arn", FOUND, _log_group.target(settings, FOUND))
    assert (request.operation, request.arguments) == ("disassociate_kms_key", {"logGroupName": "g"})


def test_a_group_whose_name_only_begins_so_is_another_one():
    groups = [{"logGroupName": "/aws/eks/demo/cluster-2"}, {"logGroupName": "/aws/eks/demo/cluster"}]
    assert _log_group.of_name(groups, "/aws/eks/demo/cluster") == groups[1]
    assert _log_group.of_name(groups[:1], "/aws/eks/demo/cluster") is None


def test_cloudwatch_gets_time_to_hear_of_a_new_key():
    settings = Settings("g", "demo", 30, Key(KEY, is_new=True), {})
    create, _ = _log_group.requests(settings, "", None, _log_group.target(settings, None))
    assert create.patience == ("AccessDeniedException", "InvalidParameterException")


def test_that_of_another_cluster_is_refused():
    with pytest.raises(AwsError, match="Log group 'g' is that of cluster 'other' by its tag"):
        _log_group.target(SETTINGS, {**FOUND, "tags": {"kafka-eks/cluster": "other"}})
