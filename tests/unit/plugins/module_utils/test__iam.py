from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _iam
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._policy_document import normalised

OWN = {"Statement": [{"Action": "kms:Decrypt"}]}
GIVEN = {
    "trust_policy": {"Version": "1"},
    "policies": ["arn:p1"],
    "inline_policies": {"own": OWN},
    "description": "",
    "max_session_duration": 3600,
}
WANT = _iam.wanted(GIVEN, "/a/", "demo", {}, "aws", None)
BOUNDED = _iam.wanted(GIVEN, "/a/", "demo", {}, "aws", "arn:b")


@pytest.mark.parametrize(
    ("now", "want", "operations"),
    [
        pytest.param(None, WANT, ["create_role", "attach_role_policy", "put_role_policy"], id="missing"),
        pytest.param(WANT, WANT, [], id="as wanted"),
        pytest.param({**WANT, "trust_policy": {}}, WANT, ["update_assume_role_policy"], id="trusts others"),
        pytest.param(
            {**WANT, "policies": ["arn:p2"]}, WANT, ["detach_role_policy", "attach_role_policy"], id="other policies"
        ),
        pytest.param(
            {**WANT, "inline_policies": {"rogue": {}}}, WANT, ["delete_role_policy", "put_role_policy"], id="inline"
        ),
        pytest.param({**WANT, "description": "theirs"}, WANT, ["update_role"], id="description"),
        pytest.param({**WANT, "max_session_duration": 7200}, WANT, ["update_role"], id="session"),
        pytest.param(WANT, BOUNDED, ["put_role_permissions_boundary"], id="without boundary"),
        pytest.param(BOUNDED, WANT, [], id="with the boundary of others"),
        pytest.param({**WANT, "tags": {}}, WANT, ["tag_role"], id="without tags"),
        pytest.param({**WANT, "tags": {**WANT["tags"], "theirs": "1"}}, WANT, [], id="with the tags of others"),
    ],
)
def test_a_role_is_made_as_wanted(now, want, operations):
    then = _iam.target("demo", now, want)
    assert [request.operation for request in _iam.requests("demo", now, then, GIVEN)] == operations


def test_documents_are_sent_as_they_were_written():
    create, _, put = _iam.requests("demo", None, BOUNDED, GIVEN)
    assert create.arguments["AssumeRolePolicyDocument"] == '{"Version": "1"}'
    assert create.arguments["PermissionsBoundary"] == "arn:b"
    assert put.arguments["PolicyDocument"] == '{"Statement": [{"Action": "kms:Decrypt"}]}'
    assert BOUNDED["inline_policies"]["own"] == normalised(OWN)


def test_policies_by_name_are_those_of_aws_in_the_partition_of_the_account():
    role = {**GIVEN, "policies": ["AmazonEKSClusterPolicy", "arn:aws:iam::1:policy/own"]}
    assert _iam.wanted(role, "/", "demo", {}, "aws-us-gov", None)["policies"] == [
        "arn:aws-us-gov:iam::aws:policy/AmazonEKSClusterPolicy",
        "arn:aws:iam::1:policy/own",
    ]


def test_another_path_is_refused():
    with pytest.raises(AwsError, match="has the path /b/ and /a/ is wanted, which IAM cannot change"):
        _iam.target("demo", {**WANT, "path": "/b/"}, WANT)
