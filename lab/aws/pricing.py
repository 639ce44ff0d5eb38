"""The Price List API, which moto does not have: a few products with prices of the lab's own, which are no offer of AWS."""

from __future__ import annotations

import hashlib
import json
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from moto import backend_index
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.responses import ActionResult, BaseResponse

from lab.aws.model import NotOnTheLab
from lab.aws.patching import Refused

ENDPOINTS = ("us-east-1", "eu-central-1", "ap-south-1")  # the only regions in which AWS answers
PLACES = {"us-east-1": "", "us-west-2": "USW2-", "eu-central-1": "EUC1-"}  # region -> how its usage types begin
INSTANCES = {  # USD an hour
    "c8g.2xlarge": 0.3190,
    "c8g.metal-24xl": 3.8285,
    "m6a.xlarge": 0.1728,
    "m8g.large": 0.0898,
    "m8g.xlarge": 0.1795,
    "r8g.large": 0.1178,
    "r8g.xlarge": 0.2356,
    "r8g.2xlarge": 0.4713,
    "r8g.4xlarge": 0.9426,
}
# Service, product family, usage type, unit, USD, and attributes by which it is told from others.
OTHERS: tuple[tuple[str, str, str, str, float, dict[str, str]], ...] = (
    ("AmazonEKS", "Compute", "AmazonEKS-Hours:perCluster", "Hours", 0.1, {}),
    ("AmazonEKS", "Compute", "AmazonEKS-Hours:extendedSupport", "Hours", 0.5, {}),
    ("AmazonEC2", "Storage", "EBS:VolumeUsage.gp3", "GB-Mo", 0.08, {"volumeApiName": "gp3"}),
    ("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.gp3", "IOPS-Mo", 0.005, {"volumeApiName": "gp3"}),
    ("AmazonEC2", "Provisioned Throughput", "EBS:VolumeP-Throughput.gp3", "GiBps-mo", 40.96, {"volumeApiName": "gp3"}),
    ("AmazonEC2", "Storage", "EBS:VolumeUsage.io2", "GB-Mo", 0.125, {"volumeApiName": "io2"}),
    ("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2", "IOPS-Mo", 0.065, {"volumeApiName": "io2"}),
    ("AmazonEC2", "System Operation", "EBS:VolumeP-IOPS.io2.tier2", "IOPS-Mo", 0.0455, {"volumeApiName": "io2"}),
    ("AmazonEC2", "Storage", "EBS:VolumeUsage.st1", "GB-Mo", 0.045, {"volumeApiName": "st1"}),
    ("AmazonEC2", "NAT Gateway", "NatGateway-Hours", "Hrs", 0.045, {}),
    ("AmazonEC2", "NAT Gateway", "NatGateway-Bytes", "GB", 0.045, {}),
    ("AmazonVPC", "VpcEndpoint", "VpcEndpoint-Hours", "Hrs", 0.01, {}),
    ("AmazonVPC", "VpcEndpoint", "VpcEndpoint-Bytes", "GB", 0.01, {}),
    ("AmazonVPC", "", "PublicIPv4:InUseAddress", "Hrs", 0.005, {"group": "VPCPublicIPv4Address"}),
    ("AWSDataTransfer", "Data Transfer", "DataTransfer-Regional-Bytes", "GB", 0.01, {"transferType": "IntraRegion"}),
    ("awskms", "Encryption Key", "KMS-Keys", "Keys", 1.0, {}),
    ("AmazonCloudWatch", "Data Payload", "DataProcessing-Bytes", "GB", 0.5, {}),
    ("AmazonCloudWatch", "Storage Snapshot", "TimedStorage-ByteHrs", "GB-Mo", 0.03, {}),
    ("AmazonPrometheus", "Metrics", "AMP:MetricSampleCount", "Samples", 9e-8, {}),
)
PAGE = 100

Product = dict[str, Any]


def products() -> Iterator[Product]:
    for region, prefix in PLACES.items():
        for instance_type, price in INSTANCES.items():
            for system, tenancy, factor in (
                ("Linux", "Shared", 1.0),
                ("Linux", "Dedicated", 1.1),
                ("Windows", "Shared", 1.8),
            ):
                attributes = {
                    "instanceType": instance_type,
                    "operatingSystem": system,
                    "tenancy": tenancy,
                    "preInstalledSw": "NA",
                    "capacitystatus": "Used",
                    "marketoption": "OnDemand",
                    "usagetype": f"{prefix}{'BoxUsage' if tenancy == 'Shared' else 'DedicatedUsage'}:{instance_type}",
                }
                family = "Compute Instance (bare metal)" if ".metal" in instance_type else "Compute Instance"
                yield _product("AmazonEC2", family, region, "Hrs", price * factor, attributes)
        for service, family, usage, unit, price, attributes in OTHERS:
            yield _product(service, family, region, unit, price, {**attributes, "usagetype": prefix + usage})


def _product(service: str, family: str, region: str, unit: str, price: float, attributes: dict[str, str]) -> Product:
    """In the form of the price list."""
    sku = hashlib.sha256(json.dumps([service, family, region, attributes]).encode()).hexdigest()[:16].upper()
    term, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"${price} per {unit} of {attributes['usagetype']}",
        "appliesTo": [],
        "rateCode": rate,
        "pricePerUnit": {"USD": f"{price:.10f}"},
    }
    terms = {
        "sku": sku,
        "effectiveDate": "2026-01-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
        "priceDimensions": {rate: dimension},
    }
    place = "fromRegionCode" if service == "AWSDataTransfer" else "regionCode"
    return {
        "serviceCode": service,
        "product": {
            "sku": sku,
            "productFamily": family,
            "attributes": {"servicecode": service, place: region, **attributes},
        },
        "terms": {"OnDemand": {term: terms}},
        "version": "20260101000000",
        "publicationDate": "2026-01-01T00:00:00Z",
    }


class PricingResponse(BaseResponse):
    def __init__(self) -> None:
        super().__init__(service_name="pricing")
        self.automated_parameter_parsing = True

    def get_products(self) -> ActionResult:
        if self.region not in ENDPOINTS:
            raise NotOnTheLab(f"the region {self.region}, in which it does not exist on AWS either")
        wanted = {}
        for condition in self._get_param("Filters", []):
            if condition["Type"] != "TERM_MATCH":
                raise Refused("InvalidParameterException", f"The filter type {condition['Type']} is not supported")
            # AWS takes the name of this field in either spelling.
            field = condition["Field"].replace("serviceCode", "servicecode")
            wanted[field] = condition["Value"]
        wanted["servicecode"] = self._get_param("ServiceCode")
        found = [
            product
            for product in products()
            if wanted.items()
            <= {"productFamily": product["product"]["productFamily"], **product["product"]["attributes"]}.items()
        ]
        first = int(self._get_param("NextToken") or 0)
        last = first + int(self._get_param("MaxResults") or PAGE)
        page = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product) for product in found[first:last]]}
        return ActionResult({**page, **({"NextToken": str(last)} if last < len(found) else {})})


class PricingBackend(BaseBackend):
    """Where moto looks for the addresses of a service and for what answers there."""

    @property
    def urls(self) -> dict[str, Callable[..., Any]]:
        return {r"https?://(api\.)?pricing\.(.+)\.amazonaws\.com/": PricingResponse.dispatch}

    @property
    def flask_paths(self) -> dict[str, Callable[..., Any]]:
        return {"/": PricingResponse.dispatch}


pricing_backends = BackendDict(PricingBackend, "pricing")


def install() -> None:
    # moto knows a service by its address, and imports it by its name from among its own modules.
    pattern = re.compile(r"https?://(api\.)?pricing\.(.+)\.amazonaws\.com")
    backend_index.backend_url_patterns.append(("pricing", pattern))
    module = types.ModuleType("moto.pricing")
    module.pricing_backends = pricing_backends  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
