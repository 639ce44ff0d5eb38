# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Endpoints of AWS's services in a VPC: what they are called, who offers them where, and the rules of their security group."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._aws_data import AwsError, Request, listed
from ._network import Network, Properties, Settings, Zone, about_network

# Of the services of an endpoint only this port is used.
HTTPS = "tcp 443 from "
# Some services are one for the whole world: their name has no region, and they are offered from this one.
HOMES = {"route53": "us-east-1"}
SERVICE = re.compile(r"com\.amazonaws\.(?:[a-z]{2}(?:-[a-z]+)+-\d\.)?(?P<short>.+)")
SHORT = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


def service_name(short: str, region: str) -> str:
    return f"com.amazonaws.{short}" if short in HOMES else f"com.amazonaws.{region}.{short}"


def short_name(service: str) -> str:
    found = SERVICE.fullmatch(service)
    return found["short"] if found else service


def home(service: str, region: str) -> str | None:
    """The region in which a service lives, where it is another one."""
    place = HOMES.get(short_name(service))
    return None if place == region else place


def check_names(settings: Settings) -> None:
    """Refuse names that no region offers."""
    names = list(settings.interface_endpoints)
    for name in names:
        if name == "s3":
            raise AwsError(
                f"{about_network(settings.cluster)}: interface_endpoints names s3, which the network reaches through its gateway "
                "endpoint, without a price: leave it out."
            )
        if not SHORT.fullmatch(name) or name.startswith("com.amazonaws"):
            raise AwsError(
                f"{about_network(settings.cluster)}: '{name}' of interface_endpoints is not the short name of a service: give one "
                "such as ecr.api or sts, without com.amazonaws and the region."
            )
        if names.count(name) > 1:
            raise AwsError(
                f"{about_network(settings.cluster)}: interface_endpoints names {name} twice: leave one of them out."
            )


def to_be_placed(now: Network, then: Network) -> list[str]:
    """The services of the endpoints that come into subnets in which they are not yet."""
    found = now["interface_endpoint"]
    return [
        endpoint["service"]
        for name, endpoint in then["interface_endpoint"].items()
        if {*endpoint["subnets"]} - {*found.get(name, {}).get("subnets", [])}
    ]


def offer_reads(settings: Settings, services: Sequence[str]) -> dict[str, Request]:
    """The requests that find out where services are offered, one for each region in which they live."""
    by_home: dict[str | None, list[str]] = {}
    for service in services:
        by_home.setdefault(home(service, settings.region), []).append(service)

    def request(place: str | None, names: list[str]) -> Request:
        # By filter: one unknown name in the option of its own would be an error for all.
        arguments: Properties = {"Filters": [{"Name": "service-name", "Values": names}]}
        if place:
            arguments["ServiceRegions"] = [place]
        about = about_network(settings.cluster)
        return Request(about, "ec2", "describe_vpc_endpoint_services", arguments, "ServiceDetails")

    return {place or settings.region: request(place, names) for place, names in by_home.items()}


def refuse_not_offered(
    settings: Settings, services: Sequence[str], zones: Sequence[Zone], details: Iterable[Mapping[str, Any]]
) -> None:
    """Refuse what CreateVpcEndpoint would refuse one by one."""
    offered = {
        detail["ServiceName"]: detail
        for detail in details
        if any(kind["ServiceType"] == "Interface" for kind in detail.get("ServiceType", []))
    }
    missing = [short_name(service) for service in services if service not in offered]
    if missing:
        raise AwsError(
            f"{about_network(settings.cluster)}: {settings.region} offers no interface endpoint for {listed(missing)}: leave that "
            "out of interface_endpoints, or use another region."
        )
    for service in services:
        detail = offered[service]
        if not detail.get("PrivateDnsNames"):
            raise AwsError(
                f"{about_network(settings.cluster)}: the interface endpoint for {short_name(service)} has no private DNS name, so "
                "that nobody would use it: leave it out of interface_endpoints."
            )
        if home(service, settings.region):
            continue
        without = [zone.id for zone in zones if zone.name not in detail.get("AvailabilityZones", [])]
        if without:
            raise AwsError(
                f"{about_network(settings.cluster)}: no interface endpoint for {short_name(service)} is offered in "
                f"{listed(without)}: choose other zones with zone_ids, or leave it out of interface_endpoints."
            )


# The rules of a security group, as texts that people can compare


def rules(permissions: Sequence[Mapping[str, Any]]) -> dict[str, Properties]:
    """Rules as EC2 groups them, one by one: their text, and how EC2 spells each alone."""
    found = {}
    for permission in permissions:
        base = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if permission.get(key) is not None}
        for key, source_key in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("UserIdGroupPairs", "GroupId"),
            ("PrefixListIds", "PrefixListId"),
        ):
            for source in permission.get(key, []):
                text = f"{_traffic(base)} from {source[source_key]}"
                found[text] = {**base, key: [{source_key: source[source_key]}]}
    return found


def _traffic(permission: Mapping[str, Any]) -> str:
    protocol = "all" if permission["IpProtocol"] == "-1" else permission["IpProtocol"]
    first, last = permission.get("FromPort"), permission.get("ToPort")
    if first is None:
        return str(protocol)
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"


def https_from(block: str) -> str:
    return f"{HTTPS}{block}"


def permission(rule: str) -> Properties:
    """A rule of ours as EC2 spells it."""
    block = rule.removeprefix(HTTPS)
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": block}]}
