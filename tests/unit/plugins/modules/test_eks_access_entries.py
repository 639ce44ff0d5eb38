from __future__ import annotations

import pytest

ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
DEPLOYER = {"principal": "caller", "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}]}
DEMO = {"cluster_name": "demo", "entries": [DEPLOYER]}


def policies(aws, principal):
    found = aws.eks.list_associated_access_policies(clusterName="demo", principalArn=principal)
    return [policy["policyArn"] for policy in found["associatedAccessPolicies"]]


@pytest.mark.parametrize(
    ("role", "path"),
    [
        pytest.param("deploy", "/", id="role"),
        pytest.param("deploy", "/teams/platform/", id="role with a path"),
        pytest.param(
            "AWSReservedSSO_Admin_0123456789abcdef", "/aws-reserved/sso.amazonaws.com/us-west-2/", id="SSO role"
        ),
    ],
)
def test_the_caller_gets_an_entry_with_the_path_of_its_role(aws, role, path):
    aws.make_cluster()
    arn = aws.make_role(role, path)
    aws.become(arn)
    result = aws.run("eks_access_entries", account_id=aws.id, **DEMO)
    assert result["changed"]
    assert result["principals"] == [arn]
    assert arn.endswith(f":role{path}{role}")
    assert policies(aws, arn) == [ADMIN]
    again = aws.run("eks_access_entries", **DEMO)
    assert not again["changed"]
    assert aws.writes == []
    assert len(aws.requests) == 5


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run("eks_access_entries", check=True, **DEMO)
    assert result["changed"]
    assert result["diff"] == {
        "before": {},
        "after": {aws.deployer: {"groups": [], "policies": {ADMIN: {"type": "cluster", "namespaces": []}}}},
    }
    assert aws.writes == []


def test_without_a_cluster_the_remedy_is_named(aws):
    result = aws.run("eks_access_entries", **DEMO)
    assert result["msg"] == "EKS cluster 'demo' is not there: make the cluster before its access entries."


def test_an_entry_made_by_half_is_finished(aws):
    aws.make_cluster()
    aws.writes_left = 1
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("eks_access_entries", **DEMO)
    aws.writes_left = None
    assert policies(aws, aws.deployer) == []
    assert aws.run("eks_access_entries", **DEMO)["changed"]
    assert policies(aws, aws.deployer) == [ADMIN]


def test_policies_and_groups_become_those_of_the_list(aws):
    aws.make_cluster()
    aws.run("eks_access_entries", **DEMO)
    entry = {"principal": aws.deployer, "groups": ["readers"], "policies": [{"policy": VIEW}]}
    changed = {"cluster_name": "demo", "entries": [entry]}
    shown = aws.run("eks_access_entries", check=True, **changed)
    assert shown["changed"]
    assert aws.writes == []
    aws.run("eks_access_entries", **changed)
    assert policies(aws, aws.deployer) == [VIEW]
    found = aws.eks.describe_access_entry(clusterName="demo", principalArn=aws.deployer)["accessEntry"]
    assert found["kubernetesGroups"] == ["readers"]
    assert found["tags"] == {"kafka-eks/cluster": "demo"}
    assert not aws.run("eks_access_entries", **changed)["changed"]


def test_other_entries_are_left_and_named_but_not_those_of_nodes(aws):
    aws.make_cluster()
    alice, node = aws.make_role("alice"), aws.make_role("node")
    aws.eks.create_access_entry(clusterName="demo", principalArn=alice)
    aws.eks.create_access_entry(clusterName="demo", principalArn=node, type="EC2_LINUX")
    result = aws.run("eks_access_entries", **DEMO)
    assert result["unmanaged"] == [alice]
    assert set(aws.eks.list_access_entries(clusterName="demo")["accessEntries"]) == {alice, node, aws.deployer}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(
            {"principal": "arn:aws:sts::123456789012:assumed-role/deploy/me"}, "does not take ARNs of STS", id="session"
        ),
        pytest.param({"principal": "deploy"}, "is not the ARN of an IAM role or user", id="name"),
        pytest.param({"policies": [{"policy": VIEW, "scope": "namespace"}]}, "0 namespaces", id="no namespaces"),
        pytest.param({"policies": [{"policy": VIEW, "namespaces": ["kafka"]}]}, "1 namespaces", id="no scope"),
        pytest.param({"policies": [{"policy": "NoSuchPolicy"}]}, "The specified policyArn", id="unknown policy"),
    ],
)
def test_bad_input_is_refused(aws, entry, message):
    aws.make_cluster()
    result = aws.run("eks_access_entries", cluster_name="demo", entries=[{**DEPLOYER, **entry}])
    assert message in result["msg"]
