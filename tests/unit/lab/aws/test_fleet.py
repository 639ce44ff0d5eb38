from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

from lab.aws import events, settings

REGION = "us-west-2"
PRICES = {"c8g.large": 1.0, "m8g.large": 2.0}  # sent in the other order


class Karpenter:
    """Launches as Karpenter does."""

    def __init__(self, account: Any) -> None:
        self.account = account
        account.iam.create_instance_profile(InstanceProfileName="nodes")
        account.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="eks")
        self.group = account.ec2.create_security_group(GroupName="node", Description="node", VpcId=account.vpc)[
            "GroupId"
        ]
        (image, *_) = account.ec2.describe_images(Filters=[{"Name": "name", "Values": ["*-arm64-standard-1.35-*"]}])[
            "Images"
        ]
        self.template = account.ec2.create_launch_template(
            LaunchTemplateName="t",
            LaunchTemplateData={
                "ImageId": image["ImageId"],
                "IamInstanceProfile": {"Name": "nodes"},
                "SecurityGroupIds": [self.group],
                "UserData": base64.b64encode(b"hello").decode(),
                "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
                "BlockDeviceMappings": [
                    {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 50, "VolumeType": "gp3", "Encrypted": True}}
                ],
            },
        )["LaunchTemplate"]["LaunchTemplateId"]

    def launch(self, **options: Any) -> dict[str, Any]:
        overrides = [
            {"InstanceType": kind, "SubnetId": subnet, "Priority": price}
            for kind, price in reversed(PRICES.items())
            for subnet in self.account.subnets[:2]
        ]
        tags = [{"Key": "karpenter.sh/nodepool", "Value": "general"}]
        return dict(
            self.account.ec2.create_fleet(
                Type="instant",
                LaunchTemplateConfigs=[
                    {
                        "LaunchTemplateSpecification": {"LaunchTemplateId": self.template, "Version": "$Latest"},
                        "Overrides": overrides,
                    }
                ],
                TargetCapacitySpecification={
                    "TotalTargetCapacity": 1,
                    "DefaultTargetCapacityType": options.get("capacity", "on-demand"),
                },
                TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume", "fleet")],
            )
        )


@pytest.fixture
def karpenter(account):
    return Karpenter(account)


def test_the_cheapest_machine_is_launched_as_its_template_has_it(account, karpenter):
    answer = karpenter.launch()
    assert (answer["Errors"], answer["Instances"][0]["InstanceType"]) == ([], "c8g.large")
    (instance,) = account.instances()
    assert instance["InstanceId"] == answer["Instances"][0]["InstanceIds"][0]
    assert [group["GroupId"] for group in instance["SecurityGroups"]] == [karpenter.group]
    assert instance["IamInstanceProfile"]["Arn"].endswith("/nodes")
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["karpenter.sh/nodepool"] == "general"
    assert tags["aws:ec2:fleet-id"] == answer["FleetId"]
    (volume,) = account.ec2.describe_volumes()["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (50, "gp3", True)


def test_its_volume_goes_with_it(account, karpenter):
    karpenter.launch()
    (instance,) = account.instances()
    account.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert account.ec2.describe_volumes()["Volumes"] == []


def test_where_ec2_has_none_left_the_next_cheapest_is_taken_and_the_errors_told(account, karpenter):
    settings.change(no_capacity=["c8g.large:us-west-2a", "*:us-west-2b"])
    answer = karpenter.launch()
    assert answer["Instances"][0]["InstanceType"] == "m8g.large"
    assert {error["ErrorCode"] for error in answer["Errors"]} == {"InsufficientInstanceCapacity"}
    assert "sufficient c8g.large capacity in the Availability Zone you requested (us-west-2a)" in json.dumps(
        answer["Errors"]
    )


def test_without_any_capacity_nothing_is_launched(account, karpenter):
    settings.change(no_capacity=["*:us-west-2a"], not_offered=["*:us-west-2b"])
    answer = karpenter.launch()
    assert answer["Instances"] == account.instances() == []
    assert [error["ErrorCode"] for error in answer["Errors"]] == [
        "InsufficientInstanceCapacity",
        "Unsupported",
        "InsufficientInstanceCapacity",
        "Unsupported",
    ]


def test_a_quota_is_told_as_ec2_tells_it(account, karpenter):
    settings.change(quotas={"ec2/L-1216C47A": 1})
    answer = karpenter.launch()
    assert {error["ErrorCode"] for error in answer["Errors"]} == {"VcpuLimitExceeded"}


def test_spot_machines_are_launched_and_shown_as_such(account, karpenter):
    answer = karpenter.launch(capacity="spot")
    assert [(one["Lifecycle"], one["InstanceType"]) for one in answer["Instances"]] == [("spot", "c8g.large")]
    (instance,) = account.instances()
    assert (instance["InstanceLifecycle"], instance["InstanceType"]) == ("spot", "c8g.large")
    settings.change(no_capacity=["*:us-west-2a", "*:us-west-2b"])
    answer = karpenter.launch(capacity="spot")
    assert (answer["Instances"], {error["Lifecycle"] for error in answer["Errors"]}) == ([], {"spot"})


@pytest.fixture
def told(account):
    """What EventBridge was told, by way of a queue."""
    sqs, bus = boto3.client("sqs", REGION), boto3.client("events", REGION)
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    bus.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.ec2"]}))
    bus.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:{REGION}:123456789012:q"}])

    def told():
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    return told


def test_a_machine_that_is_to_be_taken_away_is_announced(karpenter, account, told):
    karpenter.launch()
    (instance,) = account.instances()
    told()
    events.interrupt(instance["InstanceId"])
    (event,) = told()
    assert (event["detail-type"], event["detail"]) == (
        "EC2 Spot Instance Interruption Warning",
        {"instance-id": instance["InstanceId"], "instance-action": "terminate"},
    )
    account.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    with pytest.raises(ValueError, match="no such machine runs"):
        events.interrupt(instance["InstanceId"])


def test_machines_that_come_and_go_are_told_to_whoever_listens(account, karpenter, told):
    karpenter.launch()
    (instance,) = account.instances()
    account.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    account.ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    told = told()
    assert [one["detail"] for one in told] == [
        {"instance-id": instance["InstanceId"], "state": "running"},
        {"instance-id": instance["InstanceId"], "state": "terminated"},
    ]
    assert told[0]["source"] == "aws.ec2"
    assert told[0]["time"].endswith("Z")
