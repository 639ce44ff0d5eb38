"""An emulated account for each test, in process: what the tests of lab.aws share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lab.aws import plane

REGION = "us-west-2"


@dataclass
class Account:
    """An account with a role and a VPC of three zones, and its clients."""

    role: str = ""
    subnets: list[str] = field(default_factory=list)
    vpc: str = ""

    def __post_init__(self) -> None:
        self.eks = boto3.client("eks", REGION)
        self.ec2 = boto3.client("ec2", REGION)
        self.iam = boto3.client("iam", REGION)
        self.role = self.make_role("eks")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [self.make_subnet(number, zone) for number, zone in enumerate("abc")]

    def make_role(self, name: str, path: str = "/") -> str:
        role = self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument="{}")
        return str(role["Role"]["Arn"])

    def make_subnet(self, number: int, zone: str) -> str:
        subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=REGION + zone)
        return str(subnet["Subnet"]["SubnetId"])

    def begin_cluster(self, **options: Any) -> dict[str, Any]:
        defaults = {
            "name": "kafka",
            "roleArn": self.role,
            "resourcesVpcConfig": {"subnetIds": self.subnets},
            "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        }
        return dict(self.eks.create_cluster(**{**defaults, **options})["cluster"])

    def make_cluster(self, **options: Any) -> dict[str, Any]:
        self.begin_cluster(**options)
        return self.cluster()

    def cluster(self) -> dict[str, Any]:
        return dict(self.eks.describe_cluster(name="kafka")["cluster"])

    def begin_nodegroup(self, name: str = "broker", size: int = 3, **options: Any) -> dict[str, Any]:
        defaults = {
            "clusterName": "kafka",
            "nodegroupName": name,
            "nodeRole": self.role,
            "subnets": self.subnets,
            "instanceTypes": ["r8g.4xlarge"],
            "scalingConfig": {"minSize": 0, "maxSize": 9, "desiredSize": size},
        }
        return dict(self.eks.create_nodegroup(**{**defaults, **options})["nodegroup"])

    def make_nodegroup(self, name: str = "broker", size: int = 3, **options: Any) -> dict[str, Any]:
        self.begin_nodegroup(name, size, **options)
        return self.nodegroup(name)

    def nodegroup(self, name: str = "broker") -> dict[str, Any]:
        return dict(self.eks.describe_nodegroup(clusterName="kafka", nodegroupName=name)["nodegroup"])

    def instances(self) -> list[dict[str, Any]]:
        running = [{"Name": "instance-state-name", "Values": ["running"]}]
        reservations = self.ec2.describe_instances(Filters=running)["Reservations"]
        return [instance for reservation in reservations for instance in reservation["Instances"]]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # it takes long, and no test needs them
    with mock_aws(config={"core": {"reset_boto3_session": False}}):  # it has read the service models
        yield Account()


class FakePlane(plane.Record):
    """A control plane that does what the test says."""

    def __init__(self) -> None:
        self.ready = False
        self.gone = False
        self.failure: str | None = None
        self.refusal: str | None = None
        self.nodes_ready = False
        self.nodes: dict[str, list[plane.Node]] = {}

    def start(self, cluster: str) -> plane.Access:
        if self.refusal:
            raise plane.PlaneError(self.refusal)
        return plane.Access("https://127.0.0.1:17401", b"PEM", "10.96.0.0/16")

    def is_ready(self) -> bool:
        if self.failure:
            raise plane.PlaneError(self.failure)
        return self.ready

    def set_nodes(self, nodegroup: str, nodes: Sequence[plane.Node]) -> bool:
        self.nodes[nodegroup] = list(nodes)
        if self.failure:
            raise plane.PlaneError(self.failure)
        return self.nodes_ready

    def is_gone(self) -> bool:
        return self.gone


@pytest.fixture
def control_plane(monkeypatch: pytest.MonkeyPatch) -> FakePlane:
    fake = FakePlane()
    monkeypatch.setattr(plane, "current", fake)
    return fake
