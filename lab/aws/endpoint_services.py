"""Which services can be reached through endpoints of a VPC, where moto does not tell as EC2 does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.base_backend import BaseBackend
from moto.core.responses import ActionResult
from moto.ec2.models import EC2Backend
from moto.ec2.responses.vpcs import VPCs

from lab.aws import patching

# One for the whole world: offered from this region, to all others too.
HOME = "us-east-1"
WORLDWIDE = {"com.amazonaws.route53": "route53.amazonaws.com"}


def install() -> None:
    original = EC2Backend._collect_default_endpoint_services

    def collect(account_id: str, region: str) -> list[dict[str, Any]]:
        services: list[dict[str, Any]] = original(account_id, region)
        return [*services, *map(_worldwide, WORLDWIDE)]

    EC2Backend._collect_default_endpoint_services = staticmethod(collect)  # type: ignore[method-assign]
    patching.replace(EC2Backend, describe_vpc_endpoint_services)
    patching.replace(VPCs, answer_describe_vpc_endpoint_services, name="describe_vpc_endpoint_services")


def _worldwide(name: str) -> dict[str, Any]:
    """moto has none of these."""
    zones = [f"{HOME}{letter}" for letter in "abcdef"]
    (service,) = BaseBackend.default_vpc_endpoint_service_factory(HOME, zones, name)
    dns = WORLDWIDE[name]
    return {**service, "ServiceName": name, "PrivateDnsName": dns, "PrivateDnsNames": [{"PrivateDnsName": dns}]}


def describe_vpc_endpoint_services(
    original: Callable[..., dict[str, Any]],
    ec2: EC2Backend,
    service_names: list[str],
    filters: list[dict[str, Any]],
    *args: Any,
    **kwargs: Any,
) -> dict[str, Any]:
    """moto reads what a filter asks for by another name than the one it gets."""
    named = [{**one, "Value": one.get("Values", [])} for one in filters]
    return original(service_names, named, *args, **kwargs)


def answer_describe_vpc_endpoint_services(original: Callable[..., ActionResult], response: VPCs) -> ActionResult:
    """moto does not read ServiceRegions."""
    regions = response._get_param("ServiceRegions", []) or [response.region]
    answer: Any = original().result
    details = [
        detail
        for detail in answer["ServiceDetails"]
        if (HOME if detail["ServiceName"] in WORLDWIDE else response.region) in regions
    ]
    names = [detail["ServiceName"] for detail in details]
    return ActionResult({**answer, "ServiceDetails": details, "ServiceNames": names})
