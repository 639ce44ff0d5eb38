from __future__ import annotations

import pytest

BROKER = {
    "name": "broker",
    "role": "node",
    "instance_types": ["r8g.4xlarge"],
    "min_size": 3,
    "desired_size": 3,
    "max_size": 3,
    "labels": {"pool": "broker"},
    "taints": [{"key": "pool", "value": "broker", "effect": "NoSchedule"}],
}
CORE = {"name": "core", "role": "node", "instance_types": ["m8g.large"]}
DEMO = {"cluster_name": "demo", "nodegroups": [CORE, BROKER]}


@pytest.fixture
def ready(aws):
    """An account with a running cluster."""
    aws.make_role("node")
    aws.make_cluster()
    return aws


def described(aws, name):
    return aws.eks.describe_nodegroup(clusterName="demo", nodegroupName=name)["nodegroup"]


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run("eks_nodegroups", check=True, **DEMO)
    assert result["changed"]
    assert not result["in_progress"]
    assert set(result["diff"]["after"]) == {"broker", "core"}
    assert result["diff"]["after"]["broker"]["subnets"] == ["those with kafka-eks/subnet=private"]
    assert aws.writes == []


def test_all_are_made_together_and_then_left_alone(ready):
    first = ready.run("eks_nodegroups", account_id=ready.id, **DEMO)
    assert ready.writes == ["CreateNodegroup", "CreateNodegroup"]
    assert first["progress"] == ("Node groups of EKS cluster 'demo': core is being created, broker is being created.")
    assert ready.finish("eks_nodegroups", **DEMO)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}
    broker = described(ready, "broker")
    assert broker["taints"] == [{"key": "pool", "value": "broker", "effect": "NO_SCHEDULE"}]
    assert broker["tags"]["kafka-eks/cluster"] == "demo"
    assert sorted(broker["subnets"]) == ready.subnets("private")
    again = ready.run("eks_nodegroups", **DEMO)
    assert not again["changed"]
    assert not again["in_progress"]
    assert len(ready.requests) == 5


def test_one_that_is_missing_after_a_killed_run_is_made(ready):
    ready.writes_left = 1
    with pytest.raises(BaseException, match=r"^$"):
        ready.run("eks_nodegroups", **DEMO)
    ready.writes_left = None
    assert ready.run("eks_nodegroups", **DEMO)["changed"]
    assert ready.writes == ["CreateNodegroup"]
    assert len(ready.finish("eks_nodegroups", **DEMO)["nodegroups"]) == 2


def test_sizes_labels_and_taints_are_changed_in_place(ready):
    ready.finish("eks_nodegroups", **DEMO)
    broker = {
        **BROKER,
        "desired_size": 4,
        "max_size": 5,
        "labels": {"pool": "broker", "disk": "fast"},
        "taints": [{"key": "other", "effect": "NoExecute"}],
    }
    changed = {"cluster_name": "demo", "nodegroups": [CORE, broker], "tags": {"team": "streams"}}
    shown = ready.run("eks_nodegroups", check=True, **changed)
    assert shown["changed"]
    assert ready.writes == []
    ready.run("eks_nodegroups", **changed)
    assert sorted(ready.writes) == ["TagResource", "TagResource", "UpdateNodegroupConfig"]
    ready.finish("eks_nodegroups", **changed)
    found = described(ready, "broker")
    assert found["scalingConfig"] == {"minSize": 3, "maxSize": 5, "desiredSize": 4}
    assert found["labels"] == {"pool": "broker", "disk": "fast"}
    assert [(taint["key"], taint["effect"]) for taint in found["taints"]] == [("other", "NO_EXECUTE")]
    assert not ready.run("eks_nodegroups", **changed)["changed"]


@pytest.mark.parametrize(
    ("group", "message"),
    [
        pytest.param({"instance_types": ["m7g.large"]}, "has instance_types ['m8g.large']", id="instance types"),
        pytest.param({"capacity_type": "SPOT"}, "has capacity_type ON_DEMAND and SPOT is wanted", id="capacity"),
        pytest.param({"disk_size": 100}, "has disk_size 20 and 100 is wanted", id="disk"),
        pytest.param({"min_size": 2}, "min_size <= desired_size", id="sizes"),
        pytest.param({"instance_types": []}, "has no instance_types", id="no types"),
        pytest.param({"role": None}, "has no role", id="no role"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(ready, group, message):
    ready.finish("eks_nodegroups", cluster_name="demo", nodegroups=[CORE])
    result = ready.run("eks_nodegroups", cluster_name="demo", nodegroups=[BROKER, {**CORE, **group}])
    assert message in result["msg"]
    assert ready.writes == []


def test_a_name_given_twice_is_refused(aws):
    result = aws.run("eks_nodegroups", cluster_name="demo", nodegroups=[CORE, CORE])
    assert "'core' is in the list more than once" in result["msg"]


def test_without_a_cluster_the_remedy_is_named(aws):
    result = aws.run("eks_nodegroups", **DEMO)
    assert result["msg"] == "EKS cluster 'demo' is not there: make the cluster before its node groups."


def test_others_are_removed_only_when_asked(ready):
    ready.finish("eks_nodegroups", **DEMO)
    assert not ready.run("eks_nodegroups", cluster_name="demo", nodegroups=[CORE])["changed"]
    shown = ready.run("eks_nodegroups", check=True, cluster_name="demo", nodegroups=[CORE], purge=True)
    assert set(shown["diff"]["before"]) - set(shown["diff"]["after"]) == {"broker"}
    ready.finish("eks_nodegroups", cluster_name="demo", nodegroups=[CORE], purge=True)
    assert ready.eks.list_nodegroups(clusterName="demo")["nodegroups"] == ["core"]


@pytest.mark.parametrize(
    ("named", "left"), [pytest.param([], [], id="all"), pytest.param([{"name": "core"}], ["broker"], id="listed")]
)
def test_they_are_removed_together(ready, named, left):
    ready.finish("eks_nodegroups", **DEMO)
    first = ready.run("eks_nodegroups", cluster_name="demo", nodegroups=named, state="absent")
    assert first["changed"]
    assert first["in_progress"]
    ready.finish("eks_nodegroups", cluster_name="demo", nodegroups=named, state="absent")
    assert ready.eks.list_nodegroups(clusterName="demo")["nodegroups"] == left
    assert not ready.run("eks_nodegroups", cluster_name="demo", nodegroups=named, state="absent")["changed"]


def test_where_there_is_no_cluster_there_is_nothing_to_remove(aws):
    result = aws.run("eks_nodegroups", cluster_name="demo", state="absent")
    assert (result["changed"], result["in_progress"]) == (False, False)
