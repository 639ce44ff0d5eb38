"""An emulated AWS account in which modules run in process."""

from __future__ import annotations

import functools
import importlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import botocore.client
import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.loaders import JSONFileLoader
from moto import mock_aws

import lab.aws  # noqa: F401

REGION = "us-west-2"
Result = dict[str, Any]


class Killed(BaseException):
    """What a SIGKILL does to a module: nothing after it happens, and nobody is told."""


class Account:
    """One account: runs modules as its deployer, and keeps what they asked of AWS."""

    def __init__(self, capsys: pytest.CaptureFixture[str]):
        self._capsys = capsys
        self.requests: list[str] = []
        self.sleeps: list[float] = []
        self.writes_left: int | None = None
        self.vpc = ""
        self.refuse: Callable[[str], Exception | None] = lambda operation: None
        self.ec2 = boto3.client("ec2", REGION)
        self.eks = boto3.client("eks", REGION)
        self.iam = boto3.client("iam", REGION)
        self.logs = boto3.client("logs", REGION)
        self.id = boto3.client("sts", REGION).get_caller_identity()["Account"]
        self.deployer = self.make_role("platform-engineer", "/people/")
        self._credentials: dict[str, str] = {}
        self.become(self.deployer)

    def make_role(self, name: str, path: str = "/") -> str:
        role = self.iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument="{}")
        return str(role["Role"]["Arn"])

    def make_network(self, zones: str = "ab") -> None:
        """As much of a network as a cluster needs, found by its tags."""
        self.vpc = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate(zones):
            self.make_subnet("intra", f"10.1.{number}.0/24", zone)
            self.make_subnet("private", f"10.1.{128 + number}.0/24", zone)

    def make_subnet(self, kind: str, cidr: str, zone: str) -> None:
        tags = [{"Key": "kafka-eks/cluster", "Value": "demo"}, {"Key": "kafka-eks/subnet", "Value": kind}]
        self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=cidr,
            AvailabilityZone=REGION + zone,
            TagSpecifications=[{"ResourceType": "subnet", "Tags": tags}],
        )

    def subnets(self, kind: str) -> list[str]:
        found = self.ec2.describe_subnets(Filters=[{"Name": "tag:kafka-eks/subnet", "Values": [kind]}])["Subnets"]
        return sorted(subnet["SubnetId"] for subnet in found)

    def make_cluster(self) -> None:
        """A running cluster 'demo' of ours."""
        self.make_network()
        self.eks.create_cluster(
            name="demo",
            version="1.35",
            roleArn=self.make_role("control-plane"),
            resourcesVpcConfig={"subnetIds": self.subnets("intra")},
            accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
            tags={"kafka-eks/cluster": "demo"},
        )
        self.eks.get_waiter("cluster_active").wait(name="demo", WaiterConfig={"Delay": 0})

    def become(self, role_arn: str) -> None:
        sts = boto3.client("sts", REGION)
        found = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        self._credentials = {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "session_token": found["SessionToken"],
        }

    def run(self, module: str, check: bool = False, **arguments: Any) -> Result:
        """One run of a module; its result, failed or not."""
        main = importlib.import_module(f"ansible_collections.streamops.kafka_eks.plugins.modules.{module}").main
        self.requests.clear()
        given = {
            "region": REGION,
            **self._credentials,
            **arguments,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
        }
        self._capsys.readouterr()
        with patch_module_args(given), pytest.raises(SystemExit):
            main()
        return dict(json.loads(self._capsys.readouterr().out))

    def finish(self, module: str, **arguments: Any) -> Result:
        """Run a module until nothing is in progress, as its action plugin does; the last result."""
        for _ in range(20):
            result = self.run(module, **arguments)
            if result.get("failed") or not result["in_progress"]:
                return result
        raise AssertionError(f"{module} is still in progress: {result['progress']}")

    @property
    def writes(self) -> list[str]:
        return [name for name in self.requests if not name.startswith(("Describe", "Get", "List"))]


read_once = functools.cache(JSONFileLoader().load_file)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Account]:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # it takes long, and no test needs them
    # Each run of a module is a session of its own, which would read botocore's models of the services anew.
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda loader, path: read_once(path))
    original = botocore.client.BaseClient._make_api_call

    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        account = Account(capsys)

        def watched(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
            account.requests.append(operation)
            if account.writes_left is not None and len(account.writes) > account.writes_left:
                raise Killed
            if refusal := account.refuse(operation):
                raise refusal
            return original(client, operation, arguments)

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", watched)
        monkeypatch.setattr(time, "sleep", account.sleeps.append)
        yield account
