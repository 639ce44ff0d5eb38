"""Machines, volumes and launch templates, where moto is not as EC2 is. Networks are in network.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidLaunchTemplateVersionNotFound
from moto.ec2.models import EC2Backend
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance, InstanceState
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.responses.launch_templates import LaunchTemplates

from lab.aws import patching, quotas

STANDARD = tuple("acdhimrtz")  # how the names of the types begin that share a quota
# (instance type, name of a zone): what is not sold there, besides what moto's table lacks; "*" stands for all types.
not_offered: set[tuple[str, str]] = set()


def install() -> None:
    # moto calls it nat-gateway, so that its tags are never found again.
    from moto.ec2 import utils

    utils.EC2_RESOURCE_TO_PREFIX["natgateway"] = "nat"
    utils.EC2_PREFIX_TO_RESOURCE["nat"] = "natgateway"
    patching.replace(
        EC2Backend,
        create_launch_template,
        create_volume,
        delete_launch_template,
        describe_instance_type_offerings,
        describe_launch_template_versions,
        run_instances,
        terminate_instances,
    )
    patching.replace(LaunchTemplate, create_version, get_version, default_version)
    patching.replace(LaunchTemplates, create_launch_template_version, describe_launch_templates)
    patching.add(LaunchTemplates, delete_launch_template_versions)
    # moto shows the tags that the template was made with, whatever became of them.
    LaunchTemplate.tags = property(LaunchTemplate.get_tags, lambda template, tags: None)  # type: ignore[assignment]
    Zone.opt_in_status = "opt-in-not-required"  # type: ignore[attr-defined]


def create_volume(original: Callable[..., Volume], ec2: EC2Backend, *args: Any, **kwargs: Any) -> Volume:
    """The snapshot of an empty volume is "", not absent, and a gp3 has a throughput."""
    volume = original(*args, **kwargs)
    volume.snapshot_id = volume.snapshot_id or ""
    if volume.volume_type == "gp3":
        volume.throughput = volume.throughput or 125
    return volume


def run_instances(original: Callable[..., Any], ec2: EC2Backend, *args: Any, **kwargs: Any) -> Any:
    """moto launches whatever is asked for, wherever."""
    kind, count = kwargs["instance_type"], int(kwargs.get("count") or args[1])
    if kwargs.get("subnet_id"):
        zone = ec2.get_subnet(kwargs["subnet_id"]).availability_zone
        if {(kind, zone), ("*", zone)} & not_offered:
            raise EC2ClientError(
                "Unsupported",
                f"Your requested instance type ({kind}) is not supported in your requested Availability Zone ({zone}).",
            )
    if kind.startswith(STANDARD):
        running = [i for i in ec2.all_instances() if i.state in ("pending", "running")]
        used = sum(vcpus(i.instance_type) for i in running if i.instance_type.startswith(STANDARD))
        quotas.require(quotas.STANDARD_VCPUS, used, count * vcpus(kind))
    return original(*args, **kwargs)


def vcpus(instance_type: str) -> int:
    return int(INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"])


def terminate_instances(
    original: Callable[..., list[Any]], ec2: EC2Backend, instance_ids: list[str]
) -> list[tuple[Instance, InstanceState]]:
    """The network interface that was made with an instance goes with it."""
    terminated = original(instance_ids)
    for instance, _ in terminated:
        ec2.enis.pop(instance.nics[0].id, None)
    return terminated


def describe_instance_type_offerings(
    original: Callable[..., list[Any]], ec2: EC2Backend, location_type: str | None = None, filters: Any = None
) -> list[Any]:
    """A type can be missing in a zone; in moto's us-west-2 none is."""
    zones = {zone.name: zone.zone_id for zone in ec2.describe_availability_zones()}
    gone = not_offered | {(kind, zones[zone]) for kind, zone in not_offered if zone in zones}
    return [
        offering
        for offering in original(location_type, filters)
        if not gone & {(offering["InstanceType"], offering["Location"]), ("*", offering["Location"])}
    ]


# Launch templates


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


def delete_launch_template(
    original: Callable[..., LaunchTemplate], ec2: EC2Backend, name: str, tid: str | None
) -> LaunchTemplate:
    """moto asks for the name that it does not know."""
    if name:
        ec2.get_launch_template_by_name(name)
    return original(name, tid)


def describe_launch_template_versions(
    original: Callable[..., Any], ec2: EC2Backend, *args: Any, **kwargs: Any
) -> list[tuple[LaunchTemplate, LaunchTemplateVersion]]:
    """moto stops at 15 and does not say that there are more."""
    return list(original(*args, **{**kwargs, "max_results": 200}))


def describe_launch_templates(original: Callable[..., ActionResult], response: LaunchTemplates) -> ActionResult:
    """The same."""
    params = response._get_params()
    params.setdefault("MaxResults", 200)
    return original()


def create_version(
    original: Callable[..., LaunchTemplateVersion], template: LaunchTemplate, data: dict[str, Any], description: str
) -> LaunchTemplateVersion:
    """The number of a version that was deleted is not given again."""
    version = original(data, description)
    version.number = getattr(template, "newest_number", 0) + 1
    template.newest_number = version.number  # type: ignore[attr-defined]
    return version


def get_version(
    original: Callable[..., LaunchTemplateVersion], template: LaunchTemplate, num: Any
) -> LaunchTemplateVersion:
    """moto goes by the place in the list, and 0 is the last."""
    if str(num).startswith("$"):
        return original(num)
    for version in template.versions:
        if str(version.number) == str(num):
            return version
    raise InvalidLaunchTemplateVersionNotFound(template_id=template.id, version=num)


def default_version(original: Callable[..., LaunchTemplateVersion], template: LaunchTemplate) -> LaunchTemplateVersion:
    return template.get_version(template.default_version_number)


def _template(response: LaunchTemplates) -> LaunchTemplate:
    ec2, name = response.ec2_backend, response._get_param("LaunchTemplateName")
    found: LaunchTemplate = (
        ec2.get_launch_template_by_name(name)
        if name
        else ec2.get_launch_template(response._get_param("LaunchTemplateId"))
    )
    return found


def create_launch_template_version(original: Callable[..., ActionResult], response: LaunchTemplates) -> ActionResult:
    """A version can be based on another, which moto passes over."""
    source = response._get_param("SourceVersion")
    if source is not None:
        params = response._get_params()
        data = params.setdefault("LaunchTemplateData", {})
        for key, value in _template(response).get_version(source).data.items():
            data.setdefault(key, value)
    return original()


def delete_launch_template_versions(response: LaunchTemplates) -> ActionResult:
    """moto does not have it."""
    template = _template(response)
    named = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name}
    gone, kept = [], []
    for number in response._get_param("Versions", []):
        told = {**named, "VersionNumber": int(number)}
        try:
            version = template.get_version(number)
            if template.is_default(version):
                raise EC2ClientError(
                    "unexpectedError", f"Version {number} is the default version and cannot be deleted"
                )
        except InvalidLaunchTemplateVersionNotFound as error:
            kept.append(
                {**told, "ResponseError": {"Code": "launchTemplateVersionDoesNotExist", "Message": error.message}}
            )
        except EC2ClientError as error:
            kept.append({**told, "ResponseError": {"Code": error.code, "Message": error.message}})
        else:
            template.versions.remove(version)
            gone.append(told)
    return ActionResult(
        {"SuccessfullyDeletedLaunchTemplateVersions": gone, "UnsuccessfullyDeletedLaunchTemplateVersions": kept}
    )
