# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From the network that is there to the one that should be: what can be asked of EC2 now, and what has to wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, listed, missing_tags, tag_list
from ._network import ENDPOINTS, KINDS, Network, Observed, Properties, about, about_network
from ._network_endpoints import home, permission

# What takes AWS its time.
SLOW = ("nat_gateway", "interface_endpoint")
MANY = 4  # which are only counted in a sentence


@dataclass
class Pass:
    """What one pass asks, and what it leaves to the passes to come."""

    requests: list[Request] = field(default_factory=list)
    being_made: list[Ref] = field(default_factory=list)
    being_deleted: list[Ref] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def in_progress(self) -> bool:
        return bool(self.being_made or self.being_deleted or self.others)

    def progress(self, cluster: str) -> str:
        """What is waited for, in a sentence."""
        parts = [*_parts(self.being_made, "being made"), *_parts(self.being_deleted, "being deleted"), *self.others]
        return f"{about_network(cluster)}: {'; '.join(part.rstrip('.') for part in parts)}." if parts else ""


def _parts(refs: Iterable[Ref], what: str) -> list[str]:
    names: dict[str, list[str]] = {}
    for ref in dict.fromkeys(refs):
        names.setdefault(ref.kind, []).append(ref.name)
    parts = []
    for kind, found in names.items():
        label = KINDS[kind].label if kind == "nat_gateway" else KINDS[kind].label.lower()
        if len(found) == 1:
            parts.append(f"{label} {found[0]} is {what}")
        elif len(found) > MANY:
            parts.append(f"{len(found)} {label}s are {what}")
        else:
            parts.append(f"{label}s {listed(found)} are {what}")
    return parts


# To have it


def steps(now: Observed, then: Network, region: str) -> Pass:
    """What brings the network that is there nearer to the one that should be, as far as that can be asked now."""
    plan = Pass(being_made=list(now.pending))
    (cluster,) = then["vpc"]
    for kind in KINDS:
        for name, properties in then[kind].items():
            found = now.network[kind].get(name)
            if found is None:
                if _is_obstructed(kind, properties, now, plan):
                    continue
                plan.requests.append(_creation(kind, name, properties, cluster, region))
                if kind in SLOW:
                    plan.being_made.append(Ref(kind, name))
            elif tags := missing_tags(found["tags"], properties["tags"]):
                arguments = {"Resources": [Ref(kind, name)], "Tags": tag_list(tags)}
                plan.requests.append(Request(about(kind, name), "ec2", "create_tags", arguments))
            plan.requests += _settings(kind, name, found or {}, properties, cluster, now)
        if kind == "route_table":
            plan.requests += _associations(now, then)
    _drop_surplus(now, then, cluster, plan)
    return plan


def _is_obstructed(kind: str, properties: Properties, now: Observed, plan: Pass) -> bool:
    """Whether a predecessor, which still is on its way out, has what it needs."""
    needed = {"nat_gateway": "address", "interface_endpoint": "service"}.get(kind)
    if not needed:
        return False
    value = properties[needed]
    going = [Ref(kind, name) for name, old in _leaving(kind, now).items() if old[needed] == value]
    plan.being_deleted += going
    if going or kind != "nat_gateway" or value not in now.users:
        return bool(going)
    plan.others.append(f"{about('address', value)} is still in use by {now.users[value]}")
    return True


def _leaving(kind: str, now: Observed) -> dict[str, Properties]:
    return now.leaving.get(kind, {})


def _creation(kind: str, name: str, properties: Properties, cluster: str, region: str) -> Request:
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
        case "gateway_endpoint":
            arguments = {
                "VpcId": vpc,
                "VpcEndpointType": "Gateway",
                "ServiceName": properties["service"],
                "RouteTableIds": [Ref("route_table", table) for table in properties["route_tables"]],
            }
        case "security_group":
            arguments = {
                "VpcId": vpc,
                "GroupName": name,
                "Description": f"Interface endpoints of the EKS cluster {cluster}",
            }
        case "interface_endpoint":
            place = home(properties["service"], region)
            arguments = {
                "VpcId": vpc,
                "VpcEndpointType": "Interface",
                "ServiceName": properties["service"],
                **({"ServiceRegion": place} if place else {}),
                "SubnetIds": [Ref("subnet", subnet) for subnet in properties["subnets"]],
                "SecurityGroupIds": [Ref("security_group", group) for group in properties["security_groups"]],
                "PrivateDnsEnabled": properties["private_dns"],
            }
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


def _settings(
    kind: str, name: str, found: Properties, properties: Properties, cluster: str, now: Observed
) -> list[Request]:
    """The requests for what a creation cannot say, or what has drifted."""
    own = Ref(kind, name)

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(kind, name), "ec2", operation, arguments)

    plan: list[Request] = []
    match kind:
        case "vpc":
            for key, argument in (("dns_support", "EnableDnsSupport"), ("dns_hostnames", "EnableDnsHostnames")):
                if found.get(key) != properties[key]:
                    plan.append(request("modify_vpc_attribute", VpcId=own, **{argument: {"Value": properties[key]}}))
            for cidr in sorted({*properties["secondary_cidrs"]} - {*found.get("secondary_cidrs", [])}):
                plan.append(request("associate_vpc_cidr_block", VpcId=own, CidrBlock=cidr))
        case "internet_gateway":
            if not found.get("attached"):
                plan.append(request("attach_internet_gateway", InternetGatewayId=own, VpcId=Ref("vpc", cluster)))
        case "route_table":
            plan += [
                request(operation, RouteTableId=own, **arguments)
                for operation, arguments in _routes(found.get("routes", {}), properties["routes"], now)
            ]
        case "gateway_endpoint" if found:
            added = sorted({*properties["route_tables"]} - {*found["route_tables"]})
            if added:
                tables = [Ref("route_table", table) for table in added]
                plan.append(request("modify_vpc_endpoint", VpcEndpointId=own, AddRouteTableIds=tables))
        case "security_group":
            before, after = found.get("ingress", []), properties["ingress"]
            if added := sorted({*after} - {*before}):
                permissions = list(map(permission, added))
                plan.append(request("authorize_security_group_ingress", GroupId=own, IpPermissions=permissions))
            if removed := sorted({*before} - {*after}):
                permissions = [now.permissions[rule] for rule in removed]
                plan.append(request("revoke_security_group_ingress", GroupId=own, IpPermissions=permissions))
        case "interface_endpoint" if found and own not in now.pending:
            changes = _endpoint_changes(found, properties, now)
            if changes:
                plan.append(request("modify_vpc_endpoint", VpcEndpointId=own, **changes))
    return plan


def _routes(before: Mapping[str, str], after: Mapping[str, str], now: Observed) -> Iterable[tuple[str, dict[str, Any]]]:
    for destination, way in after.items():
        if before.get(destination) == way or not _can_be_routed(way, now):
            continue
        kind, name = way.split()
        yield (
            "replace_route" if destination in before else "create_route",
            {
                "DestinationCidrBlock": destination,
                {"internet_gateway": "GatewayId", "nat_gateway": "NatGatewayId"}[kind]: Ref(kind, name),
            },
        )
    for destination in before.keys() - after.keys():
        yield "delete_route", {"DestinationCidrBlock": destination}


def _can_be_routed(way: str, now: Observed) -> bool:
    """Routes lead to a NAT gateway only when it is available; that it is not yet, is told with the gateway itself."""
    kind, name = way.split()
    return kind != "nat_gateway" or (name in now.network[kind] and Ref(kind, name) not in now.pending)


def _endpoint_changes(found: Properties, properties: Properties, now: Observed) -> Properties:
    changes: Properties = {}
    for key, kind, argument in (
        ("subnets", "subnet", "SubnetIds"),
        ("security_groups", "security_group", "SecurityGroupIds"),
    ):
        before, after = {*found[key]}, {*properties[key]}
        if added := [Ref(kind, name) for name in sorted(after - before)]:
            changes[f"Add{argument}"] = added
        if removed := [Ref(kind, name) for name in sorted(before - after)]:
            # Somebody else's is called by its id.
            changes[f"Remove{argument}"] = [ref if ref in now.ids else ref.name for ref in removed]
    if found["private_dns"] != properties["private_dns"]:
        changes["PrivateDnsEnabled"] = properties["private_dns"]
    return changes


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


# To be rid of a part of it


def _drop_surplus(now: Observed, then: Network, cluster: str, plan: Pass) -> None:
    surplus = {kind: [name for name in now.network[kind] if name not in then[kind]] for kind in KINDS}
    plan.requests += _endpoint_deletions("interface_endpoint", surplus["interface_endpoint"])
    for name in surplus["security_group"]:
        users = [user for user, endpoint in _of("interface_endpoint", now) if name in endpoint["security_groups"]]
        if not _hinder("interface_endpoint", users, then, plan):
            plan.requests.append(_patient(_deletion("security_group", name)))

    # First the routes lead elsewhere.
    ways = {way for table in then["route_table"].values() for way in table["routes"].values()}
    if all(_can_be_routed(way, now) for way in ways if way.startswith("nat_gateway ")):
        plan.requests += [_deletion("nat_gateway", name) for name in surplus["nat_gateway"]]
    _release(surplus["address"], now, plan)

    public = [
        *(_deletion("subnet", name) for name in surplus["subnet"]),
        *(_deletion("route_table", name) for name in surplus["route_table"]),
        *_internet_gateway_removal(surplus["internet_gateway"], now, cluster),
    ]
    if public and not _hinder("nat_gateway", (name for name, _properties in _of("nat_gateway", now)), then, plan):
        plan.requests += map(_patient, public)


def _patient(request: Request) -> Request:
    """What used it was seen to be gone, of which not every server of AWS may have heard."""
    return replace(request, patience=("DependencyViolation",))


def _of(kind: str, now: Observed) -> list[tuple[str, Properties]]:
    """What there is of a kind, on its way out or not."""
    return [*now.network[kind].items(), *_leaving(kind, now).items()]


def _hinder(kind: str, names: Iterable[str], then: Network, plan: Pass) -> bool:
    """Whether something is left that uses what is to go; it is waited for."""
    left = list(names)
    plan.being_deleted += [Ref(kind, name) for name in left if name not in then.get(kind, {})]
    plan.others += [f"{about(kind, name)} uses what is to go" for name in left if name in then.get(kind, {})]
    return bool(left)


def _release(addresses: Sequence[str], now: Observed, plan: Pass) -> None:
    """Give back those addresses that no NAT gateway holds any more."""
    for name in addresses:
        holders = [gateway for gateway, found in _of("nat_gateway", now) if found["address"] == name]
        if not _hinder("nat_gateway", holders, {}, plan):
            plan.requests.append(_deletion("address", name))


def _internet_gateway_removal(names: Iterable[str], now: Observed, cluster: str) -> list[Request]:
    plan = []
    for name in names:
        if now.network["internet_gateway"][name]["attached"]:
            arguments = {"InternetGatewayId": Ref("internet_gateway", name), "VpcId": Ref("vpc", cluster)}
            plan.append(Request(about("internet_gateway", name), "ec2", "detach_internet_gateway", arguments))
        plan.append(_deletion("internet_gateway", name))
    return plan


def _deletion(kind: str, name: str) -> Request:
    return Request(about(kind, name), "ec2", KINDS[kind].delete, {KINDS[kind].id_key: Ref(kind, name)})


def _endpoint_deletions(kind: str, names: Sequence[str]) -> list[Request]:
    """All in one request."""
    refs = [Ref(kind, name) for name in names]
    label = f"{KINDS[kind].label}{'s' if len(names) > 1 else ''} {listed(names)}"
    return [Request(label, "ec2", KINDS[kind].delete, {"VpcEndpointIds": refs})] if refs else []


def failed_removal(now: Observed) -> list[Request]:
    """What failed is of no use, and in the way of a new one."""
    plan = []
    for failed in now.failed:
        kind = failed.ref.kind
        arguments = {"VpcEndpointIds": [failed.id]} if kind in ENDPOINTS else {KINDS[kind].id_key: failed.id}
        plan.append(Request(about(kind, failed.ref.name), "ec2", KINDS[kind].delete, arguments))
    return plan


def failure(now: Observed) -> AwsError:
    """What to tell of it."""
    causes = [f"{about(one.ref.kind, one.ref.name)} has failed ({one.reason})" for one in now.failed]
    return AwsError(
        f"{'; '.join(causes)}: it is being removed, so correct what is named and run again, which makes it anew."
    )


# To be rid of all of it


def removal(now: Observed, cluster: str) -> Pass:
    """What brings the network nearer to its end, as far as that can be asked now."""
    _refuse_foreign(now, cluster)
    plan = Pass()
    found, foreign = now.network, now.foreign
    if foreign.interfaces_in_use:
        plan.others.append(f"it is kept while others use it: {_interfaces(foreign.interfaces_in_use)}")
        return plan
    if found["vpc"]:
        plan.requests += failed_removal(now)
    for kind in ENDPOINTS:
        plan.requests += _endpoint_deletions(kind, list(found[kind]))
    plan.requests += [_deletion("nat_gateway", name) for name in found["nat_gateway"]]
    _release(list(found["address"]), now, plan)
    left = [_hinder(kind, (name for name, _properties in _of(kind, now)), {}, plan) for kind in SLOW]
    if any(left):
        return plan
    if foreign.idle_interfaces:
        plan.others.append(f"its subnets still hold {_interfaces(foreign.idle_interfaces)}")
        return plan
    plan.requests += [_deletion("security_group", name) for name in found["security_group"]]
    plan.requests += [
        Request(about("subnet", ref.name), "ec2", "disassociate_route_table", {"AssociationId": ref})
        for ref in now.ids
        if ref.kind == "association"
    ]
    plan.requests += [_deletion("subnet", name) for name in found["subnet"]]
    plan.requests += [_deletion("route_table", name) for name in found["route_table"]]
    plan.requests += _internet_gateway_removal(found["internet_gateway"], now, cluster)
    if foreign.security_groups and found["vpc"]:
        groups = listed(f"{group} ({name})" for group, name in foreign.security_groups.items())
        plan.others.append(f"{about('vpc', cluster)} still holds the security groups of others: {groups}")
        return plan
    plan.requests += [_deletion("vpc", name) for name in found["vpc"]]
    return plan


def _interfaces(found: Mapping[str, str]) -> str:
    return listed(f"network interface {own_id} ({description})" for own_id, description in found.items())


def _refuse_foreign(now: Observed, cluster: str) -> None:
    """What does not go away by itself, and would hold the VPC in the end."""
    kinds = {
        "subnets": list(now.foreign.subnets),
        "route tables": list(now.foreign.route_tables),
        "endpoints": [endpoint["VpcEndpointId"] for endpoint in now.foreign.endpoints],
    }
    for label, ids in kinds.items():
        if ids:
            raise AwsError(
                f"{about('vpc', cluster)} holds {label} that this collection did not make ({listed(ids)}), so it is not removed: "
                f"remove them, or tag them {OWNER_TAG}={cluster} when they may go with it."
            )
