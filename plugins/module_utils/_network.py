# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The network of a cluster: what it should be, what it is, and the requests that lead from one to the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, Step, Wait, is_owned, listed, missing_tags, tag_list, tags_of

Properties = dict[str, Any]
Network = dict[str, dict[str, Properties]]  # kind -> name -> properties, without any id

SUBNET_TAG = "kafka-eks/subnet"
SUBNET_KINDS = ("public", "private", "intra")
# Zones in which EKS cannot place its control plane.
UNSUPPORTED_ZONE_IDS = ("use1-az3", "usw1-az2", "cac1-az3")
# Each zone has its place among so many, so that a zone can be added without moving the others.
ZONE_PLACES = 4
# Public subnets and those of the control plane take 8 of the 256 parts of the first block, private ones the second whole.
PRIMARY_CUT = 8
SECONDARY_CUT = 2
# The smallest subnet of AWS is a /28; a private one holds nodes and pods.
SMALLEST_BLOCK = {"cidr": 28 - PRIMARY_CUT, "secondary_cidr": 26 - SECONDARY_CUT}
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
    "endpoint": Kind(
        "Gateway endpoint",
        "vpc-endpoint",
        "create_vpc_endpoint",
        "VpcEndpoint.VpcEndpointId",
        "delete_vpc_endpoints",
        "VpcEndpointId",
    ),
}
UNCHANGEABLE = {"vpc": ("cidr",), "subnet": ("cidr", "zone_id"), "nat_gateway": ("subnet", "address")}


@dataclass(frozen=True)
class Settings:
    cluster: str
    region: str
    cidr: str
    secondary_cidr: str
    zone_count: int
    nat: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Zone:
    """A zone with its place in the CIDR blocks."""

    name: str
    id: str
    place: int


@dataclass(frozen=True)
class Observed:
    """What carries the cluster's tag, and what else lies in its VPC."""

    network: Network
    ids: Mapping[Ref, str]
    pending_nat_gateways: Sequence[str]
    deleting_nat_gateways: Sequence[str]
    foreign_subnets: Mapping[str, str]  # id -> cidr


ZONES = Request("Zones of the region", "ec2", "describe_availability_zones", {}, "AvailabilityZones")


def about(kind: str, name: str) -> str:
    return f"{KINDS[kind].label} '{name}'"


# What is there


def look(read: Callable[[Mapping[str, Request]], Mapping[str, Any]], cluster: str) -> Observed:
    """Find the network with the help of a reader."""
    raw = dict(read(tag_reads(cluster)))
    vpc_id = vpc_of(raw, cluster)
    if vpc_id:
        raw |= read(vpc_reads(cluster, vpc_id))
    return observed(raw, cluster)


def tag_reads(cluster: str) -> dict[str, Request]:
    """The requests that find what carries the cluster's tag, by kind."""
    tagged = [{"Name": f"tag:{OWNER_TAG}", "Values": [cluster]}]
    live = {"Name": "state", "Values": ["pending", "available", "deleting"]}

    def request(operation: str, answer: str, **arguments: Any) -> Request:
        return Request(f"Network of '{cluster}'", "ec2", operation, arguments, answer)

    return {
        "vpc": request("describe_vpcs", "Vpcs", Filters=tagged),
        "internet_gateway": request("describe_internet_gateways", "InternetGateways", Filters=tagged),
        "address": request("describe_addresses", "Addresses", Filters=tagged),
        "nat_gateway": request("describe_nat_gateways", "NatGateways", Filter=[*tagged, live]),
    }


def vpc_reads(cluster: str, vpc_id: str) -> dict[str, Request]:
    """The requests that find what lies in the cluster's VPC, whoever made it."""
    inside = [{"Name": "vpc-id", "Values": [vpc_id]}]

    def request(operation: str, answer: str, **arguments: Any) -> Request:
        return Request(about("vpc", cluster), "ec2", operation, arguments, answer)

    def attribute(name: str, answer: str) -> Request:
        return request("describe_vpc_attribute", answer, VpcId=vpc_id, Attribute=name)

    return {
        "dns_support": attribute("enableDnsSupport", "EnableDnsSupport.Value"),
        "dns_hostnames": attribute("enableDnsHostnames", "EnableDnsHostnames.Value"),
        "subnet": request("describe_subnets", "Subnets", Filters=inside),
        "route_table": request("describe_route_tables", "RouteTables", Filters=inside),
        "endpoint": request("describe_vpc_endpoints", "VpcEndpoints", Filters=inside),
    }


def vpc_of(raw: Mapping[str, Any], cluster: str) -> str | None:
    """The id of the cluster's VPC."""
    found = [vpc["VpcId"] for vpc in raw["vpc"] if tags_of(vpc).get("Name") == cluster]
    if len(found) > 1:
        raise AwsError(
            f"VPC '{cluster}' exists {len(found)} times ({listed(found)}), all with the tag {OWNER_TAG}={cluster}, so that it "
            "cannot be told which one is meant: remove the tag from all but one."
        )
    return found[0] if found else None


def observed(raw: Mapping[str, Any], cluster: str) -> Observed:
    """Read the answers of the requests as a network."""
    vpc_id = vpc_of(raw, cluster)
    ours = {
        kind: [
            resource
            for resource in raw.get(kind, [])
            if is_owned(resource, cluster) and _is_meant(kind, resource, vpc_id)
        ]
        for kind in KINDS
    }
    refs = {
        resource[KINDS[kind].id_key]: Ref(kind, tags_of(resource).get("Name", resource[KINDS[kind].id_key]))
        for kind, resources in ours.items()
        for resource in resources
    }
    associations = {
        association["SubnetId"]: association
        for table in raw.get("route_table", [])
        for association in table.get("Associations", [])
        if association.get("SubnetId")
    }
    network: Network = {
        kind: {
            refs[resource[KINDS[kind].id_key]].name: {
                **_properties(kind, resource, raw, refs, associations),
                "tags": tags_of(resource),
            }
            for resource in resources
        }
        for kind, resources in ours.items()
    }
    ids = {ref: resource_id for resource_id, ref in refs.items()}
    ids |= {
        Ref("association", refs[subnet_id].name): association["RouteTableAssociationId"]
        for subnet_id, association in associations.items()
        if subnet_id in refs
    }
    nats: dict[str, list[str]] = {"pending": [], "deleting": []}
    for gateway in raw["nat_gateway"]:
        nats.get(gateway["State"], []).append(gateway["NatGatewayId"])
    foreign = {
        subnet["SubnetId"]: subnet["CidrBlock"] for subnet in raw.get("subnet", []) if subnet["SubnetId"] not in refs
    }
    return Observed(network, ids, nats["pending"], nats["deleting"], foreign)


def _is_meant(kind: str, resource: Mapping[str, Any], vpc_id: str | None) -> bool:
    """Whether a thing that carries the tag is part of the network, and not on its way out."""
    match kind:
        case "vpc":
            return bool(resource["VpcId"] == vpc_id)
        case "nat_gateway":
            return bool(resource["State"] != "deleting")
        case "endpoint":
            return resource["VpcEndpointType"] == "Gateway" and resource["State"].lower() not in ("deleting", "deleted")
    return True


def _properties(
    kind: str,
    resource: Mapping[str, Any],
    raw: Mapping[str, Any],
    refs: Mapping[str, Ref],
    associations: Mapping[str, Mapping[str, str]],
) -> Properties:
    def name_of(resource_id: str) -> str:
        return refs[resource_id].name if resource_id in refs else resource_id

    match kind:
        case "vpc":
            blocks = {
                block["CidrBlock"]
                for block in resource.get("CidrBlockAssociationSet", [])
                if block["CidrBlockState"]["State"] in ("associating", "associated")
            }
            return {
                "cidr": resource["CidrBlock"],
                "secondary_cidrs": sorted(blocks - {resource["CidrBlock"]}),
                "dns_support": raw["dns_support"],
                "dns_hostnames": raw["dns_hostnames"],
            }
        case "internet_gateway":
            vpcs = [attachment["VpcId"] for attachment in resource.get("Attachments", [])]
            return {"attached": any(vpc_id in refs for vpc_id in vpcs)}
        case "subnet":
            return {
                "cidr": resource["CidrBlock"],
                "zone": resource["AvailabilityZone"],
                "zone_id": resource["AvailabilityZoneId"],
                "route_table": name_of(associations.get(resource["SubnetId"], {}).get("RouteTableId", "")),
            }
        case "nat_gateway":
            addresses = resource.get("NatGatewayAddresses") or [{}]
            return {"subnet": name_of(resource["SubnetId"]), "address": name_of(addresses[0].get("AllocationId", ""))}
        case "route_table":
            return {
                "routes": {
                    route["DestinationCidrBlock"]: _target(route, refs)
                    for route in resource.get("Routes", [])
                    if "DestinationCidrBlock" in route and route.get("GatewayId") != "local"
                }
            }
        case "endpoint":
            tables = sorted(map(name_of, resource.get("RouteTableIds", [])))
            return {"service": resource["ServiceName"], "route_tables": tables}
    return {}


def _target(route: Mapping[str, Any], refs: Mapping[str, Ref]) -> str:
    """Where a route leads: 'kind name' for what is ours, the plain id for what is not, such as a transit gateway."""
    target = (
        route.get("NatGatewayId")
        or route.get("GatewayId")
        or next((value for key, value in route.items() if key.endswith("Id")), "")
    )
    ref = refs.get(target)
    return f"{ref.kind} {ref.name}" if ref else target


# What should be


def check(settings: Settings) -> None:
    """Refuse what AWS would refuse half-way, or what would not work afterwards."""
    primary, secondary = (_block(settings.cidr, "cidr"), _block(settings.secondary_cidr, "secondary_cidr"))
    if primary.overlaps(secondary):
        raise AwsError(
            f"Network of '{settings.cluster}': cidr {primary} and secondary_cidr {secondary} overlap; give two that do not."
        )
    if not 2 <= settings.zone_count <= ZONE_PLACES:
        raise AwsError(
            f"Network of '{settings.cluster}': zone_count {settings.zone_count} is not possible; EKS needs two zones, and the "
            f"address plan has places for {ZONE_PLACES}."
        )


def _block(text: str, option: str) -> IPv4Network:
    try:
        block = IPv4Network(text)
    except ValueError as error:
        raise AwsError(f"The {option} '{text}' is not an IPv4 block: {error}; give one such as 10.1.0.0/16.") from None
    if not 16 <= block.prefixlen <= SMALLEST_BLOCK[option]:
        raise AwsError(
            f"The {option} {block} has the wrong size: give one from /16, the largest a VPC can have, to "
            f"/{SMALLEST_BLOCK[option]}, from which its subnets can still be cut."
        )
    if block.is_global:
        raise AwsError(
            f"The {option} {block} lies in addresses of the internet, which the cluster could then not reach: give a private "
            "block, such as one of 10.0.0.0/8 or 100.64.0.0/10."
        )
    return block


def address_plan(cidr: str, secondary_cidr: str) -> dict[str, list[str]]:
    """The blocks of each kind of subnet, one a place."""
    small = list(map(str, IPv4Network(cidr).subnets(PRIMARY_CUT)))
    return {
        "public": small[:ZONE_PLACES],
        "intra": small[ZONE_PLACES : 2 * ZONE_PLACES],
        "private": list(map(str, IPv4Network(secondary_cidr).subnets(SECONDARY_CUT))),
    }


def choose_zones(
    available: Sequence[Mapping[str, Any]], count: int, plan: Mapping[str, list[str]], found: Network
) -> list[Zone]:
    """Keep the zones the network has, and add the first others by id, until there are enough."""
    usable = {
        zone["ZoneId"]: zone["ZoneName"]
        for zone in available
        if zone.get("State", "available") == "available"
        and zone.get("ZoneType", "availability-zone") == "availability-zone"
        and zone.get("OptInStatus", "opt-in-not-required") != "not-opted-in"
        and zone["ZoneId"] not in UNSUPPORTED_ZONE_IDS
    }
    places = {
        subnet["zone_id"]: plan[kind].index(subnet["cidr"])
        for subnet in found["subnet"].values()
        if (kind := subnet["tags"].get(SUBNET_TAG)) in plan and subnet["cidr"] in plan[kind]
    }
    if len(places) > count:
        raise AwsError(
            f"The network has subnets in {len(places)} zones ({listed(sorted(places))}), but zone_count is {count}: a zone cannot "
            f"be taken away in place; set zone_count to {len(places)}, or remove the network first."
        )
    free = (place for place in range(ZONE_PLACES) if place not in places.values())
    others = sorted(set(usable) - set(places))
    if len(places) + len(others) < count:
        raise AwsError(
            f"The region has {len(usable)} zones in which EKS can run ({listed(sorted(usable))}), but zone_count is {count}: set "
            "it lower, or use another region."
        )
    places |= dict(zip(others[: count - len(places)], free, strict=False))
    names = {subnet["zone_id"]: subnet["zone"] for subnet in found["subnet"].values()} | usable
    return [Zone(names[zone_id], zone_id, place) for zone_id, place in sorted(places.items(), key=lambda item: item[1])]


def wanted(settings: Settings, zones: Sequence[Zone]) -> Network:
    """The network as it should be."""
    cluster = settings.cluster
    plan = address_plan(settings.cidr, settings.secondary_cidr)
    nat_zones = {"per_zone": list(zones), "single": list(zones[:1]), "none": []}[settings.nat]

    def tags(name: str, **more: str) -> dict[str, str]:
        return {**settings.tags, **more, "Name": name, OWNER_TAG: cluster}

    subnet_tags = {
        "public": {"kubernetes.io/role/elb": "1"},
        "private": {"kubernetes.io/role/internal-elb": "1", "karpenter.sh/discovery": cluster},
        "intra": {},
    }

    def subnet(kind: str, zone: Zone) -> Properties:
        return {
            "cidr": plan[kind][zone.place],
            "zone": zone.name,
            "zone_id": zone.id,
            "route_table": f"{cluster}-private-{zone.id}" if kind == "private" else f"{cluster}-{kind}",
            "tags": tags(f"{cluster}-{kind}-{zone.id}", **{SUBNET_TAG: kind}, **subnet_tags[kind]),
        }

    def way_out(zone: Zone) -> str:
        if not nat_zones:
            return ""
        return f"nat_gateway {cluster}-nat-{(zone if zone in nat_zones else nat_zones[0]).id}"

    routes = {
        f"{cluster}-public": f"internet_gateway {cluster}",
        f"{cluster}-intra": "",
        **{f"{cluster}-private-{zone.id}": way_out(zone) for zone in zones},
    }
    nats = {f"{cluster}-nat-{zone.id}": zone for zone in nat_zones}
    return {
        "vpc": {
            cluster: {
                "cidr": settings.cidr,
                "secondary_cidrs": [settings.secondary_cidr],
                "dns_support": True,
                "dns_hostnames": True,
                "tags": tags(cluster),
            }
        },
        "internet_gateway": {cluster: {"attached": True, "tags": tags(cluster)}},
        "subnet": {f"{cluster}-{kind}-{zone.id}": subnet(kind, zone) for kind in SUBNET_KINDS for zone in zones},
        "address": {name: {"tags": tags(name)} for name in nats},
        "nat_gateway": {
            name: {"subnet": f"{cluster}-public-{zone.id}", "address": name, "tags": tags(name)}
            for name, zone in nats.items()
        },
        "route_table": {name: {"routes": {EVERYWHERE: target}, "tags": tags(name)} for name, target in routes.items()},
        "endpoint": {
            f"{cluster}-s3": {
                "service": f"com.amazonaws.{settings.region}.s3",
                "route_tables": sorted(name for name in routes if name != f"{cluster}-public"),
                "tags": tags(f"{cluster}-s3"),
            }
        },
    }


def target(want: Network, now: Observed, cluster: str) -> Network:
    """The network as it will be: what is wanted, with what else somebody has added to it."""
    result: Network = {}
    for kind in KINDS:
        found = now.network[kind]
        for name in want[kind].keys() & found.keys():
            _refuse_unchangeable(kind, name, found[name], want[kind][name])
        kept = {name: properties for name, properties in found.items() if not _is_surplus(kind, name, want, cluster)}
        result[kind] = {**kept, **{name: _merged(found.get(name, {}), want[kind][name]) for name in want[kind]}}
    _refuse_overlaps(result, now)
    return result


def _is_surplus(kind: str, name: str, want: Network, cluster: str) -> bool:
    return kind in ("address", "nat_gateway") and name.startswith(f"{cluster}-nat-") and name not in want[kind]


def _merged(found: Properties, want: Properties) -> Properties:
    merged = {**found, **want, "tags": {**found.get("tags", {}), **want["tags"]}}
    for key in ("secondary_cidrs", "route_tables"):
        if key in want:
            merged[key] = sorted({*found.get(key, []), *want[key]})
    if "routes" in want:
        kept = {
            destination: way
            for destination, way in found.get("routes", {}).items()
            if destination != EVERYWHERE or not _is_own(way)
        }
        merged["routes"] = {**kept, **{destination: way for destination, way in want["routes"].items() if way}}
    return merged


def _is_own(way: str) -> bool:
    return " " in way


def _refuse_unchangeable(kind: str, name: str, found: Properties, want: Properties) -> None:
    for key in UNCHANGEABLE.get(kind, ()):
        if found[key] != want[key]:
            raise AwsError(
                f"{about(kind, name)} has {key} {found[key]} and {want[key]} is wanted, which AWS cannot change in place: set it "
                "back, or remove the network first."
            )


def _refuse_overlaps(result: Network, now: Observed) -> None:
    others = {
        **now.foreign_subnets,
        **{name: subnet["cidr"] for name, subnet in now.network["subnet"].items() if name not in result["subnet"]},
    }
    for name, subnet in result["subnet"].items():
        if name in now.network["subnet"]:
            continue
        for other, cidr in others.items():
            if IPv4Network(subnet["cidr"]).overlaps(IPv4Network(cidr)):
                raise AwsError(
                    f"{about('subnet', name)} is to have {subnet['cidr']}, but subnet {other} of the same VPC, which is not this "
                    f"cluster's, lies there with {cidr}: remove that subnet, or set other CIDR blocks."
                )


# From one to the other


def steps(now: Observed, then: Network) -> list[Step]:
    """What to ask of EC2, in order, so that what is there becomes what should be."""
    plan: list[Step] = []
    if now.deleting_nat_gateways:
        plan.append(_until_gone(now.deleting_nat_gateways))
    (cluster,) = then["vpc"]
    for kind in KINDS:
        for name, properties in then[kind].items():
            found = now.network[kind].get(name)
            if found is None:
                plan.append(_creation(kind, name, properties, cluster))
            elif tags := missing_tags(found["tags"], properties["tags"]):
                arguments = {"Resources": [Ref(kind, name)], "Tags": tag_list(tags)}
                plan.append(Request(about(kind, name), "ec2", "create_tags", arguments))
            plan += _settings(kind, name, found or {}, properties, cluster)
        if kind == "nat_gateway":
            young = [
                *now.pending_nat_gateways,
                *(Ref(kind, name) for name in then[kind] if name not in now.network[kind]),
            ]
            if young:
                plan.append(Wait("NAT gateways", "ec2", "nat_gateway_available", {"NatGatewayIds": young}))
        if kind == "route_table":
            plan += _associations(now, then)
    surplus = {
        kind: [name for name in now.network[kind] if name not in then[kind]] for kind in ("nat_gateway", "address")
    }
    return plan + _nat_removal(now, surplus["nat_gateway"], surplus["address"])


def _creation(kind: str, name: str, properties: Properties, cluster: str) -> Request:
    ec2 = KINDS[kind]
    vpc = Ref("vpc", cluster)
    arguments: dict[str, Any] = {}
    match kind:
        case "vpc":
            arguments = {"CidrBlock": properties["cidr"]}
        case "subnet":
            arguments = {"VpcId": vpc, "CidrBlock": properties["cidr"], "AvailabilityZone": properties["zone"]}
        case "address":
            arguments = {"Domain": "vpc"}
        case "nat_gateway":
            address = Ref("address", properties["address"])
            arguments = {"SubnetId": Ref("subnet", properties["subnet"]), "AllocationId": address}
        case "route_table":
            arguments = {"VpcId": vpc}
        case "endpoint":
            tables = [Ref("route_table", table) for table in properties["route_tables"]]
            service = properties["service"]
            arguments = {"VpcId": vpc, "VpcEndpointType": "Gateway", "ServiceName": service, "RouteTableIds": tables}
    arguments["TagSpecifications"] = [{"ResourceType": ec2.tag_type, "Tags": tag_list(properties["tags"])}]
    return Request(
        about(kind, name),
        "ec2",
        ec2.create,
        arguments,
        answer=ec2.answer,
        makes=Ref(kind, name),
        # A CIDR block that was just added to the VPC is not known everywhere at once.
        patience=("InvalidSubnet.Range",) if kind == "subnet" else (),
    )


def _settings(kind: str, name: str, found: Properties, properties: Properties, cluster: str) -> list[Request]:
    """The requests for what a creation cannot say, or what has drifted."""
    own = Ref(kind, name)

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(kind, name), "ec2", operation, arguments)

    plan = []
    if kind == "vpc":
        for key, argument in (("dns_support", "EnableDnsSupport"), ("dns_hostnames", "EnableDnsHostnames")):
            if found.get(key) != properties[key]:
                plan.append(request("modify_vpc_attribute", VpcId=own, **{argument: {"Value": properties[key]}}))
        for cidr in sorted({*properties["secondary_cidrs"]} - {*found.get("secondary_cidrs", [])}):
            plan.append(request("associate_vpc_cidr_block", VpcId=own, CidrBlock=cidr))
    elif kind == "internet_gateway" and not found.get("attached"):
        plan.append(request("attach_internet_gateway", InternetGatewayId=own, VpcId=Ref("vpc", cluster)))
    elif kind == "route_table":
        before, after = found.get("routes", {}), properties["routes"]
        for destination, way in after.items():
            if before.get(destination) != way:
                target_kind, target_name = way.split()
                argument = {"internet_gateway": "GatewayId", "nat_gateway": "NatGatewayId"}[target_kind]
                plan.append(
                    request(
                        "replace_route" if destination in before else "create_route",
                        RouteTableId=own,
                        DestinationCidrBlock=destination,
                        **{argument: Ref(target_kind, target_name)},
                    )
                )
        plan += [
            request("delete_route", RouteTableId=own, DestinationCidrBlock=destination)
            for destination in before.keys() - after.keys()
        ]
    elif kind == "endpoint" and found:
        added = sorted({*properties["route_tables"]} - {*found["route_tables"]})
        if added:
            tables = [Ref("route_table", table) for table in added]
            plan.append(request("modify_vpc_endpoint", VpcEndpointId=own, AddRouteTableIds=tables))
    return plan


def _associations(now: Observed, then: Network) -> list[Request]:
    plan = []
    for name, properties in then["subnet"].items():
        before = now.network["subnet"].get(name, {}).get("route_table")
        if before == properties["route_table"]:
            continue
        table = Ref("route_table", properties["route_table"])
        association = Ref("association", name)
        if association in now.ids:
            arguments = {"AssociationId": association, "RouteTableId": table}
            plan.append(Request(about("subnet", name), "ec2", "replace_route_table_association", arguments))
        else:
            arguments = {"SubnetId": Ref("subnet", name), "RouteTableId": table}
            plan.append(Request(about("subnet", name), "ec2", "associate_route_table", arguments))
    return plan


def _nat_removal(now: Observed, gateways: Sequence[str], addresses: Sequence[str]) -> list[Step]:
    plan: list[Step] = [_deletion("nat_gateway", name) for name in gateways]
    if gateways:
        plan.append(_until_gone([Ref("nat_gateway", name) for name in gateways]))
    return plan + [_deletion("address", name) for name in addresses]


def _until_gone(gateways: Sequence[Ref | str]) -> Wait:
    return Wait("NAT gateways", "ec2", "nat_gateway_deleted", {"NatGatewayIds": list(gateways)})


def _deletion(kind: str, name: str) -> Request:
    own = Ref(kind, name)
    arguments: dict[str, Any] = {"VpcEndpointIds": [own]} if kind == "endpoint" else {KINDS[kind].id_key: own}
    return Request(about(kind, name), "ec2", KINDS[kind].delete, arguments, patience=("DependencyViolation",))


def removal(now: Observed, cluster: str) -> list[Step]:
    """What to ask of EC2, in order, so that nothing of the network is left."""
    if now.foreign_subnets:
        raise AwsError(
            f"{about('vpc', cluster)} holds subnets that this collection did not make ({listed(now.foreign_subnets)}), so it is "
            f"not removed: remove them, or tag them {OWNER_TAG}={cluster} when they may go with it."
        )
    found = now.network
    plan: list[Step] = [_deletion("endpoint", name) for name in found["endpoint"]]
    if now.deleting_nat_gateways:
        plan.append(_until_gone(now.deleting_nat_gateways))
    plan += _nat_removal(now, list(found["nat_gateway"]), list(found["address"]))
    plan += [
        Request(about("subnet", ref.name), "ec2", "disassociate_route_table", {"AssociationId": ref})
        for ref in now.ids
        if ref.kind == "association"
    ]
    plan += [_deletion("subnet", name) for name in found["subnet"]]
    plan += [_deletion("route_table", name) for name in found["route_table"]]
    for name, gateway in found["internet_gateway"].items():
        if gateway["attached"]:
            arguments = {"InternetGatewayId": Ref("internet_gateway", name), "VpcId": Ref("vpc", cluster)}
            patience = ("DependencyViolation",)
            plan.append(
                Request(about("internet_gateway", name), "ec2", "detach_internet_gateway", arguments, patience=patience)
            )
        plan.append(_deletion("internet_gateway", name))
    return plan + [_deletion("vpc", name) for name in found["vpc"]]


def leftover_reads(now: Observed, cluster: str) -> dict[str, Request]:
    """The requests that find what AWS does not delete with a VPC."""
    inside = {"Filters": [{"Name": "vpc-id", "Values": [now.ids[Ref("vpc", cluster)]]}]}
    name = about("vpc", cluster)
    return {
        "interfaces": Request(name, "ec2", "describe_network_interfaces", inside, "NetworkInterfaces"),
        "groups": Request(name, "ec2", "describe_security_groups", inside, "SecurityGroups"),
    }


def leftovers(raw: Mapping[str, Any]) -> str:
    """What is left in a VPC, for people."""
    left = [
        f"network interface {interface['NetworkInterfaceId']} ({interface.get('Description') or interface['Status']})"
        for interface in raw["interfaces"]
    ]
    left += [
        f"security group {group['GroupId']} ({group['GroupName']})"
        for group in raw["groups"]
        if group["GroupName"] != "default"
    ]
    return listed(left)


# What the user gets


def difference(now: Network, then: Network) -> dict[str, Network]:
    """A diff of Ansible, without the kinds of which there is nothing."""
    shown = {"before": now, "after": then}
    return {side: {kind: things for kind, things in network.items() if things} for side, network in shown.items()}


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
