# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""EKS clusters, node groups and access entries: what one look at them leads to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, is_owned, listed, missing_tags, tags_of

Properties = dict[str, Any]

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
ACCESS_POLICY = "arn:{partition}:eks::aws:cluster-access-policy/{name}"
# Kubernetes' names, as kubectl shows them, and EKS's.
TAINT_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
# A role that was just made is not known to EKS for some seconds, which it calls an invalid parameter.
NEW_ROLE_SECONDS = 120
UNKNOWN_ROLE = ("InvalidParameterException",)


@dataclass(frozen=True)
class Role:
    """An IAM role that EKS shall use."""

    arn: str
    is_new: bool = False

    @property
    def patience(self) -> tuple[str, ...]:
        return UNKNOWN_ROLE if self.is_new else ()


@dataclass(frozen=True)
class Look:
    """What one look at things that take their time has found."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]  # what this and the looks to come lead to
    requests: Sequence[Request] = field(default=())
    in_progress: bool = False
    progress: str = ""


def result(look: Look, check_mode: bool) -> dict[str, Any]:
    """A look as modules return it."""
    return {
        "changed": look.before != look.after if check_mode else bool(look.requests),
        "diff": {"before": look.before, "after": look.after},
        "in_progress": look.in_progress and not check_mode,
        "progress": look.progress,
    }


def _issues(resource: Mapping[str, Any]) -> str:
    issues = (resource.get("health") or {}).get("issues") or []
    return "; ".join(f"{issue['code']}: {issue['message'].rstrip('.')}" for issue in issues) or "EKS gives no reason"


# Clusters


@dataclass(frozen=True)
class ClusterSettings:
    name: str
    version: str
    role: Role
    subnets: Sequence[str] | None  # none: those it has
    public_access_cidrs: Sequence[str]
    logs: Sequence[str]
    deletion_protection: bool
    support_type: str
    encryption_key_arn: str | None
    tags: Mapping[str, str]


def about_cluster(name: str) -> str:
    return f"EKS cluster '{name}'"


def describe_cluster(name: str) -> Request:
    return Request(about_cluster(name), "eks", "describe_cluster", {"name": name}, "cluster")


def check_cluster(name: str, version: str, public_access_cidrs: Sequence[str]) -> None:
    """Refuse what no state of the account can make right."""
    if not re.fullmatch(r"1\.\d\d", version):
        raise AwsError(
            f"{about_cluster(name)}: '{version}' is not a version of Kubernetes; give one such as \"1.35\", in quotes, so that it "
            "is not taken for a number."
        )
    blocks = []
    for cidr in public_access_cidrs:
        try:
            blocks.append(IPv4Network(cidr))
        except ValueError as error:
            raise AwsError(
                f"{about_cluster(name)}: '{cidr}' of public_access_cidrs is not an IPv4 block ({error}); give one such as "
                "203.0.113.7/32."
            ) from None
    if any(block.prefixlen == 0 for block in collapse_addresses(blocks)):
        raise AwsError(
            f"{about_cluster(name)}: public_access_cidrs would open the API server to the whole internet with "
            f"{', '.join(public_access_cidrs)}; give the blocks from which it is really used, or none for a private one."
        )


def require_owned(cluster: Mapping[str, Any], name: str) -> None:
    if not is_owned(cluster, name):
        raise AwsError(
            f"{about_cluster(name)} exists, but was not made by this collection (it has no tag {OWNER_TAG}={name}), so it is left "
            "alone: choose another name, or tag it when it may be managed."
        )


def present_cluster(cluster: Mapping[str, Any] | None, settings: ClusterSettings) -> Look:
    """One look at a cluster that is to be there; one request at most, since EKS takes one change at a time."""
    want = _wanted_cluster(settings)
    if cluster is None:
        create = Request(
            about_cluster(settings.name),
            "eks",
            "create_cluster",
            _creation(settings),
            patience=settings.role.patience,
        )
        return Look({}, want, [create], in_progress=True, progress=f"{about_cluster(settings.name)} is being created.")
    if cluster["status"] == "FAILED":
        raise AwsError(
            f"{about_cluster(settings.name)} has FAILED ({_issues(cluster)}): correct what is named, remove the cluster and make "
            "it again."
        )
    now = _found_cluster(cluster)
    then = {**now, **want, "tags": {**now["tags"], **want["tags"]}}
    _refuse_unchangeable_cluster(settings.name, now, then)
    if cluster["status"] != "ACTIVE":
        return Look(now, then, in_progress=True, progress=_status(cluster))
    requests = _cluster_updates(cluster, now, then)
    progress = f"{about_cluster(settings.name)} is being changed." if requests else ""
    return Look(now, then, requests[:1], in_progress=bool(requests), progress=progress)


def absent_cluster(cluster: Mapping[str, Any] | None, name: str) -> Look:
    """One look at a cluster that is to go."""
    if cluster is None:
        return Look({}, {})
    now = _found_cluster(cluster)
    if cluster["status"] not in ("ACTIVE", "FAILED"):
        return Look(now, {}, in_progress=True, progress=_status(cluster))
    if now["deletion_protection"]:
        arguments = {"name": name, "deletionProtection": False}
        request = Request(about_cluster(name), "eks", "update_cluster_config", arguments)
        progress = f"{about_cluster(name)}: its deletion protection is being turned off."
    else:
        request = Request(about_cluster(name), "eks", "delete_cluster", {"name": name})
        progress = f"{about_cluster(name)} is being deleted."
    return Look(now, {}, [request], in_progress=True, progress=progress)


def _status(cluster: Mapping[str, Any]) -> str:
    return f"{about_cluster(cluster['name'])} is {cluster['status']}."


def _wanted_cluster(settings: ClusterSettings) -> Properties:
    return {
        "version": settings.version,
        "role": settings.role.arn,
        **({"subnets": sorted(settings.subnets)} if settings.subnets is not None else {}),
        "authentication_mode": "API",
        "private_access": True,
        # As EKS returns them: an address is a block of one.
        "public_access_cidrs": sorted(str(IPv4Network(cidr)) for cidr in settings.public_access_cidrs),
        "logs": sorted(settings.logs),
        "deletion_protection": settings.deletion_protection,
        "support_type": settings.support_type,
        "encryption_key": settings.encryption_key_arn,
        "tags": {**settings.tags, OWNER_TAG: settings.name},
    }


def _found_cluster(cluster: Mapping[str, Any]) -> Properties:
    network = cluster["resourcesVpcConfig"]
    encryption: Properties = next(iter(cluster.get("encryptionConfig") or []), {})
    return {
        "version": cluster["version"],
        "role": cluster["roleArn"],
        "subnets": sorted(network["subnetIds"]),
        "authentication_mode": cluster["accessConfig"]["authenticationMode"],
        "private_access": network["endpointPrivateAccess"],
        "public_access_cidrs": sorted(network["publicAccessCidrs"]) if network["endpointPublicAccess"] else [],
        "logs": sorted(
            log for group in cluster["logging"]["clusterLogging"] if group["enabled"] for log in group["types"]
        ),
        "deletion_protection": cluster.get("deletionProtection", False),
        "support_type": cluster["upgradePolicy"]["supportType"],
        "encryption_key": encryption.get("provider", {}).get("keyArn"),
        "tags": tags_of(cluster),
    }


def _creation(settings: ClusterSettings) -> Properties:
    arguments: Properties = {
        "name": settings.name,
        "version": settings.version,
        "roleArn": settings.role.arn,
        "resourcesVpcConfig": {
            "subnetIds": list(settings.subnets or ()),
            **_endpoint_access(settings.public_access_cidrs),
        },
        # Who may is written down as access entries; the creator is no exception that nobody sees.
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        "logging": _logging(settings.logs),
        "deletionProtection": settings.deletion_protection,
        "upgradePolicy": {"supportType": settings.support_type},
        "tags": {**settings.tags, OWNER_TAG: settings.name},
    }
    if settings.encryption_key_arn:
        provider = {"keyArn": settings.encryption_key_arn}
        arguments["encryptionConfig"] = [{"resources": ["secrets"], "provider": provider}]
    return arguments


def _endpoint_access(public_access_cidrs: Sequence[str]) -> Properties:
    access: Properties = {"endpointPrivateAccess": True, "endpointPublicAccess": bool(public_access_cidrs)}
    return {**access, "publicAccessCidrs": list(public_access_cidrs)} if public_access_cidrs else access


def _logging(logs: Sequence[str]) -> Properties:
    groups = {True: [log for log in LOG_TYPES if log in logs], False: [log for log in LOG_TYPES if log not in logs]}
    return {"clusterLogging": [{"types": types, "enabled": enabled} for enabled, types in groups.items() if types]}


def _refuse_unchangeable_cluster(name: str, now: Properties, then: Properties) -> None:
    remedies = {
        "version": "upgrades are not made by this module; give the version it runs",
        "role": "EKS cannot change it; give the role it has, or make a new cluster",
        "subnets": "this module does not move a cluster; give the subnets it has, or make a new cluster",
        "encryption_key": "EKS cannot change it; give the key it has, or make a new cluster",
    }
    for key, remedy in remedies.items():
        if now[key] != then[key]:
            raise AwsError(f"{about_cluster(name)} has {key} {now[key]} and {then[key]} is wanted: {remedy}.")


def _cluster_updates(cluster: Mapping[str, Any], now: Properties, then: Properties) -> list[Request]:
    name = cluster["name"]

    def update(**arguments: Any) -> Request:
        return Request(about_cluster(name), "eks", "update_cluster_config", {"name": name, **arguments})

    updates = []
    if tags := missing_tags(now["tags"], then["tags"]):
        arguments = {"resourceArn": cluster["arn"], "tags": tags}
        updates.append(Request(about_cluster(name), "eks", "tag_resource", arguments))
    if now["authentication_mode"] != "API":
        # There is one step on the way from the old mode.
        mode = "API" if now["authentication_mode"] == "API_AND_CONFIG_MAP" else "API_AND_CONFIG_MAP"
        updates.append(update(accessConfig={"authenticationMode": mode}))
    if any(now[key] != then[key] for key in ("private_access", "public_access_cidrs")):
        updates.append(update(resourcesVpcConfig=_endpoint_access(then["public_access_cidrs"])))
    if now["logs"] != then["logs"]:
        updates.append(update(logging=_logging(then["logs"])))
    if now["support_type"] != then["support_type"]:
        updates.append(update(upgradePolicy={"supportType": then["support_type"]}))
    if now["deletion_protection"] != then["deletion_protection"]:
        updates.append(update(deletionProtection=then["deletion_protection"]))
    return updates


def require_reachable(cluster: Mapping[str, Any], name: str) -> None:
    if not cluster.get("endpoint"):
        state = cluster.get("status", "not there")
        raise AwsError(
            f"{about_cluster(name)} is {state}, so there is no address yet that a kubeconfig could name: make the cluster first."
        )


def cluster_summary(cluster: Mapping[str, Any] | None) -> Properties | None:
    """A cluster as modules return it; what EKS does not know before it runs is missing until then."""
    if cluster is None:
        return None
    network = cluster["resourcesVpcConfig"]
    return {
        "name": cluster["name"],
        "arn": cluster["arn"],
        "status": cluster["status"],
        "version": cluster["version"],
        "endpoint": cluster.get("endpoint"),
        "role_arn": cluster["roleArn"],
        "vpc_id": network.get("vpcId"),
        "security_group_id": network.get("clusterSecurityGroupId"),
        "oidc_issuer": cluster.get("identity", {}).get("oidc", {}).get("issuer"),
    }


# Roles and subnets, given by name


def get_role(name: str) -> Request:
    return Request(f"IAM role '{name}'", "iam", "get_role", {"RoleName": name}, "Role")


def find_role(find: Callable[[Request], Any], given: str, planned: bool, now: datetime) -> Role:
    """The role that is given by name or ARN; where all is only planned, it may be missing."""
    if given.startswith("arn:"):
        return Role(given)
    role = find(get_role(given))
    if role:
        return Role(role["Arn"], is_new=(now - role["CreateDate"]).total_seconds() < NEW_ROLE_SECONDS)
    if planned:
        return Role(given)
    raise AwsError(f"IAM role '{given}' is not there: make it first, or name another one.")


def find_subnets(find: Callable[[Request], Any], cluster: str, kind: str, planned: bool) -> list[str]:
    """The subnets that carry the cluster's tag; where all is only planned, they may be missing."""
    filters = [{"Name": f"tag:{OWNER_TAG}", "Values": [cluster]}, {"Name": "tag:kafka-eks/subnet", "Values": [kind]}]
    request = Request(f"Subnets of '{cluster}'", "ec2", "describe_subnets", {"Filters": filters}, "Subnets")
    subnets = sorted(subnet["SubnetId"] for subnet in find(request))
    if subnets:
        return subnets
    if planned:
        return [f"those with kafka-eks/subnet={kind}"]
    raise AwsError(
        f"{about_cluster(cluster)} has no {kind} subnets (none with the tags {OWNER_TAG}={cluster} and kafka-eks/subnet={kind}): "
        "make its network first, or name the subnets."
    )


# Access entries


@dataclass(frozen=True)
class Principal:
    """Who is meant by a caller: an IAM user, or a role whose ARN only IAM knows."""

    arn: str | None
    role_name: str | None = None


def principal_of(caller_arn: str) -> Principal:
    """The IAM principal behind the ARN that STS gives of a caller."""
    service, resource = caller_arn.split(":")[2], caller_arn.split(":", 5)[5]
    if service == "sts" and resource.startswith("assumed-role/"):
        # The path of the role is not in it, and access entries need it; the roles of SSO always have one.
        return Principal(None, resource.split("/")[1])
    if service == "iam" and resource.startswith("user/"):
        return Principal(caller_arn)
    kind = "the root user of the account" if resource == "root" else f"a {resource.split('/')[0]}"
    raise AwsError(
        f"The caller {caller_arn} is {kind}, which cannot have an access entry: use credentials of an IAM role or user, or name "
        "the principal by its ARN."
    )


def check_principal(principal: str) -> None:
    if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:(role|user)/.+", principal):
        raise AwsError(
            f"The access entry's principal '{principal}' is not the ARN of an IAM role or user: give one, with its path, or "
            "caller for whoever runs this; EKS does not take ARNs of STS sessions."
        )


def wanted_entry(entry: Mapping[str, Any], partition: str) -> Properties:
    """An entry of the list as it should be."""
    policies = {}
    for policy in entry["policies"]:
        name = policy["policy"]
        if bool(policy["namespaces"]) != (policy["scope"] == "namespace"):
            raise AwsError(
                f"The access policy {name} of {entry['principal']} has the scope {policy['scope']} and "
                f"{len(policy['namespaces'])} namespaces: name namespaces with the scope namespace, and only with it."
            )
        arn = name if name.startswith("arn:") else ACCESS_POLICY.format(partition=partition, name=name)
        policies[arn] = {"type": policy["scope"], "namespaces": sorted(policy["namespaces"])}
    return {"groups": sorted(entry["groups"]), "policies": policies}


def about_entry(principal: str, cluster: str) -> str:
    return f"Access entry of {principal} in {about_cluster(cluster)}"


def list_entries(cluster: str) -> Request:
    return Request(
        f"Access entries of {about_cluster(cluster)}",
        "eks",
        "list_access_entries",
        {"clusterName": cluster},
        "accessEntries",
    )


def describe_entry(cluster: str, principal: str) -> Request:
    arguments = {"clusterName": cluster, "principalArn": principal}
    return Request(about_entry(principal, cluster), "eks", "describe_access_entry", arguments, "accessEntry")


def list_entry_policies(cluster: str, principal: str) -> Request:
    return Request(
        about_entry(principal, cluster),
        "eks",
        "list_associated_access_policies",
        {"clusterName": cluster, "principalArn": principal},
        "associatedAccessPolicies",
    )


def found_entry(entry: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> Properties:
    return {
        "groups": sorted(entry.get("kubernetesGroups", [])),
        "policies": {
            policy["policyArn"]: {
                "type": policy["accessScope"]["type"],
                "namespaces": sorted(policy["accessScope"].get("namespaces") or []),
            }
            for policy in policies
        },
    }


def entry_requests(cluster: str, principal: str, now: Properties | None, want: Properties) -> list[Request]:
    """What makes an access entry be as wanted, its policies included."""
    own = {"clusterName": cluster, "principalArn": principal}

    def request(operation: str, patience: tuple[str, ...] = (), **arguments: Any) -> Request:
        return Request(about_entry(principal, cluster), "eks", operation, {**own, **arguments}, patience=patience)

    requests = []
    if now is None:
        tags = {OWNER_TAG: cluster}
        requests.append(request("create_access_entry", kubernetesGroups=want["groups"], tags=tags))
    elif now["groups"] != want["groups"]:
        requests.append(request("update_access_entry", kubernetesGroups=want["groups"]))
    before = now["policies"] if now else {}
    requests += [
        # An entry that was just made is not known everywhere at once.
        request("associate_access_policy", ("ResourceNotFoundException",), policyArn=arn, accessScope=scope)
        for arn, scope in want["policies"].items()
        if before.get(arn) != scope
    ]
    requests += [request("disassociate_access_policy", policyArn=arn) for arn in before if arn not in want["policies"]]
    return requests


# Node groups


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
                f"{about_nodegroup(name, cluster)} is {group['status']} ({_issues(group)}): correct what is named, remove the "
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
            reason = f" after {_issues(group)}" if group["status"] == "DELETE_FAILED" else ""
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


def joined(one: Look, other: Look) -> Look:
    """Two looks at different things as one."""
    return Look(
        {**one.before, **other.before},
        {**one.after, **other.after},
        [*one.requests, *other.requests],
        one.in_progress or other.in_progress,
        " ".join(filter(None, (one.progress, other.progress))),
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
