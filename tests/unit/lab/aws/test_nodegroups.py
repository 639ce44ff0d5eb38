from __future__ import annotations

import pytest

from lab.aws.nodegroups import capacity, changed_taints

POOL = "kafka-eks.streamops.io/pool"


def zones(instances):
    return sorted(instance["Placement"]["AvailabilityZone"] for instance in instances)


def test_a_node_group_launches_instances_in_all_zones_and_terminates_them(account):
    account.make_cluster()
    created = account.begin_nodegroup()
    assert (created["status"], created["amiType"]) == ("CREATING", "AL2023_ARM_64_STANDARD")
    assert account.nodegroup()["status"] == "ACTIVE"
    instances = account.instances()
    assert zones(instances) == ["us-west-2a", "us-west-2b", "us-west-2c"]
    tags = {tag["Key"]: tag["Value"] for tag in instances[0]["Tags"]}
    assert tags == {
        "eks:cluster-name": "kafka",
        "eks:nodegroup-name": "broker",
        "kubernetes.io/cluster/kafka": "owned",
    }
    account.eks.delete_nodegroup(clusterName="kafka", nodegroupName="broker")
    with pytest.raises(account.eks.exceptions.ResourceNotFoundException):
        account.nodegroup()
    assert account.instances() == []


def test_nodes_as_kubernetes_shall_see_them(account, control_plane):
    control_plane.ready = True
    account.make_cluster()
    account.begin_nodegroup(
        size=1, labels={POOL: "broker"}, taints=[{"key": POOL, "value": "broker", "effect": "NO_SCHEDULE"}]
    )
    (node,) = control_plane.nodes["broker"]
    (instance,) = account.instances()
    assert node.name == instance["PrivateDnsName"]
    assert node.provider_id == f"aws:///us-west-2a/{instance['InstanceId']}"
    assert node.labels == {
        POOL: "broker",
        "eks.amazonaws.com/nodegroup": "broker",
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        "topology.kubernetes.io/region": "us-west-2",
        "topology.kubernetes.io/zone": "us-west-2a",
        "topology.k8s.aws/zone-id": "usw2-az2",
        "node.kubernetes.io/instance-type": "r8g.4xlarge",
        "kubernetes.io/arch": "arm64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": instance["PrivateDnsName"],
    }
    assert node.taints == [{"key": POOL, "value": "broker", "effect": "NoSchedule"}]
    assert node.capacity == {"cpu": "16", "memory": "131072Mi", "pods": "234"}


def test_the_node_group_is_active_when_its_nodes_are_ready_and_gone_when_they_are(account, control_plane):
    control_plane.ready = True
    account.make_cluster()
    assert account.make_nodegroup()["status"] == "CREATING"
    control_plane.nodes_ready = True
    assert account.nodegroup()["status"] == "ACTIVE"
    control_plane.nodes_ready = False
    account.eks.delete_nodegroup(clusterName="kafka", nodegroupName="broker")
    assert account.nodegroup()["status"] == "DELETING"
    assert control_plane.nodes["broker"] == []
    assert len(account.instances()) == 3
    control_plane.nodes_ready = True
    with pytest.raises(account.eks.exceptions.ResourceNotFoundException):
        account.nodegroup()


def test_nodes_that_never_come_make_the_node_group_failed(account, control_plane):
    control_plane.ready = True
    account.make_cluster()
    control_plane.failure = "nodes has failed"
    account.begin_nodegroup()
    group = account.nodegroup()
    assert (group["status"], group["health"]["issues"][0]["message"]) == ("CREATE_FAILED", "nodes has failed")
    control_plane.failure, control_plane.nodes_ready = None, True
    account.eks.delete_nodegroup(clusterName="kafka", nodegroupName="broker")
    assert account.eks.list_nodegroups(clusterName="kafka")["nodegroups"] == []


def test_an_update_whose_nodes_never_come_fails(account, control_plane):
    control_plane.ready = control_plane.nodes_ready = True
    account.make_cluster()
    account.make_nodegroup()
    control_plane.failure = "nodes has failed"
    named = {"nodegroupName": "broker", "clusterName": "kafka"}
    update = account.eks.update_nodegroup_config(**named, scalingConfig={"desiredSize": 4})["update"]
    described = account.eks.describe_update(name="kafka", nodegroupName="broker", updateId=update["id"])["update"]
    assert (described["status"], described["errors"][0]["errorMessage"]) == ("Failed", "nodes has failed")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(5, ["us-west-2a", "us-west-2a", "us-west-2b", "us-west-2b", "us-west-2c"], id="out"),
        pytest.param(2, ["us-west-2b", "us-west-2c"], id="in"),
        pytest.param(0, [], id="to nothing"),
    ],
)
def test_scaling_keeps_the_zones_even(account, control_plane, size, expected):
    control_plane.ready = control_plane.nodes_ready = True
    account.make_cluster()
    account.make_nodegroup()
    control_plane.nodes_ready = False
    update = account.eks.update_nodegroup_config(
        clusterName="kafka", nodegroupName="broker", scalingConfig={"desiredSize": size}
    )["update"]
    assert zones(account.instances()) == expected
    assert len(control_plane.nodes["broker"]) == size

    def status():
        described = account.eks.describe_update(name="kafka", nodegroupName="broker", updateId=update["id"])
        return described["update"]["status"]

    assert (status(), account.nodegroup()["status"]) == ("InProgress", "UPDATING")
    control_plane.nodes_ready = True
    assert (status(), account.nodegroup()["status"]) == ("Successful", "ACTIVE")
    assert account.nodegroup()["scalingConfig"] == {"minSize": 0, "maxSize": 9, "desiredSize": size}


def test_labels_and_taints_reach_the_nodes(account, control_plane):
    control_plane.ready = control_plane.nodes_ready = True
    account.make_cluster()
    account.make_nodegroup(size=1, labels={"old": "1", "kept": "1"})
    account.eks.update_nodegroup_config(
        clusterName="kafka",
        nodegroupName="broker",
        labels={"addOrUpdateLabels": {"new": "1"}, "removeLabels": ["old"]},
        taints={"addOrUpdateTaints": [{"key": POOL, "effect": "NO_EXECUTE"}]},
    )
    (node,) = control_plane.nodes["broker"]
    assert {"new", "kept"} <= set(node.labels)
    assert "old" not in node.labels
    assert node.taints == [{"key": POOL, "value": "", "effect": "NoExecute"}]


def test_a_launch_template_gives_type_and_tags(account):
    account.make_cluster()
    account.ec2.create_launch_template(
        LaunchTemplateName="broker",
        LaunchTemplateData={
            "InstanceType": "m8g.large",
            "TagSpecifications": [
                {"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "streams"}]},
                {"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "streams"}]},
            ],
        },
    )
    group = account.make_nodegroup(size=1, launchTemplate={"name": "broker"}, instanceTypes=[])
    assert (group["launchTemplate"]["version"], "instanceTypes" in group) == ("1", False)
    (instance,) = account.instances()
    assert instance["InstanceType"] == "m8g.large"
    assert {"Key": "team", "Value": "streams"} in instance["Tags"]
    assert len(account.ec2.describe_volumes(Filters=[{"Name": "tag:team", "Values": ["streams"]}])["Volumes"]) == 1


def test_the_access_entry_of_the_node_role_comes_and_goes(account):
    account.make_cluster()
    account.make_nodegroup("one", size=0)
    account.make_nodegroup("two", size=0)
    entry = account.eks.describe_access_entry(clusterName="kafka", principalArn=account.role)["accessEntry"]
    assert (entry["type"], entry["kubernetesGroups"]) == ("EC2_LINUX", ["system:nodes"])
    left = []
    for name in ("one", "two"):
        account.eks.delete_nodegroup(clusterName="kafka", nodegroupName=name)
        account.eks.list_nodegroups(clusterName="kafka")
        left.append(account.eks.list_access_entries(clusterName="kafka")["accessEntries"])
    assert left == [[account.role], []]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"amiType": "AL2023_x86_64_STANDARD"}, "not a valid instance type", id="architecture"),
        pytest.param({"instanceTypes": ["r8g.huge"]}, "do not exist", id="instance type"),
        pytest.param({"instanceTypes": ["r8g.large", "m6a.large"]}, "not a valid instance type", id="mixed"),
        pytest.param({"subnets": ["subnet-1"]}, "subnet-1", id="subnet"),
        pytest.param({"nodeRole": "arn:aws:iam::123456789012:role/none"}, "does not exist", id="role"),
        pytest.param({"version": "1.36"}, "not supported", id="version"),
        pytest.param(
            {"scalingConfig": {"minSize": 3, "maxSize": 3, "desiredSize": 1}}, "Minimum capacity 3", id="minimum"
        ),
        pytest.param({"scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 3}}, "max size 2", id="maximum"),
    ],
)
def test_create_nodegroup_refuses(account, options, message):
    account.make_cluster()
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match=message):
        account.begin_nodegroup(**options)
    assert account.instances() == []


def test_a_node_group_needs_an_active_cluster_and_a_free_name(account):
    account.begin_cluster()
    with pytest.raises(account.eks.exceptions.InvalidRequestException, match="not in ACTIVE"):
        account.begin_nodegroup()
    account.cluster()
    account.begin_nodegroup()
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match="already exists"):
        account.begin_nodegroup()


def test_a_node_group_follows_its_cluster_to_the_next_version(account):
    account.make_cluster(version="1.34")
    account.make_nodegroup(size=0)
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="1.35 is not supported"):
        account.eks.update_nodegroup_version(clusterName="kafka", nodegroupName="broker", version="1.35")
    account.eks.update_cluster_version(name="kafka", version="1.35")
    account.cluster()
    account.eks.update_nodegroup_version(clusterName="kafka", nodegroupName="broker")
    assert account.nodegroup()["version"] == "1.35"


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        pytest.param("m8g.large", {"cpu": "2", "memory": "8192Mi", "pods": "29"}, id="m8g.large"),
        pytest.param("m6a.xlarge", {"cpu": "4", "memory": "16384Mi", "pods": "58"}, id="m6a.xlarge"),
    ],
)
def test_capacity(instance_type, expected):
    assert capacity(instance_type) == expected


def test_changed_taints():
    before = [{"key": "a", "value": "1", "effect": "NO_SCHEDULE"}, {"key": "b", "value": "1", "effect": "NO_SCHEDULE"}]
    change = {
        "addOrUpdateTaints": [{"key": "a", "value": "2", "effect": "NO_SCHEDULE"}],
        "removeTaints": [{"key": "b", "effect": "NO_SCHEDULE"}],
    }
    assert changed_taints(before, change) == [{"key": "a", "value": "2", "effect": "NO_SCHEDULE"}]


class TestOneWithALaunchTemplate:
    """What becomes of it when the template is changed or deleted."""

    NAMED = {"clusterName": "kafka", "nodegroupName": "broker"}

    def make_template(self, account):
        data = {"InstanceType": "r8g.4xlarge"}
        account.ec2.create_launch_template(LaunchTemplateName="broker", LaunchTemplateData=data)

    @pytest.fixture(autouse=True)
    def nodegroup(self, account):
        account.make_cluster()
        self.make_template(account)
        account.make_nodegroup(size=1, launchTemplate={"name": "broker"}, instanceTypes=[])

    def update(self, account, template):
        update = account.eks.update_nodegroup_version(**self.NAMED, launchTemplate=template)["update"]
        account.eks.describe_update(name="kafka", nodegroupName="broker", updateId=update["id"])
        return account.nodegroup()

    def test_it_moves_to_another_version(self, account):
        account.ec2.create_launch_template_version(
            LaunchTemplateName="broker", SourceVersion="1", LaunchTemplateData={"InstanceType": "r8g.2xlarge"}
        )
        template = self.update(account, {"name": "broker", "version": "2"})["launchTemplate"]
        assert (template["name"], template["version"]) == ("broker", "2")

    def test_it_is_degraded_without_it_until_it_gets_a_new_one_of_the_name(self, account):
        account.ec2.delete_launch_template(LaunchTemplateName="broker")
        nodegroup = account.nodegroup()
        assert nodegroup["status"] == "DEGRADED"
        assert nodegroup["health"]["issues"][0]["code"] == "Ec2LaunchTemplateNotFound"
        self.make_template(account)
        changed = self.update(account, {"name": "broker", "version": "1"})
        assert (changed["status"], changed["health"]["issues"]) == ("ACTIVE", [])
        assert changed["launchTemplate"]["id"] != nodegroup["launchTemplate"]["id"]

    def test_it_does_not_take_another(self, account):
        account.ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData={"InstanceType": "r8g.large"})
        with pytest.raises(account.eks.exceptions.InvalidParameterException, match="created with"):
            self.update(account, {"name": "other"})

    def test_a_degraded_one_can_be_removed(self, account):
        account.ec2.delete_launch_template(LaunchTemplateName="broker")
        account.nodegroup()
        account.eks.delete_nodegroup(**self.NAMED)
        assert account.eks.list_nodegroups(clusterName="kafka")["nodegroups"] == []
