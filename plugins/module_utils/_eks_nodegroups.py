# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Managed node groups of an EKS cluster: what one look at them leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._aws_data import AwsError, Look, Request, listed, missing_tags, tags_of
from ._eks import Role, about_cluster, issues

Properties = dict[str, Any]

# Kubernetes' names, as kubectl shows them, and EKS's.
TAINT_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}


def about_nodegroup(name: str, cluster: str) -> str:
    return f"Node group '{name}' of {about_cluster(cluster)}"


def list_nodegroups(cluster: str) -> Request:
    arguments = {"clusterName": cluster}
    return Request(f"Node groups of {about_cluster(cluster)}", "eks", "list_nodegroups", arguments, "nodegroups")


def describe_nodegroup(cluster: str, name: str) -> Request:
    arguments = {"clusterName": cluster, "nodegroupName": name}
    return Request(about_nodegroup(name, cluster), "eks", "describe_nodegroup", arguments, "nodegroup")


def check_nodegroups(nodegroups: Sequence[Mapping[str, Any]]) -> None:
    names = [group["name"] for group in nodegroups]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AwsError(f"Node group '{twice[0]}' is in the list more than once: give each its own name.")
    for group in nodegroups:
        for option in ("role", "instance_types"):
            if not group[option]:
                raise AwsError(
                    f"Node group '{group['name']}' has no {option}, without which it cannot be made: name it."
                )
        low, size, high = group["min_size"], group["desired_size"], group["max_size"]
        if not (0 <= low <= size <= high and high > 0):
            raise AwsError(
                f"Node group '{group['name']}' cannot have {size} nodes between {low} and {high}: give min_size <= desired_size "
                "<= max_size."
            )


def present_nodegroups(
    found: Mapping[str, Mapping[str, Any] | None],
    wanted: Mapping[str, Properties],
    roles: Mapping[str, Role],
    cluster: str,
) -> Look:
    """One look at the node groups that are to be there; all are started together and waited for together."""
    before: Properties = {}
    after: Properties = {}
    requests: list[Request] = []
    waiting: list[str] = []
    for name, want in wanted.items():
        group = found[name]
        if group is None:
            after[name] = want
            requests.append(_nodegroup_creation(name, want, roles[name], cluster))
            waiting.append(f"{name} is being created")
            continue
        before[name] = _found_nodegroup(group)
        after[name] = _nodegroup_target(name, before[name], want, cluster)
        if group["status"] in ("CREATE_FAILED", "DELETE_FAILED", "DEGRADED"):
            raise AwsError(
                f"{about_nodegroup(name, cluster)} is {group['status']} ({issues(group)}): correct what is named, remove the "
                "node group if it does not recover, and run again."
            )
        if group["status"] != "ACTIVE":
            waiting.append(f"{name} is {group['status']}")
        elif changes := _nodegroup_updates(name, group, before[name], after[name], cluster):
            requests += changes
            waiting.append(f"{name} is being changed")
    progress = f"Node groups of {about_cluster(cluster)}: {listed(waiting)}." if waiting else ""
    return Look(before, after, requests, in_progress=bool(waiting), progress=progress)


def absent_nodegroups(found: Mapping[str, Mapping[str, Any] | None], cluster: str) -> Look:
    """One look at the node groups that are to go."""
    left = {name: group for name, group in found.items() if group is not None}
    requests = []
    waiting = []
    for name, group in left.items():
        # One that could not be deleted is asked again: what held it may be gone.
        if group["status"] in ("ACTIVE", "DEGRADED", "CREATE_FAILED", "DELETE_FAILED"):
            arguments = {"clusterName": cluster, "nodegroupName": name}
            requests.append(Request(about_nodegroup(name, cluster), "eks", "delete_nodegroup", arguments))
            reason = f" after {issues(group)}" if group["status"] == "DELETE_FAILED" else ""
            waiting.append(f"{name} is being deleted{reason}")
        else:
            waiting.append(f"{name} is {group['status']}")
    return Look(
        {name: _found_nodegroup(group) for name, group in left.items()},
        {},
        requests,
        in_progress=bool(left),
        progress=f"Node groups of {about_cluster(cluster)}: {listed(waiting)}." if left else "",
    )


def wanted_nodegroup(
    group: Mapping[str, Any], role: Role, subnets: Sequence[str] | None, tags: Mapping[str, str]
) -> Properties:
    """A node group of the list as it should be; what is none in it is left as it is."""
    return {
        "role": role.arn,
        "subnets": None if subnets is None else sorted(subnets),
        "instance_types": list(group["instance_types"]),
        "ami_type": group["ami_type"],
        "capacity_type": group["capacity_type"],
        "disk_size": group["disk_size"],
        "scaling": {"minSize": group["min_size"], "maxSize": group["max_size"], "desiredSize": group["desired_size"]},
        "labels": dict(group["labels"]),
        "taints": sorted(
            (
                {"key": taint["key"], "value": taint["value"], "effect": TAINT_EFFECTS[taint["effect"]]}
                for taint in group["taints"]
            ),
            key=_taint_key,
        ),
        "tags": dict(tags),
    }


def _found_nodegroup(group: Mapping[str, Any]) -> Properties:
    return {
        "role": group["nodeRole"],
        "subnets": sorted(group["subnets"]),
        "instance_types": list(group.get("instanceTypes") or []),
        "ami_type": group["amiType"],
        "capacity_type": group["capacityType"],
        "disk_size": group.get("diskSize"),
        "scaling": dict(group["scalingConfig"]),
        "labels": dict(group.get("labels") or {}),
        "taints": sorted(({"value": "", **taint} for taint in group.get("taints") or []), key=_taint_key),
        "tags": tags_of(group),
    }


def _taint_key(taint: Mapping[str, str]) -> tuple[str, str]:
    """What makes two taints the same one."""
    return taint["key"], taint["effect"]


def _nodegroup_creation(name: str, want: Properties, role: Role, cluster: str) -> Request:
    arguments = {
        "clusterName": cluster,
        "nodegroupName": name,
        "nodeRole": want["role"],
        "subnets": want["subnets"],
        "instanceTypes": want["instance_types"],
        "amiType": want["ami_type"],
        "capacityType": want["capacity_type"],
        "scalingConfig": want["scaling"],
        "labels": want["labels"],
        "taints": want["taints"],
        "tags": want["tags"],
        **({"diskSize": want["disk_size"]} if want["disk_size"] is not None else {}),
    }
    return Request(about_nodegroup(name, cluster), "eks", "create_nodegroup", arguments, patience=role.patience)


def _nodegroup_target(name: str, now: Properties, want: Properties, cluster: str) -> Properties:
    for key in ("role", "subnets", "instance_types", "ami_type", "capacity_type", "disk_size"):
        if want[key] is not None and now[key] != want[key]:
            raise AwsError(
                f"{about_nodegroup(name, cluster)} has {key} {now[key]} and {want[key]} is wanted, which EKS cannot change in "
                "place: add a node group with another name and remove this one when its pods have moved."
            )
    asked = {key: value for key, value in want.items() if value is not None}
    return {**now, **asked, "tags": {**now["tags"], **want["tags"]}}


def _nodegroup_updates(
    name: str, group: Mapping[str, Any], now: Properties, then: Properties, cluster: str
) -> list[Request]:
    updates = []
    if tags := missing_tags(now["tags"], then["tags"]):
        arguments: Properties = {"resourceArn": group["nodegroupArn"], "tags": tags}
        updates.append(Request(about_nodegroup(name, cluster), "eks", "tag_resource", arguments))
    changes: Properties = {}
    if now["scaling"] != then["scaling"]:
        changes["scalingConfig"] = then["scaling"]
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
    if changes:
        arguments = {"clusterName": cluster, "nodegroupName": name, **changes}
        updates.append(Request(about_nodegroup(name, cluster), "eks", "update_nodegroup_config", arguments))
    return updates
