from __future__ import annotations

import json

import pytest

EBS = "aws-ebs-csi-driver"


def describe(account, name):
    return account.eks.describe_addon(clusterName="kafka", addonName=name)["addon"]


def test_an_add_on_is_created_updated_and_deleted(account):
    account.make_cluster()
    created = account.eks.create_addon(clusterName="kafka", addonName="vpc-cni", configurationValues='{"env": {}}')[
        "addon"
    ]
    assert created["status"] == "CREATING"
    assert describe(account, "vpc-cni")["status"] == "ACTIVE"
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match="already exists"):
        account.eks.create_addon(clusterName="kafka", addonName="vpc-cni")
    newest = account.eks.describe_addon_versions(addonName="vpc-cni")["addons"][0]["addonVersions"][0]["addonVersion"]
    update = account.eks.update_addon(clusterName="kafka", addonName="vpc-cni", addonVersion=newest)["update"]
    assert update["type"] == "AddonUpdate"
    account.eks.describe_update(name="kafka", addonName="vpc-cni", updateId=update["id"])
    assert describe(account, "vpc-cni")["addonVersion"] == newest
    account.eks.delete_addon(clusterName="kafka", addonName="vpc-cni")
    assert account.eks.list_addons(clusterName="kafka")["addons"] == []


def test_a_deployment_is_degraded_until_there_are_nodes(account):
    account.make_cluster()
    for name in ("coredns", "kube-proxy"):
        account.eks.create_addon(clusterName="kafka", addonName=name)
    assert describe(account, "kube-proxy")["status"] == "ACTIVE"
    coredns = describe(account, "coredns")
    assert coredns["status"] == "DEGRADED"
    assert coredns["health"]["issues"][0]["code"] == "InsufficientNumberOfReplicas"
    account.make_nodegroup(size=1)
    coredns = describe(account, "coredns")
    assert (coredns["status"], coredns["health"]["issues"]) == ("ACTIVE", [])


def test_pod_identities_of_an_add_on_belong_to_it(account):
    account.make_cluster()
    identity = {"serviceAccount": "ebs-csi-controller-sa", "roleArn": account.role}
    addon = account.eks.create_addon(clusterName="kafka", addonName=EBS, podIdentityAssociations=[identity])["addon"]
    (association,) = account.eks.list_pod_identity_associations(clusterName="kafka")["associations"]
    assert addon["podIdentityAssociations"] == [association["associationArn"]]
    assert (association["namespace"], association["ownerArn"]) == ("kube-system", addon["addonArn"])
    account.eks.delete_addon(clusterName="kafka", addonName=EBS)
    assert account.eks.list_pod_identity_associations(clusterName="kafka")["associations"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"addonName": "kafka"}, "Addon kafka specified is not supported", id="name"),
        pytest.param({"addonVersion": "v0"}, "Addon version specified is not supported", id="version"),
        pytest.param({"configurationValues": "{"}, "ConfigurationValue", id="configuration"),
        pytest.param({"configurationValues": "text"}, "ConfigurationValue", id="configuration that is no object"),
        pytest.param({"serviceAccountRoleArn": "arn:aws:iam::123456789012:role/none"}, "does not exist", id="role"),
    ],
)
def test_create_addon_refuses(account, options, message):
    account.make_cluster()
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match=message):
        account.eks.create_addon(**{"clusterName": "kafka", "addonName": "vpc-cni", **options})


def test_an_add_on_needs_an_active_cluster(account):
    account.begin_cluster()
    with pytest.raises(account.eks.exceptions.InvalidRequestException, match="not in ACTIVE"):
        account.eks.create_addon(clusterName="kafka", addonName="vpc-cni")


def test_the_default_version_is_marked_and_is_not_the_newest(account):
    (offered,) = account.eks.describe_addon_versions(addonName="kube-proxy", kubernetesVersion="1.34")["addons"]
    versions = [
        (version["addonVersion"], version["compatibilities"][0]["defaultVersion"])
        for version in offered["addonVersions"]
    ]
    assert versions == [("v1.34.1-eksbuild.2", False), ("v1.34.0-eksbuild.2", True)]
    account.make_cluster(version="1.34")
    account.eks.create_addon(clusterName="kafka", addonName="kube-proxy")
    assert describe(account, "kube-proxy")["addonVersion"] == "v1.34.0-eksbuild.2"


def test_the_identities_that_stay_keep_their_associations(account):
    account.make_cluster()
    other = account.make_role("other")
    identities = [{"serviceAccount": name, "roleArn": account.role} for name in ("stays", "goes")]
    named = {"clusterName": "kafka", "addonName": EBS}
    account.eks.create_addon(**named, podIdentityAssociations=identities)
    describe(account, EBS)

    def associations():
        listed = account.eks.list_pod_identity_associations(clusterName="kafka")["associations"]
        return {association["serviceAccount"]: association["associationId"] for association in listed}

    before = associations()
    wanted = [{"serviceAccount": name, "roleArn": other} for name in ("stays", "comes")]
    account.eks.update_addon(**named, podIdentityAssociations=wanted)
    after = associations()
    assert (set(after), after["stays"]) == ({"stays", "comes"}, before["stays"])
    found = account.eks.describe_pod_identity_association(clusterName="kafka", associationId=after["stays"])
    assert found["association"]["roleArn"] == other
    assert len(describe(account, EBS)["podIdentityAssociations"]) == 2


def test_what_can_be_configured_is_told(account):
    offered = account.eks.describe_addon_versions(addonName=EBS)["addons"][0]["addonVersions"][0]["addonVersion"]
    told = account.eks.describe_addon_configuration(addonName=EBS, addonVersion=offered)
    assert json.loads(told["configurationSchema"])["properties"]["controller"] == {"type": "object"}
    (identity,) = told["podIdentityConfiguration"]
    assert identity["serviceAccount"] == "ebs-csi-controller-sa"
    with pytest.raises(account.eks.exceptions.ResourceNotFoundException):
        account.eks.describe_addon_configuration(addonName=EBS, addonVersion="v0")


def test_add_ons_have_tags(account):
    account.make_cluster()
    addon = account.eks.create_addon(clusterName="kafka", addonName="vpc-cni", tags={"a": "b"})["addon"]
    account.eks.tag_resource(resourceArn=addon["addonArn"], tags={"c": "d"})
    assert describe(account, "vpc-cni")["tags"] == {"a": "b", "c": "d"}
