from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_nodegroups
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Role

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
    return _eks_nodegroups.present_nodegroups({"core": group}, {"core": WANTED}, {"core": Role(WANTED["role"])}, "demo")


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
    look = _eks_nodegroups.absent_nodegroups({"core": nodegroup(status), "gone": None}, "demo")
    assert bool(look.requests) is asked
    assert look.in_progress
    assert look.after == {}
