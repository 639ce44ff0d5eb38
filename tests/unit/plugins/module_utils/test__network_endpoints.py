from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_endpoints as endpoints
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import Settings, Zone

ZONES = [Zone("us-west-2b", "usw2-az1", 0), Zone("us-west-2a", "usw2-az2", 1)]
STS = "com.amazonaws.us-west-2.sts"


def settings(*names, region="us-west-2"):
    return Settings("demo", region, "10.1.0.0/16", "100.64.0.0/16", 2, [], True, "none", names, {})


def offer(service, zones=("us-west-2a", "us-west-2b"), kind="Interface", dns="x.amazonaws.com"):
    names = [{"PrivateDnsName": dns}] if dns else []
    return {
        "ServiceName": service,
        "ServiceType": [{"ServiceType": kind}],
        "AvailabilityZones": list(zones),
        "PrivateDnsNames": names,
    }


@pytest.mark.parametrize(
    ("short", "region", "service", "home"),
    [
        pytest.param("ecr.api", "us-west-2", "com.amazonaws.us-west-2.ecr.api", None, id="of the region"),
        pytest.param("sts", "us-gov-west-1", "com.amazonaws.us-gov-west-1.sts", None, id="of a longer region"),
        pytest.param("route53", "us-west-2", "com.amazonaws.route53", "us-east-1", id="of the world"),
        pytest.param("route53", "us-east-1", "com.amazonaws.route53", None, id="of the world, at home"),
    ],
)
def test_services_have_long_names(short, region, service, home):
    assert endpoints.service_name(short, region) == service
    assert endpoints.short_name(service) == short
    assert endpoints.home(service, region) == home


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(["s3"], "reaches through its gateway endpoint", id="S3"),
        pytest.param(["sts", "ec2", "sts"], "names sts twice", id="twice"),
        pytest.param(["com.amazonaws.us-west-2.sts"], "not the short name of a service", id="long name"),
        pytest.param(["ecr.API"], "not the short name of a service", id="capitals"),
        pytest.param([""], "not the short name of a service", id="nothing"),
    ],
)
def test_names_that_are_none_are_refused(names, message):
    with pytest.raises(AwsError) as caught:
        endpoints.check_names(settings(*names))
    assert message in str(caught.value)


def test_services_are_looked_up_where_they_live():
    reads = endpoints.offer_reads(settings(), [STS, "com.amazonaws.us-west-2.ec2", "com.amazonaws.route53"])
    assert {place: request.arguments for place, request in reads.items()} == {
        "us-west-2": {"Filters": [{"Name": "service-name", "Values": [STS, "com.amazonaws.us-west-2.ec2"]}]},
        "us-east-1": {
            "Filters": [{"Name": "service-name", "Values": ["com.amazonaws.route53"]}],
            "ServiceRegions": ["us-east-1"],
        },
    }


@pytest.mark.parametrize(
    ("service", "details", "message"),
    [
        pytest.param(STS, [], "us-west-2 offers no interface endpoint for sts", id="not in the region"),
        pytest.param(STS, [offer(STS, kind="Gateway")], "offers no interface endpoint for sts", id="only a gateway"),
        pytest.param(STS, [offer(STS, dns="")], "has no private DNS name", id="no name"),
        pytest.param(
            STS,
            [offer(STS, zones=["us-west-2a", "us-west-2d"])],
            "no interface endpoint for sts is offered in usw2-az1: choose other zones",
            id="not in a zone",
        ),
        pytest.param(STS, [offer(STS)], None, id="offered"),
        pytest.param(
            "com.amazonaws.route53",
            [offer("com.amazonaws.route53", zones=["us-east-1a"])],
            None,
            id="zones of another region do not matter",
        ),
    ],
)
def test_what_is_not_offered_is_refused(service, details, message):
    if message is None:
        endpoints.refuse_not_offered(settings(), [service], ZONES, details)
        return
    with pytest.raises(AwsError) as caught:
        endpoints.refuse_not_offered(settings(), [service], ZONES, details)
    assert message in str(caught.value)


def test_only_endpoints_that_come_into_new_subnets_are_looked_up():
    now = {
        "interface_endpoint": {
            "old": {"service": "a", "subnets": ["1", "2"]},
            "less": {"service": "b", "subnets": ["1"]},
        }
    }
    then = {
        "interface_endpoint": {
            "old": {"service": "a", "subnets": ["1", "2"]},
            "less": {"service": "b", "subnets": ["1", "2"]},
            "new": {"service": "c", "subnets": ["1", "2"]},
        }
    }
    assert endpoints.to_be_placed(now, then) == ["b", "c"]


def test_rules_are_read_one_by_one():
    found = endpoints.rules(
        [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "10.1.0.0/16"}, {"CidrIp": "100.64.0.0/16", "Description": "pods"}],
                "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "111122223333"}],
            },
            {"IpProtocol": "udp", "FromPort": 1, "ToPort": 9, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-1"}]},
        ]
    )
    assert list(found) == [
        "tcp 443 from 10.1.0.0/16",
        "tcp 443 from 100.64.0.0/16",
        "tcp 443 from sg-1",
        "udp 1-9 from ::/0",
        "all from pl-1",
    ]
    assert found["udp 1-9 from ::/0"] == {
        "IpProtocol": "udp",
        "FromPort": 1,
        "ToPort": 9,
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
    }


def test_a_rule_of_ours_is_read_as_it_was_written():
    rule = endpoints.https_from("10.1.0.0/16")
    assert endpoints.rules([endpoints.permission(rule)]) == {rule: endpoints.permission(rule)}
