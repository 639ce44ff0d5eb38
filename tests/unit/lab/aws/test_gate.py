from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        pytest.param("sts", "get_caller_identity", id="sts"),
        pytest.param("ec2", "describe_vpcs", id="ec2"),
        pytest.param("eks", "list_clusters", id="eks"),
    ],
)
def test_a_region_that_does_not_exist_is_refused(account, service, operation):
    with pytest.raises(ClientError, match="scoped to a valid region, not 'us-west-9'") as error:
        getattr(boto3.client(service, "us-west-9"), operation)()
    assert error.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_the_regions_of_all_partitions_are_there(account, region):
    assert boto3.client("ec2", region).describe_vpcs()["Vpcs"]
