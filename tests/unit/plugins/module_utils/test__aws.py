from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws import Aws
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError, Ref, Request
from botocore.stub import Stubber
from moto import mock_aws

import lab.aws  # noqa: F401

ACCOUNT = "123456789012"
CONNECTION = ("us-west-2", None, {"aws_access_key_id": "a", "aws_secret_access_key": "b"})
MAKE = Request("VPC 'demo'", "ec2", "create_vpc", {"CidrBlock": "10.0.0.0/16"}, "Vpc.VpcId", makes=Ref("vpc", "demo"))


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, sleeps: list[float]) -> Iterator[Aws]:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield Aws(CONNECTION, ACCOUNT, patience=9)


def answers(monkeypatch, aws, *codes):
    """Let calls be refused with these codes, one after the other, and then succeed."""
    left, made = list(codes), []

    def call(request):
        made.append(request)
        if left:
            raise AwsError("No.", left.pop(0))
        return "id-1"

    monkeypatch.setattr(aws, "call", call)
    return made


def test_the_caller_is_known(aws):
    assert (aws.caller.account, aws.caller.partition, aws.region) == (ACCOUNT, "aws", "us-west-2")


@pytest.mark.parametrize(
    ("connection", "account", "message"),
    [
        pytest.param(CONNECTION, "000011112222", f"belong to account {ACCOUNT}", id="other account"),
        pytest.param(CONNECTION, "12345678901", "all twelve digits, in quotes", id="eleven digits"),
        pytest.param((None, None, {}), None, "No AWS region is set", id="no region"),
        pytest.param(
            ("us-west-2", None, {"profile_name": "nobody"}), None, "(nobody) could not be found", id="profile"
        ),
        pytest.param(("us-west-2", "nowhere", {}), None, "Invalid endpoint: nowhere", id="endpoint"),
    ],
)
def test_what_cannot_be_the_right_account_is_refused_first(aws, connection, account, message):
    with pytest.raises(AwsError) as caught:
        Aws(connection, account)
    assert message in str(caught.value)


def test_an_endpoint_that_does_not_answer_is_named(sleeps):
    # Nobody listens on port 1.
    connection = ("us-west-2", "http://127.0.0.1:1", CONNECTION[2])
    with pytest.raises(AwsError) as caught:
        Aws(connection, None)
    assert "http://127.0.0.1:1 gives no answer to sts:GetCallerIdentity" in str(caught.value)
    assert len(sleeps) == 2


def test_missing_credentials_are_named(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    with pytest.raises(AwsError, match="there are no usable AWS credentials"):
        Aws(("us-west-2", None, {}), None)


def test_an_answer_is_read_by_its_path_and_with_all_pages(aws):
    vpc = aws.call(MAKE)
    assert vpc.startswith("vpc-")
    found = aws.call(Request("VPCs", "ec2", "describe_vpcs", {"MaxResults": 5}, "Vpcs"))
    assert vpc in [one["VpcId"] for one in found]


def test_only_a_code_tells_that_something_is_not_there(aws, monkeypatch):
    missing = Request("EKS cluster 'x'", "eks", "describe_cluster", {"name": "x"}, "cluster")
    assert aws.find(missing) is None
    answers(monkeypatch, aws, "AccessDeniedException")
    with pytest.raises(AwsError):
        aws.find(missing)


def test_ids_of_what_was_made_are_put_into_later_requests(aws):
    tag = Request(
        "VPC 'demo'", "ec2", "create_tags", {"Resources": [Ref("vpc", "demo")], "Tags": [{"Key": "a", "Value": "1"}]}
    )
    ids = aws.send([MAKE, tag], {Ref("subnet", "known"): "subnet-1"})
    assert set(ids) == {Ref("subnet", "known"), Ref("vpc", "demo")}
    found = aws.call(Request("", "ec2", "describe_vpcs", {"VpcIds": [ids[Ref("vpc", "demo")]]}, "Vpcs"))
    assert found[0]["Tags"] == [{"Key": "a", "Value": "1"}]


@pytest.mark.parametrize(
    ("codes", "fresh", "pauses"),
    [
        pytest.param(["DependencyViolation"], False, 1, id="heals"),
        pytest.param(["InvalidVpcID.NotFound", "NoSuchEntity"], True, 2, id="not heard of yet"),
        pytest.param([], False, 0, id="at once"),
    ],
)
def test_what_heals_by_itself_is_asked_again(aws, monkeypatch, sleeps, codes, fresh, pauses):
    first = [MAKE] if fresh else []
    made = answers(monkeypatch, aws)
    aws.send(first, {})
    last = Request("Subnet 'a'", "ec2", "delete_subnet", {}, patience=("DependencyViolation",))
    made = answers(monkeypatch, aws, *codes)
    if fresh:
        monkeypatch.setattr(aws, "call", lambda request, call=aws.call: "vpc-1" if request.makes else call(request))
    aws.send([*first, last], {})
    assert len(made) == pauses + 1
    assert len(sleeps) == pauses


@pytest.mark.parametrize(
    ("codes", "calls"),
    [
        pytest.param(["DependencyViolation"] * 9, 3, id="patience ends"),
        pytest.param(["InvalidVpcID.NotFound"], 1, id="nothing was made that could be unheard of"),
        pytest.param(["UnauthorizedOperation"], 1, id="never heals"),
    ],
)
def test_what_does_not_heal_is_not_asked_for_ever(aws, monkeypatch, codes, calls):
    made = answers(monkeypatch, aws, *codes)
    with pytest.raises(AwsError):
        aws.send([Request("Subnet 'a'", "ec2", "delete_subnet", {}, patience=("DependencyViolation",))], {})
    assert len(made) == calls


def describe(vpc):
    return Request(f"VPC '{vpc}'", "ec2", "describe_vpcs", {"VpcIds": [vpc]}, "Vpcs")


def role(name):
    return Request(f"IAM role '{name}'", "iam", "get_role", {"RoleName": name}, "Role.RoleName")


def test_many_answers_come_back_under_the_names_of_their_requests(aws):
    vpcs = [aws.call(MAKE) for _ in range(4)]
    found = aws.read({vpc: describe(vpc) for vpc in vpcs})
    assert list(found) == vpcs
    assert all(one["VpcId"] == vpc for vpc, (one,) in found.items())


def test_what_is_not_there_is_none_among_many(aws):
    boto3.client("iam", "us-west-2").create_role(RoleName="node", AssumeRolePolicyDocument="{}")
    assert aws.find_all({"a": role("node"), "b": role("gone")}) == {"a": "node", "b": None}


def test_the_first_of_many_that_fails_is_told(aws):
    with pytest.raises(AwsError, match="^VPC 'vpc-1'"):
        aws.read({"a": describe("vpc-1"), "b": describe("vpc-2")})


def test_each_of_many_may_fail_for_itself(aws):
    vpc = aws.call(MAKE)
    found = aws.attempt_all({"there": describe(vpc), "gone": describe("vpc-1")})
    assert found["there"][0]["VpcId"] == vpc
    assert isinstance(found["gone"], AwsError)


def test_independent_plans_are_carried_out_and_their_ids_told(aws):
    plans = [[replace(MAKE, makes=Ref("vpc", str(n)))] for n in range(3)]
    made = aws.send_all(plans)
    assert {ref.name for ref in made} == {"0", "1", "2"}
    assert len(set(made.values())) == 3


def test_what_a_deletion_did_not_delete_is_an_error(aws):
    undone = {"ResourceId": "vpce-0", "Error": {"Code": "InvalidVpcEndpointId.NotFound", "Message": "No."}}
    with Stubber(aws._client("ec2")) as stub, pytest.raises(AwsError) as caught:
        stub.add_response("delete_vpc_endpoints", {"Unsuccessful": [undone]})
        aws.call(Request("Gateway endpoint 'x'", "ec2", "delete_vpc_endpoints", {"VpcEndpointIds": ["vpce-0"]}))
    assert caught.value.code == "InvalidVpcEndpointId.NotFound"
    assert str(caught.value).startswith("Gateway endpoint 'x': AWS refused ec2:DeleteVpcEndpoints")


def test_a_botocore_that_was_given_nonsense_is_an_error_in_one_line(aws):
    with pytest.raises(AwsError) as caught:
        aws.call(Request("VPC 'x'", "ec2", "create_vpc", {"Nonsense": 1}))
    assert "\n" not in str(caught.value)
    assert "ec2:CreateVpc could not be asked" in str(caught.value)
