from __future__ import annotations

from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws
from werkzeug.test import Client

from lab import pod_identity

REGION = "us-west-2"
KARPENTER = ("kube-system", "karpenter")


@pytest.fixture
def eks():
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        ec2, iam, eks = (boto3.client(name, REGION) for name in ("ec2", "iam", "eks"))
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=REGION + zone)["Subnet"][
                "SubnetId"
            ]
            for n, zone in enumerate("ab")
        ]
        role = iam.create_role(RoleName="controller", Path="/k/", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        eks.create_cluster(name="kafka", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
        eks.describe_cluster(name="kafka")
        eks.create_addon(clusterName="kafka", addonName="eks-pod-identity-agent")
        eks.create_pod_identity_association(
            clusterName="kafka", namespace=KARPENTER[0], serviceAccount=KARPENTER[1], roleArn=role
        )
        yield eks


def ask(account: tuple[str, str] | None = KARPENTER, cluster: str | None = "kafka"):
    api = SimpleNamespace(service_account_of=lambda token, audience: account if (token, audience) == TOKEN else None)
    plane = SimpleNamespace(api=api if cluster else None, cluster=cluster)
    client = Client(pod_identity.agent(plane, REGION))  # type: ignore[arg-type]
    return client.get("/v1/credentials", headers={"Authorization": TOKEN[0]})


TOKEN = ("token", "pods.eks.amazonaws.com")


def test_a_pod_acts_as_the_role_of_its_service_account(eks):
    given = ask().json
    sts = boto3.client(
        "sts",
        REGION,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["Token"],
    )
    assert sts.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/controller/eks-kafka-karpenter"
    assert given["Expiration"].endswith("Z")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        pytest.param({"account": ("default", "web")}, "service account default/web has no pod identity", id="no role"),
        pytest.param({"account": None}, "the token is not one of this cluster's service accounts", id="token"),
        pytest.param({"cluster": None}, "the token is not one of this cluster's service accounts", id="no cluster"),
    ],
)
def test_nobody_else_gets_credentials(eks, asked, reason):
    answer = ask(**asked)
    assert answer.status_code == 404
    assert reason in answer.text


def test_without_the_add_on_there_is_no_agent(eks):
    eks.delete_addon(clusterName="kafka", addonName="eks-pod-identity-agent")
    eks.list_addons(clusterName="kafka")
    assert "does not have the add-on eks-pod-identity-agent" in ask().text
