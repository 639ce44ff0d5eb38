from __future__ import annotations

import base64

import boto3
import pytest
from botocore.exceptions import ClientError

from lab.aws.clusters import enabled_logs, logging_document

CONFIG_MAP = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": False}


def test_a_cluster_is_created_described_and_deleted(account):
    created = account.begin_cluster(tags={"team": "streams"})
    assert (created["status"], created["certificateAuthority"]) == ("CREATING", {})
    assert "endpoint" not in created
    cluster = account.cluster()
    assert cluster["status"] == "ACTIVE"
    assert cluster["endpoint"].startswith("https://")
    assert base64.b64decode(cluster["certificateAuthority"]["data"]).startswith(b"-----BEGIN CERTIFICATE")
    assert cluster["resourcesVpcConfig"]["vpcId"] == account.vpc
    assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is True
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["tags"] == {"team": "streams"}
    assert account.eks.delete_cluster(name="kafka")["cluster"]["status"] == "DELETING"
    account.eks.get_waiter("cluster_deleted").wait(name="kafka", WaiterConfig={"Delay": 0})
    assert account.eks.list_clusters()["clusters"] == []


def test_the_real_control_plane_decides_when_the_cluster_is_active_and_gone(account, control_plane):
    account.begin_cluster()
    assert account.cluster()["status"] == "CREATING"
    control_plane.ready = True
    cluster = account.cluster()
    assert (cluster["status"], cluster["endpoint"]) == ("ACTIVE", "https://127.0.0.1:17401")
    assert base64.b64decode(cluster["certificateAuthority"]["data"]) == b"PEM"
    account.eks.delete_cluster(name="kafka")
    assert account.cluster()["status"] == "DELETING"
    control_plane.gone = True
    with pytest.raises(account.eks.exceptions.ResourceNotFoundException):
        account.cluster()


def test_a_control_plane_that_does_not_start_makes_the_cluster_failed(account, control_plane):
    account.begin_cluster()
    control_plane.failure = "etcd has failed"
    cluster = account.cluster()
    assert cluster["status"] == "FAILED"
    assert cluster["health"]["issues"][0]["message"] == "etcd has failed"
    account.eks.delete_cluster(name="kafka")
    assert account.cluster()["status"] == "DELETING"


def test_a_control_plane_that_is_taken_refuses_the_cluster(account, control_plane):
    control_plane.refusal = "The lab runs one EKS cluster at a time and has other."
    with pytest.raises(account.eks.exceptions.ResourceLimitExceededException, match="one EKS cluster at a time"):
        account.begin_cluster()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"version": "1.30"}, "unsupported Kubernetes version", id="version that EKS has no more"),
        pytest.param(
            {"roleArn": "arn:aws:iam::123456789012:role/none"},
            "could not be assumed because it does not exist",
            id="no role",
        ),
        pytest.param({"resourcesVpcConfig": {"subnetIds": ["subnet-1"]}}, "subnet-1", id="no subnet"),
    ],
)
def test_create_cluster_refuses(account, options, message):
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match=message):
        account.begin_cluster(**options)


def test_subnets_must_be_in_two_zones(account):
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="two different AZs"):
        account.begin_cluster(resourcesVpcConfig={"subnetIds": account.subnets[:1]})


def test_a_name_is_taken_once(account):
    account.begin_cluster()
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match="already exists"):
        account.begin_cluster()


def test_what_is_not_implemented_is_refused(account):
    with pytest.raises(NotImplementedError, match="computeConfig"):
        account.begin_cluster(computeConfig={"enabled": True})


def test_the_creator_becomes_admin_when_asked_to(account):
    role = account.make_role("deployer", "/team/")
    session = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    eks = boto3.client(
        "eks",
        "us-west-2",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    eks.create_cluster(
        name="kafka",
        roleArn=account.role,
        resourcesVpcConfig={"subnetIds": account.subnets},
        accessConfig={"authenticationMode": "API"},
    )
    assert eks.list_access_entries(clusterName="kafka")["accessEntries"] == [role]
    policies = eks.list_associated_access_policies(clusterName="kafka", principalArn=role)["associatedAccessPolicies"]
    assert [policy["policyArn"].rpartition("/")[2] for policy in policies] == ["AmazonEKSClusterAdminPolicy"]


def finish(account, update):
    done = account.eks.describe_update(name="kafka", updateId=update["id"])["update"]
    assert done["status"] == "Successful"
    return account.cluster()


@pytest.mark.parametrize(
    ("change", "kind", "path", "after"),
    [
        pytest.param(
            {"resourcesVpcConfig": {"endpointPrivateAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]}},
            "EndpointAccessUpdate",
            ("resourcesVpcConfig", "publicAccessCidrs"),
            ["192.0.2.0/24"],
            id="endpoint",
        ),
        pytest.param(
            {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}},
            "AccessConfigUpdate",
            ("accessConfig", "authenticationMode"),
            "API_AND_CONFIG_MAP",
            id="access",
        ),
        pytest.param(
            {"upgradePolicy": {"supportType": "STANDARD"}},
            "UpgradePolicyUpdate",
            ("upgradePolicy", "supportType"),
            "STANDARD",
            id="upgrade policy",
        ),
        pytest.param(
            {"logging": {"clusterLogging": [{"types": ["audit"], "enabled": True}]}},
            "LoggingUpdate",
            ("logging", "clusterLogging"),
            logging_document(["audit"])["clusterLogging"],
            id="logs",
        ),
    ],
)
def test_update_cluster_config(account, change, kind, path, after):
    account.make_cluster(accessConfig=CONFIG_MAP)
    update = account.eks.update_cluster_config(name="kafka", **change)["update"]
    assert (update["type"], update["status"]) == (kind, "InProgress")
    cluster = finish(account, update)
    assert cluster["status"] == "ACTIVE"
    assert cluster[path[0]][path[1]] == after
    assert len(cluster["resourcesVpcConfig"]["subnetIds"]) == 3
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="already at|Unsupported"):
        account.eks.update_cluster_config(name="kafka", **change)


def test_one_kind_of_change_and_one_update_at_a_time(account):
    account.make_cluster()
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="Only one type of update"):
        account.eks.update_cluster_config(
            name="kafka", deletionProtection=True, resourcesVpcConfig={"endpointPrivateAccess": True}
        )
    update = account.eks.update_cluster_config(name="kafka", deletionProtection=True)["update"]
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match="update in progress"):
        account.eks.update_cluster_config(name="kafka", upgradePolicy={"supportType": "STANDARD"})
    account.eks.describe_update(name="kafka", updateId=update["id"])
    # As AWS does, the cluster takes the next one as soon as the update is done, described or not.
    account.eks.update_cluster_config(name="kafka", upgradePolicy={"supportType": "STANDARD"})


def test_versions_go_up_one_by_one(account):
    account.make_cluster(version="1.33")
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="from 1.33 to 1.35"):
        account.eks.update_cluster_version(name="kafka", version="1.35")
    update = account.eks.update_cluster_version(name="kafka", version="1.34")["update"]
    assert finish(account, update)["version"] == "1.34"
    assert account.eks.list_updates(name="kafka")["updateIds"] == [update["id"]]


def test_deletion_protection_and_node_groups_hold_the_cluster(account):
    account.make_cluster(deletionProtection=True)
    with pytest.raises(account.eks.exceptions.InvalidRequestException, match="deletion protection"):
        account.eks.delete_cluster(name="kafka")
    finish(account, account.eks.update_cluster_config(name="kafka", deletionProtection=False)["update"])
    account.make_nodegroup(size=1)
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match="nodegroups attached"):
        account.eks.delete_cluster(name="kafka")


def test_what_the_cluster_makes_in_the_vpc_holds_it_and_goes_with_it(account):
    group = account.make_cluster()["resourcesVpcConfig"]["clusterSecurityGroupId"]
    made = account.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["Amazon EKS kafka"]}])
    assert len(made["NetworkInterfaces"]) == 2
    for refused in (
        lambda: account.ec2.delete_subnet(SubnetId=account.subnets[0]),
        lambda: account.ec2.delete_security_group(GroupId=group),
    ):
        with pytest.raises(ClientError, match="DependencyViolation"):
            refused()
    account.eks.delete_cluster(name="kafka")
    with pytest.raises(account.eks.exceptions.ResourceNotFoundException):
        account.cluster()
    for subnet in account.subnets:
        account.ec2.delete_subnet(SubnetId=subnet)
    account.ec2.delete_vpc(VpcId=account.vpc)


def test_logs_make_a_log_group_that_stays(account):
    logs = boto3.client("logs", "us-west-2")
    account.make_cluster(logging={"clusterLogging": [{"types": ["api"], "enabled": True}]})
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["/aws/eks/kafka/cluster"]
    account.eks.delete_cluster(name="kafka")
    assert len(logs.describe_log_groups()["logGroups"]) == 1


def test_tags_of_everything(account):
    account.make_cluster()
    account.eks.create_addon(clusterName="kafka", addonName="vpc-cni")
    association = account.eks.create_pod_identity_association(
        clusterName="kafka", namespace="kafka", serviceAccount="broker", roleArn=account.role
    )["association"]
    arns = [
        account.cluster()["arn"],
        account.make_nodegroup(size=0)["nodegroupArn"],
        account.eks.describe_addon(clusterName="kafka", addonName="vpc-cni")["addon"]["addonArn"],
        account.eks.describe_access_entry(clusterName="kafka", principalArn=account.role)["accessEntry"][
            "accessEntryArn"
        ],
        association["associationArn"],
    ]
    for arn in arns:
        account.eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        account.eks.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert account.eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    with pytest.raises(account.eks.exceptions.ResourceNotFoundException):
        account.eks.list_tags_for_resource(resourceArn=arns[0] + "x")


def test_describe_cluster_versions(account):
    default = account.eks.describe_cluster_versions(defaultOnly=True)["clusterVersions"]
    assert [version["clusterVersion"] for version in default] == ["1.35"]
    asked = account.eks.describe_cluster_versions(clusterVersions=["1.34"], includeAll=True)["clusterVersions"]
    assert asked[0]["endOfStandardSupportDate"].date().isoformat() == "2026-12-02"


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        pytest.param([], [(["api", "audit"], True)], {"api", "audit"}, id="on"),
        pytest.param(["api", "audit"], [(["api"], False)], {"audit"}, id="off"),
        pytest.param(["api"], [], {"api"}, id="as it was"),
    ],
)
def test_enabled_logs(before, change, after):
    document = {"clusterLogging": [{"types": types, "enabled": enabled} for types, enabled in change]}
    assert enabled_logs(document, before) == after
    assert enabled_logs(logging_document(after)) == after


class TestEncryption:
    @pytest.fixture
    def kms(self, account):
        return boto3.client("kms", "us-west-2")

    def config(self, arn):
        return [{"resources": ["secrets"], "provider": {"keyArn": arn}}]

    def test_can_be_there_from_the_start_or_later_but_does_not_change(self, account, kms):
        key = kms.create_key()["KeyMetadata"]["Arn"]
        account.make_cluster()
        update = account.eks.associate_encryption_config(clusterName="kafka", encryptionConfig=self.config(key))[
            "update"
        ]
        assert update["type"] == "AssociateEncryptionConfig"
        assert finish(account, update)["encryptionConfig"] == self.config(key)
        with pytest.raises(account.eks.exceptions.InvalidParameterException, match="already enabled"):
            account.eks.associate_encryption_config(clusterName="kafka", encryptionConfig=self.config(key))

    def test_needs_a_key_that_can_be_used(self, account, kms):
        key = kms.create_key()["KeyMetadata"]["Arn"]
        kms.disable_key(KeyId=key)
        with pytest.raises(account.eks.exceptions.InvalidParameterException, match="no enabled key"):
            account.begin_cluster(encryptionConfig=self.config(key))

    def test_without_its_key_a_cluster_is_not_well(self, account, kms):
        key = kms.create_key()["KeyMetadata"]["Arn"]
        account.make_cluster(encryptionConfig=self.config(key))
        kms.schedule_key_deletion(KeyId=key)
        cluster = account.cluster()
        assert (cluster["status"], cluster["health"]["issues"][0]["code"]) == ("ACTIVE", "KmsKeyDisabled")


def interfaces(account):
    found = account.ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": ["Amazon EKS kafka"]}])[
        "NetworkInterfaces"
    ]
    return {interface["SubnetId"]: {group["GroupId"] for group in interface["Groups"]} for interface in found}


def test_the_control_plane_moves_to_other_subnets_and_groups(account):
    cluster = account.make_cluster()
    own = cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]
    group = account.ec2.create_security_group(GroupName="g", Description="g", VpcId=account.vpc)["GroupId"]
    others = [account.make_subnet(10 + number, zone) for number, zone in enumerate("abc")]
    changes = {"subnetIds": others, "securityGroupIds": [group]}
    update = account.eks.update_cluster_config(name="kafka", resourcesVpcConfig=changes)["update"]
    changed = finish(account, update)["resourcesVpcConfig"]
    assert {key: changed[key] for key in changes} == changes
    assert interfaces(account) == dict.fromkeys(others[:2], {own, group})
    with pytest.raises(ClientError, match="DependencyViolation"):
        account.ec2.delete_security_group(GroupId=group)
    account.ec2.delete_subnet(SubnetId=account.subnets[0])


def test_but_not_to_other_zones(account):
    account.make_cluster()
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="exact set of AZs"):
        account.eks.update_cluster_config(name="kafka", resourcesVpcConfig={"subnetIds": account.subnets[:2]})
