from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws import settings

ONCE = Config(retries={"total_max_attempts": 1})


def ask(service, operation, **arguments):
    """The code and HTTP status with which a call is refused, or None."""
    try:
        getattr(boto3.client(service, "us-west-2", config=ONCE), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


@pytest.mark.parametrize(
    ("service", "operation", "throttling", "outage", "expired"),
    [
        pytest.param(
            "ec2",
            "describe_vpcs",
            ("RequestLimitExceeded", 503),
            ("Unavailable", 503),
            ("RequestExpired", 400),
            id="ec2",
        ),
        pytest.param(
            "eks",
            "list_clusters",
            ("ThrottlingException", 429),
            ("ServerException", 500),
            ("ExpiredTokenException", 403),
            id="eks",
        ),
        pytest.param(
            "iam", "list_roles", ("Throttling", 400), ("ServiceFailure", 500), ("ExpiredToken", 403), id="iam"
        ),
        pytest.param(
            "sts",
            "get_caller_identity",
            ("Throttling", 400),
            ("InternalFailure", 500),
            ("ExpiredToken", 403),
            id="sts",
        ),
        pytest.param(
            "kms",
            "list_keys",
            ("ThrottlingException", 400),
            ("InternalFailure", 500),
            ("ExpiredTokenException", 400),
            id="kms",
        ),
    ],
)
def test_each_service_has_its_words(account, service, operation, throttling, outage, expired):
    for fault, answer in (("throttling", throttling), ("outage", outage), ("expired", expired)):
        settings.change(refusals=[{"action": "*", "fault": fault}])
        assert ask(service, operation) == answer


def test_any_code_can_be_told(account):
    settings.change(refusals=[{"action": "ec2:CreateVpc", "fault": "VpcLimitExceeded", "message": "no more"}])
    with pytest.raises(ClientError, match=r"\(VpcLimitExceeded\).*no more"):
        account.ec2.create_vpc(CidrBlock="10.1.0.0/16")
    assert ask("ec2", "describe_vpcs") is None


def test_so_many_are_let_pass_and_so_many_are_refused(account):
    settings.change(refusals=[{"action": "ec2:Describe*", "fault": "throttling", "after": 2, "times": 2}])
    answers = [ask("ec2", "describe_vpcs") is None for _ in range(6)]
    assert answers == [True, True, False, False, True, True]


def test_a_rate_is_drawn_by_lot_and_the_same_again_with_the_same_seed(account):
    def draw(seed):
        settings.change(seed=seed, refusals=[{"action": "*", "fault": "throttling", "rate": 0.5}])
        return [ask("sts", "get_caller_identity") is None for _ in range(20)]

    first = draw(7)
    assert 0 < sum(first) < 20
    assert draw(7) == first
    assert draw(8) != first


def test_a_new_account_knows_nothing_of_it(account):
    settings.change(refusals=[{"action": "*", "fault": "throttling"}])
    settings.reset()
    assert ask("ec2", "describe_vpcs") is None


class TestThingsThatFail:
    def fail(self, action, **more):
        settings.change(failures=[{"action": action, "code": "Because", "message": "of something", **more}])

    def test_a_cluster(self, account):
        self.fail("cluster create")
        cluster = account.make_cluster()
        assert (cluster["status"], cluster["health"]["issues"][0]["code"]) == ("FAILED", "Because")
        account.eks.delete_cluster(name="kafka")
        assert account.eks.list_clusters()["clusters"] == []

    def test_a_node_group_which_has_no_machines_then(self, account):
        account.make_cluster()
        self.fail("node group create", resource="node group broker")
        failed, other = account.make_nodegroup(), account.make_nodegroup("core", size=1)
        assert (failed["status"], failed["health"]["issues"][0]["message"]) == ("CREATE_FAILED", "of something")
        assert (other["status"], len(account.instances())) == ("ACTIVE", 1)

    def test_an_add_on(self, account):
        account.make_cluster()
        self.fail("add-on create")
        account.eks.create_addon(clusterName="kafka", addonName="vpc-cni")
        addon = account.eks.describe_addon(clusterName="kafka", addonName="vpc-cni")["addon"]
        assert (addon["status"], addon["health"]["issues"][0]["code"]) == ("CREATE_FAILED", "Because")

    def test_the_update_of_an_add_on_until_the_next_one(self, account):
        account.make_cluster()
        named = {"clusterName": "kafka", "addonName": "vpc-cni"}
        account.eks.create_addon(**named)
        account.eks.describe_addon(**named)
        self.fail("add-on update")
        statuses, errors = [], []
        for _ in range(2):
            update = account.eks.update_addon(**named, configurationValues="{}")["update"]
            told = account.eks.describe_update(name="kafka", addonName="vpc-cni", updateId=update["id"])["update"]
            errors.append([error["errorCode"] for error in told["errors"]])
            statuses.append((told["status"], account.eks.describe_addon(**named)["addon"]["status"]))
        assert statuses == [("Failed", "UPDATE_FAILED"), ("Successful", "ACTIVE")]
        assert errors == [["Because"], []]

    def test_a_nat_gateway(self, account):
        gateway = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        account.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=account.vpc)
        self.fail("NAT gateway create")
        address = account.ec2.allocate_address(Domain="vpc")["AllocationId"]
        account.ec2.create_nat_gateway(SubnetId=account.subnets[0], AllocationId=address)
        (failed,) = account.ec2.describe_nat_gateways()["NatGateways"]
        assert (failed["State"], failed["FailureCode"], failed["FailureMessage"]) == (
            "failed",
            "Because",
            "of something",
        )


def test_what_is_told_to_ail_is_degraded_until_it_is_well_again(account):
    account.make_cluster()
    account.make_nodegroup(size=1)
    ailment = {"code": "NodeCreationFailure", "message": "unhealthy nodes"}
    settings.change(ailments={"node group broker": ailment, "cluster kafka": ailment})
    assert (account.nodegroup()["status"], account.nodegroup()["health"]["issues"][0]["code"]) == (
        "DEGRADED",
        "NodeCreationFailure",
    )
    assert (account.cluster()["status"], account.cluster()["health"]["issues"][0]["message"]) == (
        "ACTIVE",
        "unhealthy nodes",
    )
    settings.change(ailments={})
    assert (account.nodegroup()["status"], account.nodegroup()["health"]["issues"]) == ("ACTIVE", [])
