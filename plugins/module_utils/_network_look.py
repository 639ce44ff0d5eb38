# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What there is of a cluster's network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, is_owned, listed, tags_of
from ._network import (
    ENDPOINTS,
    KINDS,
    SUBNET_KINDS,
    SUBNET_TAG,
    Failed,
    Foreign,
    Network,
    Observed,
    Properties,
    about,
    about_network,
)
from ._network_endpoints import rules, short_name

Resource = Mapping[str, Any]
Reader = Callable[[Mapping[str, Request]], Mapping[str, Any]]

ZONES = Request("Zones of the region", "ec2", "describe_availability_zones", {}, "AvailabilityZones")
PENDING = ("pending", "pendingacceptance")
GONE = ("deleting", "deleted")
FAILED = ("failed", "rejected", "expired")


def look(read: Reader, cluster: str, zones: bool = False, interfaces: bool = False) -> Observed:
    """Find the network with the help of a reader; with the zones of the region, or with what runs in its subnets, when asked."""
    raw = dict(read({**tag_reads(cluster), **({"zones": ZONES} if zones else {})}))
    vpc = vpc_of(raw, cluster)
    if vpc:
        raw |= read(vpc_reads(cluster, vpc, interfaces))
    return observed(raw, cluster)


def tag_reads(cluster: str) -> dict[str, Request]:
    """The requests that find what carries the cluster's tag, by kind."""
    tagged = [{"Name": f"tag:{OWNER_TAG}", "Values": [cluster]}]
    live = {"Name": "state", "Values": ["pending", "available", "deleting", "failed"]}

    def request(operation: str, answer: str, **arguments: Any) -> Request:
        return Request(about_network(cluster), "ec2", operation, arguments, answer)

    return {
        "vpc": request("describe_vpcs", "Vpcs", Filters=tagged),
        "internet_gateway": request("describe_internet_gateways", "InternetGateways", Filters=tagged),
        "address": request("describe_addresses", "Addresses", Filters=tagged),
        "nat_gateway": request("describe_nat_gateways", "NatGateways", Filter=[*tagged, live]),
    }


def vpc_reads(cluster: str, vpc_id: str, interfaces: bool = False) -> dict[str, Request]:
    """The requests that find what lies in the cluster's VPC, whoever made it."""
    inside = [{"Name": "vpc-id", "Values": [vpc_id]}]

    def request(operation: str, answer: str, **arguments: Any) -> Request:
        return Request(about("vpc", cluster), "ec2", operation, arguments, answer)

    def attribute(name: str, answer: str) -> Request:
        return request("describe_vpc_attribute", answer, VpcId=vpc_id, Attribute=name)

    reads = {
        "dns_support": attribute("enableDnsSupport", "EnableDnsSupport.Value"),
        "dns_hostnames": attribute("enableDnsHostnames", "EnableDnsHostnames.Value"),
        "subnet": request("describe_subnets", "Subnets", Filters=inside),
        "route_table": request("describe_route_tables", "RouteTables", Filters=inside),
        "endpoint": request("describe_vpc_endpoints", "VpcEndpoints", Filters=inside),
        "security_group": request("describe_security_groups", "SecurityGroups", Filters=inside),
    }
    if interfaces:
        reads["interface"] = request("describe_network_interfaces", "NetworkInterfaces", Filters=inside)
    return reads


def vpc_of(raw: Mapping[str, Any], cluster: str) -> str | None:
    """The id of the cluster's VPC. The tag alone tells: a name can be anybody's, and is easily changed."""
    found = [vpc["VpcId"] for vpc in raw["vpc"]]
    if len(found) > 1:
        raise AwsError(
            f"VPC '{cluster}' exists {len(found)} times ({listed(found)}), all with the tag {OWNER_TAG}={cluster}, so that it "
            "cannot be told which one is meant: remove the tag from all but one."
        )
    return found[0] if found else None


def observed(raw: Mapping[str, Any], cluster: str) -> Observed:
    """Read the answers of the requests as a network."""
    vpc_id = vpc_of(raw, cluster)
    associations = {
        association["SubnetId"]: association
        for table in raw.get("route_table", [])
        for association in table.get("Associations", [])
        if association.get("SubnetId")
    }
    ours = {kind: [resource for resource in _resources(kind, raw) if is_owned(resource, cluster)] for kind in KINDS}
    live = {
        kind: [resource for resource in resources if _state(kind, resource) not in (*GONE, *FAILED)]
        for kind, resources in ours.items()
    }
    refs = _refs(live, cluster, vpc_id, associations)
    reading = _Reading(raw, refs, associations)
    network: Network = {
        kind: {refs[resource[KINDS[kind].id_key]].name: reading.properties(kind, resource) for resource in live[kind]}
        for kind in KINDS
    }
    leaving: Network = {
        kind: {
            _called(kind, resource): reading.properties(kind, resource)
            for resource in resources
            if _state(kind, resource) == "deleting"
        }
        for kind, resources in ours.items()
    }
    ids = {ref: own_id for own_id, ref in refs.items()}
    ids |= {
        Ref("association", refs[subnet_id].name): association["RouteTableAssociationId"]
        for subnet_id, association in associations.items()
        if subnet_id in refs
    }
    permissions: dict[str, Properties] = {}
    for group in ours["security_group"]:
        permissions |= rules(group.get("IpPermissions", []))
    return Observed(
        network,
        ids,
        [
            refs[resource[KINDS[kind].id_key]]
            for kind, resources in live.items()
            for resource in resources
            if _state(kind, resource) in PENDING
        ],
        leaving,
        [
            Failed(Ref(kind, _called(kind, resource)), resource[KINDS[kind].id_key], _failure(resource))
            for kind, resources in ours.items()
            for resource in resources
            if _state(kind, resource) in FAILED
        ],
        {refs[a["AllocationId"]].name: a["NetworkInterfaceId"] for a in ours["address"] if a.get("NetworkInterfaceId")},
        permissions,
        _foreign(raw, cluster, ours),
        raw.get("zones", ()),
    )


def _resources(kind: str, raw: Mapping[str, Any]) -> Iterable[Resource]:
    if kind in ENDPOINTS:
        wanted = kind.removesuffix("_endpoint")
        return (endpoint for endpoint in raw.get("endpoint", []) if endpoint["VpcEndpointType"].lower() == wanted)
    found: Iterable[Resource] = raw.get(kind, ())
    return found


def _state(kind: str, resource: Resource) -> str:
    """Only of the kinds that take their time."""
    return str(resource["State"]).lower() if kind in ("nat_gateway", *ENDPOINTS) else ""


def _called(kind: str, resource: Resource) -> str:
    return tags_of(resource).get("Name") or str(resource[KINDS[kind].id_key])


def _failure(resource: Resource) -> str:
    """What AWS says of a NAT gateway, or of an endpoint, that failed."""
    error = resource.get("LastError") or {}
    code = resource.get("FailureCode") or error.get("Code") or resource["State"]
    message = resource.get("FailureMessage") or error.get("Message") or resource.get("FailureReason")
    return f"{code}: {message.rstrip('.')}" if message else str(code)


# What things are called


def _refs(
    ours: Mapping[str, Sequence[Resource]],
    cluster: str,
    vpc_id: str | None,
    associations: Mapping[str, Mapping[str, str]],
) -> dict[str, Ref]:
    """The names of things by their ids. One that was renamed by somebody keeps the name that its place in the network gives it."""
    names = {
        resource[KINDS[kind].id_key]: tags_of(resource).get("Name", "")
        for kind, resources in ours.items()
        for resource in resources
    }
    refs: dict[str, Ref] = {}
    for kind, resources in ours.items():
        given = {names[resource[KINDS[kind].id_key]] for resource in resources}
        taken: set[str] = set()
        for resource in resources:
            own_id = resource[KINDS[kind].id_key]
            due = _due_name(kind, resource, ours, names, cluster, vpc_id, associations)
            # Nobody else's name: two of one name cannot be told apart, so that the second is called by its id.
            name = due if due and due not in given else names[own_id]
            if not name or name in taken:
                name = own_id
            taken.add(name)
            refs[own_id] = Ref(kind, name)
    return refs


def _due_name(
    kind: str,
    resource: Resource,
    ours: Mapping[str, Sequence[Resource]],
    names: Mapping[str, str],
    cluster: str,
    vpc_id: str | None,
    associations: Mapping[str, Mapping[str, str]],
) -> str | None:
    """What a thing would be called had this collection made it; none where that cannot be told."""
    match kind:
        case "vpc":
            return cluster
        case "internet_gateway":
            return cluster if vpc_id in _attached(resource) else None
        case "subnet":
            return _subnet_name(resource, cluster)
        case "nat_gateway":
            return _nat_name((names.get(allocation, "") for allocation in _allocations(resource)), cluster)
        case "address":
            holders = (nat for nat in ours["nat_gateway"] if resource["AllocationId"] in _allocations(nat))
            return _nat_name((names[nat["NatGatewayId"]] for nat in holders), cluster)
        case "route_table":
            mine = resource.get("Associations", [])
            subnets = {association["SubnetId"] for association in mine if association.get("SubnetId")}
            due = {
                table_name(tags_of(subnet)[SUBNET_TAG], cluster, subnet["AvailabilityZoneId"])
                for subnet in ours["subnet"]
                if subnet["SubnetId"] in subnets and _subnet_name(subnet, cluster)
            }
            return due.pop() if len(due) == 1 else None
        case "security_group":
            return str(resource["GroupName"])
    return f"{cluster}-{short_name(resource['ServiceName'])}"


def table_name(subnet_kind: str, cluster: str, zone_id: str) -> str:
    """Private subnets have a route table each, for the NAT gateway of their zone."""
    return f"{cluster}-private-{zone_id}" if subnet_kind == "private" else f"{cluster}-{subnet_kind}"


def _subnet_name(subnet: Resource, cluster: str) -> str | None:
    kind = tags_of(subnet).get(SUBNET_TAG)
    return f"{cluster}-{kind}-{subnet['AvailabilityZoneId']}" if kind in SUBNET_KINDS else None


def _nat_name(names: Iterable[str], cluster: str) -> str | None:
    """A NAT gateway and its address have one name, of which the other can be told when one has lost it."""
    return next((name for name in names if name.startswith(f"{cluster}-nat-")), None)


def _allocations(nat_gateway: Resource) -> list[str]:
    return [address.get("AllocationId", "") for address in nat_gateway.get("NatGatewayAddresses", [])]


def _attached(internet_gateway: Resource) -> list[str]:
    return [attachment["VpcId"] for attachment in internet_gateway.get("Attachments", [])]


# What they are like


class _Reading:
    """Properties of things, in which other things are named."""

    def __init__(self, raw: Mapping[str, Any], refs: Mapping[str, Ref], associations: Mapping[str, Mapping[str, str]]):
        self._raw = raw
        self._refs = refs
        self._associations = associations

    def _name(self, resource_id: str) -> str:
        return self._refs[resource_id].name if resource_id in self._refs else resource_id

    def _names(self, resource_ids: Iterable[str]) -> list[str]:
        return sorted(map(self._name, resource_ids))

    def properties(self, kind: str, resource: Resource) -> Properties:
        return {**self._own(kind, resource), "tags": tags_of(resource)}

    def _own(self, kind: str, resource: Resource) -> Properties:
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
                    "dns_support": self._raw["dns_support"],
                    "dns_hostnames": self._raw["dns_hostnames"],
                }
            case "internet_gateway":
                return {"attached": any(vpc_id in self._refs for vpc_id in _attached(resource))}
            case "subnet":
                association = self._associations.get(resource["SubnetId"], {})
                return {
                    "cidr": resource["CidrBlock"],
                    "zone": resource["AvailabilityZone"],
                    "zone_id": resource["AvailabilityZoneId"],
                    "route_table": self._name(association.get("RouteTableId", "")),
                }
            case "nat_gateway":
                allocation = next(iter(_allocations(resource)), "")
                return {"subnet": self._name(resource["SubnetId"]), "address": self._name(allocation)}
            case "route_table":
                return {
                    "routes": {
                        route["DestinationCidrBlock"]: self._target(route)
                        for route in resource.get("Routes", [])
                        if "DestinationCidrBlock" in route and route.get("GatewayId") != "local"
                    }
                }
            case "gateway_endpoint":
                tables = self._names(resource.get("RouteTableIds", []))
                return {"service": resource["ServiceName"], "route_tables": tables}
            case "security_group":
                return {"ingress": sorted(rules(resource.get("IpPermissions", [])))}
            case "interface_endpoint":
                return {
                    "service": resource["ServiceName"],
                    "subnets": self._names(resource.get("SubnetIds", [])),
                    "security_groups": self._names(group["GroupId"] for group in resource.get("Groups", [])),
                    "private_dns": resource.get("PrivateDnsEnabled", False),
                }
        return {}

    def _target(self, route: Mapping[str, Any]) -> str:
        """Where a route leads: 'kind name' for what is ours, the plain id for what is not, such as a transit gateway. One that leads
        to a NAT gateway that is gone was ours."""
        target = (
            route.get("NatGatewayId")
            or route.get("GatewayId")
            or next((value for key, value in route.items() if key.endswith("Id")), "")
        )
        ref = self._refs.get(target)
        if ref:
            return f"{ref.kind} {ref.name}"
        return f"{target} (gone)" if "NatGatewayId" in route and route.get("State") == "blackhole" else str(target)


# What is not ours


def _foreign(raw: Mapping[str, Any], cluster: str, ours: Mapping[str, Sequence[Resource]]) -> Foreign:
    def others(key: str) -> list[Resource]:
        return [resource for resource in raw.get(key, []) if not is_owned(resource, cluster)]

    tables = [table for table in others("route_table") if not any(a.get("Main") for a in table.get("Associations", []))]
    gateways = {a.get("NetworkInterfaceId") for nat in ours["nat_gateway"] for a in nat.get("NatGatewayAddresses", [])}
    endpoints = {
        own_id for endpoint in ours["interface_endpoint"] for own_id in endpoint.get("NetworkInterfaceIds", [])
    }
    interfaces = [one for one in raw.get("interface", []) if one["NetworkInterfaceId"] not in gateways | endpoints]

    def described(status: bool) -> dict[str, str]:
        return {
            one["NetworkInterfaceId"]: one.get("Description") or one["Status"]
            for one in interfaces
            if (one["Status"] == "available") is status
        }

    return Foreign(
        {subnet["SubnetId"]: subnet["CidrBlock"] for subnet in others("subnet")},
        [table["RouteTableId"] for table in tables],
        [endpoint for endpoint in others("endpoint") if str(endpoint["State"]).lower() not in GONE],
        {group["GroupId"]: group["GroupName"] for group in others("security_group") if group["GroupName"] != "default"},
        described(status=False),
        described(status=True),
    )
