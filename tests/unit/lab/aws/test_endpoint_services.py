from __future__ import annotations

import pytest

STS, DNS = "com.amazonaws.us-west-2.sts", "com.amazonaws.route53"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        pytest.param({}, [STS], id="in the region"),
        pytest.param({"ServiceRegions": ["us-east-1"]}, [DNS], id="in the region that has those of the whole world"),
    ],
)
def test_services_are_found_by_name_where_they_live(account, arguments, found):
    wanted = [{"Name": "service-name", "Values": [STS, DNS, "com.amazonaws.us-west-2.nothing"]}]
    answer = account.ec2.describe_vpc_endpoint_services(Filters=wanted, **arguments)
    assert answer["ServiceNames"] == [detail["ServiceName"] for detail in answer["ServiceDetails"]] == found
    assert all(detail["PrivateDnsNames"] for detail in answer["ServiceDetails"])


def test_a_service_of_the_whole_world_has_an_endpoint_like_others(account):
    made = account.ec2.create_vpc_endpoint(
        VpcId=account.vpc,
        VpcEndpointType="Interface",
        ServiceName=DNS,
        ServiceRegion="us-east-1",
        SubnetIds=account.subnets,
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]
    assert made["ServiceName"] == DNS
