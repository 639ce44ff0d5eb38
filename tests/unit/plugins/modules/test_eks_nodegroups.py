from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from moto.eks.models import eks_backends

from lab.aws import settings

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
DEMO = {"cluster_name": "demo", "nodegroups": [CORE, BROKER], "tags": {"team": "streams"}}
CHANGED_BROKER = {
    **BROKER,
    "desired_size": 4,
    "max_size": 5,
    "max_unavailable_percentage": 33,
    "node_repair": True,
    "root_volume": {"size": 80},
    "labels": {"pool": "broker", "disk": "fast"},
    "taints": [{"key": "other", "effect": "NoExecute"}],
}
CHANGED = {"cluster_name": "demo", "nodegroups": [CORE, CHANGED_BROKER], "tags": {"team": "kafka"}}
LIMIT = {"code": "AsgInstanceLaunchFailures", "message": "You have requested more vCPU capacity."}


@pytest.fixture
def ready(aws):
    """An account with a running cluster."""
    aws.make_role("node")
    aws.make_cluster()
    return aws


@pytest.fixture
def running(ready):
    """The same with node groups."""
    ready.finish("eks_nodegroups", **DEMO)
    return ready


def described(aws, name="broker"):
    return aws.eks.describe_nodegroup(clusterName="demo", nodegroupName=name)["nodegroup"]


def template(aws, name="broker"):
    named = [{"Name": "launch-template-name", "Values": [f"demo-{name}"]}]
    (found,) = aws.ec2.describe_launch_templates(Filters=named)["LaunchTemplates"]
    return found


def templates(aws):
    return sorted(found["LaunchTemplateName"] for found in aws.ec2.describe_launch_templates()["LaunchTemplates"])


def update(aws, operation="update_nodegroup_config", **arguments):
    """Change the node group broker behind the module's back, and wait until EKS is done."""
    getattr(aws.eks, operation)(clusterName="demo", nodegroupName="broker", **arguments)
    for _ in range(3):
        described(aws)


# Making


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run("eks_nodegroups", check=True, **DEMO)
    assert result["changed"]
    assert not result["in_progress"]
    assert aws.writes == []
    assert set(result["diff"]["after"]) == {"broker", "core"}
    tags = {"team": "streams", "kafka-eks/cluster": "demo"}
    volume = {"type": "gp3", "size": 50, "iops": 3000, "throughput": 125}
    assert result["diff"]["after"]["broker"] == {
        "role": "node",
        "subnets": ["those with kafka-eks/subnet=private"],
        "instance_types": ["r8g.4xlarge"],
        "ami_type": "AL2023_ARM_64_STANDARD",
        "capacity_type": "ON_DEMAND",
        "version": "the cluster's",
        "release_version": "the newest of the cluster's",
        "scaling": {"minSize": 3, "desiredSize": 3, "maxSize": 3},
        "update_config": {"maxUnavailable": 1},
        "node_repair": False,
        "labels": {"pool": "broker"},
        "taints": [{"key": "pool", "value": "broker", "effect": "NO_SCHEDULE"}],
        "launch_template": {
            "metadata_endpoint": "enabled",
            "metadata_tokens": "required",
            "metadata_hop_limit": 1,
            "volumes": {"/dev/xvda": {**volume, "encrypted": True, "delete_on_termination": True}},
            "tags": {"instance, network-interface, volume": {"Name": "demo-broker", **tags}},
        },
        "default_launch_template": "the same",
        "launch_template_tags": tags,
        "tags": tags,
    }


def test_all_are_made_together_and_then_left_alone(ready):
    first = ready.run("eks_nodegroups", account_id=ready.id, **DEMO)
    assert sorted(ready.writes) == [*["CreateLaunchTemplate"] * 2, *["CreateNodegroup"] * 2]
    assert first["progress"] == "Node groups of EKS cluster 'demo': core is being created, broker is being created."
    assert ready.finish("eks_nodegroups", **DEMO)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}
    broker = described(ready)
    assert broker["taints"] == [{"key": "pool", "value": "broker", "effect": "NO_SCHEDULE"}]
    assert broker["tags"] == {"team": "streams", "kafka-eks/cluster": "demo"}
    assert sorted(broker["subnets"]) == ready.subnets("private")
    assert broker["launchTemplate"]["id"] == template(ready)["LaunchTemplateId"]
    again = ready.run("eks_nodegroups", **DEMO)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert sorted(ready.requests) == [
        "DescribeCluster",
        "DescribeLaunchTemplateVersions",
        "DescribeLaunchTemplates",
        "DescribeNodegroup",
        "DescribeNodegroup",
        "GetCallerIdentity",
    ]


def test_machines_demand_tokens_and_have_an_encrypted_volume_and_tags(running):
    (version,) = running.ec2.describe_launch_template_versions(LaunchTemplateName="demo-broker")[
        "LaunchTemplateVersions"
    ]
    data = version["LaunchTemplateData"]
    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"]
    assert "KmsKeyId" not in data["BlockDeviceMappings"][0]["Ebs"]
    assert "ImageId" not in data
    assert template(running)["Tags"] == [
        {"Key": "team", "Value": "streams"},
        {"Key": "kafka-eks/cluster", "Value": "demo"},
    ]
    found = running.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["demo-broker"]}])["Reservations"]
    assert sum(len(reservation["Instances"]) for reservation in found) == 3


def test_thirty_take_few_more_requests_each(ready):
    groups = {"cluster_name": "demo", "nodegroups": [{**CORE, "name": f"core{number}"} for number in range(30)]}
    ready.finish("eks_nodegroups", **groups)
    assert not ready.run("eks_nodegroups", **groups)["changed"]
    assert len(ready.requests) == 4 + 30


# Changing


def test_all_that_can_be_changed_is_changed_in_place(running):
    shown = running.run("eks_nodegroups", check=True, **CHANGED)
    assert shown["changed"]
    assert running.writes == []
    running.finish("eks_nodegroups", **CHANGED)
    found = described(running)
    assert found["scalingConfig"] == {"minSize": 3, "maxSize": 5, "desiredSize": 4}
    assert found["updateConfig"] == {"maxUnavailablePercentage": 33}
    assert found["nodeRepairConfig"] == {"enabled": True}
    assert found["labels"] == {"pool": "broker", "disk": "fast"}
    assert [(taint["key"], taint["effect"]) for taint in found["taints"]] == [("other", "NO_EXECUTE")]
    assert found["tags"]["team"] == "kafka"
    assert found["launchTemplate"]["version"] == "2"
    assert template(running)["DefaultVersionNumber"] == 2
    again = running.run("eks_nodegroups", **CHANGED)
    assert not again["changed"]
    assert again["diff"]["after"] == shown["diff"]["after"]


def scale(aws):
    update(aws, scalingConfig={"minSize": 0, "maxSize": 9, "desiredSize": 0})


def relabel(aws):
    update(aws, labels={"addOrUpdateLabels": {"pool": "other", "more": "1"}})


def taint(aws):
    update(aws, taints={"addOrUpdateTaints": [{"key": "maintenance", "effect": "NO_EXECUTE"}]})


def untaint(aws):
    update(aws, taints={"removeTaints": [{"key": "pool", "value": "broker", "effect": "NO_SCHEDULE"}]})


def hurry(aws):
    update(aws, updateConfig={"maxUnavailable": 3})


def repair(aws):
    update(aws, nodeRepairConfig={"enabled": True})


def untag(aws):
    aws.eks.untag_resource(resourceArn=described(aws)["nodegroupArn"], tagKeys=["kafka-eks/cluster", "team"])


def untag_template(aws):
    aws.ec2.delete_tags(Resources=[template(aws)["LaunchTemplateId"]], Tags=[{"Key": "team"}])


def add_version(aws, default=True):
    data = {"MetadataOptions": {"HttpTokens": "optional"}}
    aws.ec2.create_launch_template_version(LaunchTemplateName="demo-broker", SourceVersion="1", LaunchTemplateData=data)
    if default:
        aws.ec2.modify_launch_template(LaunchTemplateName="demo-broker", DefaultVersion="2")


def use_another_version(aws):
    add_version(aws, default=False)
    update(aws, "update_nodegroup_version", launchTemplate={"name": "demo-broker", "version": "2"})


def use_another_version_by_default(aws):
    add_version(aws)
    update(aws, "update_nodegroup_version", launchTemplate={"name": "demo-broker", "version": "2"})


def delete_template(aws):
    aws.ec2.delete_launch_template(LaunchTemplateName="demo-broker")


def delete_version_in_use(aws):
    use_another_version_by_default(aws)
    aws.ec2.delete_launch_template_versions(LaunchTemplateName="demo-broker", Versions=["1"])


def delete_group(aws):
    aws.eks.delete_nodegroup(clusterName="demo", nodegroupName="broker")
    assert aws.eks.list_nodegroups(clusterName="demo")["nodegroups"] == ["core"]


DRIFTS = {
    scale: {"scaling"},
    relabel: {"labels"},
    taint: {"taints"},
    untaint: {"taints"},
    hurry: {"update_config"},
    repair: {"node_repair"},
    untag: {"tags"},
    untag_template: {"launch_template_tags"},
    add_version: {"default_launch_template"},
    use_another_version: {"launch_template", "default_launch_template"},
    use_another_version_by_default: {"launch_template"},
    delete_template: {"launch_template", "default_launch_template", "launch_template_tags"},
    delete_version_in_use: {"launch_template"},
}


@pytest.mark.parametrize("drift", [*DRIFTS, delete_group], ids=lambda drift: drift.__name__)
def test_drift_is_shown_and_put_right(running, drift):
    wanted = running.run("eks_nodegroups", **DEMO)["diff"]["before"]
    drift(running)
    shown = running.run("eks_nodegroups", check=True, **DEMO)
    assert shown["changed"]
    assert running.writes == []
    before, after = shown["diff"]["before"], shown["diff"]["after"]
    assert before["core"] == after["core"]
    if drift is not delete_group:
        assert {key for key in after["broker"] if before["broker"][key] != after["broker"][key]} == DRIFTS[drift]
    result = running.finish("eks_nodegroups", **DEMO)
    assert result["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}, result
    again = running.run("eks_nodegroups", **DEMO)
    assert not again["changed"]
    assert running.writes == []
    assert again["diff"]["before"] == wanted


def test_another_default_is_put_right_without_replacing_nodes(running):
    add_version(running)
    running.finish("eks_nodegroups", **DEMO)
    assert running.all_writes[-1] == "ModifyLaunchTemplate"
    assert described(running)["launchTemplate"]["version"] == "1"


def test_the_number_of_nodes_is_left_to_an_autoscaler(running):
    without = {key: value for key, value in BROKER.items() if key != "desired_size"}
    groups = {**DEMO, "nodegroups": [CORE, {**without, "max_size": 9}]}
    running.finish("eks_nodegroups", **groups)
    update(running, scalingConfig={"desiredSize": 7})
    assert not running.run("eks_nodegroups", **groups)["changed"]


# Versions


@pytest.fixture
def behind(running):
    """The cluster has been upgraded."""
    for name in ("core", "broker"):
        older = {"version": "1.34", "releaseVersion": "1.34.1-20250101"}
        model(running, name).document.update(older)
    return running


def model(aws, name):
    """The node group as the emulator has it."""
    return eks_backends[aws.id]["us-west-2"].clusters["demo"].nodegroups[name]


def test_nodes_follow_the_cluster(behind):
    shown = behind.run("eks_nodegroups", check=True, **DEMO)
    assert shown["diff"]["before"]["core"]["version"] == "1.34"
    assert shown["diff"]["after"]["core"]["release_version"] == "the newest of 1.35"
    behind.finish("eks_nodegroups", **DEMO)
    assert [described(behind, name)["version"] for name in ("core", "broker")] == ["1.35", "1.35"]
    assert not behind.run("eks_nodegroups", **DEMO)["changed"]


def test_nodes_can_stay_behind(behind):
    groups = [{**CORE, "version": "1.34"}, BROKER]
    behind.finish("eks_nodegroups", **{**DEMO, "nodegroups": groups})
    assert [described(behind, name)["version"] for name in ("core", "broker")] == ["1.34", "1.35"]


def test_a_newer_image_changes_nothing(running):
    release = described(running)["releaseVersion"]
    settings.change(newest_image="20270101")
    assert not running.run("eks_nodegroups", **DEMO)["changed"]
    running.finish("eks_nodegroups", **CHANGED)
    assert described(running)["releaseVersion"] == release
    newest = "1.35.0-20270101"
    named = {**CHANGED, "nodegroups": [{**CORE, "release_version": newest}, CHANGED_BROKER]}
    running.finish("eks_nodegroups", **named)
    assert described(running, "core")["releaseVersion"] == newest
    assert not running.run("eks_nodegroups", **named)["changed"]


def test_in_check_mode_the_version_of_an_upgrade_that_is_yet_to_come_is_shown(running):
    groups = {**DEMO, "nodegroups": [{**CORE, "version": "1.36"}, BROKER]}
    assert running.run("eks_nodegroups", check=True, **groups)["diff"]["after"]["core"]["version"] == "1.36"
    assert "the cluster runs 1.35: upgrade it first" in running.run("eks_nodegroups", **groups)["msg"]


# Refusals


@pytest.mark.parametrize(
    ("group", "message"),
    [
        pytest.param({"instance_types": ["m7g.large"]}, "has instance_types ['m8g.large']", id="instance types"),
        pytest.param({"capacity_type": "SPOT"}, "has capacity_type ON_DEMAND and SPOT is wanted", id="capacity"),
        pytest.param({"role": "nobody"}, "IAM role 'nobody' is not there", id="no such role"),
        pytest.param({"ami_type": "AL2_ARM_64"}, "value of ami_type must be one of", id="image"),
        pytest.param({"name": "new", "instance_types": ["m6a.large"]}, "runs on arm64 only", id="architecture"),
        pytest.param({"name": "new", "instance_types": ["m99.x"]}, "not offered in us-west-2", id="no such machine"),
        pytest.param({"root_volume": {"size": 8}}, "cannot have a root_volume with a size of 8 GiB", id="volume"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(ready, group, message):
    ready.finish("eks_nodegroups", cluster_name="demo", nodegroups=[CORE])
    result = ready.run("eks_nodegroups", cluster_name="demo", nodegroups=[BROKER, {**CORE, **group}])
    assert message in result["msg"]
    assert ready.writes == []


def test_without_a_cluster_the_remedy_is_named(aws):
    result = aws.run("eks_nodegroups", **DEMO)
    assert result["msg"] == "EKS cluster 'demo' is not there: make the cluster before its node groups."


def test_a_cluster_of_somebody_else_is_left_alone(running):
    arn = running.eks.describe_cluster(name="demo")["cluster"]["arn"]
    running.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    for state in ("present", "absent"):
        assert "was not made by this collection" in running.run("eks_nodegroups", **DEMO, state=state)["msg"]
        assert running.writes == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_launch_template_of_somebody_else_is_left_alone(ready, state):
    ready.ec2.create_launch_template(LaunchTemplateName="demo-core", LaunchTemplateData={"ImageId": "ami-1"})
    result = ready.run("eks_nodegroups", **DEMO, state=state)
    assert "Launch template 'demo-core' exists, but was not made for this cluster" in result["msg"]
    assert ready.writes == []


def test_a_node_group_without_a_launch_template_of_ours_is_refused(ready):
    ready.eks.create_nodegroup(
        clusterName="demo",
        nodegroupName="core",
        nodeRole=ready.iam.get_role(RoleName="node")["Role"]["Arn"],
        subnets=ready.subnets("private"),
        instanceTypes=["m8g.large"],
        amiType="AL2023_ARM_64_STANDARD",
    )
    result = ready.run("eks_nodegroups", **DEMO)
    assert "has no launch template, and EKS does not give it 'demo-core' afterwards" in result["msg"]
    assert ready.writes == []


# Faults


def test_one_that_could_not_be_made_is_shown_and_made_anew_when_asked(ready):
    settings.change(failures=[{"action": "node group create", "resource": "node group core", **LIMIT}])
    result = ready.finish("eks_nodegroups", **DEMO)
    assert result["msg"].startswith(
        "Node group 'core' of EKS cluster 'demo' is CREATE_FAILED (AsgInstanceLaunchFailures: You have requested more vCPU capacity)"
    )
    assert described(ready)["status"] == "ACTIVE"
    assert "run again with replace_failed" in ready.run("eks_nodegroups", **DEMO)["msg"]
    anew = {**DEMO, "replace_failed": True}
    shown = ready.run("eks_nodegroups", check=True, **anew)
    assert shown["diff"]["before"]["core"]["status"] == "CREATE_FAILED"
    assert ready.finish("eks_nodegroups", **anew)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}
    assert not ready.run("eks_nodegroups", **anew)["changed"]


def test_one_that_fails_again_is_not_made_for_ever(ready):
    settings.change(failures=[{"action": "node group create", "resource": "node group core", "times": 9, **LIMIT}])
    ready.finish("eks_nodegroups", **DEMO)
    result = ready.finish("eks_nodegroups", **DEMO, replace_failed=True)
    assert "is CREATE_FAILED" in result["msg"]
    assert ready.all_writes.count("CreateNodegroup") == 3


def test_a_degraded_one_is_shown_unless_it_can_be_repaired(running):
    settings.change(ailments={"node group broker": LIMIT})
    for check in (True, False):
        result = running.run("eks_nodegroups", check=check, **DEMO)
        assert "'broker' of EKS cluster 'demo' is DEGRADED (AsgInstanceLaunchFailures: " in result["msg"]
        assert running.writes == []
    fewer = {**DEMO, "nodegroups": [CORE, {**BROKER, "min_size": 2, "desired_size": 2}]}
    running.run("eks_nodegroups", **fewer)
    assert running.writes == ["UpdateNodegroupConfig"]
    settings.change(ailments={})
    assert running.finish("eks_nodegroups", **fewer)["nodegroups"]["broker"] == "ACTIVE"


def test_a_quota_hit_half_way_is_told_and_the_next_run_goes_on(ready):
    settings.change(quotas={"eks/L-6D54EA21": 1})
    result = ready.run("eks_nodegroups", **DEMO)
    assert "have the quota raised (Service Quotas) or remove what is not needed" in result["msg"]
    settings.change(quotas={})
    assert ready.finish("eks_nodegroups", **DEMO)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}


def test_an_update_that_fails_is_told_and_not_made_again(running):
    evict = {"code": "PodEvictionFailure", "message": "Reached max retries while trying to evict pods."}
    settings.change(failures=[{"action": "node group update", "resource": "node group broker", **evict}])
    larger = {**DEMO, "nodegroups": [CORE, {**BROKER, "root_volume": {"size": 80}}]}
    result = running.finish("eks_nodegroups", **larger)
    assert result["msg"] == (
        "Node group 'broker' of EKS cluster 'demo': its VersionUpdate has failed (PodEvictionFailure: Reached max retries while "
        "trying to evict pods); see to it that its pods can be evicted (look at their disruption budgets), or set force, which ends "
        "them all the same, and run again."
    )
    assert running.all_writes.count("UpdateNodegroupVersion") == 1
    assert running.finish("eks_nodegroups", **larger, force=True)["in_progress"] is False
    assert not running.run("eks_nodegroups", **larger)["changed"]


def test_what_was_asked_for_is_not_asked_for_again_before_eks_shows_it(running):
    more = {**DEMO, "nodegroups": [CORE, {**BROKER, "desired_size": 5, "max_size": 5}]}
    settings.change(time_scale=1)
    asked = running.run("eks_nodegroups", **more)["asked"]
    assert list(asked) == ["broker"]
    model(running, "broker").document["status"] = "ACTIVE"
    again = running.run("eks_nodegroups", **more, asked=asked)
    assert (running.writes, again["in_progress"], again["asked"]) == ([], True, asked)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ThrottlingException", "run again later: it goes on where it stopped"),
        ("ExpiredTokenException", "get new credentials and run again: it goes on where it stopped"),
        ("AccessDeniedException", "allow eks:CreateNodegroup to arn:aws:sts::"),
        ("ServerException", "correct what it names and run again"),
    ],
)
def test_what_aws_refuses_half_way_is_told_and_the_next_run_goes_on(ready, code, remedy):
    error = ClientError({"Error": {"Code": code, "Message": "No"}}, "CreateNodegroup")
    ready.refuse = lambda operation: error if operation == "CreateNodegroup" else None
    result = ready.run("eks_nodegroups", **DEMO)
    assert result["code"] == code
    assert f"AWS refused eks:CreateNodegroup with {code}" in result["msg"]
    assert remedy in result["msg"]
    ready.refuse = lambda operation: None
    assert ready.finish("eks_nodegroups", **DEMO)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}


@pytest.mark.parametrize("fault", ["throttling", "outage"])
def test_what_passes_by_itself_is_not_noticed(ready, fault):
    settings.change(seed=1, refusals=[{"action": "e*:*", "fault": fault, "rate": 0.2, "times": 4}])
    assert ready.finish("eks_nodegroups", **DEMO)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}
    assert not ready.run("eks_nodegroups", **DEMO)["changed"]


def test_runs_that_are_killed_after_each_write_get_there(ready):
    assert ready.survive("eks_nodegroups", **DEMO)["nodegroups"] == {"broker": "ACTIVE", "core": "ACTIVE"}
    assert templates(ready) == ["demo-broker", "demo-core"]
    ready.survive("eks_nodegroups", **CHANGED)
    assert described(ready)["launchTemplate"]["version"] == "2"
    assert not ready.run("eks_nodegroups", **CHANGED)["changed"]
    ready.survive("eks_nodegroups", cluster_name="demo", state="absent")
    assert ready.eks.list_nodegroups(clusterName="demo")["nodegroups"] == []
    assert templates(ready) == []


# Removing


def test_others_are_removed_only_when_asked(running):
    only = {**DEMO, "nodegroups": [CORE]}
    assert not running.run("eks_nodegroups", **only)["changed"]
    shown = running.run("eks_nodegroups", check=True, **only, purge=True)
    assert set(shown["diff"]["before"]) - set(shown["diff"]["after"]) == {"broker"}
    assert running.writes == []
    running.finish("eks_nodegroups", **only, purge=True)
    assert running.eks.list_nodegroups(clusterName="demo")["nodegroups"] == ["core"]
    assert templates(running) == ["demo-core"]
    assert not running.run("eks_nodegroups", **only, purge=True)["changed"]


@pytest.mark.parametrize(
    ("named", "left"), [pytest.param([], [], id="all"), pytest.param([{"name": "core"}], ["broker"], id="listed")]
)
def test_they_are_removed_together_and_their_launch_templates_after_them(running, named, left):
    gone = {"cluster_name": "demo", "nodegroups": named, "state": "absent"}
    running.ec2.create_launch_template(
        LaunchTemplateName="karpenter.k8s.aws/1",
        LaunchTemplateData={"ImageId": "ami-1"},
        TagSpecifications=[
            {"ResourceType": "launch-template", "Tags": [{"Key": "kafka-eks/cluster", "Value": "demo"}]}
        ],
    )
    first = running.run("eks_nodegroups", **gone)
    assert set(running.writes) == {"DeleteNodegroup"}
    assert first["changed"]
    assert first["in_progress"]
    running.finish("eks_nodegroups", **gone)
    assert running.eks.list_nodegroups(clusterName="demo")["nodegroups"] == left
    assert templates(running) == [*(f"demo-{name}" for name in left), "karpenter.k8s.aws/1"]
    again = running.run("eks_nodegroups", **gone)
    assert (again["changed"], again["in_progress"], again["diff"]["before"]) == (False, False, {})


def test_launch_templates_that_outlived_the_cluster_are_removed(running):
    for name in ("core", "broker"):
        running.eks.delete_nodegroup(clusterName="demo", nodegroupName=name)
    assert running.eks.list_nodegroups(clusterName="demo")["nodegroups"] == []
    running.eks.delete_cluster(name="demo")
    assert running.eks.list_clusters()["clusters"] == []
    gone = running.run("eks_nodegroups", cluster_name="demo", state="absent")
    assert (gone["changed"], gone["in_progress"], templates(running)) == (True, False, [])


def test_where_there_is_no_cluster_there_is_nothing_to_remove(aws):
    result = aws.run("eks_nodegroups", cluster_name="demo", state="absent")
    assert (result["changed"], result["in_progress"]) == (False, False)
