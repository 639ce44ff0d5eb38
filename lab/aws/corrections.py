"""Answers of moto put right where AWS answers otherwise and the difference matters here."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

from moto.ec2 import utils
from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.instances import Instance, InstanceState
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.models.security_groups import SecurityGroup
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPC
from moto.iam.models import IAMBackend, ManagedPolicy
from moto.kms.models import KmsBackend
from moto.servicequotas.models import ServiceQuotasBackend

QUOTAS = {
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 640.0),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5.0),
    ("eks", "L-1194D53C"): ("Clusters", 100.0),
    ("ebs", "L-7A658B76"): ("Storage for General Purpose SSD (gp3) volumes, in TiB", 50.0),
}
_made_policies: dict[str, list[ManagedPolicy]] = {}


def install() -> None:
    # Roles attach AWS's own policies, which moto leaves out by default.
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    # moto calls it nat-gateway, so that its tags are never found again.
    utils.EC2_RESOURCE_TO_PREFIX["natgateway"] = "nat"
    utils.EC2_PREFIX_TO_RESOURCE["nat"] = "natgateway"
    for corrected in (
        create_volume,
        create_launch_template,
        delete_nat_gateway,
        delete_security_group,
        delete_subnet,
        delete_vpc,
        detach_internet_gateway,
        terminate_instances,
    ):
        _replace(EC2Backend, corrected.__name__, corrected)
    _replace(IAMBackend, "_init_aws_policies", aws_policies)
    for operation in ("schedule_key_deletion", "cancel_key_deletion", "enable_key", "disable_key"):
        _replace(KmsBackend, operation, by_arn)
    _replace(ServiceQuotasBackend, "get_service_quota", get_service_quota)


def _replace(backend: type, name: str, corrected: Callable[..., Any]) -> None:
    """Put a function in the place of a method; what it replaces is its first argument."""
    original = getattr(backend, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return corrected(functools.partial(original, self), self, *args, **kwargs)

    setattr(backend, name, method)


def create_volume(original: Callable[..., Volume], ec2: EC2Backend, *args: Any, **kwargs: Any) -> Volume:
    """The snapshot of an empty volume is "", not absent."""
    volume = original(*args, **kwargs)
    volume.snapshot_id = volume.snapshot_id or ""
    return volume


def create_launch_template(
    original: Callable[..., LaunchTemplate],
    ec2: EC2Backend,
    name: str,
    description: str,
    template_data: dict[str, Any],
    tag_spec: dict[str, Any],
) -> LaunchTemplate:
    """The template's own tags are no part of its data."""
    kept = [tags for tags in template_data.pop("TagSpecifications", []) if tags["ResourceType"] != "launch-template"]
    return original(name, description, {**template_data, **({"TagSpecifications": kept} if kept else {})}, tag_spec)


def delete_nat_gateway(original: Callable[..., NatGateway], ec2: EC2Backend, nat_gateway_id: str) -> NatGateway:
    """Its network interface goes with it."""
    gateway = original(nat_gateway_id)
    for address in gateway.address_set:
        ec2.enis.pop(address["networkInterfaceId"], None)
    return gateway


def _groups(ec2: EC2Backend) -> Iterator[SecurityGroup]:
    for groups in ec2.groups.values():
        yield from groups.values()


def delete_security_group(
    original: Callable[..., None], ec2: EC2Backend, name: str | None = None, group_id: str | None = None
) -> None:
    used = {group.id for interface in ec2.enis.values() for group in interface.group_set}
    for group in _groups(ec2):
        if group.id != group_id:
            used |= {rule.source_group.get("GroupId", "") for rule in [*group.ingress_rules, *group.egress_rules]}
    if group_id in used:
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    original(name, group_id)


def delete_subnet(original: Callable[..., Subnet], ec2: EC2Backend, subnet_id: str) -> Subnet:
    if any(interface.subnet.id == subnet_id for interface in ec2.enis.values()):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    return original(subnet_id)


def delete_vpc(original: Callable[..., VPC], ec2: EC2Backend, vpc_id: str) -> VPC:
    attached = any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in ec2.internet_gateways.values())
    endpoints = any(e.vpc_id == vpc_id and e.state != "deleted" for e in ec2.vpc_end_points.values())
    groups = any(group.vpc_id == vpc_id and group.name != "default" for group in _groups(ec2))
    if attached or endpoints or groups:
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    return original(vpc_id)


def detach_internet_gateway(
    original: Callable[..., None], ec2: EC2Backend, internet_gateway_id: str, vpc_id: str
) -> None:
    public = [g for g in ec2.nat_gateways.values() if g.vpc_id == vpc_id and g.connectivity_type != "private"]
    if any(gateway.state != "deleted" for gateway in public):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        )
    original(internet_gateway_id, vpc_id)


def terminate_instances(
    original: Callable[..., list[Any]], ec2: EC2Backend, instance_ids: list[str]
) -> list[tuple[Instance, InstanceState]]:
    """The network interface that was made with an instance goes with it."""
    terminated = original(instance_ids)
    for instance, _ in terminated:
        ec2.enis.pop(instance.nics[0].id, None)
    return terminated


def aws_policies(original: Callable[[], list[ManagedPolicy]], iam: IAMBackend) -> list[ManagedPolicy]:
    """Made once and for one partition: it takes long, and moto does it for all four, again at each reset."""
    if iam.region_name != "aws":
        return []
    if iam.account_id not in _made_policies:
        _made_policies[iam.account_id] = original()
    return [copy.copy(policy) for policy in _made_policies[iam.account_id]]


def by_arn(original: Callable[..., Any], kms: KmsBackend, key_id: str, *args: Any, **kwargs: Any) -> Any:
    """A key is named by its ARN as well as by its id."""
    return original(key_id.rpartition("/")[2], *args, **kwargs)


def get_service_quota(
    original: Callable[..., dict[str, Any]], quotas: ServiceQuotasBackend, service_code: str, quota_code: str
) -> dict[str, Any]:
    if (service_code, quota_code) not in QUOTAS:
        return original(service_code, quota_code)
    name, value = QUOTAS[service_code, quota_code]
    return {
        "ServiceCode": service_code,
        "QuotaCode": quota_code,
        "QuotaName": name,
        "Value": value,
        "Adjustable": True,
        "QuotaArn": f"arn:aws:servicequotas:{quotas.region_name}:{quotas.account_id}:{service_code}/{quota_code}",
    }
