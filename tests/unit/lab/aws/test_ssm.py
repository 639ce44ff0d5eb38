from __future__ import annotations

import boto3
import pytest

from lab.aws import settings

PATH = "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/arm64/standard/recommended/"


@pytest.fixture
def ssm(account):
    return boto3.client("ssm", "us-west-2")


def test_the_machine_images_of_eks_have_parameters(ssm):
    def value(name):
        return ssm.get_parameter(Name=PATH + name)["Parameter"]["Value"]

    first = value("image_id")
    assert first.startswith("ami-")
    assert value("release_version") == "1.35.0-20260101"
    settings.change(newest_image="20260301")
    assert value("release_version") == "1.35.0-20260301"
    assert value("image_id") != first


def test_unknown_ones_have_none(ssm):
    known, unknown = PATH + "image_id", PATH.replace("1.35", "1.20") + "image_id"
    answer = ssm.get_parameters(Names=[known, unknown])
    assert [parameter["Name"] for parameter in answer["Parameters"]] == [known]
    assert answer["InvalidParameters"] == [unknown]
