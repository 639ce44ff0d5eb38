"""The roles and keys of the cluster let everybody do what he must, and nothing else."""

from __future__ import annotations

import re

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _iam, _kms
from ansible_collections.streamops.kafka_eks.plugins.module_utils._deployer_policy import ROLE_POLICIES, ROLE_TAKERS
from ansible_collections.streamops.kafka_eks.plugins.module_utils._policy_document import normalised

# What each is trusted for, and by whom.
TRUSTED = {
    "cluster": ("eks.amazonaws.com", ["sts:AssumeRole"]),
    "node": ("ec2.amazonaws.com", ["sts:AssumeRole"]),
    "vpc-cni": ("pods.eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"]),
    "ebs-csi": ("pods.eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"]),
}


@pytest.fixture
def roles(evaluate):
    found = evaluate("eks_cluster", "__eks_cluster_roles")
    return {re.fullmatch(r".+-[a-z]+-\d-(.+)", role["name"])[1]: role for role in found}


@pytest.fixture
def keys(evaluate):
    return [*evaluate("eks_cluster", "__eks_cluster_keys"), *evaluate("eks_cluster", "__eks_cluster_volumes_keys")]


def statements(document):
    return normalised(document)["Statement"]


@pytest.mark.parametrize("name", TRUSTED)
def test_a_role_is_trusted_by_one_service_for_what_it_needs(roles, name):
    ((statement,), (service, actions)) = statements(roles[name]["trust_policy"]), TRUSTED[name]
    assert statement["Principal"] == {"Service": [service]}
    assert statement["Action"] == actions
    assert set(TRUSTED) == set(roles)


@pytest.mark.parametrize("name", ["cluster", "vpc-cni", "ebs-csi"])
def test_eks_takes_a_role_in_the_name_of_this_cluster_only(roles, name):
    (statement,) = statements(roles[name]["trust_policy"])
    (arn,) = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
    assert re.fullmatch(r"arn:aws:eks:[\w-]+:\d{12}:cluster/[\w-]+", arn)
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == [arn.split(":")[4]]


@pytest.mark.parametrize(("name", "account"), [("vpc-cni", "aws-node"), ("ebs-csi", "ebs-csi-controller-sa")])
def test_a_role_of_pods_is_for_one_service_account(roles, name, account):
    (statement,) = statements(roles[name]["trust_policy"])
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] == ["kube-system"]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == [account]


def test_nodes_cannot_change_networks_or_volumes(roles):
    assert not {"AmazonEKS_CNI_Policy", "AmazonEBSCSIDriverEKSClusterScopedPolicy"} & {*roles["node"]["policies"]}
    assert "inline_policies" not in roles["node"]


def test_policies_of_roles_are_narrow(roles):
    for role in roles.values():
        for document in role.get("inline_policies", {}).values():
            for statement in statements(document):
                assert not any("*" in action for action in statement["Action"])
                assert all(re.fullmatch(r"arn:aws:kms:[\w-]+:\d{12}:key/\*", arn) for arn in statement["Resource"])
                assert statement["Condition"]["ForAnyValue:StringEquals"].keys() == {"kms:ResourceAliases"}
                assert statement["Condition"]["StringEquals"].keys() == {"kms:ViaService"}


def test_the_storage_driver_hands_the_key_to_aws_only(roles):
    (document,) = roles["ebs-csi"]["inline_policies"].values()
    (grant,) = (one for one in statements(document) if one["Action"] == ["kms:CreateGrant"])
    assert grant["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": ["true"]}


def test_the_deployer_may_attach_and_hand_over_just_what_the_roles_get(roles):
    assert {policy for role in roles.values() for policy in role["policies"]} == set(ROLE_POLICIES)
    assert {service for service, _ in TRUSTED.values()} <= set(ROLE_TAKERS)


def test_keys_are_used_by_iam_and_by_the_log_group_only(keys):
    (cluster, volumes) = (key.get("policy_statements", []) for key in keys)
    assert volumes == []
    ((statement,), (alias, _)) = statements({"Statement": cluster}), [key["alias"] for key in keys]
    assert re.fullmatch(r"logs\.[\w-]+\.amazonaws\.com", statement["Principal"]["Service"][0])
    assert not any("*" in action for action in statement["Action"])
    (arn,) = statement["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    assert arn.endswith(f":log-group:/aws/eks/{alias.split('/')[2]}/cluster")


def test_modules_take_them(roles, keys):
    _iam.check([{"max_session_duration": 3600, **role} for role in roles.values()])
    _kms.check([{"rotation": True, "rotation_period_days": None, **key} for key in keys], 30)


def test_clusters_of_one_name_in_two_regions_have_different_roles(evaluate):
    here = evaluate("eks_cluster", "__eks_cluster_roles")
    there = evaluate("eks_cluster", "__eks_cluster_roles", kafka_eks_region="eu-west-1")
    assert not {role["name"] for role in here} & {role["name"] for role in there}
