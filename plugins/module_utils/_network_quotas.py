# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the account's quotas have room for what a network still lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._aws_data import AwsError, Request
from ._network import Network, Observed, about_network
from ._quotas import QUOTAS, judge, read_limits

# What a kind of thing counts against, and what an account has of it.
COUNTED = {
    "vpc": ("vpcs", "describe_vpcs", "Vpcs"),
    "internet_gateway": ("internet_gateways", "describe_internet_gateways", "InternetGateways"),
    "address": ("addresses", "describe_addresses", "Addresses"),
    "nat_gateway": ("nat_gateways", "describe_nat_gateways", "NatGateways"),
    "interface_endpoint": ("interface_endpoints", "", ""),
}
LIVE = [{"Name": "state", "Values": ["pending", "available"]}]


@dataclass(frozen=True)
class Need:
    """So many more than are in use, where a quota counts them: in the account, in a zone or in the VPC."""

    quota: str
    place: str
    in_use: int
    needed: int


def lacking(now: Observed, then: Network) -> dict[str, list[str]]:
    """The names of the things that are to be made and count, by kind."""
    found = {kind: [name for name in then[kind] if name not in now.network[kind]] for kind in COUNTED}
    return {kind: names for kind, names in found.items() if names}


def usage_reads(cluster: str, lacks: Mapping[str, list[str]]) -> dict[str, Request]:
    """The requests that count what the account has of it."""
    reads = {}
    for kind in lacks:
        dummy, operation, answer = COUNTED[kind]
        if operation:
            arguments = {"Filter": LIVE} if kind == "nat_gateway" else {}
            reads[kind] = Request(about_network(cluster), "ec2", operation, arguments, answer)
    if "nat_gateway" in lacks:  # which do not say in which zone they are
        reads["subnet"] = Request(about_network(cluster), "ec2", "describe_subnets", {}, "Subnets")
    return reads


def needs(now: Observed, then: Network, lacks: Mapping[str, list[str]], usage: Mapping[str, Any]) -> Iterator[Need]:
    for kind, names in lacks.items():
        quota = COUNTED[kind][0]
        if kind == "nat_gateway":
            zones = {subnet["SubnetId"]: subnet["AvailabilityZoneId"] for subnet in usage["subnet"]}
            used = [zones.get(gateway["SubnetId"]) for gateway in usage[kind]]
            wanted = [then["subnet"][then[kind][name]["subnet"]]["zone_id"] for name in names]
            for zone in dict.fromkeys(wanted):
                yield Need(quota, f", {zone}", used.count(zone), wanted.count(zone))
        elif kind == "interface_endpoint":
            others = [one for one in now.foreign.endpoints if one["VpcEndpointType"].lower() == "interface"]
            yield Need(quota, "", len(now.network[kind]) + len(others), len(names))
        else:
            yield Need(quota, "", len(usage[kind]), len(names))


def refuse_exhausted(
    now: Observed,
    then: Network,
    cluster: str,
    read: Callable[[Mapping[str, Request]], Mapping[str, Any]],
    attempt_all: Callable[[Mapping[str, Request]], Mapping[str, Any]],
) -> None:
    """Refuse to begin what a quota would end half-way. One that cannot be read is left to AWS."""
    lacks = lacking(now, then)
    if not lacks:
        return
    limits = read_limits(attempt_all, [COUNTED[kind][0] for kind in lacks])
    for need in needs(now, then, lacks, read(usage_reads(cluster, lacks))):
        limit = limits[need.quota]
        judgement = judge(QUOTAS[need.quota], limit.value, need.in_use, need.needed, limit.reason)
        if judgement.status == "not_available":
            raise AwsError(f"{about_network(cluster)}{need.place}: {judgement.sentence}")
