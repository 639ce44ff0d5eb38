"""Instant fleets, by which Karpenter launches machines, where moto is not as EC2 is: it drops most of the launch template, and is
never short of capacity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ec2.models.fleets import Fleet
from moto.ec2.models.instances import Instance
from moto.ec2.models.spot_requests import SpotFleetLaunchSpec
from moto.ec2.responses.fleets import Fleets
from moto.ec2.utils import convert_tag_spec

from lab.aws import patching

# (instance type, name of a zone): what EC2 has just run out of there; "*" stands for all types.
no_capacity: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class SpotLaunch:
    """What a fleet shows of a machine that it has bought as spot capacity."""

    id: str
    instance: Instance
    launch_spec: SpotFleetLaunchSpec


class OutOfCapacity(ServiceException):
    code = "InsufficientInstanceCapacity"


def install() -> None:
    patching.replace(Fleet, create_on_demand_requests, create_spot_requests)
    patching.replace(Fleets, create_fleet)


def create_fleet(original: Callable[[], ActionResult], response: Fleets) -> ActionResult:
    """What could not be launched is in the answer, by override."""
    result: dict[str, Any] = original().result  # type: ignore[assignment]
    fleet = response.ec2_backend.fleets[result["FleetId"]]
    return ActionResult({**result, "Errors": getattr(fleet, "errors", [])})


def create_spot_requests(original: Callable[..., Any], fleet: Fleet, weight: float) -> None:
    for instance, spec in _launch_cheapest(fleet, weight, "spot"):
        fleet.spot_requests.append(SpotLaunch(instance.id, instance, spec))  # type: ignore[arg-type]


def create_on_demand_requests(original: Callable[..., None], fleet: Fleet, weight: float) -> None:
    for instance, spec in _launch_cheapest(fleet, weight, "on-demand"):
        fleet.on_demand_instances.append({"id": instance.id, "instance": instance, "launch_spec": spec})


def _launch_cheapest(fleet: Fleet, weight: float, lifecycle: str) -> list[tuple[Instance, SpotFleetLaunchSpec]]:
    """Launch by the first override that EC2 can serve, the cheapest first: Karpenter sends them in this order, and their price as
    their priority."""
    fleet.errors = []  # type: ignore[attr-defined]
    for spec in sorted(fleet.launch_specs, key=lambda spec: float((spec.overrides or {}).get("Priority", 0))):
        try:
            instances = _launch(fleet, spec, int(weight), lifecycle)
        except ServiceException as error:
            fleet.errors.append(_refused(spec, error, lifecycle))  # type: ignore[attr-defined]
        else:
            fleet.fulfilled_capacity += weight
            return [(instance, spec) for instance in instances]
    return []


def _refused(spec: SpotFleetLaunchSpec, error: ServiceException, lifecycle: str) -> dict[str, Any]:
    return {
        "ErrorCode": error.code,
        "ErrorMessage": error.message,
        "Lifecycle": lifecycle,
        "LaunchTemplateAndOverrides": {
            "LaunchTemplateSpecification": spec.launch_template_spec,
            "Overrides": spec.overrides,
        },
    }


def _launch(fleet: Fleet, spec: SpotFleetLaunchSpec, count: int, lifecycle: str) -> list[Instance]:
    ec2 = fleet.ec2_backend
    named: dict[str, Any] = spec.launch_template_spec or {}
    subnet = ec2.get_subnet(spec.subnet_id)
    zone = subnet.availability_zone
    if {(spec.instance_type, zone), ("*", zone)} & no_capacity:
        raise OutOfCapacity(
            f"We currently do not have sufficient {spec.instance_type} capacity in the Availability Zone you requested ({zone}). Our "
            "system will be working on provisioning additional capacity."
        )
    data = ec2.get_launch_template(named["LaunchTemplateId"]).get_version(named["Version"]).data
    interfaces = data.get("NetworkInterfaces") or [{}]
    # moto takes the tags of volumes from elsewhere than those of instances.
    tags = {**convert_tag_spec(data.get("TagSpecifications", [])), **spec.tag_specifications}
    reservation = ec2.run_instances(
        image_id=spec.image_id,
        count=count,
        instance_type=spec.instance_type,
        is_instance_type_default=False,
        key_name=None,
        user_data=spec.user_data,
        security_group_names=[],
        security_group_ids=data.get("SecurityGroupIds") or interfaces[0].get("Groups", []),
        subnet_id=spec.subnet_id,
        region_name=ec2.region_name,
        fleet_id=fleet.id,
        metadata_options=data.get("MetadataOptions", {}),
        monitoring_state="enabled" if data.get("Monitoring", {}).get("Enabled") else "disabled",
        block_device_mappings=[_device(mapping) for mapping in data.get("BlockDeviceMappings", [])],
        tags=tags,
        lifecycle="spot" if lifecycle == "spot" else None,
    )
    instances: list[Instance] = reservation.instances
    for instance in instances:
        instance._placement.availability_zone_id = subnet.availability_zone_id  # type: ignore[attr-defined]
        instance.add_tags(
            {
                "aws:ec2:fleet-id": fleet.id,
                "aws:ec2launchtemplate:id": named["LaunchTemplateId"],
                "aws:ec2launchtemplate:version": str(named["Version"]),
            }
        )
        if profile := data.get("IamInstanceProfile"):
            ec2.associate_iam_instance_profile(
                instance_id=instance.id,
                iam_instance_profile_name=profile.get("Name"),
                iam_instance_profile_arn=profile.get("Arn"),
            )
    return instances


def _device(mapping: dict[str, Any]) -> dict[str, Any]:
    """Volumes go with the instance unless told otherwise; moto has it the other way round."""
    return {**mapping, "Ebs": {"DeleteOnTermination": True, **mapping["Ebs"]}}
