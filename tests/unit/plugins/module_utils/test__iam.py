from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _iam
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError

WANT = {"path": "/a/", "trust_policy": {"Version": "1"}, "policies": ["arn:p1"], "tags": {"kafka-eks/cluster": "demo"}}


@pytest.mark.parametrize(
    ("now", "operations"),
    [
        pytest.param(None, ["create_role", "attach_role_policy"], id="missing"),
        pytest.param(WANT, [], id="as wanted"),
        pytest.param({**WANT, "trust_policy": {}}, ["update_assume_role_policy"], id="trusts others"),
        pytest.param(
            {**WANT, "policies": ["arn:p2"]}, ["attach_role_policy", "detach_role_policy"], id="other policies"
        ),
        pytest.param({**WANT, "tags": {}}, ["tag_role"], id="without tags"),
        pytest.param({**WANT, "tags": {**WANT["tags"], "theirs": "1"}}, [], id="with the tags of others"),
    ],
)
def test_a_role_is_made_as_wanted(now, operations):
    then = _iam.target("demo", now, WANT)
    assert [request.operation for request in _iam.requests("demo", now, then, "{}")] == operations


def test_policies_by_name_are_those_of_aws_in_the_partition_of_the_account():
    role = {"trust_policy": {}, "policies": ["AmazonEKSClusterPolicy", "arn:aws:iam::1:policy/own"]}
    assert _iam.wanted(role, "/", "demo", {}, "aws-us-gov")["policies"] == [
        "arn:aws-us-gov:iam::aws:policy/AmazonEKSClusterPolicy",
        "arn:aws:iam::1:policy/own",
    ]


def test_another_path_is_refused():
    with pytest.raises(AwsError, match="has the path /b/ and /a/ is wanted, which IAM cannot change"):
        _iam.target("demo", {**WANT, "path": "/b/"}, WANT)
