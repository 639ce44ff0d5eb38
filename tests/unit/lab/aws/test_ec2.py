"""EC2's machines, volumes and launch templates, where moto has them otherwise."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from lab.aws import settings


def test_an_empty_volume_has_an_empty_snapshot_and_a_throughput(account):
    volume = account.ec2.create_volume(AvailabilityZone="us-west-2a", Size=1, VolumeType="gp3")
    assert (volume["SnapshotId"], volume["Throughput"]) == ("", 125)


def test_zones_say_whether_one_must_ask_for_them(account):
    zones = account.ec2.describe_availability_zones()["AvailabilityZones"]
    assert {zone["OptInStatus"] for zone in zones} == {"opt-in-not-required"}


def test_a_type_is_not_sold_everywhere(account):
    settings.change(not_offered=["r8g.4xlarge:us-west-2a", "*:us-west-2b"])

    def places(kind):
        offerings = account.ec2.describe_instance_type_offerings(
            LocationType=kind, Filters=[{"Name": "instance-type", "Values": ["r8g.4xlarge"]}]
        )["InstanceTypeOfferings"]
        return sorted(offering["Location"] for offering in offerings)

    assert places("availability-zone") == ["us-west-2c", "us-west-2d"]
    assert places("availability-zone-id") == ["usw2-az3", "usw2-az4"]
    with pytest.raises(ClientError, match="Unsupported"):
        account.ec2.run_instances(
            SubnetId=account.subnets[0], MinCount=1, MaxCount=1, ImageId="ami-1", InstanceType="r8g.4xlarge"
        )


class TestLaunchTemplates:
    DATA = {
        "InstanceType": "m8g.large",
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeSize": 50}}],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
    }

    def make(self, account, name="broker"):
        tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "own", "Value": "yes"}]}]
        account.ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData=self.DATA, TagSpecifications=tags
        )

    def versions(self, account, *which):
        found = account.ec2.describe_launch_template_versions(LaunchTemplateName="broker", Versions=which)
        return {version["VersionNumber"]: version["LaunchTemplateData"] for version in found["LaunchTemplateVersions"]}

    def test_are_given_back_as_they_were_given(self, account):
        self.make(account)
        assert self.versions(account, "$Default") == {1: self.DATA}

    def test_show_the_tags_that_they_have_now(self, account):
        self.make(account)
        (template,) = account.ec2.describe_launch_templates()["LaunchTemplates"]
        account.ec2.create_tags(Resources=[template["LaunchTemplateId"]], Tags=[{"Key": "new", "Value": "1"}])
        (template,) = account.ec2.describe_launch_templates(LaunchTemplateNames=["broker"])["LaunchTemplates"]
        assert template["Tags"] == [{"Key": "own", "Value": "yes"}, {"Key": "new", "Value": "1"}]

    def test_have_versions_which_can_build_on_one_another(self, account):
        self.make(account)
        named = {"LaunchTemplateName": "broker"}
        account.ec2.create_launch_template_version(
            **named, SourceVersion="1", LaunchTemplateData={"InstanceType": "m8g.xlarge"}
        )
        assert self.versions(account, "$Latest") == {2: {**self.DATA, "InstanceType": "m8g.xlarge"}}
        account.ec2.modify_launch_template(**named, DefaultVersion="2")
        gone = account.ec2.delete_launch_template_versions(**named, Versions=["1", "2", "7"])
        assert [v["VersionNumber"] for v in gone["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
        kept = {
            v["VersionNumber"]: v["ResponseError"]["Code"] for v in gone["UnsuccessfullyDeletedLaunchTemplateVersions"]
        }
        assert kept == {2: "unexpectedError", 7: "launchTemplateVersionDoesNotExist"}
        made = account.ec2.create_launch_template_version(**named, LaunchTemplateData={"InstanceType": "m8g.large"})
        assert made["LaunchTemplateVersion"]["VersionNumber"] == 3
        assert set(self.versions(account, "$Default", "3")) == {2, 3}
        with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.VersionNotFound"):
            self.versions(account, "1")

    def test_are_all_listed(self, account):
        for number in range(20):
            self.make(account, f"template-{number}")
        assert len(account.ec2.describe_launch_templates()["LaunchTemplates"]) == 20

    def test_that_nobody_made_are_not_found(self, account):
        with pytest.raises(ClientError, match=r"InvalidLaunchTemplateName\.NotFoundException"):
            account.ec2.delete_launch_template(LaunchTemplateName="none")
