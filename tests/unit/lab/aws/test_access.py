from __future__ import annotations

import pytest
from moto.eks.models import eks_backends

from lab.aws.access import groups

POLICY = "arn:aws:eks::aws:cluster-access-policy/"
ADMIN = POLICY + "AmazonEKSClusterAdminPolicy"
EVERYWHERE = {"type": "cluster"}


@pytest.fixture
def principal(account):
    account.make_cluster()
    return account.make_role("deployer", "/team/")


def entry(account, principal):
    return account.eks.describe_access_entry(clusterName="kafka", principalArn=principal)["accessEntry"]


def test_an_access_entry_is_created_changed_and_deleted(account, principal):
    account.eks.create_access_entry(clusterName="kafka", principalArn=principal, kubernetesGroups=["viewers"])
    created = entry(account, principal)
    assert created["username"] == "arn:aws:sts::123456789012:assumed-role/deployer/{{SessionName}}"
    assert (created["kubernetesGroups"], created["type"]) == (["viewers"], "STANDARD")
    account.eks.update_access_entry(clusterName="kafka", principalArn=principal, username="platform")
    changed = entry(account, principal)
    assert (changed["username"], changed["kubernetesGroups"]) == ("platform", ["viewers"])
    account.eks.delete_access_entry(clusterName="kafka", principalArn=principal)
    assert account.eks.list_access_entries(clusterName="kafka")["accessEntries"] == []


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        pytest.param("arn:aws:sts::123456789012:assumed-role/deployer/me", "format is not valid", id="STS session"),
        pytest.param("arn:aws:iam::123456789012:role/deployer", "invalid principal", id="path left out"),
        pytest.param("arn:aws:iam::123456789012:role/none", "invalid principal", id="unknown role"),
        pytest.param("arn:aws:iam::123456789012:user/none", "invalid principal", id="unknown user"),
    ],
)
def test_principals_that_are_refused(account, principal, arn, message):
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match=message):
        account.eks.create_access_entry(clusterName="kafka", principalArn=arn)


def test_a_user_can_be_a_principal(account, principal):
    arn = account.iam.create_user(UserName="ada")["User"]["Arn"]
    account.eks.create_access_entry(clusterName="kafka", principalArn=arn)
    assert entry(account, arn)["username"] == arn


def test_groups_of_kubernetes_itself_are_refused(account, principal):
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="system:masters is invalid"):
        account.eks.create_access_entry(
            clusterName="kafka", principalArn=principal, kubernetesGroups=["system:masters"]
        )


def test_an_entry_exists_once(account, principal):
    account.eks.create_access_entry(clusterName="kafka", principalArn=principal)
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match="already in use"):
        account.eks.create_access_entry(clusterName="kafka", principalArn=principal)


def test_policies_are_associated_and_disassociated(account, principal):
    named = {"clusterName": "kafka", "principalArn": principal}
    account.eks.create_access_entry(**named)
    account.eks.associate_access_policy(**named, policyArn=ADMIN, accessScope=EVERYWHERE)
    (policy,) = account.eks.list_associated_access_policies(**named)["associatedAccessPolicies"]
    assert (policy["policyArn"], policy["accessScope"]["type"]) == (ADMIN, "cluster")
    account.eks.disassociate_access_policy(**named, policyArn=ADMIN)
    assert account.eks.list_associated_access_policies(**named)["associatedAccessPolicies"] == []
    assert ADMIN in [known["arn"] for known in account.eks.list_access_policies()["accessPolicies"]]


@pytest.mark.parametrize(
    ("arn", "error"),
    [
        pytest.param("arn:aws:iam::aws:policy/AdministratorAccess", "InvalidParameterException", id="IAM policy"),
        pytest.param(POLICY + "Nothing", "ResourceNotFoundException", id="unknown"),
    ],
)
def test_policies_that_are_refused(account, principal, arn, error):
    named = {"clusterName": "kafka", "principalArn": principal}
    account.eks.create_access_entry(**named)
    with pytest.raises(getattr(account.eks.exceptions, error)):
        account.eks.associate_access_policy(**named, policyArn=arn, accessScope=EVERYWHERE)


def test_a_policy_can_be_for_some_namespaces(account, principal):
    named = {"clusterName": "kafka", "principalArn": principal, "policyArn": ADMIN}
    account.eks.create_access_entry(clusterName="kafka", principalArn=principal)
    for wrong in ({"type": "namespace"}, {"type": "cluster", "namespaces": ["kafka"]}):
        with pytest.raises(account.eks.exceptions.InvalidParameterException, match="Namespaces must be given"):
            account.eks.associate_access_policy(**named, accessScope=wrong)
    scope = {"type": "namespace", "namespaces": ["kafka"]}
    account.eks.associate_access_policy(**named, accessScope=scope)
    (policy,) = account.eks.list_associated_access_policies(clusterName="kafka", principalArn=principal)[
        "associatedAccessPolicies"
    ]
    assert policy["accessScope"] == scope
    entry = eks_backends["123456789012"]["us-west-2"].clusters["kafka"].entries[principal]
    assert groups(entry) == []
    account.eks.associate_access_policy(**named, accessScope=EVERYWHERE)
    assert groups(entry) == ["eks-access-policy:AmazonEKSClusterAdminPolicy"]


def test_access_entries_do_not_count_under_config_map(account):
    account.make_cluster(accessConfig={"authenticationMode": "CONFIG_MAP"})
    with pytest.raises(account.eks.exceptions.InvalidRequestException, match="API_AND_CONFIG_MAP"):
        account.eks.create_access_entry(clusterName="kafka", principalArn=account.role)


def test_pod_identity_associations(account):
    account.make_cluster()
    named = {"clusterName": "kafka", "namespace": "kafka", "serviceAccount": "broker"}
    made = account.eks.create_pod_identity_association(**named, roleArn=account.role)["association"]
    with pytest.raises(account.eks.exceptions.ResourceInUseException, match=made["associationId"]):
        account.eks.create_pod_identity_association(**named, roleArn=account.role)
    other = account.make_role("other")
    identifier = {"clusterName": "kafka", "associationId": made["associationId"]}
    account.eks.update_pod_identity_association(**identifier, roleArn=other)
    assert account.eks.describe_pod_identity_association(**identifier)["association"]["roleArn"] == other
    listed = account.eks.list_pod_identity_associations
    assert len(listed(**named)["associations"]) == 1
    assert listed(**{**named, "namespace": "other"})["associations"] == []
    account.eks.delete_pod_identity_association(**identifier)
    assert listed(clusterName="kafka")["associations"] == []
    with pytest.raises(account.eks.exceptions.InvalidParameterException, match="does not exist"):
        account.eks.create_pod_identity_association(**named, roleArn="arn:aws:iam::123456789012:role/none")
