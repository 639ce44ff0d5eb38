from __future__ import annotations

import dataclasses
import json
import re

import pytest
from botocore.exceptions import ClientError

from lab.aws import settings, versions

CNI = {
    "name": "vpc-cni",
    "configuration": {"enableNetworkPolicy": "true", "env": {"WARM_PREFIX_TARGET": "1"}},
    "pod_identity": [{"service_account": "aws-node", "role": "demo-vpc-cni"}],
}
PROXY = {"name": "kube-proxy"}
AGENT = {"name": "eks-pod-identity-agent"}
DNS = {"name": "coredns"}
DEMO = {"cluster_name": "demo", "addons": [CNI, PROXY, AGENT]}
OWNED = {"kafka-eks/cluster": "demo", "kafka-eks/kubernetes": "1.35"}
MODULE = "eks_addons"


@pytest.fixture
def ready(aws):
    """An account with a running cluster and a role for its network plugin."""
    aws.make_cluster()
    aws.make_role("demo-vpc-cni", "/kafka-eks/us-west-2/demo/")
    return aws


@pytest.fixture
def installed(ready):
    ready.finish(MODULE, **DEMO)
    return ready


def described(aws, name="vpc-cni"):
    return aws.eks.describe_addon(clusterName="demo", addonName=name)["addon"]


def role_of(aws, name="vpc-cni"):
    arns = described(aws, name).get("podIdentityAssociations") or []
    return [
        aws.eks.describe_pod_identity_association(clusterName="demo", associationId=arn.rpartition("/")[2])[
            "association"
        ]["roleArn"].rpartition("/")[2]
        for arn in arns
    ]


def state_of(aws, name="vpc-cni"):
    """What is to be the same after a drift was repaired."""
    addon = described(aws, name)
    configuration = json.loads(addon.get("configurationValues") or "{}")
    return addon["status"], addon["addonVersion"], configuration, addon["tags"], role_of(aws, name)


def update(aws, name="vpc-cni", **changes):
    asked = aws.eks.update_addon(clusterName="demo", addonName=name, **changes)["update"]
    for _ in range(3):
        aws.eks.describe_update(name="demo", addonName=name, updateId=asked["id"])
    assert described(aws, name)["status"] in ("ACTIVE", "DEGRADED")


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run(MODULE, check=True, kubernetes_version="1.35", **DEMO)
    assert result["changed"]
    assert (result["in_progress"], result["pending"]) == (False, [])
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"]["vpc-cni"] == {
        "version": "v1.20.4-eksbuild.2",
        "configuration": CNI["configuration"],
        "pod_identity": {"aws-node": "demo-vpc-cni"},
        "tags": OWNED,
    }
    assert result["diff"]["after"]["kube-proxy"] == {
        "version": "v1.35.0-eksbuild.2",
        "configuration": {},
        "tags": OWNED,
    }
    assert aws.writes == []


@pytest.mark.parametrize(
    ("given", "version"),
    [
        pytest.param({}, "the default for the cluster's Kubernetes", id="nothing is known"),
        pytest.param({"kubernetes_version": "1.35"}, "the default for Kubernetes 1.35", id="EKS may not be asked"),
    ],
)
def test_a_version_that_cannot_be_looked_up_yet_is_described(aws, given, version):
    aws.refuse = refusing("DescribeAddonVersions", "AccessDeniedException")
    result = aws.run(MODULE, check=True, cluster_name="demo", addons=[PROXY, {**AGENT, "version": "v1"}], **given)
    assert result["diff"]["after"]["kube-proxy"]["version"] == version
    assert result["diff"]["after"]["eks-pod-identity-agent"]["version"] == "v1"


def refusing(operation, code, message="So it is."):
    def refuse(asked):
        if asked == operation:
            return ClientError({"Error": {"Code": code, "Message": message}}, operation)
        return None

    return refuse


def test_all_are_started_together_and_then_left_alone(ready):
    first = ready.run(MODULE, account_id=ready.id, **DEMO)
    assert ready.writes == ["CreateAddon"] * 3
    assert ready.requests.count("DescribeAddonVersions") == 1
    assert first["pending"] == ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"]
    assert first["progress"] == (
        "Add-ons of EKS cluster 'demo': vpc-cni is being created, kube-proxy is being created, eks-pod-identity-agent is being "
        "created."
    )
    last = ready.finish(MODULE, **DEMO)
    assert last["addons"]["vpc-cni"] == {"status": "ACTIVE", "version": "v1.20.4-eksbuild.2"}
    assert state_of(ready) == ("ACTIVE", "v1.20.4-eksbuild.2", CNI["configuration"], OWNED, ["demo-vpc-cni"])
    again = ready.run(MODULE, **DEMO)
    assert not again["changed"]
    assert (again["in_progress"], again["pending"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]
    # The caller, the cluster, each add-on, and the one association: neither roles nor offers nor schemas.
    assert len(ready.requests) == 6


def test_what_is_newest_later_is_not_installed(installed, monkeypatch):
    offer = versions.AddonOffer(("v9.9.9-eksbuild.1",), "v9.9.9-eksbuild.1", "networking", False)
    monkeypatch.setitem(versions.ADDONS, "vpc-cni", offer)
    assert not installed.run(MODULE, **DEMO)["changed"]


def test_deployments_are_waited_for_until_nodes_have_joined(ready):
    with_dns = {"cluster_name": "demo", "addons": [CNI, DNS]}
    ready.run(MODULE, **with_dns)
    waiting = [ready.run(MODULE, **with_dns) for _ in range(3)][-1]
    assert waiting["addons"]["vpc-cni"]["status"] == "ACTIVE"
    assert waiting["pending"] == ["coredns"]
    assert "coredns is DEGRADED (InsufficientNumberOfReplicas: The add-on is unhealthy" in waiting["progress"]
    ready.eks.create_nodegroup(
        clusterName="demo",
        nodegroupName="core",
        nodeRole=ready.make_role("node"),
        subnets=ready.subnets("private"),
        scalingConfig={"minSize": 1, "maxSize": 1, "desiredSize": 1},
    )
    for _ in range(3):
        ready.eks.describe_nodegroup(clusterName="demo", nodegroupName="core")
    assert ready.finish(MODULE, **with_dns)["addons"]["coredns"]["status"] == "ACTIVE"


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_killed_run_is_finished_by_the_next(ready, writes):
    ready.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        ready.run(MODULE, **DEMO)
    ready.writes_left = None
    first = ready.run(MODULE, **DEMO)
    assert first["changed"]
    assert len(ready.writes) == 3 - writes
    assert not ready.finish(MODULE, **DEMO).get("failed")
    assert state_of(ready)[0] == "ACTIVE"
    assert not ready.run(MODULE, **DEMO)["changed"]


def other_configuration(aws):
    update(aws, configurationValues="env:\n  WARM_PREFIX_TARGET: '9'\n")


def no_configuration(aws):
    update(aws, configurationValues="{}")


def other_role(aws):
    update(aws, podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": aws.make_role("other")}])


def another_account(aws):
    update(
        aws,
        podIdentityAssociations=[
            {"serviceAccount": "aws-node", "roleArn": aws.iam.get_role(RoleName="demo-vpc-cni")["Role"]["Arn"]},
            {"serviceAccount": "other", "roleArn": aws.make_role("other")},
        ],
    )


def no_association(aws):
    (arn,) = described(aws)["podIdentityAssociations"]
    aws.eks.delete_pod_identity_association(clusterName="demo", associationId=arn.rpartition("/")[2])


def no_tag(aws):
    aws.eks.untag_resource(resourceArn=described(aws)["addonArn"], tagKeys=["kafka-eks/cluster"])


def removed(aws):
    aws.eks.delete_addon(clusterName="demo", addonName="vpc-cni")
    for _ in range(3):
        aws.eks.list_addons(clusterName="demo")


@pytest.mark.parametrize(
    "drift", [other_configuration, no_configuration, other_role, another_account, no_association, no_tag, removed]
)
def test_drift_is_shown_and_repaired(installed, drift):
    before = state_of(installed)
    drift(installed)
    shown = installed.run(MODULE, check=True, **DEMO)
    assert shown["changed"]
    assert installed.writes == []
    difference = shown["diff"]
    assert {name for name, after in difference["after"].items() if difference["before"].get(name) != after} == {
        "vpc-cni"
    }
    result = installed.finish(MODULE, **DEMO)
    assert not result.get("failed"), result
    assert state_of(installed) == before
    assert not installed.run(MODULE, **DEMO)["changed"]


@pytest.mark.parametrize("to", ["v1.21.1-eksbuild.3", "v1.20.4-eksbuild.2"])
def test_another_version_is_repaired_only_where_one_is_named(installed, to):
    other = {"v1.21.1-eksbuild.3": "v1.20.4-eksbuild.2", "v1.20.4-eksbuild.2": "v1.21.1-eksbuild.3"}[to]
    update(installed, addonVersion=other)
    assert not installed.run(MODULE, **DEMO)["changed"]
    named = {"cluster_name": "demo", "addons": [{**CNI, "version": to}]}
    assert installed.run(MODULE, check=True, **named)["diff"]["after"]["vpc-cni"]["version"] == to
    assert installed.finish(MODULE, **named)["addons"]["vpc-cni"] == {"status": "ACTIVE", "version": to}
    assert not installed.run(MODULE, **named)["changed"]


def test_what_is_not_written_is_left(installed):
    before = state_of(installed)
    assert not installed.run(MODULE, cluster_name="demo", addons=[{"name": "vpc-cni"}])["changed"]
    named = {"cluster_name": "demo", "addons": [{"name": "vpc-cni", "version": "v1.21.1-eksbuild.3"}]}
    installed.finish(MODULE, **named)
    assert state_of(installed) == (before[0], "v1.21.1-eksbuild.3", *before[2:])


def test_one_that_was_installed_by_hand_is_taken_over(ready):
    ready.eks.create_addon(clusterName="demo", addonName="vpc-cni", addonVersion="v1.21.1-eksbuild.3")
    described(ready)
    shown = ready.run(MODULE, check=True, **DEMO)
    assert shown["diff"]["before"]["vpc-cni"]["tags"] == {}
    ready.finish(MODULE, **DEMO)
    assert state_of(ready) == ("ACTIVE", "v1.21.1-eksbuild.3", CNI["configuration"], OWNED, ["demo-vpc-cni"])


@pytest.fixture
def next_kubernetes(monkeypatch):
    """EKS offers the next version of Kubernetes, and for all of them another vpc-cni."""
    following = dataclasses.replace(versions.KUBERNETES["1.35"], name="1.36")
    monkeypatch.setitem(versions.KUBERNETES, "1.36", following)
    offer = versions.AddonOffer(("v2.0.0-eksbuild.1",), "v2.0.0-eksbuild.1", "networking", False)
    monkeypatch.setitem(versions.ADDONS, "vpc-cni", offer)


def upgrade(aws):
    aws.eks.update_cluster_version(name="demo", version="1.36")
    for _ in range(3):
        aws.eks.describe_cluster(name="demo")


def test_after_an_upgrade_what_does_not_fit_any_more_is_moved(installed, next_kubernetes):
    planned = installed.run(MODULE, check=True, kubernetes_version="1.36", **DEMO)
    upgrade(installed)
    shown = installed.run(MODULE, check=True, kubernetes_version="1.36", **DEMO)
    assert planned["diff"] == shown["diff"]
    assert {name: after["version"] for name, after in shown["diff"]["after"].items()} == {
        "vpc-cni": "v2.0.0-eksbuild.1",
        "kube-proxy": "v1.36.0-eksbuild.2",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.1",
    }
    assert not installed.finish(MODULE, **DEMO).get("failed")
    assert state_of(installed) == (
        "ACTIVE",
        "v2.0.0-eksbuild.1",
        CNI["configuration"],
        {**OWNED, "kafka-eks/kubernetes": "1.36"},
        ["demo-vpc-cni"],
    )
    assert not installed.run(MODULE, **DEMO)["changed"]
    assert "DescribeAddonVersions" not in installed.requests


@pytest.mark.parametrize("writes", range(5))
def test_an_upgrade_that_was_killed_is_finished_by_the_next_run(installed, next_kubernetes, writes):
    upgrade(installed)
    installed.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        installed.run(MODULE, **DEMO)
    installed.writes_left = None
    assert not installed.finish(MODULE, **DEMO).get("failed")
    assert described(installed)["addonVersion"] == "v2.0.0-eksbuild.1"
    assert described(installed, "kube-proxy")["addonVersion"] == "v1.36.0-eksbuild.2"
    assert not installed.run(MODULE, **DEMO)["changed"]


def test_a_named_version_that_the_upgraded_cluster_does_not_know_is_refused_first(installed, next_kubernetes):
    upgrade(installed)
    result = installed.run(MODULE, cluster_name="demo", addons=[PROXY, {**CNI, "version": "v1.20.4-eksbuild.2"}])
    assert "'vpc-cni' has no version v1.20.4-eksbuild.2 for Kubernetes 1.36" in result["msg"]
    assert "the newest are v2.0.0-eksbuild.1" in result["msg"]
    assert installed.writes == []


@pytest.mark.parametrize(
    ("addon", "message"),
    [
        pytest.param(
            {"name": "kafka"}, "'kafka' is not offered for Kubernetes 1.35: take it out of the list, or", id="name"
        ),
        pytest.param(
            {"name": "coredns", "version": "v0"}, "has no version v0 for Kubernetes 1.35: .* v1.13.2", id="version"
        ),
        pytest.param(
            {"name": "coredns", "configuration": {"replicaCount": "many"}},
            "at replicaCount: 'many' is not of type 'integer'; correct it",
            id="configuration",
        ),
        pytest.param(
            {"name": "coredns", "pod_identity": [{"service_account": "coredns", "role": "none"}]},
            "IAM role 'none' is not there: make it first",
            id="role",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_done(ready, addon, message):
    result = ready.run(MODULE, cluster_name="demo", addons=[PROXY, addon])
    assert re.search(message, result["msg"])
    assert ready.writes == []


def test_a_new_update_that_fails_is_told_with_its_reason_and_tried_again_by_the_next_run(installed):
    settings.change(
        failures=[
            {
                "action": "add-on update",
                "resource": "add-on vpc-cni",
                "code": "ConfigurationConflict",
                "message": "Apply failed with 1 conflict.",
            }
        ]
    )
    other = {"cluster_name": "demo", "addons": [{**CNI, "configuration": {"enableNetworkPolicy": "false"}}, PROXY]}
    result = installed.finish(MODULE, **other)
    assert result["failed"]
    assert "is UPDATE_FAILED (ConfigurationConflict: Apply failed with 1 conflict" in result["msg"]
    assert "resolve_conflicts to OVERWRITE" in result["msg"]
    shown = installed.run(MODULE, check=True, **other)
    assert shown["diff"]["before"]["vpc-cni"]["status"] == "UPDATE_FAILED"
    assert not installed.finish(MODULE, **other).get("failed")
    assert state_of(installed)[:3] == ("ACTIVE", "v1.20.4-eksbuild.2", {"enableNetworkPolicy": "false"})
    assert not installed.run(MODULE, **other)["changed"]


@pytest.mark.parametrize("times", [1, 2])
def test_one_that_cannot_be_made_is_told_and_made_anew_by_the_next_run(ready, times):
    settings.change(
        failures=[
            {
                "action": "add-on create",
                "resource": "add-on kube-proxy",
                "code": "AdmissionRequestDenied",
                "message": "A webhook denied the request",
                "times": times,
            }
        ]
    )
    result = ready.finish(MODULE, **DEMO)
    for _ in range(times):
        assert (
            "Add-on 'kube-proxy' of EKS cluster 'demo' is CREATE_FAILED (AdmissionRequestDenied: A webhook"
            in result["msg"]
        )
        assert "let the admission policy or webhook that is named let it pass, and run again" in result["msg"]
        result = ready.finish(MODULE, **DEMO)
    assert not result.get("failed")
    assert described(ready, "kube-proxy")["status"] == "ACTIVE"
    assert not ready.run(MODULE, **DEMO)["changed"]


def test_one_that_cannot_be_removed_is_told_and_removed_by_the_next_run(installed):
    settings.change(
        failures=[
            {
                "action": "add-on delete",
                "resource": "add-on kube-proxy",
                "code": "AccessDenied",
                "message": "It may not be removed",
            }
        ]
    )
    gone = {"cluster_name": "demo", "state": "absent", "addons": [PROXY]}
    result = installed.finish(MODULE, **gone)
    assert "is DELETE_FAILED (AccessDenied: It may not be removed)" in result["msg"]
    assert not installed.finish(MODULE, **gone).get("failed")
    assert "kube-proxy" not in installed.eks.list_addons(clusterName="demo")["addons"]


def test_what_is_degraded_for_good_is_told_at_once(installed):
    settings.change(ailments={"add-on vpc-cni": {"code": "AccessDenied", "message": "clusterroles is forbidden"}})
    result = installed.run(MODULE, **DEMO)
    assert result["msg"] == (
        "Add-on 'vpc-cni' of EKS cluster 'demo' is DEGRADED (AccessDenied: clusterroles is forbidden): give EKS its rights in the "
        "cluster back (the cluster roles of eks:addon-manager), and run again."
    )


def test_add_ons_wait_for_a_cluster_that_is_being_changed(ready):
    settings.change(time_scale=1)
    ready.eks.update_cluster_config(name="demo", deletionProtection=True)
    first = ready.run(MODULE, **DEMO)
    settings.change(time_scale=0)
    assert not first["changed"]
    assert first["in_progress"]
    assert first["progress"] == "EKS cluster 'demo' is UPDATING, and its add-ons wait for that."
    assert not ready.finish(MODULE, **DEMO).get("failed")


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        pytest.param({"addons": [PROXY], "purge": True}, ["kube-proxy"], id="purge"),
        pytest.param({"addons": [PROXY], "state": "absent"}, ["eks-pod-identity-agent", "vpc-cni"], id="named"),
        pytest.param({"state": "absent"}, [], id="all"),
    ],
)
def test_add_ons_are_removed(installed, arguments, left):
    arguments = {"cluster_name": "demo", **arguments}
    shown = installed.run(MODULE, check=True, **arguments)
    assert shown["changed"]
    assert sorted(shown["diff"]["before"].keys() - shown["diff"]["after"].keys()) == sorted(
        {"eks-pod-identity-agent", "kube-proxy", "vpc-cni"} - set(left)
    )
    assert not installed.finish(MODULE, **arguments).get("failed")
    assert installed.eks.list_addons(clusterName="demo")["addons"] == left
    assert not installed.run(MODULE, **arguments)["changed"]


def test_where_there_is_no_cluster(aws):
    result = aws.run(MODULE, cluster_name="demo", state="absent")
    assert (result["changed"], result["in_progress"]) == (False, False)
    result = aws.run(MODULE, **DEMO)
    assert result["msg"] == "EKS cluster 'demo' is not there: make the cluster before its add-ons."


def test_the_cluster_of_somebody_else_is_left_alone(ready):
    arn = ready.eks.describe_cluster(name="demo")["cluster"]["arn"]
    ready.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    result = ready.run(MODULE, **DEMO)
    assert "exists, but was not made by this collection" in result["msg"]
    assert ready.writes == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("AccessDeniedException", "allow eks:CreateAddon to arn:aws:sts", id="denied"),
        pytest.param("ThrottlingException", "run again later: it goes on where it stopped", id="throttled"),
        pytest.param("ExpiredTokenException", "get new credentials and run again", id="expired"),
    ],
)
def test_what_aws_refuses_is_told_with_the_remedy(ready, code, message):
    ready.refuse = refusing("CreateAddon", code)
    result = ready.run(MODULE, **DEMO)
    assert message in result["msg"]
    assert result["code"] == code


def test_throttling_is_waited_out(ready):
    settings.change(refusals=[{"action": "eks:*", "fault": "throttling", "rate": 0.2}])
    assert not ready.finish(MODULE, **DEMO).get("failed")
    assert not ready.run(MODULE, **DEMO)["changed"]


def test_a_token_that_expires_on_the_way_is_told_and_the_next_run_goes_on(ready):
    settings.change(refusals=[{"action": "eks:CreateAddon", "fault": "expired", "after": 1}])
    result = ready.run(MODULE, **DEMO)
    assert "AWS refused eks:CreateAddon with ExpiredTokenException" in result["msg"]
    assert "get new credentials and run again: it goes on where it stopped" in result["msg"]
    settings.change(refusals=[])
    ready.run(MODULE, **DEMO)
    assert ready.writes == ["CreateAddon"] * 2
