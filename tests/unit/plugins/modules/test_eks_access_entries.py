from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

POLICY = "arn:aws:eks::aws:cluster-access-policy/"
ADMIN, VIEW = POLICY + "AmazonEKSClusterAdminPolicy", POLICY + "AmazonEKSViewPolicy"
EVERYWHERE = {"type": "cluster", "namespaces": []}
DEPLOYER = {"principal": "caller", "policies": [{"policy": "AmazonEKSClusterAdminPolicy"}]}
DEMO = {"cluster_name": "demo", "entries": [DEPLOYER]}
OWNED = {"kafka-eks/cluster": "demo"}
MODULE = "eks_access_entries"


def policies(aws, principal):
    found = aws.eks.list_associated_access_policies(clusterName="demo", principalArn=principal)
    return {policy["policyArn"]: policy["accessScope"] for policy in found["associatedAccessPolicies"]}


def described(aws, principal):
    return aws.eks.describe_access_entry(clusterName="demo", principalArn=principal)["accessEntry"]


def principals(aws):
    return aws.eks.list_access_entries(clusterName="demo")["accessEntries"]


def refusing(operation, code, message="So it is."):
    def refuse(asked):
        if asked == operation:
            return ClientError({"Error": {"Code": code, "Message": message}}, operation)
        return None

    return refuse


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
    result = aws.run(MODULE, account_id=aws.id, **DEMO)
    assert result["changed"]
    assert result["principals"] == [arn]
    assert arn.endswith(f":role{path}{role}")
    assert policies(aws, arn) == {ADMIN: EVERYWHERE}
    again = aws.run(MODULE, **DEMO)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]
    # The caller, the cluster, the list, the entry and its policies: who the caller is, is seen in the list.
    assert sorted(aws.requests) == [
        "DescribeAccessEntry",
        "DescribeCluster",
        "GetCallerIdentity",
        "ListAccessEntries",
        "ListAssociatedAccessPolicies",
    ]


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    node = f"arn:aws:iam::{aws.id}:role/kafka-eks/us-west-2/demo/not-there-yet"
    result = aws.run(
        MODULE, check=True, cluster_name="demo", entries=[DEPLOYER, {"principal": node, "type": "EC2_LINUX"}]
    )
    assert result["changed"]
    assert result["diff"] == {
        "before": {},
        "after": {
            aws.deployer: {"type": "STANDARD", "groups": [], "policies": {ADMIN: EVERYWHERE}, "tags": OWNED},
            node: {"type": "EC2_LINUX", "tags": OWNED},
        },
    }
    assert aws.writes == []


def test_without_a_cluster_the_remedy_is_named(aws):
    result = aws.run(MODULE, **DEMO)
    assert result["msg"] == "EKS cluster 'demo' is not there: make the cluster before its access entries."
    assert not aws.run(MODULE, state="absent", **DEMO)["changed"]


def test_the_cluster_of_somebody_else_is_left_alone(aws):
    aws.make_cluster()
    arn = aws.eks.describe_cluster(name="demo")["cluster"]["arn"]
    aws.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    result = aws.run(MODULE, **DEMO)
    assert "exists, but was not made by this collection" in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_entries_made_by_half_are_finished(aws, writes):
    aws.make_cluster()
    developers = aws.make_role("developers")
    entry = {"principal": developers, "groups": ["developers"], "policies": [{"policy": VIEW}]}
    two = {"cluster_name": "demo", "entries": [DEPLOYER, entry]}
    aws.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        aws.run(MODULE, **two)
    aws.writes_left = None
    assert aws.run(MODULE, **two)["changed"]
    assert policies(aws, aws.deployer) == {ADMIN: EVERYWHERE}
    assert policies(aws, developers) == {VIEW: EVERYWHERE}
    assert not aws.run(MODULE, **two)["changed"]


def other_groups(aws, arn):
    aws.eks.update_access_entry(clusterName="demo", principalArn=arn, kubernetesGroups=["admins"])


def other_name(aws, arn):
    aws.eks.update_access_entry(clusterName="demo", principalArn=arn, username="somebody")


def another_policy(aws, arn):
    aws.eks.associate_access_policy(
        clusterName="demo", principalArn=arn, policyArn=ADMIN, accessScope={"type": "cluster"}
    )


def no_policy(aws, arn):
    aws.eks.disassociate_access_policy(clusterName="demo", principalArn=arn, policyArn=VIEW)


def other_scope(aws, arn):
    aws.eks.associate_access_policy(
        clusterName="demo", principalArn=arn, policyArn=VIEW, accessScope={"type": "cluster"}
    )


def no_tag(aws, arn):
    aws.eks.untag_resource(resourceArn=described(aws, arn)["accessEntryArn"], tagKeys=["kafka-eks/cluster"])


def gone(aws, arn):
    aws.eks.delete_access_entry(clusterName="demo", principalArn=arn)


@pytest.mark.parametrize("drift", [other_groups, other_name, another_policy, no_policy, other_scope, no_tag, gone])
def test_drift_is_shown_and_repaired(aws, drift):
    aws.make_cluster()
    developers = aws.make_role("developers", "/people/")
    entry = {
        "principal": developers,
        "username": "developer",
        "groups": ["developers"],
        "policies": [{"policy": "AmazonEKSViewPolicy", "scope": "namespace", "namespaces": ["kafka"]}],
    }
    demo = {"cluster_name": "demo", "entries": [DEPLOYER, entry]}
    aws.run(MODULE, **demo)

    def state():
        found = described(aws, developers)
        return found["username"], found["kubernetesGroups"], found["tags"], policies(aws, developers)

    before = state()
    assert before == (
        "developer",
        ["developers"],
        OWNED,
        {VIEW: {"type": "namespace", "namespaces": ["kafka"]}},
    )
    drift(aws, developers)
    shown = aws.run(MODULE, check=True, **demo)
    assert shown["changed"]
    assert aws.writes == []
    difference = shown["diff"]
    assert [arn for arn, after in difference["after"].items() if difference["before"].get(arn) != after] == [developers]
    assert aws.run(MODULE, **demo)["changed"]
    assert state() == before
    assert not aws.run(MODULE, **demo)["changed"]


def test_a_name_that_is_not_given_is_left_to_eks(aws):
    aws.make_cluster()
    aws.run(MODULE, **DEMO)
    other_name(aws, aws.deployer)
    assert not aws.run(MODULE, **DEMO)["changed"]
    assert described(aws, aws.deployer)["username"] == "somebody"


def test_the_entries_of_nodes_are_made_without_groups_and_policies(aws):
    aws.make_cluster()
    node = aws.make_role("node")
    nodes = {"cluster_name": "demo", "entries": [{"principal": node, "type": "EC2_LINUX"}]}
    assert aws.run(MODULE, **nodes)["changed"]
    assert described(aws, node)["kubernetesGroups"] == ["system:nodes"]
    assert not aws.run(MODULE, **nodes)["changed"]
    result = aws.run(MODULE, cluster_name="demo", entries=[{"principal": node}])
    assert "has the type EC2_LINUX and STANDARD is wanted, which EKS cannot change" in result["msg"]
    assert aws.writes == []


@pytest.mark.parametrize("kind", ["EC2", "EC2_WINDOWS", "FARGATE_LINUX"])
def test_there_are_other_kinds_of_nodes(aws, kind):
    aws.make_cluster()
    given = {"principal": aws.make_role("node"), "type": kind}
    if kind == "EC2":
        given["policies"] = [{"policy": "AmazonEKSAutoNodePolicy"}]
    nodes = {"cluster_name": "demo", "entries": [given]}
    assert aws.run(MODULE, **nodes)["changed"]
    assert described(aws, given["principal"])["type"] == kind
    assert not aws.run(MODULE, **nodes)["changed"]


@pytest.fixture
def crowded(aws):
    """A cluster with an entry of the deployer, of Alice, of nodes, and of a service of AWS."""
    aws.make_cluster()
    aws.run(MODULE, **DEMO)
    for name, path in {
        "alice": "/",
        "node": "/",
        "AWSServiceRoleForSomething": "/aws-service-role/something.amazonaws.com/",
    }.items():
        kind = "EC2_LINUX" if name == "node" else "STANDARD"
        aws.eks.create_access_entry(clusterName="demo", principalArn=aws.make_role(name, path), type=kind)
    return aws


def role(aws, name):
    return f"arn:aws:iam::{aws.id}:role/{name}"


def test_other_entries_are_left_and_named(crowded):
    result = crowded.run(MODULE, **DEMO)
    assert not result["changed"]
    assert result["others"] == [role(crowded, "alice"), role(crowded, "node")]


def test_only_entries_of_other_people_are_purged(crowded):
    nobody = {"cluster_name": "demo", "entries": [], "purge": True}
    shown = crowded.run(MODULE, check=True, **nobody)
    assert shown["diff"]["before"].keys() == {role(crowded, "alice")}
    assert shown["diff"]["after"] == {}
    before = principals(crowded)
    result = crowded.run(MODULE, **nobody)
    assert result["changed"]
    assert crowded.writes == ["DeleteAccessEntry"]
    assert set(before) - set(principals(crowded)) == {role(crowded, "alice")}
    assert result["others"] == [role(crowded, "node"), crowded.deployer]
    assert not crowded.run(MODULE, **nobody)["changed"]


def test_entries_are_removed(crowded):
    leaving = {"cluster_name": "demo", "state": "absent", "entries": [{"principal": role(crowded, "alice")}]}
    shown = crowded.run(MODULE, check=True, **leaving)
    assert shown["diff"]["before"].keys() == {role(crowded, "alice")}
    assert crowded.run(MODULE, **leaving)["changed"]
    assert role(crowded, "alice") not in principals(crowded)
    assert not crowded.run(MODULE, **leaving)["changed"]


def test_many_entries_are_read_side_by_side_and_made_in_order(aws):
    aws.make_cluster()
    entries = [{"principal": aws.make_role(f"team-{number}"), "policies": [{"policy": VIEW}]} for number in range(20)]
    assert aws.run(MODULE, cluster_name="demo", entries=entries)["changed"]
    assert aws.sleeps == []  # no policy came before its entry
    assert len(aws.writes) == 40
    assert not aws.run(MODULE, cluster_name="demo", entries=entries)["changed"]
    assert len(aws.requests) == 3 + 2 * 20


def test_eks_gets_time_to_hear_of_a_role_that_was_just_made(aws):
    aws.make_cluster()
    refusals = iter(["InvalidParameterException"] * 2)

    def refuse(operation):
        code = next(refusals, None) if operation == "CreateAccessEntry" else None
        return ClientError({"Error": {"Code": code, "Message": "invalid principal"}}, operation) if code else None

    aws.refuse = refuse
    assert aws.run(MODULE, **DEMO)["changed"]
    assert len(aws.sleeps) == 2


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param([{"principal": "deploy"}], "is not the ARN of an IAM role or user", id="name"),
        pytest.param(
            [{"principal": "arn:aws:sts::123456789012:assumed-role/deploy/me"}],
            "does not take ARNs of STS",
            id="session",
        ),
        pytest.param(
            [{**DEPLOYER, "policies": [{"policy": "NoSuchPolicy"}]}],
            "which EKS does not know; it has AmazonEKSAdmin",
            id="policy",
        ),
        pytest.param(
            [DEPLOYER, {"principal": "arn:aws:iam::123456789012:role/people/platform-engineer"}],
            "is in the list more than once (caller counts too)",
            id="the caller twice",
        ),
        pytest.param(
            [DEPLOYER, {"principal": "arn:aws:iam::123456789012:role/platform-engineer"}],
            "platform-engineer is: give the ARN with its path",
            id="path left out",
        ),
        pytest.param(
            [DEPLOYER, {"principal": "arn:aws:iam::123456789012:user/nobody"}],
            "is not there, so it cannot have",
            id="nobody",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_done(aws, entries, message):
    aws.make_cluster()
    result = aws.run(MODULE, cluster_name="demo", entries=entries)
    assert message in result["msg"]
    assert aws.writes == []


def test_who_may_not_look_up_its_own_role_is_told_what_to_do(aws):
    aws.make_cluster()
    aws.refuse = refusing("GetRole", "AccessDenied", "not authorized")
    result = aws.run(MODULE, **DEMO)
    assert "AWS refused iam:GetRole with AccessDenied" in result["msg"]
    assert "Or name the ARN of the role, with its path, as principal in the place of caller." in result["msg"]
    assert aws.run(MODULE, cluster_name="demo", entries=[{**DEPLOYER, "principal": aws.deployer}])["changed"]
    assert not aws.run(MODULE, **DEMO)["changed"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("AccessDeniedException", "allow eks:CreateAccessEntry to arn:aws:sts", id="denied"),
        pytest.param("ThrottlingException", "run again later: it goes on where it stopped", id="throttled"),
        pytest.param("ResourceLimitExceededException", "have the quota raised", id="quota"),
    ],
)
def test_what_aws_refuses_is_told_with_the_remedy(aws, code, message):
    aws.make_cluster()
    aws.refuse = refusing("CreateAccessEntry", code)
    result = aws.run(MODULE, **DEMO)
    assert message in result["msg"]
    assert result["code"] == code
