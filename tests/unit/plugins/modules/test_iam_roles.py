from __future__ import annotations

import json

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ROLE = {"name": "demo-cluster", "trust_policy": TRUST, "policies": ["AmazonEKSClusterPolicy"]}
NODE = {"name": "demo-node", "trust_policy": TRUST, "policies": ["AmazonEKSWorkerNodePolicy"]}
DEMO = {"cluster_name": "demo", "roles": [ROLE, NODE]}
CLUSTER_POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"


def attached(aws, name="demo-cluster"):
    found = aws.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return [policy["PolicyArn"] for policy in found]


def test_roles_are_planned_made_and_left_alone(aws):
    shown = aws.run("iam_roles", check=True, **DEMO)
    assert shown["changed"]
    assert shown["roles"] == {"demo-cluster": None, "demo-node": None}
    assert aws.writes == []
    made = aws.run("iam_roles", account_id=aws.id, **DEMO)
    assert made["roles"]["demo-node"] == f"arn:aws:iam::{aws.id}:role/kafka-eks/us-west-2/demo/demo-node"
    assert attached(aws) == [CLUSTER_POLICY]
    assert aws.iam.get_role(RoleName="demo-cluster")["Role"]["AssumeRolePolicyDocument"] == TRUST
    again = aws.run("iam_roles", **DEMO)
    assert not again["changed"]
    assert again["roles"] == made["roles"]
    assert len(aws.requests) == 5


@pytest.mark.parametrize("writes", [1, 3])
def test_a_run_that_was_killed_is_finished_by_the_next(aws, writes):
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("iam_roles", **DEMO)
    aws.writes_left = None
    assert aws.run("iam_roles", **DEMO)["changed"]
    assert not aws.run("iam_roles", **DEMO)["changed"]
    assert attached(aws, "demo-node") == ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"]


def detach(aws):
    aws.iam.detach_role_policy(RoleName="demo-cluster", PolicyArn=CLUSTER_POLICY)


def attach_another(aws):
    aws.iam.attach_role_policy(RoleName="demo-cluster", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def trust_somebody(aws):
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "ec2.amazonaws.com"}}]}
    aws.iam.update_assume_role_policy(RoleName="demo-cluster", PolicyDocument=json.dumps(other))


@pytest.mark.parametrize("drift", [detach, attach_another, trust_somebody])
def test_drift_is_shown_and_put_right(aws, drift):
    aws.run("iam_roles", **DEMO)
    drift(aws)
    assert aws.run("iam_roles", check=True, **DEMO)["changed"]
    assert aws.writes == []
    aws.run("iam_roles", **DEMO)
    assert attached(aws) == [CLUSTER_POLICY]
    assert aws.iam.get_role(RoleName="demo-cluster")["Role"]["AssumeRolePolicyDocument"] == TRUST


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_role_of_somebody_else_is_left_alone(aws, state):
    aws.make_role("demo-node", "/kafka-eks/us-west-2/demo/")
    result = aws.run("iam_roles", state=state, **DEMO)
    assert "IAM role 'demo-node' exists, but was not made for this cluster" in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize(
    ("role", "message"),
    [
        pytest.param({"trust_policy": None}, "has no trust_policy", id="no trust"),
        pytest.param({"name": "x" * 65}, "a name of 65 characters, IAM takes 64", id="long name"),
        pytest.param({"policies": ["NoSuchPolicy"]}, "NoSuchEntity", id="unknown policy"),
    ],
)
def test_bad_input_is_refused(aws, role, message):
    assert message in aws.run("iam_roles", cluster_name="demo", roles=[{**ROLE, **role}])["msg"]


def test_roles_are_removed_with_what_hangs_on_them(aws):
    aws.run("iam_roles", **DEMO)
    own = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
    aws.iam.put_role_policy(RoleName="demo-node", PolicyName="own", PolicyDocument=json.dumps(own))
    aws.iam.create_instance_profile(InstanceProfileName="theirs")
    aws.iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName="demo-node")
    gone = {"cluster_name": "demo", "roles": [{"name": "demo-cluster"}, {"name": "demo-node"}], "state": "absent"}
    assert aws.run("iam_roles", check=True, **gone)["changed"]
    assert aws.writes == []
    assert aws.run("iam_roles", **gone)["changed"]
    assert aws.iam.list_roles(PathPrefix="/kafka-eks/")["Roles"] == []
    assert not aws.run("iam_roles", **gone)["changed"]
