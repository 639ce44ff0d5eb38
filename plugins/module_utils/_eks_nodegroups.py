# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Managed node groups of an EKS cluster with their launch templates: what one look at them leads to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Look, Ref, Request, is_owned, listed, missing_tags, tag_list, tags_of
from ._eks import Role, about_cluster, issues, minor_of, update, updates_of

Properties = dict[str, Any]

# Kubernetes' names, as kubectl shows them, and EKS's.
TAINT_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
# What EKS makes nodes from, and the architecture of machines that it runs on.
AMI_TYPES = {"AL2023_ARM_64_STANDARD": "arm64", "AL2023_x86_64_STANDARD": "x86_64"}
ROOT_DEVICE = "/dev/xvda"
ROOT_SIZES = (20, 65_536)  # GiB; the image itself has 20
# More than the image has, so that there is room for a second set of container images, as in an upgrade of Kafka, and for logs.
ROOT_SIZE = 50
ROOT_IOPS, ROOT_THROUGHPUT = 3000, 125  # what every gp3 volume has at no charge
IOPS, THROUGHPUTS, IOPS_PER_GIB, MIB_PER_IOPS = (ROOT_IOPS, 80_000), (ROOT_THROUGHPUT, 2000), 500, 0.25
LIMITS = {"max_unavailable": (1, 100), "max_unavailable_percentage": (1, 100), "metadata_hop_limit": (1, 64)}
TEMPLATE_NAME = 128  # characters
TAGGED = ("instance", "volume", "network-interface")
FIRST_VERSION = 1
TOLD = 6  # node groups in a line of progress
REPAIRABLE = ("ACTIVE", "DEGRADED")
AS_USED = "the same"  # stands where its data would be shown twice
CREATION = "creation"  # stands where updates have their id


def about_nodegroup(name: str, cluster: str) -> str:
    return f"Node group '{name}' of {about_cluster(cluster)}"


def about_template(name: str, cluster: str) -> str:
    return f"Launch template '{template_name(name, cluster)}'"


def template_name(name: str, cluster: str) -> str:
    return f"{cluster}-{name}"


# What to ask


def list_nodegroups(cluster: str) -> Request:
    arguments = {"clusterName": cluster}
    return Request(f"Node groups of {about_cluster(cluster)}", "eks", "list_nodegroups", arguments, "nodegroups")


def describe_nodegroup(cluster: str, name: str) -> Request:
    arguments = {"clusterName": cluster, "nodegroupName": name}
    return Request(about_nodegroup(name, cluster), "eks", "describe_nodegroup", arguments, "nodegroup")


def describe_templates(cluster: str, names: Iterable[str] | None) -> Request:
    """Those of these node groups, or all of the cluster."""
    if names is None:
        chosen = {"Name": f"tag:{OWNER_TAG}", "Values": [cluster]}
    else:
        chosen = {"Name": "launch-template-name", "Values": [template_name(name, cluster) for name in names]}
    about = f"Launch templates of {about_cluster(cluster)}"
    return Request(about, "ec2", "describe_launch_templates", {"Filters": [chosen]}, "LaunchTemplates")


def describe_default_versions() -> Request:
    """Of all templates in the account, since they can be read together."""
    arguments = {"Versions": ["$Default"]}
    return Request("Launch templates", "ec2", "describe_launch_template_versions", arguments, "LaunchTemplateVersions")


def describe_all_versions(name: str, cluster: str) -> Request:
    arguments = {"LaunchTemplateName": template_name(name, cluster)}
    about = about_template(name, cluster)
    return Request(about, "ec2", "describe_launch_template_versions", arguments, "LaunchTemplateVersions")


def describe_machines(types: Collection[str]) -> Request:
    """Unknown types are not in the answer, instead of an error."""
    filters = [{"Name": "instance-type", "Values": sorted(types)}]
    return Request("Types of machines", "ec2", "describe_instance_types", {"Filters": filters}, "InstanceTypes")


# What is refused before anything is done


def check_nodegroups(nodegroups: Sequence[Mapping[str, Any]], cluster: str) -> None:
    """Refuse what no state of the account can make right."""
    names = [group["name"] for group in nodegroups]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AwsError(f"Node group '{twice[0]}' is in the list more than once: give each its own name.")
    for group in nodegroups:
        if reason := _unfit(group, cluster):
            raise AwsError(f"Node group '{group['name']}' {reason}.")


def _unfit(group: Mapping[str, Any], cluster: str) -> str | None:
    for option in ("role", "instance_types"):
        if not group[option]:
            return f"has no {option}, without which it cannot be made: name it"
    if len(template_name(group["name"], cluster)) > TEMPLATE_NAME:
        return f"would have a launch template whose name has more than {TEMPLATE_NAME} characters: give a shorter name"
    low, size, high = group["min_size"], group["desired_size"], group["max_size"]
    if not (0 <= low <= (low if size is None else size) <= high and high > 0):
        between = f"{low} and {high}"
        have = f"cannot be between {between}" if size is None else f"cannot have {size} nodes between {between}"
        return f"{have}: give min_size <= desired_size <= max_size"
    number, percentage = group["max_unavailable"], group["max_unavailable_percentage"]
    if number is not None and percentage is not None:
        return "has both max_unavailable and max_unavailable_percentage: give one of them"
    return _unfit_numbers(group) or _unfit_versions(group) or _unfit_volume(group["root_volume"])


def _unfit_numbers(group: Mapping[str, Any]) -> str | None:
    for option, (least, most) in LIMITS.items():
        if group[option] is not None and not least <= group[option] <= most:
            return f"cannot have {option} {group[option]}: give {least} to {most}"
    return None


def _unfit_versions(group: Mapping[str, Any]) -> str | None:
    version, release = group["version"], group["release_version"]
    if version is not None and not re.fullmatch(r"1\.\d\d", version):
        return f"cannot have version '{version}': give one of Kubernetes such as \"1.35\", in quotes, so that it is not taken for a number"
    if release is not None and _release(release) is None:
        return f"cannot have release_version '{release}': give one of EKS such as 1.35.0-20260120"
    return None


def _unfit_volume(volume: Mapping[str, Any]) -> str | None:
    size, iops, throughput = volume["size"], volume["iops"], volume["throughput"]
    limits = {
        f"a size of {size} GiB": (size, ROOT_SIZES),
        f"{iops} IOPS": (iops, (IOPS[0], max(IOPS[0], min(IOPS[1], size * IOPS_PER_GIB)))),
        f"a throughput of {throughput} MiB/s": (
            throughput,
            (THROUGHPUTS[0], int(min(THROUGHPUTS[1], iops * MIB_PER_IOPS))),
        ),
    }
    for what, (value, (low, high)) in limits.items():
        if not low <= value <= high:
            return f"cannot have a root_volume with {what}: give {low} to {high}"
    return None


def check_machines(
    nodegroups: Iterable[Mapping[str, Any]], machines: Sequence[Mapping[str, Any]], cluster: str, region: str
) -> None:
    """Refuse machines that are not there, or that the image does not run on."""
    architectures = {one["InstanceType"]: one["ProcessorInfo"]["SupportedArchitectures"] for one in machines}
    for group in nodegroups:
        about, wanted = about_nodegroup(group["name"], cluster), AMI_TYPES[group["ami_type"]]
        if unknown := [one for one in group["instance_types"] if one not in architectures]:
            raise AwsError(
                f"{about} cannot have {listed(unknown)}: not offered in {region}; choose other instance_types."
            )
        if others := [one for one in group["instance_types"] if wanted not in architectures[one]]:
            raise AwsError(
                f"{about} cannot have {listed(others)}: {group['ami_type']} runs on {wanted} only; choose other instance_types, "
                "or another ami_type."
            )


# Launch templates


@dataclass(frozen=True)
class Template:
    """A launch template; of its versions, those that were looked at."""

    id: str
    default: int
    tags: Mapping[str, str]
    versions: Mapping[int, Properties] = field(default_factory=dict)


def found_templates(
    templates: Sequence[Mapping[str, Any]], versions: Iterable[Mapping[str, Any]], cluster: str, names: Iterable[str]
) -> dict[str, Template]:
    """The launch templates of these node groups; somebody else's are refused."""
    by_name = {template["LaunchTemplateName"]: template for template in templates}
    data: dict[str, dict[int, Properties]] = {}
    for version in versions:
        data.setdefault(version["LaunchTemplateId"], {})[version["VersionNumber"]] = shown_template(
            version["LaunchTemplateData"]
        )
    found = {}
    for name in names:
        template = by_name.get(template_name(name, cluster))
        if template is None:
            continue
        if not is_owned(template, cluster):
            raise AwsError(
                f"{about_template(name, cluster)} exists, but was not made for this cluster (it has no tag {OWNER_TAG}={cluster}), "
                "so it is left alone: remove it, or give the node group another name."
            )
        template_id = template["LaunchTemplateId"]
        found[name] = Template(
            template_id, template["DefaultVersionNumber"], tags_of(template), data.get(template_id, {})
        )
    return found


def names_of_templates(templates: Iterable[Mapping[str, Any]], cluster: str) -> set[str]:
    """The node groups that these launch templates are for; Karpenter's have the tag too, but other names."""
    names = (template["LaunchTemplateName"] for template in templates)
    prefix = template_name("", cluster)
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


def template_data(group: Mapping[str, Any], cluster: str, tags: Mapping[str, str]) -> Properties:
    """The data of a node group's launch template. The image and what it does at start are chosen by EKS."""
    volume = group["root_volume"]
    ebs = {
        "VolumeType": "gp3",
        "VolumeSize": volume["size"],
        "Iops": volume["iops"],
        "Throughput": volume["throughput"],
        # With the key that EBS has for the account: another one would have to let Auto Scaling use it.
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    metadata = {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": group["metadata_hop_limit"],
    }
    named = tag_list({"Name": template_name(group["name"], cluster), **tags})
    return {
        "BlockDeviceMappings": [{"DeviceName": ROOT_DEVICE, "Ebs": ebs}],
        "MetadataOptions": metadata,
        "TagSpecifications": [{"ResourceType": kind, "Tags": named} for kind in TAGGED],
    }


EBS_KEYS = {
    "VolumeType": "type",
    "VolumeSize": "size",
    "Iops": "iops",
    "Throughput": "throughput",
    "Encrypted": "encrypted",
    "DeleteOnTermination": "delete_on_termination",
}
METADATA_KEYS = {
    "HttpEndpoint": "metadata_endpoint",
    "HttpTokens": "metadata_tokens",
    "HttpPutResponseHopLimit": "metadata_hop_limit",
}


def shown_template(data: Mapping[str, Any]) -> Properties:
    """A template's data as it is compared and shown: within what we set, only what we set; all else, should there be any."""
    ours = {"BlockDeviceMappings", "MetadataOptions", "TagSpecifications"}
    metadata = data.get("MetadataOptions") or {}
    volumes = {one["DeviceName"]: one.get("Ebs") or {} for one in data.get("BlockDeviceMappings") or []}
    tagged = {one["ResourceType"]: tags_of(one) for one in data.get("TagSpecifications") or []}
    alike = {kind: listed(other for other in sorted(tagged) if tagged[other] == tagged[kind]) for kind in tagged}
    return {
        **{shown: metadata.get(key) for key, shown in METADATA_KEYS.items()},
        "volumes": {
            device: {shown: ebs.get(key) for key, shown in EBS_KEYS.items()} for device, ebs in volumes.items()
        },
        "tags": {alike[kind]: tags for kind, tags in tagged.items()},
        **{key: value for key, value in data.items() if key not in ours and value},
    }


def with_versions(template: Template, versions: Iterable[Mapping[str, Any]]) -> Template:
    data = {version["VersionNumber"]: shown_template(version["LaunchTemplateData"]) for version in versions}
    return replace(template, versions=data)


def undecided_templates(
    found: Mapping[str, Mapping[str, Any] | None], templates: Mapping[str, Template], plans: Mapping[str, Plan]
) -> list[str]:
    """The node groups for which the default version of their template does not decide."""
    return [
        name
        for name, plan in plans.items()
        if (template := templates.get(name))
        and (
            template.versions.get(template.default) != plan.properties["launch_template"]
            or ((group := found[name]) and _used(group, template) != template.default)
        )
    ]


def _used(group: Mapping[str, Any], template: Template | None) -> int | None:
    """The version of the template that a node group has; none when it has another template of that name, which is gone."""
    given = group.get("launchTemplate") or {}
    is_it = template is not None and given.get("id") == template.id and str(given.get("version")).isdecimal()
    return int(given["version"]) if is_it else None


def _chosen(template: Template, used: int | None, want: Properties) -> int | None:
    """The version that is as wanted: rather the one in use, since nodes are replaced for another."""
    fitting = [number for number, data in template.versions.items() if data == want]
    return next((number for number in (used, template.default) if number in fitting), max(fitting, default=None))


def _default_shown(template: Template | None, used: Properties | None) -> Properties | str | None:
    """The data of the default version, where it is not that of the version in use."""
    data = template.versions.get(template.default) if template else None
    return AS_USED if data and data == used else data


# Node groups


@dataclass(frozen=True)
class Plan:
    """What is to be of a node group."""

    properties: Properties
    role: Role
    template: Properties  # as EC2 takes it


@dataclass(frozen=True)
class Situation:
    """What is, beside the node groups, and what may be done."""

    cluster: str
    cluster_version: str | None  # none: there is no cluster yet
    templates: Mapping[str, Template]
    updating: Collection[str] = ()  # node groups, before their status tells
    made: Collection[str] = ()  # in this run
    force: bool = False
    replace_failed: bool = False
    check_mode: bool = False


def plan_nodegroup(
    group: Mapping[str, Any],
    cluster: str,
    cluster_version: str | None,
    role: Role,
    subnets: Sequence[str] | None,
    tags: Mapping[str, str],
) -> Plan:
    """A node group of the list as it should be; what is none in it is left as it is."""
    data, percentage = template_data(group, cluster, tags), group["max_unavailable_percentage"]
    properties = {
        "role": role.arn,
        "subnets": None if subnets is None else sorted(subnets),
        "instance_types": list(group["instance_types"]),
        "ami_type": group["ami_type"],
        "capacity_type": group["capacity_type"],
        "version": group["version"] or cluster_version or "the cluster's",
        "release_version": group["release_version"],
        "scaling": {"minSize": group["min_size"], "maxSize": group["max_size"], "desiredSize": group["desired_size"]},
        "update_config": (
            {"maxUnavailablePercentage": percentage}
            if percentage
            else {"maxUnavailable": group["max_unavailable"] or 1}
        ),
        "node_repair": group["node_repair"],
        "labels": dict(group["labels"]),
        "taints": sorted(
            (
                {"key": taint["key"], "value": taint["value"], "effect": TAINT_EFFECTS[taint["effect"]]}
                for taint in group["taints"]
            ),
            key=_taint_key,
        ),
        "launch_template": shown_template(data),
        "default_launch_template": AS_USED,
        "launch_template_tags": dict(tags),
        "tags": dict(tags),
    }
    return Plan(properties, role, data)


def _found_nodegroup(group: Mapping[str, Any], template: Template | None) -> Properties:
    versions = template.versions if template else {}
    used = _used(group, template)
    data = versions.get(used) if used is not None else None
    most = group.get("updateConfig") or {}
    return {
        "role": group["nodeRole"],
        "subnets": sorted(group["subnets"]),
        "instance_types": list(group.get("instanceTypes") or []),
        "ami_type": group["amiType"],
        "capacity_type": group["capacityType"],
        "version": group["version"],
        "release_version": group["releaseVersion"],
        "scaling": dict(group["scalingConfig"]),
        "update_config": {key: most[key] for key in ("maxUnavailable", "maxUnavailablePercentage") if most.get(key)},
        "node_repair": (group.get("nodeRepairConfig") or {}).get("enabled", False),
        "labels": dict(group.get("labels") or {}),
        "taints": sorted(({"value": "", **taint} for taint in group.get("taints") or []), key=_taint_key),
        "launch_template": data,
        "default_launch_template": _default_shown(template, data),
        "launch_template_tags": dict(template.tags) if template else {},
        "tags": tags_of(group),
    }


def _taint_key(taint: Mapping[str, str]) -> tuple[str, str]:
    """What makes two taints the same one."""
    return taint["key"], taint["effect"]


def present_nodegroups(
    found: Mapping[str, Mapping[str, Any] | None], plans: Mapping[str, Plan], situation: Situation
) -> list[Look]:
    """One look at each of the node groups that are to be there."""
    looks = []
    for name, plan in plans.items():
        group = found[name]
        _check_versions(name, group, plan.properties, situation)
        looks.append(_missing(name, plan, situation) if group is None else _existing(name, group, plan, situation))
    return looks


def together(looks: Sequence[Look], cluster: str) -> Look:
    """All are started together and waited for together."""
    busy = [look.progress for look in looks if look.progress]
    more = [f"and {len(busy) - TOLD} more"] if len(busy) > TOLD else []
    waiting = listed([*busy[:TOLD], *more])
    return Look(
        {name: one for look in looks for name, one in look.before.items()},
        {name: one for look in looks for name, one in look.after.items()},
        [request for look in looks for request in look.requests],
        in_progress=bool(waiting),
        progress=f"Node groups of {about_cluster(cluster)}: {waiting}." if waiting else "",
    )


def _missing(name: str, plan: Plan, situation: Situation) -> Look:
    after = {name: _made(plan.properties)}
    requests, version = _template_requests(name, plan, situation.templates.get(name), None, situation.cluster)
    if version is None:
        return Look({}, after, requests, progress=f"the launch template of {name} is being changed")
    requests.append(_creation(name, plan, version, situation.cluster))
    return Look({}, after, requests, progress=f"{name} is being created")


def _existing(name: str, group: Mapping[str, Any], plan: Plan, situation: Situation) -> Look:
    about, status = about_nodegroup(name, situation.cluster), group["status"]
    template = situation.templates.get(name)
    now = _found_nodegroup(group, template)
    if status == "CREATE_FAILED":
        if not situation.replace_failed or name in situation.made:
            raise AwsError(
                f"{about} is CREATE_FAILED ({issues(group)}): correct what is named, and run again with replace_failed "
                "(eks_cluster_replace_failed_nodegroups of the role), which removes it and makes it anew."
            )
        before, after = {name: {**now, "status": status}}, {name: _made(plan.properties)}
        return Look(before, after, [_deletion(name, situation.cluster)], progress=f"{name} is being made anew")
    if status == "DELETE_FAILED":
        raise AwsError(
            f"{about} is DELETE_FAILED ({issues(group)}): correct what is named, remove it with state=absent, and run again."
        )
    then = _target(name, group, now, plan.properties, situation.cluster)
    if status not in REPAIRABLE:
        return Look({name: now}, {name: then}, progress=f"{name} is {status}")
    requests: list[Request] = []
    if name not in situation.updating:
        requests, version = _template_requests(name, plan, template, _used(group, template), situation.cluster)
        requests += _nodegroup_requests(name, group, now, then, version, situation)
    if status == "DEGRADED" and not requests and name not in situation.updating:
        raise AwsError(
            f"{about} is DEGRADED ({issues(group)}), though it is as it should be: correct what is named, and run again; when it "
            "does not recover, add a node group with another name and remove this one."
        )
    busy = requests or name in situation.updating
    return Look({name: now}, {name: then}, requests, progress=f"{name} is being changed" if busy else "")


def absent_nodegroups(
    found: Mapping[str, Mapping[str, Any] | None], templates: Mapping[str, Template], cluster: str
) -> list[Look]:
    """One look at each of the node groups that are to go, with its launch template after it."""
    return [_leaving(name, group, templates.get(name), cluster) for name, group in found.items()]


def _leaving(name: str, group: Mapping[str, Any] | None, template: Template | None, cluster: str) -> Look:
    if group is None:
        if template is None:
            return Look({}, {})
        arguments = {"LaunchTemplateId": template.id}
        request = Request(about_template(name, cluster), "ec2", "delete_launch_template", arguments)
        return Look({name: {"launch_template": template.id}}, {}, [request])
    before = {name: _found_nodegroup(group, template)}
    # One that could not be deleted is asked again: what held it may be gone.
    if group["status"] in (*REPAIRABLE, "CREATE_FAILED", "DELETE_FAILED"):
        reason = f" after {issues(group)}" if group["status"] == "DELETE_FAILED" else ""
        return Look(before, {}, [_deletion(name, cluster)], progress=f"{name} is being deleted{reason}")
    return Look(before, {}, progress=f"{name} is {group['status']}")


def _deletion(name: str, cluster: str) -> Request:
    arguments = {"clusterName": cluster, "nodegroupName": name}
    return Request(about_nodegroup(name, cluster), "eks", "delete_nodegroup", arguments)


def _creation(name: str, plan: Plan, version: int, cluster: str) -> Request:
    want, made = plan.properties, _made(plan.properties)
    arguments = {
        "clusterName": cluster,
        "nodegroupName": name,
        "nodeRole": want["role"],
        "subnets": want["subnets"],
        "instanceTypes": want["instance_types"],
        "amiType": want["ami_type"],
        "capacityType": want["capacity_type"],
        "launchTemplate": {"name": template_name(name, cluster), "version": str(version)},
        "scalingConfig": made["scaling"],
        "updateConfig": want["update_config"],
        "nodeRepairConfig": {"enabled": want["node_repair"]},
        "labels": want["labels"],
        "taints": want["taints"],
        "tags": want["tags"],
        **({"releaseVersion": want["release_version"]} if want["release_version"] else {}),
    }
    return Request(
        about_nodegroup(name, cluster),
        "eks",
        "create_nodegroup",
        arguments,
        "nodegroup.nodegroupName",
        makes=Ref("nodegroup", name),
        patience=plan.role.patience,
    )


def _template_requests(
    name: str, plan: Plan, template: Template | None, used: int | None, cluster: str
) -> tuple[list[Request], int | None]:
    """What makes the launch template right, and the version to use; none while a new one is being made."""
    about, tags = about_template(name, cluster), plan.properties["tags"]
    if template is None:
        specification = {"ResourceType": "launch-template", "Tags": tag_list(tags)}
        arguments: Properties = {
            "LaunchTemplateName": template_name(name, cluster),
            "LaunchTemplateData": plan.template,
            "TagSpecifications": [specification],
        }
        return [Request(about, "ec2", "create_launch_template", arguments)], FIRST_VERSION
    requests = []
    if missing := missing_tags(template.tags, tags):
        arguments = {"Resources": [template.id], "Tags": tag_list(missing)}
        requests.append(Request(about, "ec2", "create_tags", arguments))
    chosen = _chosen(template, used, plan.properties["launch_template"])
    arguments = {"LaunchTemplateId": template.id}
    if chosen is None:
        # Its number is known at the next look.
        arguments["LaunchTemplateData"] = plan.template
        requests.append(Request(about, "ec2", "create_launch_template_version", arguments))
    elif template.versions.get(template.default) != plan.properties["launch_template"]:
        arguments["DefaultVersion"] = str(chosen)
        requests.append(Request(about, "ec2", "modify_launch_template", arguments))
    return requests, chosen


def newly_asked(ids: Mapping[Ref, str]) -> dict[str, str]:
    """What a later pass has to know: which updates to look for, and which node groups it must not replace."""
    return {**{ref.name: CREATION for ref in ids if ref.kind == "nodegroup"}, **updates_of(ids)}


def still_asked(asked: Mapping[str, str], updating: Collection[str]) -> dict[str, str]:
    return {name: what for name, what in asked.items() if what == CREATION or name in updating}


def _made(want: Properties) -> Properties:
    """How a node group will be that is made as is wanted."""
    scaling = want["scaling"]
    size = scaling["minSize"] if scaling["desiredSize"] is None else scaling["desiredSize"]
    release = want["release_version"] or _newest(want["version"])
    return {**want, "scaling": {**scaling, "desiredSize": size}, "release_version": release}


def _newest(version: str) -> str:
    return f"the newest of {version}"


def _release(text: str) -> tuple[int, ...] | None:
    """A release of EKS's images such as 1.35.0-20260120, so that the newer one is the greater one."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)-(\d{8})", text)
    return tuple(map(int, match.groups())) if match else None


def _check_versions(name: str, group: Mapping[str, Any] | None, want: Properties, situation: Situation) -> None:
    """Refuse versions that EKS does not let a node group have."""
    about, version, release = about_nodegroup(name, situation.cluster), want["version"], want["release_version"]
    reason = ""
    if situation.cluster_version is not None and not situation.check_mode:  # a cluster may be planned to be newer
        of_cluster = minor_of(situation.cluster_version)
        if minor_of(version) > of_cluster:
            reason = f"the cluster runs {situation.cluster_version}: upgrade it first"
        elif group is None and minor_of(version) < of_cluster:
            reason = f"EKS makes new ones with that of the cluster, {situation.cluster_version}: give that, or none"
    if group and minor_of(version) < minor_of(group["version"]):
        reason = f"it has {group['version']} and EKS does not go back: give that, or none"
    if reason:
        raise AwsError(f"{about} cannot have Kubernetes {version}, as {reason}.")
    if release is None or situation.cluster_version is None:
        return
    has = group["releaseVersion"] if group else ""
    wanted, found = _release(release), _release(has)
    if wanted and wanted[1] != minor_of(version):
        reason = f"its nodes are to run Kubernetes {version}: give a release of that version, or none"
    elif wanted and found and wanted < found:
        reason = f"it has {has} and EKS does not go back: give that, a newer one, or none"
    if reason:
        raise AwsError(f"{about} cannot have the release {release}, as {reason}.")


def _target(name: str, group: Mapping[str, Any], now: Properties, want: Properties, cluster: str) -> Properties:
    about = about_nodegroup(name, cluster)
    remedy = "add a node group with another name and remove this one when its pods have moved"
    template = (group.get("launchTemplate") or {}).get("name")
    if template != template_name(name, cluster):
        has = f"the launch template '{template}'" if template else "no launch template"
        raise AwsError(
            f"{about} has {has}, and EKS does not give it '{template_name(name, cluster)}' afterwards: {remedy}."
        )
    if not now["instance_types"]:  # EKS does not always tell
        want = {**want, "instance_types": now["instance_types"]}
    for key in ("role", "subnets", "instance_types", "ami_type", "capacity_type"):
        if want[key] is not None and now[key] != want[key]:
            raise AwsError(
                f"{about} has {key} {now[key]} and {want[key]} is wanted, which EKS cannot change in place: {remedy}."
            )
    asked = {key: value for key, value in want.items() if value is not None}
    scaling = want["scaling"]
    if scaling["desiredSize"] is None:  # somebody else's business, within the limits
        size = min(max(now["scaling"]["desiredSize"], scaling["minSize"]), scaling["maxSize"])
        scaling = {**scaling, "desiredSize": size}
    release = now["release_version"] if want["version"] == now["version"] else _newest(want["version"])
    return {
        **now,
        "release_version": release,
        **asked,
        "scaling": scaling,
        **{key: {**now[key], **want[key]} for key in ("launch_template_tags", "tags")},
    }


def _nodegroup_requests(
    name: str, group: Mapping[str, Any], now: Properties, then: Properties, version: int | None, situation: Situation
) -> list[Request]:
    """What makes a node group right. EKS makes one update at a time; how nodes are to be replaced comes before they are."""
    about, cluster = about_nodegroup(name, situation.cluster), situation.cluster
    requests = []
    if tags := missing_tags(now["tags"], then["tags"]):
        tagging = {"resourceArn": group["nodegroupArn"], "tags": tags}
        requests.append(Request(about, "eks", "tag_resource", tagging))
    arguments: Properties = {"clusterName": cluster, "nodegroupName": name}
    if changes := _config_changes(now, then):
        requests.append(update(about, name, "update_nodegroup_config", {**arguments, **changes}))
        return requests
    template = situation.templates.get(name)
    versions = {key: then[key] for key in ("version", "release_version")}
    if version is None or (_used(group, template) == version and all(now[key] == versions[key] for key in versions)):
        return requests
    newest = then["release_version"] == _newest(then["version"])
    arguments |= {
        "launchTemplate": {"name": template_name(name, cluster), "version": str(version)},
        "version": then["version"],
        # Without it EKS takes the newest, also where only the template changes.
        **({} if newest else {"releaseVersion": then["release_version"]}),
        "force": situation.force,
    }
    requests.append(update(about, name, "update_nodegroup_version", arguments))
    return requests


def _config_changes(now: Properties, then: Properties) -> Properties:
    changes: Properties = {}
    if now["scaling"] != then["scaling"]:
        changes["scalingConfig"] = then["scaling"]
    if now["update_config"] != then["update_config"]:
        changes["updateConfig"] = then["update_config"]
    if now["node_repair"] != then["node_repair"]:
        changes["nodeRepairConfig"] = {"enabled": then["node_repair"]}
    if now["labels"] != then["labels"]:
        changes["labels"] = {
            "addOrUpdateLabels": missing_tags(now["labels"], then["labels"]),
            "removeLabels": sorted(now["labels"].keys() - then["labels"].keys()),
        }
    if now["taints"] != then["taints"]:
        kept = {_taint_key(taint) for taint in then["taints"]}
        changes["taints"] = {
            "addOrUpdateTaints": [taint for taint in then["taints"] if taint not in now["taints"]],
            "removeTaints": [taint for taint in now["taints"] if _taint_key(taint) not in kept],
        }
    return changes
