# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWS's Pricing API: what to ask it for a price, and how to read its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ._aws_data import Request
from ._cost import CURRENCY
from ._prices import UNITS, Rate

# It answers in these regions only; each knows the prices of all.
REGION = "us-east-1"
SOURCE = "AWS Pricing API"


@dataclass(frozen=True)
class Query:
    """How a price is found: by its service, by attributes, and by how its usage type ends, which begins with the region."""

    service: str
    usage: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    region_attribute: str = "regionCode"
    # One of AWS's units is so many of ours.
    factor: float = 1.0


def _ebs(family: str, volume: str, usage: str, factor: float = 1.0) -> Query:
    return Query("AmazonEC2", usage, {"productFamily": family, "volumeApiName": volume}, factor=factor)


QUERIES = {
    "control_plane": Query("AmazonEKS", "AmazonEKS-Hours:perCluster"),
    "extended_support": Query("AmazonEKS", "AmazonEKS-Hours:extendedSupport"),
    "gp3": _ebs("Storage", "gp3", "EBS:VolumeUsage.gp3"),
    "gp3_iops": _ebs("System Operation", "gp3", "EBS:VolumeP-IOPS.gp3"),
    "gp3_throughput": _ebs("Provisioned Throughput", "gp3", "EBS:VolumeP-Throughput.gp3", 1024),  # priced per GiB/s
    "io2": _ebs("Storage", "io2", "EBS:VolumeUsage.io2"),
    "io2_iops": _ebs("System Operation", "io2", "EBS:VolumeP-IOPS.io2"),
    "st1": _ebs("Storage", "st1", "EBS:VolumeUsage.st1"),
    "nat_hour": Query("AmazonEC2", "NatGateway-Hours", {"productFamily": "NAT Gateway"}),
    "nat_data": Query("AmazonEC2", "NatGateway-Bytes", {"productFamily": "NAT Gateway"}),
    "endpoint_hour": Query("AmazonVPC", "VpcEndpoint-Hours", {"productFamily": "VpcEndpoint"}),
    "endpoint_data": Query("AmazonVPC", "VpcEndpoint-Bytes", {"productFamily": "VpcEndpoint"}),
    "cross_zone": Query(
        "AWSDataTransfer", "DataTransfer-Regional-Bytes", {"transferType": "IntraRegion"}, "fromRegionCode"
    ),
    "address_hour": Query("AmazonVPC", "PublicIPv4:InUseAddress", {"group": "VPCPublicIPv4Address"}),
    "kms_key": Query("awskms", "KMS-Keys", {"productFamily": "Encryption Key"}),
    "logs": Query("AmazonCloudWatch", "DataProcessing-Bytes", {"productFamily": "Data Payload"}),
    "logs_stored": Query("AmazonCloudWatch", "TimedStorage-ByteHrs", {"productFamily": "Storage Snapshot"}),
    "metrics": Query("AmazonPrometheus", "AMP:MetricSampleCount", factor=1e-6),
}
# IOPS of io2 are priced by usage types of their own from so many on.
IO2_TIERS = {"": 0.0, ".tier2": 32_000.0, ".tier3": 64_000.0}
INSTANCE = {
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
}


def requests(prices: Iterable[str], region: str) -> dict[str, Request]:
    """What to ask for the prices of these keys; for some, such as spot instances, there is nothing to ask."""
    found = {}
    for price in prices:
        query = _query(price)
        if query:
            wanted = {query.region_attribute: region, **query.attributes}
            filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
            arguments = {"ServiceCode": query.service, "Filters": filters}
            found[price] = Request(f"Price of {price} in {region}", "pricing", "get_products", arguments, "PriceList")
    return found


def _query(price: str) -> Query | None:
    kind, _separator, instance_type = price.partition(" ")
    if kind == "instance":
        return Query("AmazonEC2", f"BoxUsage:{instance_type}", {**INSTANCE, "instanceType": instance_type})
    return QUERIES.get(price)


def rates(answers: Mapping[str, Any], today: str) -> dict[str, Rate]:
    """The prices that the answers hold; one that cannot be told for sure is left out."""
    found = {}
    for price, products in answers.items():
        query = _query(price)
        tiers = _tiers(query, [json.loads(product) for product in products]) if query else None
        if tiers:
            found[price] = Rate(UNITS.get(price, "hour"), tiers, SOURCE, today)
    return found


def _tiers(query: Query, products: list[dict[str, Any]]) -> tuple[tuple[float, float | None], ...] | None:
    starts = IO2_TIERS if query.usage.endswith(".io2") else {"": 0.0}
    found: dict[float, set[float]] = {}
    for product in products:
        for suffix, first in starts.items():
            if _is_of(product["product"]["attributes"].get("usagetype", ""), query.usage + suffix):
                for start, price in _dimensions(product):
                    found.setdefault((first + start) * query.factor, set()).add(price / query.factor)
    # Two prices of one thing: which of them will be billed is not known.
    if not found or any(len(prices) > 1 for prices in found.values()):
        return None
    return tuple((start, prices.pop()) for start, prices in sorted(found.items()))


def _is_of(usage: str, wanted: str) -> bool:
    """us-east-1's usage types have no region in front, or one as the others have."""
    return usage == wanted or usage.endswith(f"-{wanted}")


def _dimensions(product: Mapping[str, Any]) -> Iterable[tuple[float, float]]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if CURRENCY in dimension["pricePerUnit"]:
                yield float(dimension.get("beginRange", 0)), float(dimension["pricePerUnit"][CURRENCY])
