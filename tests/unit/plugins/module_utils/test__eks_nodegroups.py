from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_nodegroups
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError, Look
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Role
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks_nodegroups import Situation, Template

ROLE = "arn:aws:iam::123456789012:role/node"
TAGS = {"kafka-eks/cluster": "demo"}
RELEASE = "1.35.0-20260120"
CORE = {
    "name": "core",
    "role": "node",
    "subnets": None,
    "instance_types": ["m8g.large"],
    "ami_type": "AL2023_ARM_64_STANDARD",
    "capacity_type": "ON_DEMAND",
    "version": None,
    "release_version": None,
    "min_size": 1,
    "desired_size": 1,
    "max_size": 3,
    "max_unavailable": None,
    "max_unavailable_percentage": None,
    "node_repair": False,
    "metadata_hop_limit": 1,
    "root_volume": {"size": 50, "iops": 3000, "throughput": 125},
    "labels": {"pool": "core"},
    "taints": [],
}
DATA = _eks_nodegroups.template_data(CORE, "demo", TAGS)
WANTED = _eks_nodegroups.shown_template(DATA)
OTHER = _eks_nodegroups.shown_template({**DATA, "MetadataOptions": {"HttpTokens": "optional"}})


def nodegroup(status="ACTIVE", **more):
    """As the plan of CORE wants it."""
    return {
        "nodegroupName": "core",
        "nodegroupArn": "arn:aws:eks:us-west-2:123456789012:nodegroup/demo/core/1",
        "status": status,
        "nodeRole": ROLE,
        "subnets": ["subnet-1"],
        "instanceTypes": ["m8g.large"],
        "amiType": "AL2023_ARM_64_STANDARD",
        "capacityType": "ON_DEMAND",
        "version": "1.35",
        "releaseVersion": RELEASE,
        "launchTemplate": {"name": "demo-core", "id": "lt-1", "version": "1"},
        "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1},
        "updateConfig": {"maxUnavailable": 1, "updateStrategy": "DEFAULT"},
        "labels": {"pool": "core"},
        "tags": TAGS,
        "health": {"issues": []},
        **more,
    }


def template(default=1, versions=None, **more):
    return Template("lt-1", default, more.get("tags", TAGS), versions or {1: WANTED})


def look(group, found=template, cluster_version="1.35", situation=None, **changes):
    """One look at the node group core; found is its launch template."""
    found = found() if callable(found) else found
    plan = _eks_nodegroups.plan_nodegroup(
        {**CORE, **changes}, "demo", cluster_version, Role(ROLE), None if group else ["subnet-1"], TAGS
    )
    here = Situation("demo", cluster_version, {"core": found} if found else {}, **(situation or {}))
    (seen,) = _eks_nodegroups.present_nodegroups({"core": group}, {"core": plan}, here)
    return seen


def operations(seen):
    return [request.operation for request in seen.requests]


CHANGED = "update_nodegroup_config"
REPLACED = "update_nodegroup_version"


@pytest.mark.parametrize(
    ("group", "found", "asked"),
    [
        pytest.param(None, None, ["create_launch_template", "create_nodegroup"], id="missing"),
        pytest.param(None, template(), ["create_nodegroup"], id="missing after its template was made"),
        pytest.param(nodegroup(), template(), [], id="as wanted"),
        pytest.param(nodegroup(instanceTypes=None), template(), [], id="machines that EKS does not tell"),
        pytest.param(nodegroup("CREATING"), template(), [], id="being made"),
        pytest.param(nodegroup("UPDATING", labels={}), template(), [], id="being changed by somebody"),
        pytest.param(nodegroup("DELETING", labels={}), template(), [], id="being deleted by somebody"),
        pytest.param(nodegroup(labels={"pool": "x"}), template(), [CHANGED], id="label"),
        pytest.param(nodegroup(updateConfig={"maxUnavailablePercentage": 50}), template(), [CHANGED], id="updates"),
        pytest.param(nodegroup(nodeRepairConfig={"enabled": True}), template(), [CHANGED], id="repair"),
        pytest.param(nodegroup(tags={}), template(), ["tag_resource"], id="tags"),
        pytest.param(nodegroup(), template(tags={}), ["create_tags"], id="tags of the template"),
        pytest.param(nodegroup("DEGRADED", labels={}), template(), [CHANGED], id="degraded, and can be repaired"),
    ],
)
def test_one_look_at_a_node_group(group, found, asked):
    seen = look(group, found)
    assert operations(seen) == asked
    busy = group is None or group["status"] not in ("ACTIVE", "DEGRADED")
    assert bool(seen.progress) is (busy or bool(asked))
    assert (seen.before == seen.after) is (not asked and (group or {}).get("labels") == CORE["labels"])


@pytest.mark.parametrize(
    ("group", "found", "asked"),
    [
        pytest.param(
            nodegroup(),
            template(default=2, versions={1: WANTED, 2: OTHER}),
            ["modify_launch_template"],
            id="another default",
        ),
        pytest.param(
            nodegroup(launchTemplate={"name": "demo-core", "id": "lt-1", "version": "2"}),
            template(versions={1: WANTED, 2: OTHER}),
            [REPLACED],
            id="another version in use",
        ),
        pytest.param(
            nodegroup(launchTemplate={"name": "demo-core", "id": "lt-1", "version": "2"}),
            template(default=2, versions={1: WANTED, 2: OTHER}),
            ["modify_launch_template", REPLACED],
            id="another default, and in use",
        ),
        pytest.param(
            nodegroup(launchTemplate={"name": "demo-core", "id": "lt-1", "version": "2"}),
            template(versions={1: WANTED, 2: WANTED}),
            [],
            id="two that are alike",
        ),
        pytest.param(
            nodegroup(),
            template(versions={1: OTHER}),
            ["create_launch_template_version"],
            id="none that fits, so that the next look uses the new one",
        ),
        pytest.param(nodegroup(), None, ["create_launch_template", REPLACED], id="gone"),
        pytest.param(
            nodegroup(launchTemplate={"name": "demo-core", "id": "lt-0", "version": "1"}),
            template(),
            [REPLACED],
            id="gone and made anew",
        ),
        pytest.param(
            nodegroup(launchTemplate={"name": "demo-core", "id": "lt-1", "version": "$Latest"}),
            template(),
            [REPLACED],
            id="in use by no number",
        ),
        pytest.param(
            nodegroup("DEGRADED", launchTemplate={"name": "demo-core", "id": "lt-0", "version": "1"}),
            template(),
            [REPLACED],
            id="degraded for it",
        ),
    ],
)
def test_launch_templates_are_put_right_and_nodes_replaced_only_where_they_must_be(group, found, asked):
    seen = look(group, found)
    assert operations(seen) == asked
    assert (seen.before != seen.after) is bool(asked)
    for request in seen.requests:
        if request.operation == REPLACED:
            assert request.arguments["launchTemplate"] == {"name": "demo-core", "version": "1"}
            assert (request.arguments["version"], request.arguments["releaseVersion"]) == ("1.35", RELEASE)


def test_of_what_others_set_within_a_template_nothing_is_compared_but_what_they_add_to_it_is():
    shown_by_ec2 = {**DATA, "MetadataOptions": {**DATA["MetadataOptions"], "State": "applied"}, "UserData": None}
    assert _eks_nodegroups.shown_template(shown_by_ec2) == WANTED
    assert _eks_nodegroups.shown_template({**DATA, "UserData": "IyEvYmluL3No"}) != WANTED
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "kafka-eks/cluster", "Value": "demo"}]}]
    assert _eks_nodegroups.shown_template({**DATA, "TagSpecifications": tags}) != WANTED


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ({"root_volume": {"size": 100, "iops": 4000, "throughput": 250}}, ("volumes", "/dev/xvda", "size"), 100),
        ({"metadata_hop_limit": 2}, ("metadata_hop_limit",), 2),
    ],
)
def test_settings_of_the_template_reach_it(change, path, value):
    shown = _eks_nodegroups.shown_template(_eks_nodegroups.template_data({**CORE, **change}, "demo", TAGS))
    for key in path:
        shown = shown[key]
    assert shown == value
    assert operations(look(nodegroup(), **change)) == ["create_launch_template_version"]


def test_somebody_elses_template_is_refused():
    theirs = [{"LaunchTemplateName": "demo-core", "LaunchTemplateId": "lt-1", "DefaultVersionNumber": 1, "Tags": []}]
    with pytest.raises(AwsError, match="Launch template 'demo-core' exists, but was not made for this cluster"):
        _eks_nodegroups.found_templates(theirs, [], "demo", ["core"])


def test_of_all_templates_with_the_tag_only_those_of_node_groups_are_ours():
    names = [{"LaunchTemplateName": name} for name in ("demo-core", "karpenter.k8s.aws/123", "other-core")]
    assert _eks_nodegroups.names_of_templates(names, "demo") == {"core"}


# Sizes, labels and taints


def test_labels_and_taints_that_are_gone_are_taken_away():
    (request,) = look(nodegroup(labels={"old": "1"}, taints=[{"key": "old", "effect": "NO_SCHEDULE"}])).requests
    assert request.arguments["labels"] == {"addOrUpdateLabels": {"pool": "core"}, "removeLabels": ["old"]}
    assert request.arguments["taints"] == {
        "addOrUpdateTaints": [],
        "removeTaints": [{"key": "old", "value": "", "effect": "NO_SCHEDULE"}],
    }


def test_how_nodes_are_replaced_is_changed_before_they_are():
    seen = look(nodegroup(version="1.34", updateConfig={"maxUnavailable": 3}))
    assert operations(seen) == [CHANGED]


@pytest.mark.parametrize(
    ("desired", "now", "then"),
    [
        pytest.param(2, 1, 2, id="ours to say"),
        pytest.param(None, 2, 2, id="an autoscaler's"),
        pytest.param(None, 0, 1, id="below the least"),
        pytest.param(None, 9, 3, id="above the most"),
    ],
)
def test_the_number_of_nodes_may_be_somebody_elses_business(desired, now, then):
    seen = look(nodegroup(scalingConfig={"minSize": 1, "maxSize": 3, "desiredSize": now}), desired_size=desired)
    assert seen.after["core"]["scaling"]["desiredSize"] == then
    assert bool(seen.requests) is (now != then)


def test_at_first_there_are_as_many_nodes_as_at_least():
    made = look(None, None, desired_size=None, min_size=2).requests[-1].arguments
    assert made["scalingConfig"] == {"minSize": 2, "maxSize": 3, "desiredSize": 2}
    assert made["launchTemplate"] == {"name": "demo-core", "version": "1"}
    assert made["updateConfig"] == {"maxUnavailable": 1}
    assert "version" not in made
    assert "releaseVersion" not in made


# Versions


@pytest.mark.parametrize("found", ["1.34", "1.32"])
def test_nodes_follow_the_cluster_in_one_step_with_its_newest_image(found):
    seen = look(nodegroup(version=found, releaseVersion=f"{found}.0-20250101"))
    (request,) = seen.requests
    assert request.operation == REPLACED
    assert request.arguments["version"] == "1.35"
    assert "releaseVersion" not in request.arguments
    assert seen.after["core"]["release_version"] == "the newest of 1.35"


def test_an_image_is_kept_until_another_one_is_named():
    assert look(nodegroup(releaseVersion="1.35.0-20200101")).requests == []
    newer = "1.35.2-20260301"
    (request,) = look(nodegroup(), release_version=newer).requests
    assert request.arguments["releaseVersion"] == newer


def test_a_new_template_and_a_new_version_are_one_update():
    used = {"name": "demo-core", "id": "lt-1", "version": "2"}
    found = template(versions={1: WANTED, 2: OTHER})
    (request,) = look(nodegroup(version="1.34", launchTemplate=used), found, situation={"force": True}).requests
    assert request.arguments["launchTemplate"]["version"] == "1"
    assert (request.arguments["version"], request.arguments["force"]) == ("1.35", True)


def test_in_check_mode_nodes_may_be_planned_for_a_cluster_that_is_to_be_newer():
    seen = look(nodegroup(version="1.34"), cluster_version="1.34", situation={"check_mode": True}, version="1.35")
    assert operations(seen) == [REPLACED]


@pytest.mark.parametrize(
    ("group", "changes", "message"),
    [
        pytest.param(nodegroup(), {"version": "1.34"}, "it has 1.35 and EKS does not go back", id="back"),
        pytest.param(nodegroup(), {"version": "1.36"}, "the cluster runs 1.35: upgrade it first", id="ahead"),
        pytest.param(None, {"version": "1.34"}, "makes new ones with that of the cluster, 1.35", id="new and behind"),
        pytest.param(nodegroup(), {"release_version": "1.34.1-20260120"}, "to run Kubernetes 1.35", id="other image"),
        pytest.param(nodegroup(), {"release_version": "1.35.0-20250120"}, "does not go back", id="older image"),
        pytest.param(nodegroup(nodeRole="other"), {}, "has role other", id="role"),
        pytest.param(nodegroup(capacityType="SPOT"), {}, "has capacity_type SPOT", id="capacity"),
        pytest.param(nodegroup(instanceTypes=["m7g.large"]), {}, "has instance_types", id="machines"),
        pytest.param(nodegroup(subnets=["a"]), {"subnets": ["b"]}, "has the launch template|has subnets", id="subnets"),
        pytest.param(nodegroup(launchTemplate=None), {}, "has no launch template, and EKS", id="without a template"),
        pytest.param(
            nodegroup(launchTemplate={"name": "own", "id": "lt-9", "version": "1"}),
            {},
            "has the launch template 'own', and EKS",
            id="another template",
        ),
    ],
)
def test_what_eks_cannot_change_is_refused(group, changes, message):
    plan = _eks_nodegroups.plan_nodegroup({**CORE, **changes}, "demo", "1.35", Role(ROLE), changes.get("subnets"), TAGS)
    with pytest.raises(AwsError, match=message):
        _eks_nodegroups.present_nodegroups(
            {"core": group}, {"core": plan}, Situation("demo", "1.35", {"core": template()})
        )


# States

LIMIT = [{"code": "AsgInstanceLaunchFailures", "message": "You have requested more vCPU capacity."}]


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        pytest.param("CREATE_FAILED", "run again with replace_failed", id="could not be made"),
        pytest.param("DELETE_FAILED", "remove it with state=absent", id="could not be deleted"),
        pytest.param("DEGRADED", "though it is as it should be", id="degraded, and we can do nothing"),
    ],
)
def test_a_node_group_that_failed_says_why_and_what_to_do(status, remedy):
    with pytest.raises(AwsError) as caught:
        look(nodegroup(status, health={"issues": LIMIT}))
    assert f"is {status} (AsgInstanceLaunchFailures: You have requested more vCPU capacity)" in str(caught.value)
    assert remedy in str(caught.value)


def test_one_that_could_not_be_made_is_made_anew_once():
    failed = nodegroup("CREATE_FAILED", health={"issues": LIMIT})
    seen = look(failed, situation={"replace_failed": True})
    assert operations(seen) == ["delete_nodegroup"]
    assert seen.before != seen.after
    with pytest.raises(AwsError, match="is CREATE_FAILED"):
        look(failed, situation={"replace_failed": True, "made": ["core"]})


def test_what_was_asked_for_is_waited_for_even_before_the_status_tells():
    seen = look(nodegroup(labels={}), situation={"updating": ["core"]})
    assert (operations(seen), seen.progress) == ([], "core is being changed")


@pytest.mark.parametrize(
    ("group", "found", "asked"),
    [
        pytest.param(nodegroup(), template(), ["delete_nodegroup"], id="running"),
        pytest.param(nodegroup("DELETE_FAILED"), template(), ["delete_nodegroup"], id="could not be deleted before"),
        pytest.param(nodegroup("DELETING"), template(), [], id="on its way, so that its template has to wait"),
        pytest.param(nodegroup("CREATING"), template(), [], id="cannot be deleted yet"),
        pytest.param(None, template(), ["delete_launch_template"], id="only its template is left"),
        pytest.param(None, None, [], id="gone"),
    ],
)
def test_a_node_group_is_removed_when_it_can_be_and_then_its_template(group, found, asked):
    looks = _eks_nodegroups.absent_nodegroups({"core": group}, {"core": found} if found else {}, "demo")
    seen = _eks_nodegroups.together(looks, "demo")
    assert operations(seen) == asked
    assert seen.in_progress is (group is not None)
    assert (seen.before != {}, seen.after) == (bool(group or found), {})


def test_a_line_of_progress_stays_a_line():
    looks = [Look({}, {}, progress=f"g{number} is CREATING") for number in range(9)]
    told = _eks_nodegroups.together([Look({}, {}), *looks], "demo").progress
    assert told.endswith("g4 is CREATING, g5 is CREATING, and 3 more.")


# Input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"min_size": 4}, "cannot have 1 nodes between 4 and 3", id="sizes"),
        pytest.param({"min_size": 4, "desired_size": None}, "cannot be between 4 and 3", id="limits"),
        pytest.param({"max_size": 0, "min_size": 0, "desired_size": 0}, "cannot have 0 nodes", id="never any"),
        pytest.param({"instance_types": []}, "has no instance_types", id="no machines"),
        pytest.param({"role": None}, "has no role", id="no role"),
        pytest.param({"name": "x" * 130}, "more than 128 characters", id="long name"),
        pytest.param({"version": "1.3"}, "cannot have version '1.3'", id="version"),
        pytest.param({"release_version": "1.35"}, "cannot have release_version '1.35'", id="release"),
        pytest.param({"max_unavailable": 1, "max_unavailable_percentage": 33}, "give one of them", id="both"),
        pytest.param({"max_unavailable": 0}, "cannot have max_unavailable 0: give 1 to 100", id="none at a time"),
        pytest.param({"metadata_hop_limit": 65}, "metadata_hop_limit 65: give 1 to 64", id="hops"),
        pytest.param({"root_volume": {"size": 10, "iops": 3000, "throughput": 125}}, "a size of 10 GiB", id="small"),
        pytest.param(
            {"root_volume": {"size": 20, "iops": 20000, "throughput": 125}}, "20000 IOPS: give 3000 to 10000", id="iops"
        ),
        pytest.param(
            {"root_volume": {"size": 50, "iops": 3000, "throughput": 1000}}, "MiB/s: give 125 to 750", id="throughput"
        ),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(AwsError, match=message):
        _eks_nodegroups.check_nodegroups([{**CORE, **change}], "demo")


def test_a_name_given_twice_is_refused():
    with pytest.raises(AwsError, match="'core' is in the list more than once"):
        _eks_nodegroups.check_nodegroups([CORE, CORE], "demo")


def machine(name, architecture):
    return {"InstanceType": name, "ProcessorInfo": {"SupportedArchitectures": [architecture]}}


@pytest.mark.parametrize(
    ("group", "message"),
    [
        pytest.param({"instance_types": ["m8g.large", "m99.x"]}, "m99.x: not offered in us-west-2", id="unknown"),
        pytest.param({"instance_types": ["m6a.large"]}, "AL2023_ARM_64_STANDARD runs on arm64 only", id="x86"),
        pytest.param({"ami_type": "AL2023_x86_64_STANDARD"}, "runs on x86_64 only", id="arm"),
    ],
)
def test_machines_that_are_not_there_or_do_not_fit_are_refused(group, message):
    machines = [machine("m8g.large", "arm64"), machine("m6a.large", "x86_64")]
    _eks_nodegroups.check_machines([CORE], machines, "demo", "us-west-2")
    with pytest.raises(AwsError, match=message):
        _eks_nodegroups.check_machines([{**CORE, **group}], machines, "demo", "us-west-2")
