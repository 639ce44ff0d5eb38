"""VPCs and what is in them, where moto is not as EC2 is: states, dependencies, and what one thing does to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.internet_gateways import InternetGateway
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.route_tables import Route
from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC, VPCEndPoint
from moto.ec2.responses.vpcs import VPCs
from moto.ec2.utils import generic_filter

from lab.aws import clock, patching, quotas
from lab.aws.clock import Transition
from lab.aws.faults import Failure

LARGEST, SMALLEST = 16, 28  # prefix lengths of a VPC's blocks
# A block from one of these cannot be added to a VPC whose first block lies in another (table of the VPC user guide).
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.19.0.0/16")))


def install() -> None:
    patching.replace(
        EC2Backend,
        allocate_address,
        create_internet_gateway,
        associate_vpc_cidr_block,
        create_nat_gateway,
        create_route,
        create_vpc,
        create_vpc_endpoint,
        delete_nat_gateway,
        delete_security_group,
        delete_subnet,
        delete_vpc,
        delete_vpc_endpoints,
        describe_nat_gateways,
        describe_vpc_endpoints,
        detach_internet_gateway,
        disassociate_vpc_cidr_block,
        modify_vpc_endpoint,
        release_address,
    )
    patching.replace(VPCs, answer_delete_vpc_endpoints, name="delete_vpc_endpoints")
    patching.replace(VPCs, answer_modify_vpc_endpoint, name="modify_vpc_endpoint")
    Route.state = property(route_state)  # type: ignore[assignment,method-assign]


def refusal(code: str, message: str) -> EC2ClientError:
    return EC2ClientError(code, message)


# Blocks of addresses


def create_vpc(original: Callable[..., VPC], ec2: EC2Backend, *args: Any, **kwargs: Any) -> VPC:
    quotas.require(quotas.VPCS, len(ec2.vpcs))
    return original(*args, **kwargs)


def associate_vpc_cidr_block(
    original: Callable[..., dict[str, Any]], ec2: EC2Backend, vpc_id: str, cidr_block: str, ipv6: bool
) -> dict[str, Any]:
    """moto takes every block."""
    if not ipv6:
        _require_block(ec2.get_vpc(vpc_id), cidr_block)
    return original(vpc_id, cidr_block, ipv6)


def _require_block(vpc: VPC, cidr_block: str) -> None:
    block = IPv4Network(cidr_block)
    if not LARGEST <= block.prefixlen <= SMALLEST:
        raise refusal("InvalidVpc.Range", f"The CIDR '{block}' is invalid.")
    first, *_ = blocks = [
        IPv4Network(found["cidr_block"])
        for found in vpc.get_cidr_block_association_set()
        if found["cidr_block_state"]["state"] != "disassociated"  # which are shown for a while
    ]
    if any(block.overlaps(other) for other in blocks):
        raise refusal("InvalidVpc.Range", f"The CIDR '{block}' conflicts with another CIDR of the VPC.")
    homes = [home for home in PRIVATE if block.subnet_of(home)]
    if homes and any(first.subnet_of(home) for home in PRIVATE) and not first.subnet_of(homes[0]):
        raise refusal(
            "InvalidVpc.Range",
            f"The CIDR '{block}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use a "
            "publicly-routable CIDR.",
        )


def disassociate_vpc_cidr_block(
    original: Callable[..., dict[str, Any]], ec2: EC2Backend, association_id: str
) -> dict[str, Any]:
    """Subnets hold their block."""
    for vpc in ec2.vpcs.values():
        for association in vpc.get_cidr_block_association_set():
            if association["association_id"] == association_id:
                block = IPv4Network(association["cidr_block"])
                if any(IPv4Network(subnet.cidr_block).subnet_of(block) for subnet in _subnets(ec2, vpc.id)):
                    raise refusal(
                        "InvalidCidrBlock.InUse",
                        f"The vpc CIDR block with association ID {association_id} may not be disassociated. It is in use.",
                    )
    return original(association_id)


def _subnets(ec2: EC2Backend, vpc_id: str) -> list[Subnet]:
    return [subnet for zone in ec2.subnets.values() for subnet in zone.values() if subnet.vpc_id == vpc_id]


def create_internet_gateway(
    original: Callable[..., InternetGateway], ec2: EC2Backend, *args: Any, **kwargs: Any
) -> InternetGateway:
    quotas.require(quotas.INTERNET_GATEWAYS, len(ec2.internet_gateways))
    return original(*args, **kwargs)


# Interfaces that AWS makes for others


def _managed(interface: NetworkInterface, description: str, kind: str) -> NetworkInterface:
    interface.description, interface.interface_type = description, kind
    interface.status, interface.requester_managed = "in-use", True
    return interface


# Addresses


def allocate_address(
    original: Callable[..., ElasticAddress], ec2: EC2Backend, *args: Any, **kwargs: Any
) -> ElasticAddress:
    quotas.require(quotas.ADDRESSES, len(ec2.addresses))
    return original(*args, **kwargs)


def release_address(
    original: Callable[..., None], ec2: EC2Backend, address: str | None = None, allocation_id: str | None = None
) -> None:
    """moto takes it away from whoever uses it."""
    for found in ec2.addresses:
        if found.association_id and (found.allocation_id == allocation_id or found.public_ip == address):
            raise refusal("InvalidIPAddress.InUse", f"Address {found.public_ip} is in use.")
    original(address, allocation_id)


# NAT gateways


def create_nat_gateway(
    original: Callable[..., NatGateway],
    ec2: EC2Backend,
    subnet_id: str,
    allocation_id: str,
    tags: dict[str, str] | None = None,
    connectivity_type: str | None = None,
) -> NatGateway:
    """moto's is there at once, and takes an address from another."""
    subnet = ec2.get_subnet(subnet_id)
    if connectivity_type != "private":
        if not allocation_id:
            raise refusal("MissingParameter", "The request must include the AllocationId parameter.")
        (address,) = ec2.address_by_allocation([allocation_id])
        if address.association_id:
            raise refusal(
                "Resource.AlreadyAssociated",
                f"resource {allocation_id} is already associated with associate-id {address.association_id}",
            )
    inside = [
        g
        for g in ec2.nat_gateways.values()
        if g.state in ("pending", "available")
        and ec2.get_subnet(g.subnet_id).availability_zone == subnet.availability_zone
    ]
    quotas.require(quotas.NAT_GATEWAYS, len(inside))
    gateway = original(subnet_id, allocation_id, tags, connectivity_type or "public")
    _managed(gateway._eni, f"Interface for NAT Gateway {gateway.id}", "nat_gateway")
    transition = _set_out(
        gateway, Transition("NAT gateway create", gateway.id, "pending", "available", failed="failed")
    )
    attached = any(internet.vpc and internet.vpc.id == subnet.vpc_id for internet in ec2.internet_gateways.values())
    if gateway.connectivity_type == "public" and not attached:
        transition.doom(Failure("Gateway.NotAttached", f"Network {subnet.vpc_id} has no Internet gateway attached"))
    return gateway


def _set_out(gateway: NatGateway, transition: Transition) -> Transition:
    ec2 = gateway.ec2_backend

    def arrive() -> None:
        gateway.state = transition.status
        if failure := transition.failure:
            gateway.failure_code, gateway.failure_message = failure.code, failure.message  # type: ignore[attr-defined]
        if gateway.state in ("failed", "deleted"):
            for address in gateway.address_set:
                if address.get("associationId"):
                    ec2.disassociate_address(address=address["publicIp"])
                ec2.enis.pop(address["networkInterfaceId"], None)

    transition.then, transition.otherwise = arrive, arrive
    gateway.state, gateway.transition = transition.status, transition  # type: ignore[attr-defined]
    clock.current.moves_by_itself(transition)
    return transition


def delete_nat_gateway(original: Callable[..., NatGateway], ec2: EC2Backend, nat_gateway_id: str) -> NatGateway:
    """It takes its time, and its network interface and address with it."""
    gateway = _nat_gateway(ec2, nat_gateway_id)
    if gateway.state not in ("deleting", "deleted"):
        _set_out(gateway, Transition("NAT gateway delete", gateway.id, "deleting", "deleted"))
    return gateway


def _nat_gateway(ec2: EC2Backend, nat_gateway_id: str) -> NatGateway:
    if nat_gateway_id not in ec2.nat_gateways:
        raise refusal("NatGatewayNotFound", f"NatGateway {nat_gateway_id} was not found")
    return ec2.nat_gateways[nat_gateway_id]


def describe_nat_gateways(
    original: Callable[..., list[NatGateway]], ec2: EC2Backend, filters: Any, nat_gateway_ids: list[str] | None
) -> list[NatGateway]:
    """moto knows four filters and takes all others for fulfilled."""
    gateways = [_nat_gateway(ec2, i) for i in nat_gateway_ids] if nat_gateway_ids else list(ec2.nat_gateways.values())
    for gateway in gateways:
        gateway.transition.look()  # type: ignore[attr-defined]
    names = {"nat-gateway-id": "id"}
    return generic_filter({names.get(name, name): value for name, value in (filters or {}).items()}, gateways)


def route_state(route: Route) -> str:
    """A route to what is gone leads nowhere."""
    gone = route.nat_gateway and route.nat_gateway.state in ("deleted", "failed")
    return "blackhole" if gone else "active"


def create_route(original: Callable[..., Route], ec2: EC2Backend, *args: Any, **kwargs: Any) -> Route:
    """moto makes a route to nowhere."""
    nat_gateway_id = kwargs.get("nat_gateway_id")
    if nat_gateway_id and nat_gateway_id not in ec2.nat_gateways:
        raise refusal("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat_gateway_id}' does not exist")
    return original(*args, **kwargs)


# Endpoints


def create_vpc_endpoint(
    original: Callable[..., VPCEndPoint],
    ec2: EC2Backend,
    vpc_id: str,
    service_name: str,
    endpoint_type: str | None,
    subnet_ids: list[str] | None = None,
    route_table_ids: list[str] | None = None,
    security_group_ids: list[str] | None = None,
    private_dns_enabled: bool | None = None,
    **others: Any,
) -> VPCEndPoint:
    """moto's network interfaces are in no group, and all of it is there at once."""
    vpc = ec2.get_vpc(vpc_id)
    is_interface = (endpoint_type or "Gateway").lower() == "interface"
    if is_interface:
        _require_service(ec2, service_name)
        inside = [e for e in ec2.vpc_end_points.values() if e.vpc_id == vpc_id and e.vpc_endpoint_type == "Interface"]
        quotas.require(quotas.ENDPOINTS, len(inside))
        if private_dns_enabled:
            _require_private_dns(ec2, vpc, service_name)
        if not security_group_ids:
            group = ec2.get_default_security_group(vpc_id)
            security_group_ids = [group.id] if group else []
    endpoint = original(
        vpc_id=vpc_id,
        service_name=service_name,
        endpoint_type="Interface" if is_interface else "Gateway",
        route_table_ids=[],
        security_group_ids=security_group_ids,
        private_dns_enabled=bool(private_dns_enabled) and is_interface,
        **others,
    )
    endpoint.subnet_ids = []
    try:
        _connect(endpoint, subnet_ids or [])
        _route(endpoint, route_table_ids or [])
    except EC2ClientError:
        del ec2.vpc_end_points[endpoint.id]
        raise
    if is_interface:
        _move_endpoint(endpoint, Transition("interface endpoint create", endpoint.id, "pending", "available"))
    return endpoint


def _require_service(ec2: EC2Backend, name: str) -> None:
    services = ec2._collect_default_endpoint_services(ec2.account_id, ec2.region_name)
    if name not in {service["ServiceName"] for service in services}:
        raise refusal("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def _require_private_dns(ec2: EC2Backend, vpc: VPC, service: str) -> None:
    if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
        raise refusal(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "
            f"{vpc.id}",
        )
    others = [e for e in ec2.vpc_end_points.values() if e.vpc_id == vpc.id and e.service_name == service]
    if any(other.private_dns_enabled for other in others):
        raise refusal(
            "InvalidParameter",
            f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for {service} in the VPC {vpc.id}",
        )


def _move_endpoint(endpoint: VPCEndPoint, transition: Transition) -> None:
    ec2 = endpoint.ec2_backend

    def arrive() -> None:
        endpoint.state = transition.status
        if endpoint.state == "deleted":
            for interface in endpoint.network_interface_ids:
                ec2.enis.pop(interface, None)
            del ec2.vpc_end_points[endpoint.id]

    transition.then, transition.otherwise = arrive, arrive
    endpoint.state, endpoint.transition = transition.status, transition  # type: ignore[attr-defined]
    clock.current.moves_by_itself(transition)


def _connect(endpoint: VPCEndPoint, subnet_ids: list[str]) -> None:
    """A network interface in each subnet, of which a zone has one."""
    ec2, subnets = endpoint.ec2_backend, endpoint.subnet_ids or []
    for subnet_id in subnet_ids:
        subnet = ec2.get_subnet(subnet_id)
        if subnet_id in subnets:
            continue
        if subnet.availability_zone in {ec2.get_subnet(other).availability_zone for other in subnets}:
            raise refusal(
                "DuplicateSubnetsInSameZone",
                f"Found another VPC endpoint subnet in the availability zone of {subnet_id}. VPC endpoint subnets should be in "
                "different availability zones supported by the VPC endpoint service.",
            )
        interface = ec2.create_network_interface(subnet, [], group_ids=endpoint.security_group_ids)
        _managed(interface, f"VPC Endpoint Interface {endpoint.id}", "vpc_endpoint")
        endpoint.network_interface_ids.append(interface.id)
        subnets.append(subnet_id)
    endpoint.subnet_ids = subnets


def _disconnect(endpoint: VPCEndPoint, subnet_ids: list[str]) -> None:
    enis = endpoint.ec2_backend.enis
    for interface_id in list(endpoint.network_interface_ids):
        if enis[interface_id].subnet.id in subnet_ids:
            del enis[interface_id]
            endpoint.network_interface_ids.remove(interface_id)
    endpoint.subnet_ids = [subnet for subnet in endpoint.subnet_ids or [] if subnet not in subnet_ids]


def _route(endpoint: VPCEndPoint, route_table_ids: list[str]) -> None:
    """A route to the service in each table."""
    ec2, destination = endpoint.ec2_backend, endpoint.destination_prefix_list_id
    for table_id in route_table_ids:
        table = ec2.get_route_table(table_id)
        if table_id in endpoint.route_table_ids:
            continue
        if any(route.destination_prefix_list_id == destination for route in table._routes.values()):
            raise refusal(
                "RouteAlreadyExists",
                f"route table {table_id} already has a route with destination-prefix-list-id {destination}",
            )
        ec2.create_route(table_id, None, gateway_id=endpoint.id, destination_prefix_list_id=destination)
        endpoint.route_table_ids.append(table_id)


def _unroute(endpoint: VPCEndPoint, route_table_ids: list[str]) -> None:
    for table_id in route_table_ids:
        if table := endpoint.ec2_backend.route_tables.get(table_id):
            for route in list(table._routes.values()):
                if route.gateway_id == endpoint.id:
                    del table._routes[route.id]
    endpoint.route_table_ids = [table for table in endpoint.route_table_ids if table not in route_table_ids]


def modify_vpc_endpoint(
    original: Callable[..., None],
    ec2: EC2Backend,
    vpc_id: str,  # it is the endpoint's id; moto calls it so
    policy_doc: str | None,
    add_subnets: list[str],
    remove_subnets: list[str],
    remove_route_tables: list[str],
    add_route_tables: list[str],
    add_security_groups: list[str],
    remove_security_groups: list[str],
) -> None:
    """moto notes what is asked for and does none of it to interfaces and routes."""
    endpoint = _endpoint(ec2, vpc_id)
    _disconnect(endpoint, remove_subnets)
    _connect(endpoint, add_subnets)
    _unroute(endpoint, remove_route_tables)
    _route(endpoint, add_route_tables)
    endpoint.modify(policy_doc, [], [], [], [], add_security_groups, remove_security_groups)
    groups = list(map(ec2.get_security_group_from_id, endpoint.security_group_ids))
    for interface in endpoint.network_interface_ids:
        ec2.enis[interface]._group_set = groups


def answer_modify_vpc_endpoint(original: Callable[..., ActionResult], response: VPCs) -> ActionResult:
    """moto does not read PrivateDnsEnabled."""
    wanted = response._get_param("PrivateDnsEnabled")
    ec2 = response.ec2_backend
    if wanted is not None:
        endpoint = _endpoint(ec2, response._get_param("VpcEndpointId"))
        if wanted and not endpoint.private_dns_enabled:
            _require_private_dns(ec2, ec2.get_vpc(endpoint.vpc_id), endpoint.service_name)
        endpoint.private_dns_enabled = wanted
    return original()


def _endpoint(ec2: EC2Backend, endpoint_id: str) -> VPCEndPoint:
    if endpoint_id not in ec2.vpc_end_points:
        raise refusal("InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{endpoint_id}' does not exist")
    return ec2.vpc_end_points[endpoint_id]


def delete_vpc_endpoints(original: Callable[..., None], ec2: EC2Backend, vpce_ids: list[str] | None = None) -> None:
    """One of the kind "gateway" is gone at once and its routes with it; moto keeps both kinds, as "deleted"."""
    for endpoint in [ec2.vpc_end_points[i] for i in vpce_ids or [] if i in ec2.vpc_end_points]:
        if endpoint.vpc_endpoint_type == "Gateway":
            _unroute(endpoint, list(endpoint.route_table_ids))
            del ec2.vpc_end_points[endpoint.id]
        elif endpoint.state != "deleting":
            _move_endpoint(endpoint, Transition("interface endpoint delete", endpoint.id, "deleting", "deleted"))


def answer_delete_vpc_endpoints(original: Callable[..., ActionResult], response: VPCs) -> ActionResult:
    """What is not there is told in an answer without an error."""
    ec2, asked = response.ec2_backend, response._get_param("VpcEndpointIds", [])
    unknown = [endpoint for endpoint in asked if endpoint not in ec2.vpc_end_points]
    ec2.delete_vpc_endpoints(asked)
    return ActionResult(
        {
            "Unsuccessful": [
                {
                    "ResourceId": endpoint,
                    "Error": {
                        "Code": "InvalidVpcEndpoint.NotFound",
                        "Message": f"The Vpc Endpoint Id '{endpoint}' does not exist",
                    },
                }
                for endpoint in unknown
            ]
        }
    )


def describe_vpc_endpoints(
    original: Callable[..., list[VPCEndPoint]],
    ec2: EC2Backend,
    vpc_end_point_ids: list[str] | None,
    filters: Any = None,
) -> list[VPCEndPoint]:
    for endpoint in list(ec2.vpc_end_points.values()):
        if endpoint.vpc_endpoint_type == "Interface":
            endpoint.transition.look()  # type: ignore[attr-defined]
    return original(vpc_end_point_ids, filters)


# Dependencies


def security_groups(ec2: EC2Backend) -> Iterator[SecurityGroup]:
    for groups in ec2.groups.values():
        yield from groups.values()


def delete_security_group(
    original: Callable[..., None], ec2: EC2Backend, name: str | None = None, group_id: str | None = None
) -> None:
    used = {group.id for interface in ec2.enis.values() for group in interface.group_set}
    for group in security_groups(ec2):
        if group.id != group_id:
            used |= {rule.source_group.get("GroupId", "") for rule in [*group.ingress_rules, *group.egress_rules]}
    if group_id in used:
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    original(name, group_id)


def delete_subnet(original: Callable[..., Subnet], ec2: EC2Backend, subnet_id: str) -> Subnet:
    """Its association with a route table goes with it; interfaces hold it."""
    if any(interface.subnet.id == subnet_id for interface in ec2.enis.values()):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    deleted = original(subnet_id)
    for table in ec2.route_tables.values():
        for association, associated in list(table._associations.items()):
            if associated == subnet_id:
                del table._associations[association]
    return deleted


def delete_vpc(original: Callable[..., VPC], ec2: EC2Backend, vpc_id: str) -> VPC:
    attached = any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in ec2.internet_gateways.values())
    endpoints = any(endpoint.vpc_id == vpc_id for endpoint in ec2.vpc_end_points.values())
    groups = any(group.vpc_id == vpc_id and group.name != "default" for group in security_groups(ec2))
    if attached or endpoints or groups:
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    return original(vpc_id)


def detach_internet_gateway(
    original: Callable[..., None], ec2: EC2Backend, internet_gateway_id: str, vpc_id: str
) -> None:
    if any(interface.public_ip for interface in ec2.enis.values() if interface.vpc_id == vpc_id):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the "
            "gateway."
        )
    original(internet_gateway_id, vpc_id)
