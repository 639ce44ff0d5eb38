from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

BROKER = {"namespace": "kafka", "service_account": "broker", "role": "kafka"}
METRICS = {"namespace": "monitoring", "service_account": "prometheus", "role": "prometheus"}
DEMO = {"cluster_name": "demo", "associations": [BROKER, METRICS]}
MODULE = "eks_pod_identity_associations"


@pytest.fixture
def ready(aws):
    """An account with a running cluster and two roles."""
    aws.make_cluster()
    for role in ("kafka", "prometheus"):
        aws.make_role(role, "/kafka-eks/us-west-2/demo/")
    return aws


def associations(aws):
    listed = aws.eks.list_pod_identity_associations(clusterName="demo")["associations"]
    found = [
        aws.eks.describe_pod_identity_association(clusterName="demo", associationId=each["associationId"])[
            "association"
        ]
        for each in listed
    ]
    return {f"{each['namespace']}/{each['serviceAccount']}": each for each in found}


def make(aws, role, account="broker", **more):
    made = aws.eks.create_pod_identity_association(
        clusterName="demo", namespace="kafka", serviceAccount=account, roleArn=role, **more
    )
    return made["association"]["associationId"]


def test_an_empty_account_is_planned_and_nothing_is_made(aws):
    result = aws.run(MODULE, check=True, **DEMO)
    assert result["changed"]
    tags = {"kafka-eks/cluster": "demo"}
    assert result["diff"] == {
        "before": {},
        "after": {
            "kafka/broker": {"role": "kafka", "tags": tags},
            "monitoring/prometheus": {"role": "prometheus", "tags": tags},
        },
    }
    assert aws.writes == []


def test_associations_are_made_and_then_left_alone(ready):
    result = ready.run(MODULE, account_id=ready.id, tags={"team": "a"}, **DEMO)
    assert result["changed"]
    made = associations(ready)
    assert result["roles"] == {key: each["roleArn"] for key, each in made.items()}
    assert made["kafka/broker"]["roleArn"].endswith(":role/kafka-eks/us-west-2/demo/kafka")
    assert made["kafka/broker"]["tags"] == {"kafka-eks/cluster": "demo", "team": "a"}
    again = ready.run(MODULE, **DEMO)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert len(ready.requests) == 5  # the caller, the cluster, the list, and each: no role is asked for


@pytest.mark.parametrize("writes", [0, 1])
def test_a_killed_run_is_finished_by_the_next(ready, writes):
    ready.writes_left = writes
    with pytest.raises(BaseException, match=r"^$"):
        ready.run(MODULE, **DEMO)
    ready.writes_left = None
    assert ready.run(MODULE, **DEMO)["changed"]
    assert len(ready.writes) == 2 - writes
    assert not ready.run(MODULE, **DEMO)["changed"]


def wrong_role(aws, identifier):
    aws.eks.update_pod_identity_association(
        clusterName="demo", associationId=identifier, roleArn=aws.make_role("other")
    )


def untagged(aws, identifier):
    arn = aws.eks.describe_pod_identity_association(clusterName="demo", associationId=identifier)["association"]
    aws.eks.untag_resource(resourceArn=arn["associationArn"], tagKeys=["kafka-eks/cluster"])


def gone(aws, identifier):
    aws.eks.delete_pod_identity_association(clusterName="demo", associationId=identifier)


@pytest.mark.parametrize("drift", [wrong_role, untagged, gone])
def test_drift_is_shown_and_repaired(ready, drift):
    ready.run(MODULE, **DEMO)
    before = {key: (each["roleArn"], each["tags"]) for key, each in associations(ready).items()}
    drift(ready, associations(ready)["kafka/broker"]["associationId"])
    shown = ready.run(MODULE, check=True, **DEMO)
    assert shown["changed"]
    assert ready.writes == []
    assert shown["diff"]["before"].get("kafka/broker") != shown["diff"]["after"]["kafka/broker"]
    assert shown["diff"]["before"]["monitoring/prometheus"] == shown["diff"]["after"]["monitoring/prometheus"]
    assert ready.run(MODULE, **DEMO)["changed"]
    assert {key: (each["roleArn"], each["tags"]) for key, each in associations(ready).items()} == before
    assert not ready.run(MODULE, **DEMO)["changed"]


def test_one_that_was_made_by_hand_is_taken_over(ready):
    make(ready, ready.make_role("other"))
    assert ready.run(MODULE, **DEMO)["changed"]
    taken = associations(ready)["kafka/broker"]
    assert taken["roleArn"].endswith("/kafka")
    assert taken["tags"] == {"kafka-eks/cluster": "demo"}


def test_a_role_of_another_account_can_be_the_target_and_be_taken_away(ready):
    target = "arn:aws:iam::210987654321:role/reports"
    with_target = {
        "cluster_name": "demo",
        "associations": [{**BROKER, "target_role": target, "disable_session_tags": True}],
    }
    ready.run(MODULE, **with_target)
    made = associations(ready)["kafka/broker"]
    assert (made["targetRoleArn"], made["disableSessionTags"]) == (target, True)
    assert not ready.run(MODULE, **with_target)["changed"]
    left = {"cluster_name": "demo", "associations": [BROKER]}
    assert not ready.run(MODULE, **left)["changed"]
    without = {"cluster_name": "demo", "associations": [{**BROKER, "target_role": ""}]}
    assert ready.run(MODULE, **without)["changed"]
    assert not associations(ready)["kafka/broker"].get("targetRoleArn")
    assert not ready.run(MODULE, **without)["changed"]


def test_only_our_own_are_purged(ready):
    role = ready.make_role("other")
    make(ready, role, "alice")
    make(ready, role, "old", tags={"kafka-eks/cluster": "demo"})
    ready.eks.create_addon(
        clusterName="demo",
        addonName="vpc-cni",
        podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": role}],
    )
    ready.run(MODULE, **DEMO)
    assert "kafka/old" in associations(ready)
    shown = ready.run(MODULE, check=True, purge=True, **DEMO)
    assert shown["diff"]["before"].keys() - shown["diff"]["after"].keys() == {"kafka/old"}
    ready.run(MODULE, purge=True, **DEMO)
    assert ready.writes == ["DeletePodIdentityAssociation"]
    assert associations(ready).keys() == {
        "kafka/broker",
        "monitoring/prometheus",
        "kafka/alice",
        "kube-system/aws-node",
    }
    assert not ready.run(MODULE, purge=True, **DEMO)["changed"]


def test_those_of_add_ons_are_refused_and_never_removed(ready):
    role = ready.make_role("other")
    ready.eks.create_addon(
        clusterName="demo",
        addonName="vpc-cni",
        podIdentityAssociations=[{"serviceAccount": "aws-node", "roleArn": role}],
    )
    theirs = {"cluster_name": "demo", "associations": [{"namespace": "kube-system", "service_account": "aws-node"}]}
    result = ready.run(MODULE, **{**theirs, "associations": [{**theirs["associations"][0], "role": "kafka"}]})
    assert result["msg"] == (
        "Pod identity association of 'kube-system/aws-node' in EKS cluster 'demo' belongs to the add-on 'vpc-cni', so it is left "
        "alone: give the role as pod_identity of that add-on (eks_addons), or take the service account out of this list."
    )
    assert not ready.run(MODULE, state="absent", **theirs)["changed"]
    assert associations(ready).keys() == {"kube-system/aws-node"}


def test_they_are_removed(ready):
    ready.run(MODULE, **DEMO)
    gone_ones = {"cluster_name": "demo", "state": "absent", "associations": [{**BROKER, "role": None}]}
    shown = ready.run(MODULE, check=True, **gone_ones)
    assert list(shown["diff"]["before"]) == ["kafka/broker"]
    assert ready.run(MODULE, **gone_ones)["changed"]
    assert associations(ready).keys() == {"monitoring/prometheus"}
    assert not ready.run(MODULE, **gone_ones)["changed"]


def test_where_there_is_no_cluster(aws):
    assert not aws.run(MODULE, state="absent", **DEMO)["changed"]
    result = aws.run(MODULE, **DEMO)
    assert result["msg"] == "EKS cluster 'demo' is not there: make the cluster before its associations."


def test_the_cluster_of_somebody_else_is_left_alone(ready):
    arn = ready.eks.describe_cluster(name="demo")["cluster"]["arn"]
    ready.eks.untag_resource(resourceArn=arn, tagKeys=["kafka-eks/cluster"])
    result = ready.run(MODULE, **DEMO)
    assert "exists, but was not made by this collection" in result["msg"]
    assert ready.writes == []


def test_a_role_that_is_not_there_is_refused_before_anything_is_made(ready):
    result = ready.run(MODULE, cluster_name="demo", associations=[METRICS, {**BROKER, "role": "none"}])
    assert result["msg"] == "IAM role 'none' is not there: make it first, or name another one."
    assert ready.writes == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("AccessDeniedException", "allow eks:CreatePodIdentityAssociation to arn:aws:sts", id="denied"),
        pytest.param("ThrottlingException", "run again later: it goes on where it stopped", id="throttled"),
        pytest.param("ResourceLimitExceededException", "have the quota raised", id="quota"),
        pytest.param("ExpiredTokenException", "get new credentials and run again", id="expired"),
    ],
)
def test_what_aws_refuses_is_told_with_the_remedy(ready, code, message):
    def refuse(operation):
        if operation == "CreatePodIdentityAssociation":
            return ClientError({"Error": {"Code": code, "Message": "So it is."}}, operation)
        return None

    ready.refuse = refuse
    result = ready.run(MODULE, **DEMO)
    assert message in result["msg"]
    assert result["code"] == code
