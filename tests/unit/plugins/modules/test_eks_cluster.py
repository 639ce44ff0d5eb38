from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lab.aws import plane, settings

ALIAS = "alias/kafka-eks/demo/cluster"
DEMO = {
    "name": "demo",
    "version": "1.35",
    "role": "control-plane",
    "encryption_key": ALIAS,
    "tags": {"team": "streams"},
}
CHANGED = {
    "public_access_cidrs": ["203.0.113.7/32"],
    "logs": ["audit"],
    "support_type": "EXTENDED",
    "scaling_tier": "tier-xl",
    "zonal_shift": False,
    "deletion_protection": False,
    "tags": {"team": "kafka"},
}


def make_key(aws, alias=ALIAS):
    key = aws.kms.create_key()["KeyMetadata"]
    aws.kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    return key["Arn"]


def prepare(aws):
    """What a cluster needs to be made."""
    aws.make_role("control-plane", "/kafka-eks/us-west-2/demo/")
    aws.make_network()
    aws.key = make_key(aws)
    return aws


@pytest.fixture
def ready(aws):
    """An account in which a cluster can be made."""
    return prepare(aws)


@pytest.fixture
def running(ready):
    """An account in which the cluster runs."""
    ready.finish("eks_cluster", **DEMO)
    return ready


def described(aws):
    return aws.eks.describe_cluster(name="demo")["cluster"]


def update(aws, operation="update_cluster_config", **arguments):
    """Change the cluster behind the module's back, and wait until EKS is done."""
    getattr(aws.eks, operation)(name="demo", **arguments)
    aws.eks.get_waiter("cluster_active").wait(name="demo", WaiterConfig={"Delay": 0})


# Making


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run("eks_cluster", check=True, **{**DEMO, "service_cidr": "172.21.0.0/16"})
    assert result["changed"]
    assert not result["in_progress"]
    assert result["cluster"] is None
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"] == {
        "version": "1.35",
        "role": "control-plane",
        "subnets": ["those with kafka-eks/subnet=intra"],
        "authentication_mode": "API",
        "private_access": True,
        "public_access_cidrs": [],
        "service_cidr": "172.21.0.0/16",
        "logs": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        "deletion_protection": True,
        "support_type": "STANDARD",
        "scaling_tier": "standard",
        "zonal_shift": True,
        "encryption_key": ALIAS,
        "bootstrap_self_managed_addons": False,
        "tags": {"team": "streams", "kafka-eks/cluster": "demo"},
    }
    assert aws.writes == []


def test_a_cluster_is_made_secure_and_then_left_alone(ready):
    first = ready.run("eks_cluster", account_id=ready.id, **DEMO)
    assert first["changed"]
    assert first["in_progress"]
    assert first["progress"] == "EKS cluster 'demo' is being created."
    made = ready.finish("eks_cluster", **DEMO)
    assert made["cluster"]["status"] == "ACTIVE"
    assert made["cluster"]["health_issues"] == []
    assert made["cluster"]["endpoint"].startswith("https://")
    cluster = described(ready)
    network = cluster["resourcesVpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert ready.eks.list_access_entries(clusterName="demo")["accessEntries"] == []
    assert ready.eks.list_addons(clusterName="demo")["addons"] == []
    assert cluster["deletionProtection"]
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["zonalShiftConfig"] == {"enabled": True}
    assert cluster["encryptionConfig"][0]["provider"]["keyArn"] == ready.key
    assert len(cluster["logging"]["clusterLogging"][0]["types"]) == 5
    assert sorted(network["subnetIds"]) == ready.subnets("intra")
    again = ready.run("eks_cluster", **DEMO)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert ready.requests == ["GetCallerIdentity", "DescribeCluster", "DescribeKey"]


def test_all_that_can_be_chosen_at_first_is(ready):
    group = ready.ec2.create_security_group(GroupName="own", Description="own", VpcId=ready.vpc)["GroupId"]
    chosen = {"security_groups": [group], "service_cidr": "172.21.0.0/16", "scaling_tier": "tier-2xl"}
    assert ready.finish("eks_cluster", **{**DEMO, **chosen})["cluster"]["status"] == "ACTIVE"
    cluster = described(ready)
    assert cluster["resourcesVpcConfig"]["securityGroupIds"] == [group]
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.21.0.0/16"
    assert cluster["controlPlaneScalingConfig"] == {"tier": "tier-2xl"}
    assert not ready.run("eks_cluster", **{**DEMO, **chosen})["changed"]
    assert not ready.run("eks_cluster", **{**DEMO, "scaling_tier": "tier-2xl"})["changed"]


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


def test_a_cluster_that_failed_says_why_and_can_be_removed(ready, monkeypatch):
    monkeypatch.setattr(plane, "current", Broken())
    ready.run("eks_cluster", **DEMO)
    result = ready.run("eks_cluster", **DEMO)
    assert result["msg"].startswith("EKS cluster 'demo' has FAILED (InternalFailure: there is no room)")
    assert ready.run("eks_cluster", check=True, name="demo", state="absent")["changed"]
    ready.finish("eks_cluster", name="demo", state="absent")
    assert ready.eks.list_clusters()["clusters"] == []


def test_what_may_harm_a_running_cluster_is_told(running):
    running.kms.disable_key(KeyId=running.key)
    issue = f"KmsKeyDisabled: The KMS key {running.key} is disabled, pending deletion or gone"
    told = running.run("eks_cluster", **{**DEMO, "encryption_key": running.key})
    assert told["cluster"]["health_issues"] == [issue]
    assert told["warnings"] == [f"EKS cluster 'demo' is ACTIVE, but EKS names what may harm it: {issue}."]
    assert not told["changed"]


# Changing


def test_all_that_can_be_changed_is_changed_in_place_one_at_a_time(running):
    shown = running.run("eks_cluster", check=True, **{**DEMO, **CHANGED})
    assert shown["changed"]
    before, after = shown["diff"]["before"], shown["diff"]["after"]
    assert {key for key in after if before[key] != after[key]} == CHANGED.keys()
    assert running.writes == []
    first = running.run("eks_cluster", **{**DEMO, **CHANGED})
    assert len(running.writes) == 1
    assert first["in_progress"]
    running.finish("eks_cluster", **{**DEMO, **CHANGED})
    cluster = described(running)
    assert cluster["resourcesVpcConfig"]["publicAccessCidrs"] == ["203.0.113.7/32"]
    assert cluster["controlPlaneScalingConfig"] == {"tier": "tier-xl"}
    assert cluster["tags"] == {"team": "kafka", "kafka-eks/cluster": "demo"}
    assert not running.run("eks_cluster", **{**DEMO, **CHANGED})["changed"]


NETWORK = "resourcesVpcConfig"
DRIFTS = {
    "open to all": (
        {NETWORK: {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}},
        {"public_access_cidrs"},
    ),
    "not private": (
        {NETWORK: {"endpointPublicAccess": True, "endpointPrivateAccess": False}},
        {"private_access", "public_access_cidrs"},
    ),
    "logs off": ({"logging": {"clusterLogging": [{"types": ["audit"], "enabled": False}]}}, {"logs"}),
    "unprotected": ({"deletionProtection": False}, {"deletion_protection"}),
    "dear support": ({"upgradePolicy": {"supportType": "EXTENDED"}}, {"support_type"}),
    "no zonal shift": ({"zonalShiftConfig": {"enabled": False}}, {"zonal_shift"}),
    "dear control plane": ({"controlPlaneScalingConfig": {"tier": "tier-8xl"}}, {"scaling_tier"}),
    "security group": ({NETWORK: {"securityGroupIds": ["GROUP"]}}, {"security_groups"}),
    "moved": ({NETWORK: {"subnetIds": "private"}}, {"subnets"}),
    "untagged": (None, {"tags"}),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_put_right(running, drift):
    change, keys = DRIFTS[drift]
    wanted = {**DEMO, "subnets": running.subnets("intra"), "security_groups": []}
    if change is None:
        running.eks.untag_resource(resourceArn=described(running)["arn"], tagKeys=["team"])
    elif drift == "security group":
        group = running.ec2.create_security_group(GroupName="own", Description="own", VpcId=running.vpc)["GroupId"]
        update(running, **{NETWORK: {"securityGroupIds": [group]}})
    elif drift == "moved":
        update(running, **{NETWORK: {"subnetIds": running.subnets("private")}})
    else:
        update(running, **change)
    shown = running.run("eks_cluster", check=True, **wanted)
    assert shown["changed"]
    assert running.writes == []
    before, after = shown["diff"]["before"], shown["diff"]["after"]
    assert {key for key in after if before[key] != after[key]} == keys
    assert running.finish("eks_cluster", **wanted)["in_progress"] is False
    again = running.run("eks_cluster", **wanted)
    assert not again["changed"]
    assert again["diff"]["before"] == after
    assert running.writes == []


def test_the_old_ways_of_access_are_left_in_two_steps(ready):
    ready.eks.create_cluster(
        name="demo",
        version="1.35",
        roleArn=ready.iam.get_role(RoleName="control-plane")["Role"]["Arn"],
        resourcesVpcConfig={"subnetIds": ready.subnets("intra")},
        tags={"kafka-eks/cluster": "demo"},
    )
    shown = ready.finish("eks_cluster", check=True, **DEMO)
    assert shown["diff"]["before"]["authentication_mode"] == "CONFIG_MAP"
    ready.finish("eks_cluster", **DEMO)
    assert described(ready)["accessConfig"]["authenticationMode"] == "API"
    assert not ready.run("eks_cluster", **DEMO)["changed"]


def test_a_zone_added_to_the_network_does_not_move_the_cluster(running):
    running.make_subnet("intra", "10.1.9.0/24", "c")
    assert not running.run("eks_cluster", **DEMO)["changed"]


def test_a_cluster_without_a_key_of_the_account_can_be_given_one(ready):
    without = {key: value for key, value in DEMO.items() if key != "encryption_key"}
    ready.finish("eks_cluster", **without)
    assert ready.run("eks_cluster", check=True, **DEMO)["diff"]["before"]["encryption_key"] is None
    ready.finish("eks_cluster", **DEMO)
    assert described(ready)["encryptionConfig"][0]["provider"]["keyArn"] == ready.key
    assert not ready.run("eks_cluster", **DEMO)["changed"]
    assert "neither change it nor take it away" in ready.run("eks_cluster", **without)["msg"]
    ready.kms.delete_alias(AliasName=ALIAS)
    assert not ready.run("eks_cluster", check=True, **DEMO)["changed"]
    make_key(ready, "alias/other")
    other = ready.run("eks_cluster", **{**DEMO, "encryption_key": "alias/other"})
    assert "neither change it nor take it away" in other["msg"]
    assert ready.writes == []


# Versions


@pytest.fixture
def older(ready):
    """A running cluster of an older version."""
    ready.finish("eks_cluster", **{**DEMO, "version": "1.34"})
    return ready


def test_a_cluster_is_upgraded_by_one_version(older):
    shown = older.run("eks_cluster", check=True, **DEMO)
    assert (shown["diff"]["before"]["version"], shown["diff"]["after"]["version"]) == ("1.34", "1.35")
    assert older.writes == []
    assert older.finish("eks_cluster", **DEMO)["cluster"]["version"] == "1.35"
    assert not older.run("eks_cluster", **DEMO)["changed"]
    assert "does not go back" in older.run("eks_cluster", **{**DEMO, "version": "1.34"})["msg"]


def make_nodegroup(aws, version):
    aws.eks.create_nodegroup(
        clusterName="demo",
        nodegroupName="core",
        nodeRole=aws.make_role("node"),
        subnets=aws.subnets("private"),
        instanceTypes=["m8g.large"],
        amiType="AL2023_ARM_64_STANDARD",
        version=version,
    )


@pytest.mark.parametrize(
    ("nodes", "message"),
    [pytest.param("1.31", "core: 1.31", id="too old"), pytest.param("1.32", None, id="old enough to stay")],
)
def test_nodes_that_would_be_left_behind_come_first(older, nodes, message):
    make_nodegroup(older, nodes)
    result = older.finish("eks_cluster", **DEMO)
    if message is None:
        assert result["cluster"]["version"] == "1.35"
    else:
        assert message in result["msg"]
        assert older.writes == []


def test_more_than_one_version_at_a_time_is_refused(ready):
    ready.finish("eks_cluster", **{**DEMO, "version": "1.33", "support_type": "EXTENDED"})
    result = ready.run("eks_cluster", check=True, **DEMO)
    assert "upgrade to 1.34 first, with its add-ons and node groups" in result["msg"]
    assert ready.writes == []


def test_the_policy_of_the_new_version_is_set_after_the_upgrade(ready):
    ready.finish("eks_cluster", **{**DEMO, "version": "1.34", "support_type": "EXTENDED"})
    operations = []
    ready.refuse = lambda operation: operations.append(operation) if operation.startswith("Update") else None
    ready.finish("eks_cluster", **DEMO)
    assert operations == ["UpdateClusterVersion", "UpdateClusterConfig"]


def test_where_the_calendar_may_not_be_read_eks_decides(ready):
    settings.change(refusals=[{"action": "eks:DescribeClusterVersions", "fault": "AccessDeniedException"}])
    assert "unsupported Kubernetes version" in ready.run("eks_cluster", **{**DEMO, "version": "1.29"})["msg"]
    assert ready.run("eks_cluster", **DEMO)["changed"]


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"public_access_cidrs": ["0.0.0.0/0"]}, "to the whole internet", id="open"),
        pytest.param({"version": "1.29"}, "EKS does not offer Kubernetes 1.29", id="not offered"),
        pytest.param({"role": "nobody"}, "IAM role 'nobody' is not there", id="no role"),
        pytest.param({"encryption_key": "alias/none"}, "KMS key 'alias/none' is not there", id="no key"),
        pytest.param({"account_id": "000011112222"}, "use credentials of that account", id="other account"),
    ],
)
def test_bad_input_is_refused(ready, arguments, message):
    result = ready.run("eks_cluster", **{**DEMO, **arguments})
    assert message in result["msg"]
    assert ready.eks.list_clusters()["clusters"] == []


def test_without_a_network_the_remedy_is_named(aws):
    aws.make_role("control-plane")
    make_key(aws)
    result = aws.run("eks_cluster", **DEMO)
    assert "has no intra subnets" in result["msg"]
    assert "make its network first" in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"role": "other"}, "EKS cannot change it", id="role"),
        pytest.param({"service_cidr": "10.9.0.0/16"}, "EKS cannot change it", id="service block"),
        pytest.param({"subnets": ["subnet-0"]}, "there is no subnet-0", id="no such subnet"),
    ],
)
def test_what_cannot_be_changed_in_place_is_refused(running, arguments, message):
    running.make_role("other")
    for check in (True, False):
        assert message in running.run("eks_cluster", check=check, **{**DEMO, **arguments})["msg"]
        assert running.writes == []


def test_a_cluster_keeps_its_zones(running):
    running.make_subnet("intra", "10.1.9.0/24", "c")
    result = running.run("eks_cluster", **{**DEMO, "subnets": running.subnets("intra")})
    assert "keeps the very zones in which it was made" in result["msg"]
    assert running.writes == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_cluster_that_was_not_made_here_is_left_alone(running, state):
    running.eks.untag_resource(resourceArn=described(running)["arn"], tagKeys=["kafka-eks/cluster"])
    result = running.run("eks_cluster", **{**DEMO, "state": state})
    assert "was not made by this collection" in result["msg"]
    assert running.writes == []


# Faults


def test_a_role_that_was_just_made_is_waited_for(ready):
    answers = [ClientError({"Error": {"Code": "InvalidParameterException", "Message": "Role"}}, "CreateCluster")]
    ready.refuse = lambda operation: answers.pop() if operation == "CreateCluster" and answers else None
    assert ready.run("eks_cluster", **DEMO)["changed"]
    assert ready.sleeps == [3]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ThrottlingException", "run again later: it goes on where it stopped"),
        ("ExpiredTokenException", "get new credentials and run again: it goes on where it stopped"),
        ("AccessDeniedException", "allow eks:UpdateClusterConfig to arn:aws:sts::"),
        ("ServerException", "correct what it names and run again"),
    ],
)
def test_what_aws_refuses_half_way_is_told_and_the_next_run_goes_on(running, code, remedy):
    error = ClientError({"Error": {"Code": code, "Message": "No"}}, "UpdateClusterConfig")
    two = {**DEMO, "zonal_shift": False, "logs": ["audit"]}
    assert running.run("eks_cluster", **two)["in_progress"]
    described(running)
    running.refuse = lambda operation: error if operation == "UpdateClusterConfig" else None
    result = running.run("eks_cluster", **two)
    assert result["code"] == code
    assert f"EKS cluster 'demo': AWS refused eks:UpdateClusterConfig with {code}" in result["msg"]
    assert remedy in result["msg"]
    running.refuse = lambda operation: None
    running.finish("eks_cluster", **two)
    assert not running.run("eks_cluster", **two)["changed"]


def test_an_update_that_fails_is_told_and_not_made_again(running):
    failure = {"action": "cluster config update", "code": "IpNotAvailable", "message": "No free address."}
    settings.change(failures=[failure])
    public = {**DEMO, "public_access_cidrs": ["203.0.113.7/32"]}
    result = running.finish("eks_cluster", **public)
    assert result["msg"] == (
        "EKS cluster 'demo': its EndpointAccessUpdate has failed (IpNotAvailable: No free address); see to it that its subnets "
        "have free addresses, and run again."
    )
    assert running.writes == []
    running.finish("eks_cluster", **public)
    assert not running.run("eks_cluster", **public)["changed"]


def test_what_was_asked_for_is_not_asked_for_again_before_eks_shows_it(running):
    public = {**DEMO, "public_access_cidrs": ["203.0.113.7/32"]}
    settings.change(time_scale=1)
    asked = running.run("eks_cluster", **public)["asked"]
    assert list(asked) == ["demo"]
    again = running.run("eks_cluster", **public, asked=asked)
    assert (running.writes, again["in_progress"], again["asked"]) == ([], True, asked)


def test_runs_that_are_killed_after_each_write_get_there(ready):
    ready.survive("eks_cluster", **{**DEMO, "version": "1.34"})
    assert described(ready)["version"] == "1.34"
    ready.survive("eks_cluster", **{**DEMO, **CHANGED})
    assert (described(ready)["version"], described(ready)["tags"]["team"]) == ("1.35", "kafka")
    assert not ready.run("eks_cluster", **{**DEMO, **CHANGED})["changed"]
    ready.survive("eks_cluster", **DEMO)
    ready.survive("eks_cluster", name="demo", state="absent")
    assert ready.eks.list_clusters()["clusters"] == []


# Removing


def test_it_is_removed_in_spite_of_its_protection(running):
    shown = running.run("eks_cluster", check=True, name="demo", state="absent")
    assert shown["changed"]
    assert running.writes == []
    first = running.run("eks_cluster", name="demo", state="absent")
    assert first["progress"] == "EKS cluster 'demo': its deletion protection is being turned off."
    assert running.finish("eks_cluster", name="demo", state="absent")["cluster"] is None
    assert running.eks.list_clusters()["clusters"] == []
    again = running.run("eks_cluster", name="demo", state="absent")
    assert not again["changed"]
    assert not again["in_progress"]
