from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_access
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks_access import Principal

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ALICE = "arn:aws:iam::123456789012:user/ops/alice"
DEPLOY = "arn:aws:iam::123456789012:role/teams/deploy"
POLICY = "arn:aws:eks::aws:cluster-access-policy/"


def entry(**more):
    return {"principal": DEPLOY, "type": "STANDARD", "username": None, "groups": [], "policies": [], **more}


def policy(name="AmazonEKSViewPolicy", scope="cluster", namespaces=()):
    return {"policy": name, "scope": scope, "namespaces": list(namespaces)}


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        pytest.param("arn:aws:sts::1:assumed-role/deploy/me", Principal(None, "deploy"), id="role"),
        pytest.param(
            "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0123/me@example.com",
            Principal(None, "AWSReservedSSO_Admin_0123"),
            id="SSO role",
        ),
        pytest.param(
            "arn:aws:iam::1:user/ops/alice", Principal("arn:aws:iam::1:user/ops/alice"), id="user with a path"
        ),
        pytest.param("arn:aws-cn:iam::1:user/alice", Principal("arn:aws-cn:iam::1:user/alice"), id="China"),
    ],
)
def test_the_principal_is_derived_from_the_caller(caller, principal):
    assert _eks_access.principal_of(caller) == principal


@pytest.mark.parametrize(
    ("caller", "message"),
    [
        pytest.param("arn:aws:iam::1:root", "is the root user of the account", id="root"),
        pytest.param("arn:aws:sts::1:federated-user/bob", "is a federated-user", id="federated user"),
    ],
)
def test_who_cannot_have_an_entry_is_told_so(caller, message):
    with pytest.raises(AwsError, match=message):
        _eks_access.principal_of(caller)


@pytest.mark.parametrize(
    ("principal", "caller", "same"),
    [
        pytest.param(DEPLOY, "arn:aws:sts::123456789012:assumed-role/deploy/me", True, id="role with a path"),
        pytest.param(DEPLOY, "arn:aws:sts::210987654321:assumed-role/deploy/me", False, id="role of another account"),
        pytest.param(DEPLOY, "arn:aws:sts::123456789012:assumed-role/ploy/me", False, id="end of a name"),
        pytest.param(ALICE, "arn:aws:sts::123456789012:assumed-role/alice/me", False, id="user of a role's name"),
        pytest.param(ALICE, ALICE, True, id="user"),
        pytest.param(ALICE, "arn:aws:iam::123456789012:root", False, id="root"),
    ],
)
def test_the_caller_is_recognised_among_the_entries(principal, caller, same):
    assert _eks_access.is_caller(principal, caller) is same


def test_the_policies_of_an_entry_are_named_in_the_partition_of_the_account():
    given = entry(
        policies=[
            policy(scope="namespace", namespaces=["b", "a"]),
            policy("arn:aws-cn:eks::aws:cluster-access-policy/Own"),
        ]
    )
    assert _eks_access.wanted_entry(given, {}, "demo", "aws-cn")["policies"] == {
        "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy": {
            "type": "namespace",
            "namespaces": ["a", "b"],
        },
        "arn:aws-cn:eks::aws:cluster-access-policy/Own": {"type": "cluster", "namespaces": []},
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"principal": "deploy"}, "is not the ARN of an IAM role or user", id="name"),
        pytest.param(
            {"principal": "arn:aws:sts::123456789012:assumed-role/deploy/me"}, "does not take ARNs of STS", id="session"
        ),
        pytest.param({"policies": [policy(scope="namespace")]}, "0 namespaces", id="no namespaces"),
        pytest.param({"policies": [policy(namespaces=["kafka"])]}, "1 namespaces", id="no scope"),
        pytest.param({"policies": [policy(), policy()]}, "AmazonEKSViewPolicy more than once", id="policy twice"),
        pytest.param({"groups": ["system:masters"]}, "the group 'system:masters', but names that begin", id="group"),
        pytest.param({"username": "eks:me"}, "the username 'eks:me', but names that begin", id="username"),
        pytest.param(
            {"type": "EC2_LINUX", "groups": ["a"]}, "has groups, which one of the type EC2_LINUX", id="node's groups"
        ),
        pytest.param({"type": "EC2", "username": "a"}, "has username, which one of the type EC2", id="node's name"),
        pytest.param(
            {"type": "FARGATE_LINUX", "policies": [policy()]},
            "has policies, which one of the type FARGATE_LINUX",
            id="policies",
        ),
    ],
)
def test_what_can_never_be_is_refused(given, message):
    with pytest.raises(AwsError, match=message):
        _eks_access.check_entries([entry(**given)])


def test_nodes_of_auto_mode_have_policies():
    _eks_access.check_entries([entry(type="EC2", policies=[policy("AmazonEKSAutoNodePolicy")])])


@pytest.mark.parametrize(
    ("identity", "patience"),
    [
        pytest.param({"Arn": DEPLOY, "CreateDate": NOW - timedelta(hours=1)}, (), id="old"),
        pytest.param({"Arn": DEPLOY, "CreateDate": NOW}, ("InvalidParameterException",), id="just made"),
        pytest.param(AwsError("Denied.", "AccessDenied"), (), id="may not be looked at"),
    ],
)
def test_eks_gets_time_to_hear_of_a_new_principal(identity, patience):
    assert _eks_access.patience_with(DEPLOY, identity, False, NOW) == patience


def test_a_principal_that_is_only_planned_may_be_missing():
    missing = AwsError("Not there.", "NoSuchEntity")
    assert _eks_access.patience_with(DEPLOY, missing, True, NOW) == ()
    with pytest.raises(AwsError, match=r"role/teams/deploy is not there.*make it first"):
        _eks_access.patience_with(DEPLOY, missing, False, NOW)


def test_a_path_that_was_left_out_is_told():
    bare = "arn:aws:iam::123456789012:role/deploy"
    with pytest.raises(AwsError, match=f"{bare} is not there.*; {DEPLOY} is: give the ARN with its path"):
        _eks_access.patience_with(bare, {"Arn": DEPLOY, "CreateDate": NOW}, False, NOW)


def found(**more):
    now = _eks_access.found_entry({"type": "STANDARD", "username": "me", "tags": {"kafka-eks/cluster": "demo"}}, [])
    return {**now, **more}


@pytest.mark.parametrize(
    ("now", "given", "operations"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({}, {"username": "you"}, ["update_access_entry"], id="username"),
        pytest.param({"groups": ["a"]}, {}, ["update_access_entry"], id="group that nobody wants"),
        pytest.param({"tags": {}}, {}, ["tag_resource"], id="tag"),
        pytest.param({"tags": {"kafka-eks/cluster": "demo", "team": "a"}}, {}, [], id="tag of somebody else"),
        pytest.param({}, {"policies": [policy()]}, ["associate_access_policy"], id="policy"),
        pytest.param(
            {"policies": {POLICY + "AmazonEKSViewPolicy": {"type": "namespace", "namespaces": ["a"]}}},
            {"policies": [policy(scope="namespace", namespaces=["b"])]},
            ["associate_access_policy"],
            id="scope",
        ),
        pytest.param(
            {"policies": {POLICY + "AmazonEKSClusterAdminPolicy": {"type": "cluster", "namespaces": []}}},
            {"policies": [policy()]},
            ["associate_access_policy", "disassociate_access_policy"],  # in this order: nobody is locked out
            id="another policy",
        ),
    ],
)
def test_only_what_differs_is_changed(now, given, operations):
    has = found(**now)
    want = _eks_access.wanted_entry(entry(**given), {}, "demo", "aws")
    then = _eks_access.target_entry(DEPLOY, has, want, "demo")
    requests = _eks_access.entry_requests("demo", DEPLOY, has, then, "arn:entry")
    assert [request.operation for request in requests] == operations
    assert (has != then) is bool(operations)


def test_the_entry_of_a_node_is_left_to_eks():
    want = _eks_access.wanted_entry(entry(type="EC2_LINUX"), {}, "demo", "aws")
    (create,) = _eks_access.entry_requests("demo", DEPLOY, None, want)
    assert create.arguments == {
        "clusterName": "demo",
        "principalArn": DEPLOY,
        "type": "EC2_LINUX",
        "tags": {"kafka-eks/cluster": "demo"},
    }
    has = found(type="EC2_LINUX", groups=["system:nodes"], username="system:node:{{EC2PrivateDNSName}}")
    then = _eks_access.target_entry(DEPLOY, has, want, "demo")
    assert _eks_access.entry_requests("demo", DEPLOY, has, then) == []


def test_a_type_cannot_be_changed():
    want = _eks_access.wanted_entry(entry(), {}, "demo", "aws")
    with pytest.raises(AwsError, match="has the type EC2_LINUX and STANDARD is wanted, which EKS cannot change"):
        _eks_access.target_entry(DEPLOY, found(type="EC2_LINUX"), want, "demo")


def test_only_entries_of_others_may_be_purged():
    service = "arn:aws:iam::123456789012:role/aws-service-role/eks.amazonaws.com/AWSServiceRoleForAmazonEKS"
    caller = "arn:aws:sts::123456789012:assumed-role/deploy/me"
    assert _eks_access.purgeable([ALICE, DEPLOY, service], [], caller) == [ALICE]
    assert _eks_access.purgeable([ALICE], [ALICE], caller) == []
