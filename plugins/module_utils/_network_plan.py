# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster's network should be, and what of it cannot be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, listed
from ._network import (
    EVERYWHERE,
    KINDS,
    SUBNET_KINDS,
    SUBNET_TAG,
    Network,
    Observed,
    Properties,
    Settings,
    Zone,
    about,
    about_network,
)
from ._network_endpoints import check_names, https_from, service_name, short_name
from ._network_look import table_name

# Zones in which EKS cannot place its control plane.
UNSUPPORTED_ZONE_IDS = ("use1-az3", "usw1-az2", "cac1-az3")
# Each zone has its place among so many, so that a zone can be added without moving the others.
ZONE_PLACES = 4
# Public subnets and those of the control plane take 8 of the 256 parts of the first block, private ones the second whole.
PRIMARY_CUT = 8
SECONDARY_CUT = 2
# The smallest subnet of AWS is a /28; a private one holds nodes and pods.
SMALLEST_BLOCK = {"cidr": 28 - PRIMARY_CUT, "secondary_cidr": 26 - SECONDARY_CUT}
RFC_1918 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
POSSIBLE = (*RFC_1918, IPv4Network("100.64.0.0/10"), IPv4Network("198.19.0.0/16"))
# AWS keeps parts of a range for itself: with a first block within the one, no second block within the other. That no
# 198.19.0.0/16 goes with these ranges is written in one of its guides and denied in another, so AWS itself may say it.
KEPT_BY_AWS = (
    (IPv4Network("10.0.0.0/15"), IPv4Network("10.0.0.0/16")),
    (IPv4Network("172.16.0.0/12"), IPv4Network("172.31.0.0/16")),
)
UNCHANGEABLE = {"vpc": ("cidr",), "subnet": ("cidr", "zone_id"), "nat_gateway": ("subnet", "address")}


# What can be said of the settings alone


def check(settings: Settings) -> None:
    """Refuse what AWS would refuse half-way, or what would not work afterwards."""
    primary, secondary = (_block(settings.cidr, "cidr"), _block(settings.secondary_cidr, "secondary_cidr"))
    if primary.overlaps(secondary):
        raise AwsError(
            f"{about_network(settings.cluster)}: cidr {primary} and secondary_cidr {secondary} overlap; give two that do not."
        )
    _refuse_unassociable(settings.cluster, primary, secondary)
    if not 2 <= _count(settings) <= ZONE_PLACES:
        option = "zone_ids with" if settings.zone_ids else "zone_count"
        raise AwsError(
            f"{about_network(settings.cluster)}: {option} {_count(settings)} is not possible; EKS needs two zones, and the "
            f"address plan has places for {ZONE_PLACES}."
        )
    if len({*settings.zone_ids}) < len(settings.zone_ids):
        raise AwsError(
            f"{about_network(settings.cluster)}: zone_ids names a zone twice ({listed(settings.zone_ids)}): name each once."
        )
    if settings.nat != "none" and not settings.public:
        raise AwsError(
            f"{about_network(settings.cluster)}: nat {settings.nat} needs the public subnets that public: false leaves out; set nat "
            "to none, or public to true."
        )
    check_names(settings)


def _count(settings: Settings) -> int:
    return len(settings.zone_ids) or settings.zone_count


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
    if not any(block.subnet_of(possible) for possible in POSSIBLE):
        raise AwsError(
            f"The {option} {block} lies in addresses that are reserved and no VPC can have: give one of {listed(POSSIBLE)}."
        )
    return block


def _refuse_unassociable(cluster: str, primary: IPv4Network, secondary: IPv4Network) -> None:
    """Private ranges of RFC 1918 do not mix in a VPC; what comes second may also be one of none."""
    for private in RFC_1918:
        if secondary.subnet_of(private) and not primary.subnet_of(private):
            raise AwsError(
                f"{about_network(cluster)}: AWS associates no block of {private}, such as secondary_cidr {secondary}, with a VPC "
                f"whose first block is {primary}: give one of the same range, or of 100.64.0.0/10."
            )
    for first, kept in KEPT_BY_AWS:
        if primary.subnet_of(first) and secondary.subnet_of(kept):
            raise AwsError(
                f"{about_network(cluster)}: AWS keeps {kept} for itself in a VPC whose first block is of {first}, so that secondary_cidr "
                f"{secondary} is not possible with cidr {primary}: give another one, such as one of 100.64.0.0/10."
            )


def address_plan(cidr: str, secondary_cidr: str) -> dict[str, list[str]]:
    """The blocks of each kind of subnet, one a place."""
    small = list(map(str, IPv4Network(cidr).subnets(PRIMARY_CUT)))
    return {
        "public": small[:ZONE_PLACES],
        "intra": small[ZONE_PLACES : 2 * ZONE_PLACES],
        "private": list(map(str, IPv4Network(secondary_cidr).subnets(SECONDARY_CUT))),
    }


# Where it should be


def choose_zones(settings: Settings, available: Sequence[Mapping[str, Any]], found: Network) -> list[Zone]:
    """Keep the zones the network has, and add those that are named, or else the first by id, until there are enough."""
    usable = {
        zone["ZoneId"]: zone["ZoneName"]
        for zone in available
        if zone.get("State", "available") == "available"
        and zone.get("ZoneType", "availability-zone") == "availability-zone"
        and zone.get("OptInStatus", "opt-in-not-required") != "not-opted-in"
        and zone["ZoneId"] not in UNSUPPORTED_ZONE_IDS
    }
    plan = address_plan(settings.cidr, settings.secondary_cidr)
    places = {
        subnet["zone_id"]: plan[kind].index(subnet["cidr"])
        for subnet in found["subnet"].values()
        if (kind := subnet["tags"].get(SUBNET_TAG)) in plan and subnet["cidr"] in plan[kind]
    }
    count = _count(settings)
    _refuse_lost_zones(settings, places)
    unknown = sorted({*settings.zone_ids} - {*places} - {*usable})
    if unknown:
        raise AwsError(
            f"{about_network(settings.cluster)}: zone_ids names {listed(unknown)}, in which EKS cannot run in {settings.region}; "
            f"choose among {listed(sorted(usable))}."
        )
    free = (place for place in range(ZONE_PLACES) if place not in places.values())
    others = [zone_id for zone_id in settings.zone_ids or sorted(usable) if zone_id not in places]
    if len(places) + len(others) < count:
        raise AwsError(
            f"The region has {len(usable)} zones in which EKS can run ({listed(sorted(usable))}), but zone_count is {count}: set "
            "it lower, or use another region."
        )
    places |= dict(zip(others[: count - len(places)], free, strict=False))
    names = {subnet["zone_id"]: subnet["zone"] for subnet in found["subnet"].values()} | usable
    return [Zone(names[zone_id], zone_id, place) for zone_id, place in sorted(places.items(), key=lambda item: item[1])]


def _refuse_lost_zones(settings: Settings, places: Mapping[str, int]) -> None:
    lost = sorted({*places} - {*settings.zone_ids}) if settings.zone_ids else []
    if not lost and len(places) <= _count(settings):
        return
    has = f"The network has subnets in {len(places)} zones ({listed(sorted(places))})"
    if lost:
        raise AwsError(
            f"{has}, but zone_ids does not name {listed(lost)}: a zone cannot be taken away in place; name it too, or remove the "
            "network first."
        )
    raise AwsError(
        f"{has}, but zone_count is {settings.zone_count}: a zone cannot be taken away in place; set zone_count to {len(places)}, or "
        "remove the network first."
    )


# What it should be


def wanted(settings: Settings, zones: Sequence[Zone]) -> Network:
    """The network as it should be."""
    cluster = settings.cluster
    plan = address_plan(settings.cidr, settings.secondary_cidr)
    nat_zones = {"per_zone": list(zones), "single": list(zones[:1]), "none": []}[settings.nat]
    kinds = [kind for kind in SUBNET_KINDS if settings.public or kind != "public"]

    def tags(name: str, **more: str) -> dict[str, str]:
        return {**settings.tags, **more, "Name": name, OWNER_TAG: cluster}

    # Where load balancers look for a place, and Karpenter for one for nodes.
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
            "route_table": table_name(kind, cluster, zone.id),
            "tags": tags(f"{cluster}-{kind}-{zone.id}", **{SUBNET_TAG: kind}, **subnet_tags[kind]),
        }

    def way_out(zone: Zone) -> str:
        if not nat_zones:
            return ""
        return f"nat_gateway {cluster}-nat-{(zone if zone in nat_zones else nat_zones[0]).id}"

    routes = {
        **({f"{cluster}-public": f"internet_gateway {cluster}"} if settings.public else {}),
        f"{cluster}-intra": "",
        **{f"{cluster}-private-{zone.id}": way_out(zone) for zone in zones},
    }
    nats = {f"{cluster}-nat-{zone.id}": zone for zone in nat_zones}
    guard = f"{cluster}-endpoints"
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
        "internet_gateway": {cluster: {"attached": True, "tags": tags(cluster)}} if settings.public else {},
        "subnet": {f"{cluster}-{kind}-{zone.id}": subnet(kind, zone) for kind in kinds for zone in zones},
        "address": {name: {"tags": tags(name)} for name in nats},
        "nat_gateway": {
            name: {"subnet": f"{cluster}-public-{zone.id}", "address": name, "tags": tags(name)}
            for name, zone in nats.items()
        },
        "route_table": {name: {"routes": {EVERYWHERE: target}, "tags": tags(name)} for name, target in routes.items()},
        "gateway_endpoint": {
            f"{cluster}-s3": {
                "service": service_name("s3", settings.region),
                "route_tables": sorted(name for name in routes if name != f"{cluster}-public"),
                "tags": tags(f"{cluster}-s3"),
            }
        },
        # Who may come in is added when the blocks of the VPC are known.
        "security_group": {guard: {"ingress": [], "tags": tags(guard)}} if settings.interface_endpoints else {},
        "interface_endpoint": {
            f"{cluster}-{name}": {
                "service": service_name(name, settings.region),
                "subnets": sorted(f"{cluster}-private-{zone.id}" for zone in zones),
                "security_groups": [guard],
                "private_dns": True,
                "tags": tags(f"{cluster}-{name}"),
            }
            for name in settings.interface_endpoints
        },
    }


def target(want: Network, now: Observed, cluster: str) -> Network:
    """The network as it will be: what is wanted, with what else somebody has added to it."""
    result: Network = {}
    for kind in KINDS:
        found = now.network[kind]
        for name in want[kind].keys() & found.keys():
            _refuse_unchangeable(kind, name, found[name], want[kind][name])
        kept = {
            name: properties
            for name, properties in found.items()
            if name not in want[kind] and not _is_surplus(kind, name, properties, cluster)
        }
        result[kind] = {**kept, **{name: _merged(found.get(name, {}), want[kind][name]) for name in want[kind]}}
    vpc = result["vpc"][cluster]
    for name in want["security_group"]:
        blocks = {vpc["cidr"], *vpc["secondary_cidrs"]}
        result["security_group"][name]["ingress"] = sorted(map(https_from, blocks))
    _refuse_overlaps(want, result, now)
    _refuse_occupied(result, now, cluster)
    return result


def _is_surplus(kind: str, name: str, found: Properties, cluster: str) -> bool:
    """Whether it was made by earlier settings, and not by somebody who tagged it to go with the cluster."""
    if found["tags"].get("Name", name) != name:
        return False
    match kind:
        case "address" | "nat_gateway":
            return name.startswith(f"{cluster}-nat-")
        case "subnet":
            return name == f"{cluster}-public-{found['zone_id']}"
        case "route_table":
            return name == f"{cluster}-public"
        case "internet_gateway":
            return name == cluster
        case "security_group":
            return name == f"{cluster}-endpoints"
        case "interface_endpoint":
            return name == f"{cluster}-{short_name(found['service'])}"
    return False


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
    """What is not, is the plain id of something else."""
    return " " in way


# What is in its way


def _refuse_unchangeable(kind: str, name: str, found: Properties, want: Properties) -> None:
    for key in UNCHANGEABLE.get(kind, ()):
        if found[key] != want[key]:
            raise AwsError(
                f"{about(kind, name)} has {key} {found[key]} and {want[key]} is wanted, which AWS cannot change in place: set it "
                "back, or remove the network first."
            )


def _refuse_overlaps(want: Network, result: Network, now: Observed) -> None:
    others = {
        **now.foreign.subnets,
        **{name: subnet["cidr"] for name, subnet in now.network["subnet"].items() if name not in want["subnet"]},
    }
    for name, subnet in want["subnet"].items():
        if name in now.network["subnet"]:
            continue
        for other, cidr in others.items():
            if IPv4Network(subnet["cidr"]).overlaps(IPv4Network(cidr)):
                raise AwsError(
                    f"{about('subnet', name)} is to have {subnet['cidr']}, but subnet {other} of the same VPC, which this collection "
                    f"did not make, lies there with {cidr}: remove that subnet, or set other CIDR blocks."
                )
    for name, vpc in result["vpc"].items():
        before = now.network["vpc"].get(name, {}).get("secondary_cidrs", [])
        for new in {*vpc["secondary_cidrs"]} - {*before}:
            for block in before:
                if IPv4Network(new).overlaps(IPv4Network(block)):
                    raise AwsError(
                        f"{about('vpc', name)} is to have {new}, but has {block} already, which overlaps it: set secondary_cidr to a "
                        "block that does not, or take that one off the VPC."
                    )


def _refuse_occupied(result: Network, now: Observed, cluster: str) -> None:
    """What AWS has only once in a VPC, and somebody else has taken."""
    for name in result["security_group"].keys() - now.network["security_group"].keys():
        for group_id, taken in now.foreign.security_groups.items():
            if taken == name:
                raise AwsError(
                    f"{about('security_group', name)} is in the VPC already as {group_id}, but was not made by this collection (it has "
                    f"no tag {OWNER_TAG}={cluster}): remove it, or tag it when it may be managed."
                )
    for kind in ("gateway_endpoint", "interface_endpoint"):
        for name, endpoint in result[kind].items():
            found = now.network[kind].get(name, {})
            for other in now.foreign.endpoints:
                if other["ServiceName"] == endpoint["service"] and _collides(kind, found, endpoint, other, now):
                    raise AwsError(
                        f"{about(kind, name)} is not possible beside endpoint {other['VpcEndpointId']} of the same VPC, which does the "
                        f"same for {short_name(endpoint['service'])} and is not this cluster's: remove that one, or tag it "
                        f"{OWNER_TAG}={cluster} when it may be managed."
                    )


def _collides(kind: str, found: Properties, want: Properties, other: Mapping[str, Any], now: Observed) -> bool:
    if kind == "interface_endpoint":
        return bool(other.get("PrivateDnsEnabled")) and not found.get("private_dns")
    added = {*want["route_tables"]} - {*found.get("route_tables", [])}
    return any(now.ids.get(Ref("route_table", table)) in other.get("RouteTableIds", []) for table in added)
