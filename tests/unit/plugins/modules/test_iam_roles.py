from __future__ import annotations

import json

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
KEY = "arn:aws:kms:us-west-2:111122223333:key/k"
OWN = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY}]}
ROLE = {
    "name": "demo-cluster",
    "description": "Control plane",
    "trust_policy": TRUST,
    "policies": ["AmazonEKSClusterPolicy"],
    "inline_policies": {"key": OWN},
}
NODE = {"name": "demo-node", "trust_policy": TRUST, "policies": ["AmazonEKSWorkerNodePolicy"]}
DEMO = {"cluster_name": "demo", "roles": [ROLE, NODE]}
CLUSTER_POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"


def attached(aws, name="demo-cluster"):
    found = aws.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return [policy["PolicyArn"] for policy in found]


def role(aws):
    return aws.iam.get_role(RoleName="demo-cluster")["Role"]


def inline(aws, name="demo-cluster"):
    names = aws.iam.list_role_policies(RoleName=name)["PolicyNames"]
    return {policy: aws.iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"] for policy in names}


def test_roles_are_planned_made_and_left_alone(aws):
    shown = aws.run("iam_roles", check=True, **DEMO)
    assert shown["changed"]
    assert shown["roles"] == {"demo-cluster": None, "demo-node": None}
    assert aws.writes == []
    made = aws.run("iam_roles", account_id=aws.id, **DEMO)
    assert made["roles"]["demo-node"] == f"arn:aws:iam::{aws.id}:role/kafka-eks/us-west-2/demo/demo-node"
    assert (attached(aws), inline(aws)) == ([CLUSTER_POLICY], {"key": OWN})
    assert (role(aws)["AssumeRolePolicyDocument"], role(aws)["Description"]) == (TRUST, "Control plane")
    assert "PermissionsBoundary" not in role(aws)
    again = aws.run("iam_roles", **DEMO)
    assert not again["changed"]
    assert again["roles"] == made["roles"]
    assert len(aws.requests) == 8


@pytest.mark.parametrize("writes", range(1, 5))
def test_a_run_that_was_killed_is_finished_by_the_next(aws, writes):
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run("iam_roles", **DEMO)
    aws.writes_left = None
    assert aws.run("iam_roles", **DEMO)["changed"]
    assert not aws.run("iam_roles", **DEMO)["changed"]
    assert attached(aws, "demo-node") == ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"]
    assert inline(aws) == {"key": OWN}


def trust_somebody(iam):
    other = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "ec2.amazonaws.com"}}]}
    iam.update_assume_role_policy(RoleName="demo-cluster", PolicyDocument=json.dumps(other))


def write(iam, name, action):
    document = {**OWN, "Statement": [{**OWN["Statement"][0], "Action": action}]}
    iam.put_role_policy(RoleName="demo-cluster", PolicyName=name, PolicyDocument=json.dumps(document))


DRIFTS = {
    "policy detached": lambda iam: iam.detach_role_policy(RoleName="demo-cluster", PolicyArn=CLUSTER_POLICY),
    "policy attached": lambda iam: iam.attach_role_policy(RoleName="demo-cluster", PolicyArn=ADMINISTRATOR),
    "trust policy": trust_somebody,
    "inline policy written": lambda iam: write(iam, "rogue", "*"),
    "inline policy changed": lambda iam: write(iam, "key", "kms:*"),
    "inline policy deleted": lambda iam: iam.delete_role_policy(RoleName="demo-cluster", PolicyName="key"),
    "boundary removed": lambda iam: iam.delete_role_permissions_boundary(RoleName="demo-cluster"),
    "boundary changed": lambda iam: iam.put_role_permissions_boundary(
        RoleName="demo-cluster", PermissionsBoundary=ADMINISTRATOR
    ),
    "description": lambda iam: iam.update_role(RoleName="demo-cluster", Description="", MaxSessionDuration=3600),
    "session duration": lambda iam: iam.update_role(
        RoleName="demo-cluster", Description="Control plane", MaxSessionDuration=43200
    ),
    "tag changed": lambda iam: iam.tag_role(RoleName="demo-cluster", Tags=[{"Key": "team", "Value": "theirs"}]),
    "tag removed": lambda iam: iam.untag_role(RoleName="demo-cluster", TagKeys=["team"]),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_is_shown_and_put_right(aws, drift):
    bounded = {**DEMO, "permissions_boundary": BOUNDARY, "tags": {"team": "data"}}
    made = aws.run("iam_roles", **bounded)
    DRIFTS[drift](aws.iam)
    shown = aws.run("iam_roles", check=True, **bounded)
    assert shown["changed"]
    assert shown["diff"]["before"]["demo-cluster"] != shown["diff"]["after"]["demo-cluster"]
    assert aws.writes == []
    assert aws.run("iam_roles", **bounded)["changed"]
    assert len(aws.writes) == 1
    again = aws.run("iam_roles", **bounded)
    assert not again["changed"]
    assert again["diff"]["before"] == made["diff"]["after"]
    assert (attached(aws), inline(aws)) == ([CLUSTER_POLICY], {"key": OWN})
    assert role(aws)["AssumeRolePolicyDocument"] == TRUST


def test_a_boundary_that_somebody_has_set_is_kept(aws):
    aws.run("iam_roles", **DEMO)
    aws.iam.put_role_permissions_boundary(RoleName="demo-cluster", PermissionsBoundary=BOUNDARY)
    assert not aws.run("iam_roles", **DEMO)["changed"]


def test_another_order_of_a_document_is_no_change(aws):
    aws.run("iam_roles", **DEMO)
    single = {"Version": "2012-10-17", "Statement": {**OWN["Statement"][0], "Resource": [KEY]}}
    assert not aws.run("iam_roles", cluster_name="demo", roles=[{**ROLE, "inline_policies": {"key": single}}])[
        "changed"
    ]


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
        pytest.param({"max_session_duration": 60}, "of 60 seconds, IAM takes 3600 to 43200", id="short session"),
        pytest.param({"policies": ["NoSuchPolicy"]}, "NoSuchEntity", id="unknown policy"),
    ],
)
def test_bad_input_is_refused(aws, role, message):
    assert message in aws.run("iam_roles", cluster_name="demo", roles=[{**ROLE, **role}])["msg"]


def test_roles_are_removed_with_what_hangs_on_them(aws):
    aws.run("iam_roles", **DEMO)
    aws.iam.put_role_policy(RoleName="demo-node", PolicyName="rogue", PolicyDocument=json.dumps(OWN))
    aws.iam.create_instance_profile(InstanceProfileName="theirs")
    aws.iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName="demo-node")
    gone = {"cluster_name": "demo", "roles": [{"name": "demo-cluster"}, {"name": "demo-node"}], "state": "absent"}
    shown = aws.run("iam_roles", check=True, **gone)
    assert shown["changed"]
    assert "rogue" in shown["diff"]["before"]["demo-node"]["inline_policies"]
    assert aws.writes == []
    assert aws.run("iam_roles", **gone)["changed"]
    assert aws.iam.list_roles(PathPrefix="/kafka-eks/")["Roles"] == []
    assert not aws.run("iam_roles", **gone)["changed"]
