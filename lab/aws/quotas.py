"""Service Quotas, and what happens at them. Usage is what the emulated account has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse

from lab.aws import patching
from lab.aws.patching import Refused


@dataclass(frozen=True)
class Quota:
    service: str
    code: str
    name: str
    default: float
    # What a request over it is refused with, where the lab enforces it.
    error: str = ""
    message: str = ""


STANDARD_VCPUS = Quota(
    "ec2",
    "L-1216C47A",
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    640,
    "VcpuLimitExceeded",
    "You have requested more vCPU capacity than your current vCPU limit of {limit:.0f} allows for the instance bucket that the "
    "specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to "
    "this limit.",
)
SPOT_VCPUS = Quota("ec2", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 640)
ADDRESSES = Quota(
    "ec2",
    "L-0263D0A3",
    "EC2-VPC Elastic IPs",
    5,
    "AddressLimitExceeded",
    "The maximum number of addresses has been reached.",
)
GP3_STORAGE = Quota("ebs", "L-7A658B76", "Storage for General Purpose SSD (gp3) volumes, in TiB", 50)
VPCS = Quota(
    "vpc",
    "L-F678F1CE",
    "VPCs per Region",
    5,
    "VpcLimitExceeded",
    "The maximum number of VPCs has been reached.",
)
NAT_GATEWAYS = Quota(
    "vpc",
    "L-FE5A380F",
    "NAT gateways per Availability Zone",
    5,
    "NatGatewayLimitExceeded",
    "Performing this operation would exceed the limit of {limit:.0f} NAT gateways",
)
INTERNET_GATEWAYS = Quota(
    "vpc",
    "L-A4707A72",
    "Internet gateways per Region",
    5,
    "InternetGatewayLimitExceeded",
    "The maximum number of internet gateways has been reached.",
)
ENDPOINTS = Quota(
    "vpc",
    "L-29B6F2EB",
    "Interface VPC endpoints per VPC",
    50,
    "VpcEndpointLimitExceeded",
    "The maximum number of VPC endpoints has been reached.",
)
INTERFACES = Quota("vpc", "L-DF5E4CA3", "Network interfaces per Region", 5000)
CLUSTERS = Quota(
    "eks",
    "L-1194D53C",
    "Clusters",
    100,
    "ResourceLimitExceededException",
    "Cannot exceed {limit:.0f} clusters",
)
NODE_GROUPS = Quota(
    "eks",
    "L-6D54EA21",
    "Managed node groups per cluster",
    30,
    "ResourceLimitExceededException",
    "Cannot exceed {limit:.0f} node groups per cluster",
)
QUOTAS = {
    (quota.service, quota.code): quota
    for quota in (
        STANDARD_VCPUS,
        SPOT_VCPUS,
        ADDRESSES,
        GP3_STORAGE,
        VPCS,
        NAT_GATEWAYS,
        INTERNET_GATEWAYS,
        ENDPOINTS,
        INTERFACES,
        CLUSTERS,
        NODE_GROUPS,
    )
}


@dataclass
class Quotas:
    applied: dict[tuple[str, str], float] = field(default_factory=dict)  # where they are not the default

    def limit(self, quota: Quota) -> float:
        return self.applied.get((quota.service, quota.code), quota.default)


current = Quotas()


def require(quota: Quota, used: int, more: int = 1) -> None:
    """Refuse what would go over a quota."""
    limit = current.limit(quota)
    if used + more > limit:
        raise Refused(quota.error, quota.message.format(limit=limit))


def install() -> None:
    """moto knows quotas of VPC only, and no applied values."""
    patching.replace(ServiceQuotasBackend, get_service_quota, list_aws_default_service_quotas)
    patching.add(ServiceQuotasResponse, get_aws_default_service_quota, list_service_quotas)


def _document(backend: ServiceQuotasBackend, quota: Quota, value: float) -> dict[str, Any]:
    where = f"{backend.region_name}:{backend.account_id}:{quota.service}/{quota.code}"
    return {
        "ServiceCode": quota.service,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "QuotaArn": f"arn:aws:servicequotas:{where}",
        "Value": value,
        "Adjustable": True,
        "GlobalQuota": False,
        "Unit": "None",
    }


def _find(service: str, code: str) -> Quota:
    if (service, code) not in QUOTAS:
        raise NoSuchResource
    return QUOTAS[service, code]


def get_service_quota(
    original: Callable[..., dict[str, Any]], backend: ServiceQuotasBackend, service_code: str, quota_code: str
) -> dict[str, Any]:
    quota = _find(service_code, quota_code)
    return _document(backend, quota, current.limit(quota))


def list_aws_default_service_quotas(
    original: Callable[..., list[dict[str, Any]]], backend: ServiceQuotasBackend, service_code: str
) -> list[dict[str, Any]]:
    return [_document(backend, quota, quota.default) for quota in QUOTAS.values() if quota.service == service_code]


def get_aws_default_service_quota(response: ServiceQuotasResponse) -> str:
    asked = json.loads(response.body)
    quota = _find(asked["ServiceCode"], asked["QuotaCode"])
    return json.dumps({"Quota": _document(response.backend, quota, quota.default)})


def list_service_quotas(response: ServiceQuotasResponse) -> str:
    service = json.loads(response.body)["ServiceCode"]
    found = [quota for quota in QUOTAS.values() if quota.service == service]
    return json.dumps({"Quotas": [_document(response.backend, quota, current.limit(quota)) for quota in found]})
