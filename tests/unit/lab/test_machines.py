from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from lab.aws import settings
from lab.aws.plane import Node
from lab.machines import Machines

REGION = "us-west-2"
STARTUP = {"key": "ebs.csi.aws.com/agent-not-ready", "effect": "NoExecute"}
UNREGISTERED = {"key": "karpenter.sh/unregistered", "effect": "NoExecute"}


def user_data(cluster: str = "kafka") -> str:
    """As Karpenter writes it."""
    config = {
        "spec": {
            "cluster": {"name": cluster},
            "kubelet": {
                "config": {"maxPods": 110, "registerWithTaints": [UNREGISTERED, STARTUP]},
                "flags": ['--node-labels="karpenter.sh/nodepool=broker,kafka-eks.streamops.io/pool=broker"'],
            },
        }
    }
    text = (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n\n--//\nContent-Type: application/node.eks.aws\n\n'
        f"# Karpenter Generated NodeConfig\n{yaml.safe_dump(config)}\n--//--\n"
    )
    return base64.b64encode(text.encode()).decode()


class FakeApi:
    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.going: set[str] = set()

    def launched_nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "spec": {"providerID": node.provider_id},
                "metadata": {"name": name, **({"deletionTimestamp": "now"} if name in self.going else {})},
            }
            for name, node in self.nodes.items()
        ]

    def register_node(self, node: Node) -> None:
        self.nodes[node.name] = node

    def delete_node(self, name: str) -> None:
        self.going.add(name)


class Lab:
    """A cluster whose machines EC2 launches by itself."""

    def __init__(self) -> None:
        self.ec2, self.iam, self.eks = (boto3.client(name, REGION) for name in ("ec2", "iam", "eks"))
        self.role = self.iam.create_role(RoleName="node", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        self.iam.create_instance_profile(InstanceProfileName="nodes")
        self.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=REGION + zone)["Subnet"][
                "SubnetId"
            ]
            for n, zone in enumerate("ab")
        ]
        self.eks.create_cluster(
            name="kafka",
            roleArn=self.role,
            resourcesVpcConfig={"subnetIds": self.subnets},
            accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        )
        self.eks.describe_cluster(name="kafka")
        self.api = FakeApi()
        self.control_plane = SimpleNamespace(api=self.api, cluster="kafka")
        self.machines = Machines(self.control_plane, REGION)  # type: ignore[arg-type]

    def admit(self) -> None:
        self.eks.create_access_entry(clusterName="kafka", principalArn=self.role, type="EC2_LINUX")

    def launch(self, cluster: str = "kafka", told: str = "kafka", profile: bool = True) -> str:
        name = "amazon-eks-node-al2023-arm64-standard-1.35-v20260101"
        (image,) = self.ec2.describe_images(Filters=[{"Name": "name", "Values": [name]}])["Images"]
        (instance,) = self.ec2.run_instances(
            ImageId=image["ImageId"],
            MinCount=1,
            MaxCount=1,
            InstanceType="r8g.4xlarge",
            SubnetId=self.subnets[0],
            UserData=base64.b64decode(user_data(told)).decode(),
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50}}],
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": "eks:eks-cluster-name", "Value": cluster}]}
            ],
        )["Instances"]
        if profile:
            self.ec2.associate_iam_instance_profile(
                InstanceId=instance["InstanceId"], IamInstanceProfile={"Name": "nodes"}
            )
        return str(instance["InstanceId"])

    @property
    def names(self) -> list[str]:
        return sorted(set(self.api.nodes) - self.api.going)


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield Lab()


def test_a_machine_joins_as_it_was_told_to(lab):
    lab.admit()
    machine = lab.launch()
    lab.machines.look()
    (node,) = lab.api.nodes.values()
    assert node.provider_id == f"aws:///us-west-2a/{machine}"
    assert node.labels == {
        "karpenter.sh/nodepool": "broker",
        "kafka-eks.streamops.io/pool": "broker",
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": "us-west-2a",
        "topology.k8s.aws/zone-id": "usw2-az2",
        "node.kubernetes.io/instance-type": "r8g.4xlarge",
        "kubernetes.io/arch": "arm64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": node.name,
    }
    assert node.capacity == {"cpu": "16", "memory": "131072Mi", "pods": "110", "ephemeral-storage": "50Gi"}
    assert node.taints == [UNREGISTERED, STARTUP]


def test_it_joins_once(lab):
    lab.admit()
    lab.launch()
    lab.machines.look()
    lab.api.nodes.update(dict.fromkeys(()))
    lab.machines.look()
    assert len(lab.api.nodes) == 1


def test_the_taint_that_an_add_on_takes_off_goes_where_there_is_the_add_on(lab):
    lab.admit()
    lab.eks.create_addon(clusterName="kafka", addonName="aws-ebs-csi-driver")
    lab.launch()
    lab.machines.look()
    (node,) = lab.api.nodes.values()
    assert node.taints == [UNREGISTERED]


@pytest.mark.parametrize(
    ("launch", "admitted", "reason"),
    [
        pytest.param(
            {}, False, "no access entry of the type EC2_LINUX for arn:aws:iam::123456789012:role/node", id="entry"
        ),
        pytest.param({"profile": False}, True, "it has no instance profile", id="profile"),
        pytest.param({"told": "another"}, True, "it is told to join another", id="cluster"),
    ],
)
def test_one_that_cannot_join_says_why_once(lab, caplog, launch, admitted, reason):
    if admitted:
        lab.admit()
    lab.launch(**launch)
    lab.machines.look()
    lab.machines.look()
    assert lab.api.nodes == {}
    (said,) = [record.message for record in caplog.records if "cannot join" in record.message]
    assert reason in said


def test_those_of_nobody_stay_outside(lab):
    lab.admit()
    lab.launch(cluster="another")
    lab.machines.look()
    assert lab.api.nodes == {}


def test_a_machine_takes_its_time(lab):
    lab.admit()
    settings.change(time_scale=1)
    lab.launch()
    lab.machines.look()
    assert lab.api.nodes == {}


def test_the_node_of_a_machine_that_has_ended_goes(lab):
    lab.admit()
    machine = lab.launch()
    lab.launch()
    lab.machines.look()
    gone = next(name for name, node in lab.api.nodes.items() if node.provider_id.endswith(machine))
    lab.ec2.terminate_instances(InstanceIds=[machine])
    lab.machines.look()
    assert lab.api.going == {gone}
    # Whoever holds it is waited for.
    lab.api.delete_node = lambda name: pytest.fail("it is deleted twice")
    lab.machines.look()


def test_without_a_control_plane_there_is_nothing_to_do(lab):
    lab.control_plane.api = None
    lab.launch()
    lab.machines.look()
