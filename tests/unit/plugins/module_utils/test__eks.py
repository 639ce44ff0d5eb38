from __future__ import annotations

import datetime

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Look, Principal, Role

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
WANTED = {
    "role": "arn:aws:iam::123456789012:role/node",
    "subnets": None,
    "instance_types": ["m8g.large"],
    "ami_type": "AL2023_ARM_64_STANDARD",
    "capacity_type": "ON_DEMAND",
    "disk_size": None,
    "scaling": {"minSize": 1, "maxSize": 1, "desiredSize": 1},
    "labels": {"pool": "core"},
    "taints": [],
    "tags": {"kafka-eks/cluster": "demo"},
}


def nodegroup(status="ACTIVE", **more):
    return {
        "nodegroupName": "core",
        "nodegroupArn": "arn:aws:eks:us-west-2:123456789012:nodegroup/demo/core/1",
        "status": status,
        "nodeRole": WANTED["role"],
        "subnets": ["subnet-1"],
        "instanceTypes": ["m8g.large"],
        "amiType": "AL2023_ARM_64_STANDARD",
        "capacityType": "ON_DEMAND",
        "diskSize": 20,
        "scalingConfig": {"minSize": 1, "maxSize": 1, "desiredSize": 1},
        "labels": {"pool": "core"},
        "tags": {"kafka-eks/cluster": "demo"},
        "health": {"issues": []},
        **more,
    }


def present(group):
    return _eks.present_nodegroups({"core": group}, {"core": WANTED}, {"core": Role(WANTED["role"])}, "demo")


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
    assert _eks.principal_of(caller) == principal


@pytest.mark.parametrize(
    ("caller", "message"),
    [
        pytest.param("arn:aws:iam::1:root", "is the root user of the account", id="root"),
        pytest.param("arn:aws:sts::1:federated-user/bob", "is a federated-user", id="federated user"),
    ],
)
def test_who_cannot_have_an_entry_is_told_so(caller, message):
    with pytest.raises(AwsError, match=message):
        _eks.principal_of(caller)


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


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DEGRADED", "DELETE_FAILED"])
def test_a_node_group_that_failed_says_why(status):
    issues = [{"code": "AsgInstanceLaunchFailures", "message": "You have requested more vCPU capacity."}]
    with pytest.raises(AwsError) as caught:
        present(nodegroup(status, health={"issues": issues}))
    assert f"is {status} (AsgInstanceLaunchFailures: You have requested more vCPU capacity)" in str(caught.value)


@pytest.mark.parametrize(
    ("group", "operations", "in_progress"),
    [
        pytest.param(None, ["create_nodegroup"], True, id="missing"),
        pytest.param(nodegroup(), [], False, id="as wanted"),
        pytest.param(nodegroup("CREATING"), [], True, id="being made"),
        pytest.param(nodegroup("UPDATING", labels={}), [], True, id="being changed by somebody"),
        pytest.param(nodegroup(labels={"pool": "x"}), ["update_nodegroup_config"], True, id="drifted"),
        pytest.param(nodegroup(tags={}), ["tag_resource"], True, id="without tags"),
    ],
)
def test_one_look_at_a_node_group(group, operations, in_progress):
    look = present(group)
    assert [request.operation for request in look.requests] == operations
    assert look.in_progress is in_progress
    assert (look.before == look.after) is (group in (nodegroup(), nodegroup("CREATING")))


def test_labels_and_taints_that_are_gone_are_taken_away():
    before = nodegroup(labels={"old": "1"}, taints=[{"key": "old", "effect": "NO_SCHEDULE"}])
    (request,) = present(before).requests
    assert request.arguments["labels"] == {"addOrUpdateLabels": {"pool": "core"}, "removeLabels": ["old"]}
    assert request.arguments["taints"] == {
        "addOrUpdateTaints": [],
        "removeTaints": [{"key": "old", "value": "", "effect": "NO_SCHEDULE"}],
    }


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        pytest.param("ACTIVE", True, id="running"),
        pytest.param("DELETE_FAILED", True, id="could not be deleted before"),
        pytest.param("DELETING", False, id="on its way"),
        pytest.param("CREATING", False, id="cannot be deleted yet"),
    ],
)
def test_a_node_group_is_removed_when_it_can_be(status, asked):
    look = _eks.absent_nodegroups({"core": nodegroup(status), "gone": None}, "demo")
    assert bool(look.requests) is asked
    assert look.in_progress
    assert look.after == {}


@pytest.mark.parametrize("mode, next_mode", [("CONFIG_MAP", "API_AND_CONFIG_MAP"), ("API_AND_CONFIG_MAP", "API")])
def test_the_way_to_access_entries_has_two_steps(mode, next_mode):
    want = {"tags": {}, "authentication_mode": "API"}
    same = dict.fromkeys(
        ("private_access", "public_access_cidrs", "logs", "support_type", "deletion_protection"), "as it is"
    )
    (request,) = _eks._cluster_updates(
        {"name": "demo"}, {**same, **want, "authentication_mode": mode}, {**same, **want}
    )
    assert request.arguments["accessConfig"] == {"authenticationMode": next_mode}


@pytest.mark.parametrize(
    ("look", "check_mode", "changed", "in_progress"),
    [
        pytest.param(Look({}, {"a": 1}, in_progress=True), True, True, False, id="planned"),
        pytest.param(Look({"a": 1}, {"a": 1}), True, False, False, id="nothing planned"),
        pytest.param(Look({"a": 1}, {"a": 2}, in_progress=True), False, False, True, id="not yet asked for"),
    ],
)
def test_a_dry_run_is_never_in_progress(look, check_mode, changed, in_progress):
    result = _eks.result(look, check_mode)
    assert (result["changed"], result["in_progress"]) == (changed, in_progress)


def test_the_policies_of_an_entry_are_named_in_the_partition_of_the_account():
    entry = {
        "principal": "caller",
        "groups": [],
        "policies": [
            {"policy": "AmazonEKSViewPolicy", "scope": "namespace", "namespaces": ["b", "a"]},
            {"policy": "arn:aws-cn:eks::aws:cluster-access-policy/Own", "scope": "cluster", "namespaces": []},
        ],
    }
    assert _eks.wanted_entry(entry, "aws-cn")["policies"] == {
        "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy": {
            "type": "namespace",
            "namespaces": ["a", "b"],
        },
        "arn:aws-cn:eks::aws:cluster-access-policy/Own": {"type": "cluster", "namespaces": []},
    }
