from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lab.aws import plane

DEMO = {"name": "demo", "version": "1.35", "role": "control-plane"}
CHANGED = {
    "public_access_cidrs": ["203.0.113.7/32"],
    "logs": ["audit"],
    "support_type": "EXTENDED",
    "deletion_protection": False,
    "tags": {"team": "streams"},
}


@pytest.fixture
def ready(aws):
    """An account in which a cluster can be made."""
    aws.make_role("control-plane", "/kafka-eks/us-west-2/demo/")
    aws.make_network()
    return aws


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run("eks_cluster", check=True, **DEMO)
    assert result["changed"]
    assert not result["in_progress"]
    assert result["cluster"] is None
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["role"] == "control-plane"
    assert result["diff"]["after"]["subnets"] == ["those with kafka-eks/subnet=intra"]
    assert aws.writes == []


def test_a_cluster_is_made_secure_and_then_left_alone(ready):
    first = ready.run("eks_cluster", account_id=ready.id, **DEMO)
    assert first["changed"]
    assert first["in_progress"]
    assert first["progress"] == "EKS cluster 'demo' is being created."
    made = ready.finish("eks_cluster", **DEMO)
    assert made["cluster"]["status"] == "ACTIVE"
    assert made["cluster"]["endpoint"].startswith("https://")
    cluster = ready.eks.describe_cluster(name="demo")["cluster"]
    network = cluster["resourcesVpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert ready.eks.list_access_entries(clusterName="demo")["accessEntries"] == []
    assert cluster["deletionProtection"]
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert len(cluster["logging"]["clusterLogging"][0]["types"]) == 5
    assert sorted(network["subnetIds"]) == ready.subnets("intra")
    again = ready.run("eks_cluster", **DEMO)
    assert not again["changed"]
    assert ready.requests == ["GetCallerIdentity", "DescribeCluster", "GetRole"]


class Starting(plane.Record):
    """A control plane that is not ready yet."""

    def is_ready(self) -> bool:
        return False


def test_a_cluster_that_is_still_being_made_is_waited_for(ready, monkeypatch):
    monkeypatch.setattr(plane, "current", Starting())
    ready.run("eks_cluster", **DEMO)
    again = ready.run("eks_cluster", **DEMO)
    assert (again["changed"], again["in_progress"]) == (False, True)
    assert again["progress"] == "EKS cluster 'demo' is CREATING."
    assert ready.writes == []
    drifted = ready.run("eks_cluster", check=True, **{**DEMO, "deletion_protection": False})
    assert (drifted["changed"], drifted["in_progress"]) == (True, False)


class Broken(plane.Record):
    """A control plane that never gets ready."""

    def is_ready(self) -> bool:
        raise plane.PlaneError("there is no room")


def test_a_cluster_that_failed_says_why(ready, monkeypatch):
    monkeypatch.setattr(plane, "current", Broken())
    ready.run("eks_cluster", **DEMO)
    result = ready.run("eks_cluster", **DEMO)
    assert result["msg"].startswith("EKS cluster 'demo' has FAILED (InternalFailure: there is no room)")
    assert ready.run("eks_cluster", check=True, name="demo", state="absent")["changed"]


def test_all_that_can_be_changed_is_changed_in_place_one_at_a_time(ready):
    ready.finish("eks_cluster", **DEMO)
    shown = ready.run("eks_cluster", check=True, **{**DEMO, **CHANGED})
    assert shown["changed"]
    before, after = shown["diff"]["before"], shown["diff"]["after"]
    assert {key for key in after if before[key] != after[key]} == {
        "public_access_cidrs",
        "logs",
        "support_type",
        "deletion_protection",
        "tags",
    }
    assert ready.writes == []
    first = ready.run("eks_cluster", **{**DEMO, **CHANGED})
    assert len(ready.writes) == 1
    assert first["in_progress"]
    ready.finish("eks_cluster", **{**DEMO, **CHANGED})
    cluster = ready.eks.describe_cluster(name="demo")["cluster"]
    assert cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.7/32"]
    assert cluster["tags"] == {"team": "streams", "kafka-eks/cluster": "demo"}
    assert not ready.run("eks_cluster", **{**DEMO, **CHANGED})["changed"]


def test_access_opened_by_hand_is_closed(ready):
    ready.finish("eks_cluster", **DEMO)
    ready.eks.update_cluster_config(name="demo", resourcesVpcConfig={"endpointPublicAccess": True})
    ready.eks.get_waiter("cluster_active").wait(name="demo", WaiterConfig={"Delay": 0})
    assert ready.run("eks_cluster", check=True, **DEMO)["diff"]["before"]["public_access_cidrs"] == ["0.0.0.0/0"]
    ready.finish("eks_cluster", **DEMO)
    assert not ready.eks.describe_cluster(name="demo")["cluster"]["resourcesVpcConfig"]["endpointPublicAccess"]


def test_a_zone_added_to_the_network_does_not_move_the_cluster(ready):
    ready.finish("eks_cluster", **DEMO)
    ready.make_subnet("intra", "10.1.9.0/24", "c")
    assert not ready.run("eks_cluster", **DEMO)["changed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"public_access_cidrs": ["0.0.0.0/0"]}, "to the whole internet", id="open"),
        pytest.param({"public_access_cidrs": ["203.0.113.7/8"]}, "is not an IPv4 block", id="host bits"),
        pytest.param({"version": "1.3"}, "is not a version of Kubernetes", id="number"),
        pytest.param({"version": "1.29"}, "unsupported Kubernetes version", id="out of support"),
        pytest.param({"role": "nobody"}, "IAM role 'nobody' is not there", id="no role"),
        pytest.param({"account_id": "000011112222"}, "use credentials of that account", id="other account"),
    ],
)
def test_bad_input_is_refused(ready, arguments, message):
    result = ready.run("eks_cluster", **{**DEMO, **arguments})
    assert message in result["msg"]
    assert ready.eks.list_clusters()["clusters"] == []


def test_without_a_network_the_remedy_is_named(aws):
    aws.make_role("control-plane")
    result = aws.run("eks_cluster", **DEMO)
    assert "has no intra subnets" in result["msg"]
    assert "make its network first" in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"version": "1.34"}, "upgrades are not made by this module", id="version"),
        pytest.param({"role": "other"}, "EKS cannot change it", id="role"),
        pytest.param({"encryption_key_arn": "arn:aws:kms:us-west-2:1:key/a"}, "EKS cannot change it", id="key"),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(ready, arguments, message):
    ready.make_role("other")
    ready.finish("eks_cluster", **DEMO)
    result = ready.run("eks_cluster", **{**DEMO, **arguments})
    assert message in result["msg"]
    assert ready.writes == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_cluster_that_was_not_made_here_is_left_alone(ready, state):
    ready.finish("eks_cluster", **DEMO)
    arn = ready.eks.describe_cluster(name="demo")["cluster"]["arn"]
    ready.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    result = ready.run("eks_cluster", **{**DEMO, "state": state})
    assert "was not made by this collection" in result["msg"]
    assert ready.writes == []


def test_a_role_that_was_just_made_is_waited_for(ready):
    answers = [ClientError({"Error": {"Code": "InvalidParameterException", "Message": "Role"}}, "CreateCluster")]
    ready.refuse = lambda operation: answers.pop() if operation == "CreateCluster" and answers else None
    assert ready.run("eks_cluster", **DEMO)["changed"]
    assert ready.sleeps == [3]


def test_it_is_removed_in_spite_of_its_protection(ready):
    ready.finish("eks_cluster", **DEMO)
    shown = ready.run("eks_cluster", check=True, name="demo", state="absent")
    assert shown["changed"]
    assert ready.writes == []
    first = ready.run("eks_cluster", name="demo", state="absent")
    assert first["progress"] == "EKS cluster 'demo': its deletion protection is being turned off."
    assert ready.finish("eks_cluster", name="demo", state="absent")["cluster"] is None
    assert ready.eks.list_clusters()["clusters"] == []
    again = ready.run("eks_cluster", name="demo", state="absent")
    assert not again["changed"]
    assert not again["in_progress"]
