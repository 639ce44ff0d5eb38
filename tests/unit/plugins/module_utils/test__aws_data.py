from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import (
    AwsError,
    Look,
    is_owned,
    missing_tags,
    result,
    roles_path,
    tag_list,
    tags_of,
)


@pytest.mark.parametrize(
    ("resource", "tags"),
    [
        pytest.param({"Tags": [{"Key": "a", "Value": "1"}]}, {"a": "1"}, id="list"),
        pytest.param({"tags": {"a": "1"}}, {"a": "1"}, id="map"),
        pytest.param({"tags": {"aws:eks:cluster-name": "demo", "a": "1"}}, {"a": "1"}, id="those of AWS"),
        pytest.param({"Tags": None}, {}, id="none"),
        pytest.param({}, {}, id="no field"),
    ],
)
def test_tags_are_read_in_both_spellings(resource, tags):
    assert tags_of(resource) == tags


def test_tags_survive_the_way_to_aws_and_back():
    assert tags_of({"Tags": tag_list({"a": "1", "b": ""})}) == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    ("tags", "owned"),
    [
        pytest.param({"kafka-eks/cluster": "demo"}, True, id="ours"),
        pytest.param({"kafka-eks/cluster": "other"}, False, id="another cluster's"),
        pytest.param({"Name": "demo"}, False, id="only the name"),
    ],
)
def test_the_tag_alone_tells_what_is_ours(tags, owned):
    assert is_owned({"tags": tags}, "demo") is owned


def test_tags_that_others_added_are_not_missed():
    assert missing_tags({"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}) == {"b": "2", "d": "1"}


def test_a_cluster_of_the_same_name_elsewhere_has_other_roles():
    assert roles_path("us-west-2", "demo") != roles_path("eu-west-1", "demo")


@pytest.mark.parametrize(
    ("look", "check_mode", "changed", "in_progress"),
    [
        pytest.param(Look({}, {"a": 1}, in_progress=True), True, True, False, id="planned"),
        pytest.param(Look({"a": 1}, {"a": 1}), True, False, False, id="nothing planned"),
        pytest.param(Look({"a": 1}, {"a": 2}, in_progress=True), False, False, True, id="not yet asked for"),
    ],
)
def test_a_dry_run_is_never_in_progress(look, check_mode, changed, in_progress):
    told = result(look, check_mode)
    assert (told["changed"], told["in_progress"]) == (changed, in_progress)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        pytest.param(AwsError("No.", "Throttling"), {"msg": "No.", "code": "Throttling"}, id="of AWS"),
        pytest.param(AwsError("No."), {"msg": "No."}, id="of ours"),
    ],
)
def test_a_failure_has_a_code_where_aws_gave_one(error, failure):
    assert error.failure == failure
