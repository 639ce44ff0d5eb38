from __future__ import annotations

import json

import boto3
import pytest

SHARED_LINUX = {
    "regionCode": "us-west-2",
    "instanceType": "r8g.4xlarge",
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}


@pytest.fixture
def prices(account):
    client = boto3.client("pricing", "us-east-1")

    def ask(service, **wanted):
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
        pages = client.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters)
        found = []
        for product in map(json.loads, pages.build_full_result()["PriceList"]):
            (term,) = product["terms"]["OnDemand"].values()
            (dimension,) = term["priceDimensions"].values()
            usage = product["product"]["attributes"]["usagetype"]
            found.append((usage, dimension["unit"], float(dimension["pricePerUnit"]["USD"])))
        return found

    return ask


def test_an_instance_has_one_price_when_everything_is_told(prices):
    assert prices("AmazonEC2", **SHARED_LINUX) == [("USW2-BoxUsage:r8g.4xlarge", "Hrs", 0.9426)]
    assert len(prices("AmazonEC2", regionCode="us-west-2", instanceType="r8g.4xlarge")) == 3
    assert prices("AmazonEC2", **{**SHARED_LINUX, "instanceType": "x9.huge"}) == []


@pytest.mark.parametrize(
    ("service", "wanted", "found"),
    [
        pytest.param(
            "AmazonEC2",
            {"productFamily": "Storage", "volumeApiName": "gp3"},
            ("EBS:VolumeUsage.gp3", "GB-Mo", 0.08),
            id="volume",
        ),
        pytest.param(
            "AmazonVPC",
            {"group": "VPCPublicIPv4Address"},
            ("PublicIPv4:InUseAddress", "Hrs", 0.005),
            id="address",
        ),
    ],
)
def test_other_things_have_prices_too(prices, service, wanted, found):
    assert prices(service, regionCode="us-east-1", **wanted) == [found]


def test_there_are_more_than_a_page(account):
    client = boto3.client("pricing", "us-east-1")
    first = client.get_products(ServiceCode="AmazonEC2", MaxResults=50)
    second = client.get_products(ServiceCode="AmazonEC2", MaxResults=50, NextToken=first["NextToken"])
    assert len(first["PriceList"]) == 50
    assert not set(first["PriceList"]) & set(second["PriceList"])


def test_it_answers_in_few_regions(account):
    with pytest.raises(NotImplementedError, match="does not exist on AWS either"):
        boto3.client("pricing", "us-west-2").get_products(ServiceCode="AmazonEC2")
