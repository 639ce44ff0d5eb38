"""An emulated AWS account in which modules run in process, and the variables of roles as Ansible sees them."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible.template import trust_as_template
from botocore.loaders import JSONFileLoader
from moto import mock_aws

import lab.aws  # noqa: F401

REGION = "us-west-2"
Result = dict[str, Any]


class Killed(BaseException):
    """What a SIGKILL does to a module: nothing after it happens, and nobody is told."""


class Account:
    """One account: runs modules as its deployer, and keeps what they asked of AWS."""

    def __init__(self) -> None:
        self.requests: list[str] = []  # of the last run
        self.all_writes: list[str] = []
        self.sleeps: list[float] = []
        self.writes_left: int | None = None  # of one run
        self.kill_after: int | None = None  # of all writes
        self.vpc = ""
        self.refuse: Callable[[str], Exception | None] = lambda operation: None
        self.ec2 = boto3.client("ec2", REGION)
        self.eks = boto3.client("eks", REGION)
        self.iam = boto3.client("iam", REGION)
        self.kms = boto3.client("kms", REGION)
        self.logs = boto3.client("logs", REGION)
        self.sqs = boto3.client("sqs", REGION)
        self.events = boto3.client("events", REGION)
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
        printed = io.StringIO()
        with patch_module_args(given), contextlib.redirect_stdout(printed), pytest.raises(SystemExit):
            main()
        return dict(json.loads(printed.getvalue()))

    def finish(self, module: str, **arguments: Any) -> Result:
        """Run a module until nothing is in progress, as its action plugin does; the last result."""
        carried: dict[str, Any] = {}
        for _ in range(20):
            result = self.run(module, **{**arguments, **carried})
            carried = {"asked": result["asked"]} if "asked" in result else {}
            if result.get("failed") or not result["in_progress"]:
                return result
        raise AssertionError(f"{module} is still in progress: {result['progress']}")

    def survive(self, module: str, **arguments: Any) -> Result:
        """Let a module be killed before its second write, run after run, until it has none to make; the last result."""
        for _ in range(40):
            self.writes_left = 1
            result: Result = {"in_progress": True}
            with contextlib.suppress(Killed):
                result = self.run(module, **arguments)
            self.writes_left = None
            if result.get("failed") or not result["in_progress"]:
                return result
        raise AssertionError(f"{module} is not done after 40 runs")

    @staticmethod
    def is_write(operation: str) -> bool:
        return not operation.startswith(("Describe", "Get", "List"))

    @property
    def writes(self) -> list[str]:
        return [name for name in self.requests if self.is_write(name)]


read_once = functools.cache(JSONFileLoader().load_file)


@contextlib.contextmanager
def emulated_account() -> Iterator[Account]:
    original = botocore.client.BaseClient._make_api_call

    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"core": {"reset_boto3_session": False}}):
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # it takes long, and no test needs them
        # Each run of a module is a session of its own, which would read botocore's models of the services anew.
        patch.setattr(JSONFileLoader, "load_file", lambda loader, path: read_once(path))
        account = Account()

        def watched(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
            account.requests.append(operation)
            if account.is_write(operation):
                account.all_writes.append(operation)
            if account.writes_left is not None and len(account.writes) > account.writes_left:
                raise Killed
            if account.kill_after is not None and len(account.all_writes) > account.kill_after:
                raise Killed
            if refusal := account.refuse(operation):
                raise refusal
            return original(client, operation, arguments)

        patch.setattr(botocore.client.BaseClient, "_make_api_call", watched)
        patch.setattr(time, "sleep", account.sleeps.append)
        yield account


@pytest.fixture(scope="session")
def emulated() -> Callable[[], contextlib.AbstractContextManager[Account]]:
    """For tests that share an account."""
    return emulated_account


@pytest.fixture
def aws() -> Iterator[Account]:
    with emulated_account() as account:
        yield account


REPO = Path(__file__).resolve().parents[2]
INVENTORY = {
    "kafka_eks_account_id": "123456789012",
    "kafka_eks_cluster_name": "kafka-on-eks",
    "kafka_eks_region": REGION,
}


def trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def variables(role: str, settings: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = dict(INVENTORY)
    for name in ("defaults", "vars"):
        file = REPO / "roles" / role / name / "main.yml"
        if file.exists():
            values |= yaml.safe_load(file.read_text())
    return trusted(values | settings)


@pytest.fixture(scope="session")
def role_variables() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """The variables of a role with its defaults, and what the test sets."""
    return variables


@pytest.fixture
def templated(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What expressions mean in a play of their own, where lookups of this collection work; or the error it ends with."""

    def answered(expressions: dict[str, str], *files: Path, **settings: Any) -> dict[str, Any]:
        task = {
            "ansible.builtin.copy": {"content": "{{ found | to_json }}", "dest": str(tmp_path / "found.json")},
            "vars": {"found": {name: "{{ " + expression + " }}" for name, expression in expressions.items()}},
        }
        play = {"hosts": "all", "gather_facts": False, "vars_files": list(map(str, files)), "tasks": [task]}
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory = {"all": {"hosts": {"here": host}, "vars": INVENTORY | settings}}
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
        (tmp_path / "inventory.json").write_text(json.dumps(inventory))
        program = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [str(program), "-i", str(tmp_path / "inventory.json"), str(tmp_path / "play.yml")],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_CONFIG": str(REPO / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return {"error": " ".join((done.stdout + done.stderr).split())}
        assert "DEPRECATION" not in done.stderr
        return dict(json.loads((tmp_path / "found.json").read_text()))

    return answered
