from __future__ import annotations

import json

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._prices import Rate
from ansible_collections.streamops.kafka_eks.plugins.module_utils._pricing_api import QUERIES, rates, requests


def product(usage, *prices, currency="USD", unit="Hrs"):
    """A product of the price list, with the prices of its tiers."""
    dimensions = {
        str(number): {"beginRange": start, "unit": unit, "pricePerUnit": {currency: price}}
        for number, (start, price) in enumerate(prices)
    }
    terms = {"OnDemand": {"term": {"priceDimensions": dimensions}}, "Reserved": {"term": {"priceDimensions": {}}}}
    return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": terms})


def rate(name, *products):
    found = rates({name: list(products)}, "2026-11-24")
    return found[name].tiers if found else None


def test_each_price_is_asked_for_in_its_region():
    found = requests(["instance r8g.4xlarge", "cross_zone", "spot r8g.4xlarge"], "us-west-2")
    assert list(found) == ["instance r8g.4xlarge", "cross_zone"]
    asked = {
        name: {one["Field"]: one["Value"] for one in request.arguments["Filters"]} for name, request in found.items()
    }
    assert asked["instance r8g.4xlarge"] == {
        "regionCode": "us-west-2",
        "instanceType": "r8g.4xlarge",
        "tenancy": "Shared",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
    }
    assert asked["cross_zone"] == {"fromRegionCode": "us-west-2", "transferType": "IntraRegion"}
    assert {request.answer for request in found.values()} == {"PriceList"}


@pytest.mark.parametrize(
    ("name", "products", "tiers"),
    [
        pytest.param("gp3", [product("USW2-EBS:VolumeUsage.gp3", ("0", "0.08"))], ((0, 0.08),), id="a region's"),
        pytest.param("gp3", [product("EBS:VolumeUsage.gp3", ("0", "0.08"))], ((0, 0.08),), id="us-east-1 says nothing"),
        pytest.param("gp3", [product("USW2-EBS:VolumeUsage.gp2", ("0", "0.1"))], None, id="another thing"),
        pytest.param("nat_hour", [product("USW2-RegionalNatGateway-Hours", ("0", "0.05"))], None, id="a longer name"),
        pytest.param(
            "gp3_throughput", [product("USW2-EBS:VolumeP-Throughput.gp3", ("0", "40.96"))], ((0, 0.04),), id="per GiB/s"
        ),
        pytest.param(
            "metrics",
            [product("USW2-AMP:MetricSampleCount", ("0", "0"), ("40000000", "0.00000009"))],
            ((0, 0), (40, 0.09)),
            id="tiers, per sample",
        ),
        pytest.param(
            "io2_iops",
            [
                product("USW2-EBS:VolumeP-IOPS.io2", ("0", "0.065")),
                product("USW2-EBS:VolumeP-IOPS.io2.tier2", ("0", "0.0455")),
                product("USW2-EBS:VolumeP-IOPS.io2.tier3", ("0", "0.03185")),
            ],
            ((0, 0.065), (32000, 0.0455), (64000, 0.03185)),
            id="tiers that are products",
        ),
        pytest.param(
            "instance m8g.large",
            [
                product("USW2-BoxUsage:m8g.large", ("0", "0.08976")),
                product("USW2-DedicatedUsage:m8g.large", ("0", "1")),
            ],
            ((0, 0.08976),),
            id="an instance",
        ),
        pytest.param(
            "gp3",
            [product("USW2-EBS:VolumeUsage.gp3", ("0", "0.08")), product("USW2-EBS:VolumeUsage.gp3", ("0", "0.09"))],
            None,
            id="two prices of one thing",
        ),
        pytest.param("gp3", [product("CNN1-EBS:VolumeUsage.gp3", ("0", "0.6"), currency="CNY")], None, id="not in USD"),
        pytest.param("gp3", [], None, id="nothing"),
    ],
)
def test_answers_are_read_as_prices(name, products, tiers):
    found = rate(name, *products)
    assert (found and [pytest.approx(tier) for tier in found]) == (tiers and list(tiers))


def test_a_price_says_from_when_it_is():
    answer = {"kms_key": [product("us-west-2-KMS-Keys", ("0", "1"))]}
    assert rates(answer, "2026-11-24") == {"kms_key": Rate("month", ((0.0, 1.0),), "AWS Pricing API", "2026-11-24")}


def test_every_price_of_the_table_can_be_asked_for():
    from ansible_collections.streamops.kafka_eks.plugins.module_utils._prices import UNITS

    assert set(QUERIES) == set(UNITS)
