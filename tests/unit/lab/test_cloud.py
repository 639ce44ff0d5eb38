from __future__ import annotations

import configparser
import json
import threading
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import pytest
from awscli.customizations.eks.get_token import STSClientFactory, TokenGenerator
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from werkzeug.test import Client

from lab import cloud
from lab.aws import plane, settings
from lab.place import Place
from lab.tokens import TokenRefused

ENDPOINT = "http://127.0.0.1:17400"
DEPLOYER = "arn:aws:iam::123456789012:role/lab/platform-engineer"


@pytest.fixture
def place(tmp_path):
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/lab"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    return Place(tmp_path, 17400, tmp_path / "bin", tmp_path / "cache", time_scale=0.25)


@pytest.fixture
def account():
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


def get_token(known: dict[str, str], cluster: str) -> str:
    """As `aws eks get-token` makes it: with its own code."""
    session = botocore.session.Session()
    session.set_credentials(known["access_key"], known["secret_key"], known["session_token"])
    sts = STSClientFactory(session).get_sts_client(region_name=known["region"])
    return str(TokenGenerator(sts).get_token(cluster))


def test_the_deployer_is_an_assumed_role_with_a_path(account, place):
    known = cloud.facts(place, cloud.make_deployer())
    keys = {
        "aws_access_key_id": "access_key",
        "aws_secret_access_key": "secret_key",
        "aws_session_token": "session_token",
    }
    sts = boto3.client("sts", known["region"], **{name: known[key] for name, key in keys.items()})
    assert sts.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/platform-engineer/lab"
    assert boto3.client("iam").get_role(RoleName="platform-engineer")["Role"]["Arn"] == DEPLOYER


def test_the_deployer_may_do_what_is_documented_and_nothing_else(account, tmp_path):
    allowed = {"Effect": "Allow", "Action": "eks:List*", "Resource": "arn:aws:eks:*:111122223333:*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    (tmp_path / "reads.json").write_text(document)
    deployer = cloud.make_deployer(tmp_path)
    settings.change(authorization=True)
    keys = {
        "aws_access_key_id": deployer.access_key_id,
        "aws_secret_access_key": deployer.secret_access_key,
        "aws_session_token": deployer.session_token,
    }
    assert boto3.client("eks", "us-west-2", **keys).list_clusters()["clusters"] == []
    with pytest.raises(ClientError, match="not authorized to perform: ec2:DescribeVpcs"):
        boto3.client("ec2", "us-west-2", **keys).describe_vpcs()
    (attached,) = boto3.client("iam").list_attached_role_policies(RoleName="platform-engineer")["AttachedPolicies"]
    policy = iam_backends["123456789012"]["aws"].get_policy(attached["PolicyArn"])
    assert "arn:aws:eks:*:123456789012:*" in policy.versions[0].document


def test_the_documented_policies_are_attached(account):
    cloud.make_deployer()
    attached = boto3.client("iam").list_attached_role_policies(RoleName="platform-engineer")["AttachedPolicies"]
    assert sorted(policy["PolicyName"] for policy in attached) == sorted(
        path.stem for path in cloud.POLICIES.glob("*.json")
    )


class TestAuthenticate:
    """From the token of the AWS command line to a user of Kubernetes."""

    @pytest.fixture
    def known(self, account, place):
        known = cloud.facts(place, cloud.make_deployer())
        ec2 = boto3.client("ec2", "us-east-1")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for n, zone in enumerate(("us-east-1a", "us-east-1b"))
        ]
        self.eks = boto3.client("eks", "us-east-1")
        self.eks.create_cluster(
            name="kafka",
            roleArn=DEPLOYER,
            resourcesVpcConfig={"subnetIds": subnets},
            accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        )
        return known

    def authenticate(
        self, known: dict[str, str], running: str | None = "kafka", named: str = "kafka"
    ) -> dict[str, Any]:
        return cloud.authenticate(get_token(known, named), SimpleNamespace(cluster=running), ENDPOINT)

    def test_with_an_access_entry(self, known):
        self.eks.create_access_entry(clusterName="kafka", principalArn=DEPLOYER, kubernetesGroups=["viewers"])
        user = self.authenticate(known)
        assert user["username"] == "arn:aws:sts::123456789012:assumed-role/platform-engineer/lab"
        assert user["groups"] == ["viewers"]

    def test_without_one(self, known):
        with pytest.raises(TokenRefused, match=f"no access entry for {DEPLOYER}"):
            self.authenticate(known)

    def test_for_another_cluster(self, known):
        with pytest.raises(TokenRefused, match="another cluster than kafka"):
            self.authenticate(known, named="other")

    def test_when_there_is_no_cluster(self, known):
        with pytest.raises(TokenRefused, match="no such cluster"):
            self.authenticate(known, running=None)


def test_the_webhook_answers_the_api_server():
    def check(token: str) -> dict[str, Any]:
        if token != "good":
            raise TokenRefused("not good")
        return {"username": "ada"}

    client = Client(cloud.webhook(check))
    answers = [client.post("/", json={"spec": {"token": token}}).json for token in ("good", "bad")]
    assert answers[0]["status"] == {"authenticated": True, "user": {"username": "ada"}}
    assert answers[1]["status"] == {"authenticated": False, "error": "not good"}


def test_the_files_of_the_aws_command_line_can_be_read_back():
    # A percent sign is nothing special in them.
    known = {
        "region": "us-west-2",
        "endpoint_url": ENDPOINT,
        "access_key": "A",
        "secret_key": "s%s",
        "session_token": "t",
    }
    parsed = {}
    for name, content in cloud.aws_files(known).items():
        parsed[name] = configparser.RawConfigParser()
        parsed[name].read_string(content.decode())
    assert dict(parsed["config"]["profile lab"]) == {"region": "us-west-2", "endpoint_url": ENDPOINT, "output": "json"}
    assert parsed["credentials"]["lab"]["aws_secret_access_key"] == "s%s"


def test_a_lab_from_its_start_to_its_end(account, place, monkeypatch):
    monkeypatch.setattr(plane, "current", plane.current)
    served: list[int] = []
    monkeypatch.setattr(cloud.server, "serve", lambda application, port, *_: served.append(port))
    pushed: list[str] = []
    monkeypatch.setattr(cloud, "push_charts", lambda place, registry: pushed.append(registry))
    ended = threading.Event()
    seen: dict[str, Any] = {}

    def look_around(timeout: float | None = None) -> bool:
        """In the place of the wait: the lab is ready now. Whoever waits for a time only looks after machines, of which there are none."""
        if timeout is None:
            seen["facts"] = json.loads(place.facts.read_text())
            seen["status"] = json.loads(place.status.read_text())["components"]
        return True

    monkeypatch.setattr(ended, "wait", look_around)
    cloud.run(place, ended)
    shown = settings.shown()
    assert (shown["authorization"], shown["strangers_are_root"], shown["time_scale"]) == (True, False, 0.25)
    assert (served, pushed) == ([17400, 17405], ["127.0.0.1:17402"])
    assert [(part["name"], part["state"]) for part in seen["status"]] == [("aws", "running"), ("registry", "running")]
    assert seen["facts"].keys() == {
        "endpoint_url", "region", "account_id", "access_key", "secret_key", "session_token", "kubeconfig",
        "chart_registry", "pod_identity_url", "helm", "aws_config_file", "aws_credentials_file",
    }  # fmt: skip
    private = [place.facts, place.root / "aws/config", place.root / "aws/credentials", place.status]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    for thread in threading.enumerate():
        if thread.name == "watch registry":
            thread.join(10)
    assert json.loads(place.status.read_text())["components"][1]["state"] == "stopped"


def test_it_does_not_run_outside_the_sandbox():
    with pytest.raises(SystemExit, match="inside the lab's sandbox only"):
        cloud.require_sandbox()


def test_credentials_outlive_a_long_night(account):
    assert (cloud.make_deployer().expiration - utcnow()).days > 365
