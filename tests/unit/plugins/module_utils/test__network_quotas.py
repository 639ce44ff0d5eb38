from __future__ import annotations

import re

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_quotas as quotas
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import KINDS, Foreign, Observed

SUBNETS = {f"public-{zone}": {"zone_id": f"usw2-az{zone}"} for zone in "12"}
NATS = {f"nat-{zone}": {"subnet": f"public-{zone}"} for zone in "12"}
NOTHING = {kind: {} for kind in KINDS}
ALL = {
    **NOTHING,
    "vpc": {"demo": {}},
    "internet_gateway": {"demo": {}},
    "subnet": SUBNETS,
    "address": {"nat-1": {}, "nat-2": {}},
    "nat_gateway": NATS,
    "interface_endpoint": {"demo-sts": {}, "demo-ec2": {}},
}
EMPTY = Observed(NOTHING, {})


def refuse(now, then, usage, limits):
    """The sentence with which it is refused, and what was asked for."""
    asked = []

    def read(requests):
        asked.extend(requests)
        return {kind: usage.get(kind, []) for kind in requests}

    def attempt_all(requests):
        asked.extend(requests)
        return {name: limits.get(name, AwsError("Not allowed.", "AccessDeniedException")) for name in requests}

    try:
        quotas.refuse_exhausted(now, then, "demo", read, attempt_all)
    except AwsError as error:
        return str(error), asked
    return None, asked


def test_where_nothing_is_to_be_made_nothing_is_asked():
    assert refuse(Observed(ALL, {}), ALL, {}, {}) == (None, [])


def test_only_what_is_to_be_made_is_counted():
    now = Observed({**ALL, "nat_gateway": {"nat-1": {}}}, {})
    refusal, asked = refuse(now, ALL, {}, {"nat_gateways": 5.0})
    assert refusal is None
    assert sorted(asked) == ["nat_gateway", "nat_gateways", "subnet"]


def test_a_quota_that_cannot_be_read_is_left_to_aws():
    assert refuse(EMPTY, ALL, {"vpc": [{}] * 99}, {})[0] is None


@pytest.mark.parametrize(
    ("usage", "limits", "message"),
    [
        pytest.param(
            {"vpc": [{}] * 5},
            {"vpcs": 5.0},
            r"^Network of 'demo': VPCs in the region: 1 more .*5 of 5 are in use: have quota L-F678F1CE \(vpc\)",
            id="VPCs",
        ),
        pytest.param(
            {"address": [{}] * 4},
            {"addresses": 5.0},
            "2 more addresses are needed, but 4 of 5 are in use",
            id="addresses",
        ),
        pytest.param(
            {
                "nat_gateway": [{"SubnetId": "a"}, {"SubnetId": "b"}, {"SubnetId": "b"}],
                "subnet": [
                    {"SubnetId": "a", "AvailabilityZoneId": "usw2-az1"},
                    {"SubnetId": "b", "AvailabilityZoneId": "usw2-az2"},
                ],
            },
            {"nat_gateways": 2.0},
            r"^Network of 'demo', usw2-az2: NAT gateways in a zone: 1 more .*2 of 2 are in use",
            id="NAT gateways of one zone",
        ),
        pytest.param(
            {},
            {"interface_endpoints": 3.0},
            "2 more endpoints are needed, but 2 of 3 are in use",
            id="endpoints of the VPC",
        ),
    ],
)
def test_what_does_not_fit_is_refused(usage, limits, message):
    others = [{"VpcEndpointType": "Interface"}] * 2 + [{"VpcEndpointType": "Gateway"}]
    now = Observed(NOTHING, {}, foreign=Foreign(endpoints=others))
    refusal, _ = refuse(now, ALL, usage, limits)
    assert refusal is not None
    assert re.search(message, refusal)
