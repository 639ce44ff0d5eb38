from __future__ import annotations

import boto3
import pytest

from lab.aws import images, settings

PATH = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023"
RELEASE = "amazon-eks-node-al2023-{}-1.35-v{}"


@pytest.fixture
def ssm(account):
    return boto3.client("ssm", "us-west-2")


def value(ssm, name):
    return ssm.get_parameter(Name=name)["Parameter"]["Value"]


@pytest.mark.parametrize(("architecture", "variant"), images.VARIANTS)
def test_a_release_is_an_image_of_its_architecture(account, ssm, architecture, variant):
    name = RELEASE.format(f"{architecture}-{variant}", "20251205")
    image = value(ssm, f"{PATH}/{architecture}/{variant}/{name}/image_id")
    (found,) = account.ec2.describe_images(ImageIds=[image])["Images"]
    assert (found["Name"], found["Architecture"], found["State"]) == (name, architecture, "available")
    assert found["CreationDate"].startswith("2025-12-05")


def test_recommended_is_the_newest(account, ssm):
    assert value(ssm, f"{PATH}/arm64/standard/recommended/release_version") == "1.35.0-20260101"
    before = value(ssm, f"{PATH}/arm64/standard/recommended/image_id")
    settings.change(newest_image="20260301")
    assert value(ssm, f"{PATH}/arm64/standard/recommended/release_version") == "1.35.0-20260301"
    after = value(ssm, f"{PATH}/arm64/standard/recommended/image_id")
    assert before != after
    assert len(account.ec2.describe_images(ImageIds=[before, after])["Images"]) == 2


@pytest.mark.parametrize(
    "name",
    [
        f"{PATH}/arm64/standard/{RELEASE.format('arm64-standard', '20250101')}/image_id",
        f"{PATH}/arm64/neuron/recommended/image_id",
        "/aws/service/eks/optimized-ami/1.99/amazon-linux-2023/arm64/standard/recommended/image_id",
    ],
)
def test_what_there_is_not_has_no_parameter(ssm, name):
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        value(ssm, name)
    assert ssm.get_parameters(Names=[name])["InvalidParameters"] == [name]
