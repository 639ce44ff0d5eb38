# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network of a cluster as plain data: what _network_look.py finds, _network_plan.py wants and _network_steps.py asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._aws_data import Ref

Properties = dict[str, Any]
Network = dict[str, dict[str, Properties]]  # kind -> name -> properties, without any id

SUBNET_TAG = "kafka-eks/subnet"
SUBNET_KINDS = ("public", "private", "intra")
EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Kind:
    """How EC2 speaks of one kind of thing."""

    label: str
    tag_type: str
    create: str
    answer: str
    delete: str
    id_key: str


# In the order in which they are made.
KINDS = {
    "vpc": Kind("VPC", "vpc", "create_vpc", "Vpc.VpcId", "delete_vpc", "VpcId"),
    "internet_gateway": Kind(
        "Internet gateway",
        "internet-gateway",
        "create_internet_gateway",
        "InternetGateway.InternetGatewayId",
        "delete_internet_gateway",
        "InternetGatewayId",
    ),
    "subnet": Kind("Subnet", "subnet", "create_subnet", "Subnet.SubnetId", "delete_subnet", "SubnetId"),
    "address": Kind(
        "Elastic IP address", "elastic-ip", "allocate_address", "AllocationId", "release_address", "AllocationId"
    ),
    "nat_gateway": Kind(
        "NAT gateway",
        "natgateway",
        "create_nat_gateway",
        "NatGateway.NatGatewayId",
        "delete_nat_gateway",
        "NatGatewayId",
    ),
    "route_table": Kind(
        "Route table",
        "route-table",
        "create_route_table",
        "RouteTable.RouteTableId",
        "delete_route_table",
        "RouteTableId",
    ),
    "gateway_endpoint": Kind(
        "Gateway endpoint",
        "vpc-endpoint",
        "create_vpc_endpoint",
        "VpcEndpoint.VpcEndpointId",
        "delete_vpc_endpoints",
        "VpcEndpointId",
    ),
    "security_group": Kind(
        "Security group", "security-group", "create_security_group", "GroupId", "delete_security_group", "GroupId"
    ),
    "interface_endpoint": Kind(
        "Interface endpoint",
        "vpc-endpoint",
        "create_vpc_endpoint",
        "VpcEndpoint.VpcEndpointId",
        "delete_vpc_endpoints",
        "VpcEndpointId",
    ),
}
ENDPOINTS = ("gateway_endpoint", "interface_endpoint")


@dataclass(frozen=True)
class Settings:
    cluster: str
    region: str
    cidr: str
    secondary_cidr: str
    zone_count: int
    zone_ids: Sequence[str]
    public: bool
    nat: str
    interface_endpoints: Sequence[str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Zone:
    """A zone with its place in the CIDR blocks."""

    name: str
    id: str
    place: int


@dataclass(frozen=True)
class Failed:
    """Something that AWS began to make and could not."""

    ref: Ref
    id: str
    reason: str


@dataclass(frozen=True)
class Foreign:
    """What lies in the cluster's VPC and does not carry its tag."""

    subnets: Mapping[str, str] = field(default_factory=dict)  # id -> CIDR block
    route_tables: Sequence[str] = ()
    endpoints: Sequence[Mapping[str, Any]] = ()
    security_groups: Mapping[str, str] = field(default_factory=dict)  # id -> name
    # Of whatever runs in the subnets, read only when they are to go: id -> description
    interfaces_in_use: Mapping[str, str] = field(default_factory=dict)
    idle_interfaces: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """What carries the cluster's tag, and what else lies in its VPC."""

    network: Network
    ids: Mapping[Ref, str]
    pending: Sequence[Ref] = ()  # in the network, but not of use yet
    leaving: Network = field(default_factory=dict)  # no longer in the network, but not gone either
    failed: Sequence[Failed] = ()
    users: Mapping[str, str] = field(default_factory=dict)  # address -> the network interface that has it
    permissions: Mapping[str, Properties] = field(default_factory=dict)  # the rules of our group as EC2 spells them
    foreign: Foreign = field(default_factory=Foreign)
    zones: Sequence[Mapping[str, Any]] = ()


def about(kind: str, name: str) -> str:
    return f"{KINDS[kind].label} '{name}'"


def about_network(cluster: str) -> str:
    return f"Network of '{cluster}'"


def shown(network: Network) -> Network:
    """A side of a diff, without the kinds of which there is nothing."""
    return {kind: things for kind, things in network.items() if things}


def summary(network: Network, ids: Mapping[Ref, str]) -> dict[str, Any]:
    """The network as modules return it; ids are missing while it is only planned."""
    subnets: dict[str, list[dict[str, Any]]] = {kind: [] for kind in SUBNET_KINDS}
    for name, subnet in network["subnet"].items():
        kind = subnet["tags"].get(SUBNET_TAG)
        if kind in subnets:
            subnets[kind].append(
                {
                    "id": ids.get(Ref("subnet", name)),
                    "name": name,
                    "zone": subnet["zone"],
                    "zone_id": subnet["zone_id"],
                    "cidr": subnet["cidr"],
                }
            )
    by_zone = {kind: sorted(found, key=lambda subnet: str(subnet["zone_id"])) for kind, found in subnets.items()}
    vpc_id = next((value for ref, value in ids.items() if ref.kind == "vpc"), None)
    return {"vpc_id": vpc_id, "subnets": by_zone}
