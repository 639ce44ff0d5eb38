# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An EKS cluster: what one look at it leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Look, Request, missing_tags, tags_of
from ._eks import Role, about_cluster, issues

Properties = dict[str, Any]

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


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
            f"{about_cluster(settings.name)} has FAILED ({issues(cluster)}): correct what is named, remove the cluster and make "
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
