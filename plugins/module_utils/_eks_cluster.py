# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An EKS cluster: what one look at it leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Look, Request, listed, missing_tags, tags_of
from ._eks import Role, about_cluster, issue_list, issues, minor_of, update
from ._kms import Key

Properties = dict[str, Any]

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
TIERS = ("standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl")
SERVICE_BLOCKS = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
SKEW = 3  # minor versions that a kubelet may be older than the API server


@dataclass(frozen=True)
class ClusterSettings:
    """What is none is left as it is, or to EKS where there is no cluster yet."""

    name: str
    version: str
    role: Role
    subnets: Sequence[str] | None
    security_groups: Sequence[str] | None
    public_access_cidrs: Sequence[str]
    service_cidr: str | None
    logs: Sequence[str]
    deletion_protection: bool
    support_type: str
    scaling_tier: str
    zonal_shift: bool
    encryption_key: Key | None
    tags: Mapping[str, str]


def check_cluster(name: str, version: str, public_access_cidrs: Sequence[str], service_cidr: str | None) -> None:
    """Refuse what no state of the account can make right."""
    if not re.fullmatch(r"1\.\d\d", version):
        raise AwsError(
            f"{about_cluster(name)}: '{version}' is not a version of Kubernetes; give one such as \"1.35\", in quotes, so that it "
            "is not taken for a number."
        )
    blocks = [
        _block(name, cidr, "public_access_cidrs", "give one such as 203.0.113.7/32") for cidr in public_access_cidrs
    ]
    if any(block.prefixlen == 0 for block in collapse_addresses(blocks)):
        raise AwsError(
            f"{about_cluster(name)}: public_access_cidrs would open the API server to the whole internet with "
            f"{', '.join(public_access_cidrs)}; give the blocks from which it is really used, or none for a private one."
        )
    if service_cidr is not None:
        block = _block(name, service_cidr, "service_cidr", "give one such as 172.20.0.0/16")
        if not (12 <= block.prefixlen <= 24 and any(block.subnet_of(private) for private in SERVICE_BLOCKS)):
            raise AwsError(
                f"{about_cluster(name)}: service_cidr cannot be {service_cidr}, as EKS takes blocks between /24 and /12 within "
                f"{listed(SERVICE_BLOCKS)}: give one of those that is not used in the VPC."
            )


def _block(name: str, cidr: str, option: str, remedy: str) -> IPv4Network:
    try:
        return IPv4Network(cidr)
    except ValueError as error:
        raise AwsError(
            f"{about_cluster(name)}: '{cidr}' of {option} is not an IPv4 block ({error}); {remedy}."
        ) from None


def describe_versions() -> Request:
    """The calendar of EKS, with the versions that are out of support."""
    arguments = {"includeAll": True}
    return Request("Kubernetes versions of EKS", "eks", "describe_cluster_versions", arguments, "clusterVersions")


def needs_calendar(cluster: Mapping[str, Any] | None, settings: ClusterSettings) -> bool:
    if cluster is None:
        return True
    turns_standard = settings.support_type == "STANDARD" and cluster["upgradePolicy"]["supportType"] != "STANDARD"
    return cluster["version"] != settings.version or turns_standard


def check_support(settings: ClusterSettings, calendar: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a version that EKS does not offer, or not under this policy of support."""
    name, version = settings.name, settings.version
    by_status: dict[str, list[str]] = {}
    for one in calendar:
        by_status.setdefault(one["versionStatus"], []).append(one["clusterVersion"])
    standard = sorted(by_status.get("STANDARD_SUPPORT", []), key=minor_of)
    remedy = f"choose one of those in standard support ({listed(standard)})"
    found = next((one for one in calendar if one["clusterVersion"] == version), None)
    if found is None:
        raise AwsError(f"{about_cluster(name)}: EKS does not offer Kubernetes {version}; {remedy}.")
    end, extended = (f"{found[key]:%Y-%m-%d}" for key in ("endOfStandardSupportDate", "endOfExtendedSupportDate"))
    if found["versionStatus"] == "UNSUPPORTED":
        raise AwsError(f"{about_cluster(name)}: Kubernetes {version} is out of support since {extended}; {remedy}.")
    if found["versionStatus"] == "EXTENDED_SUPPORT" and settings.support_type == "STANDARD":
        raise AwsError(
            f"{about_cluster(name)}: Kubernetes {version} has left standard support on {end} and is in extended support, which "
            f"costs more, until {extended}, so that EKS does not take the support_type STANDARD; {remedy}, or set EXTENDED."
        )


def check_upgrade(name: str, now: str, then: str, nodegroups: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse an upgrade that EKS does not make, or that leaves nodes behind that Kubernetes does not support."""
    steps = minor_of(then) - minor_of(now)
    if steps < 0:
        raise AwsError(
            f"{about_cluster(name)} runs Kubernetes {now} and {then} is wanted, but does not go back to an older version: give the "
            "version it runs, or have EKS roll an upgrade back by hand within seven days of it."
        )
    if steps > 1:
        raise AwsError(
            f"{about_cluster(name)} runs Kubernetes {now} and {then} is wanted, but EKS upgrades by one minor version at a time: "
            f"upgrade to 1.{minor_of(now) + 1} first, with its add-ons and node groups."
        )
    late = {
        one: group["version"] for one, group in nodegroups.items() if minor_of(group["version"]) < minor_of(then) - SKEW
    }
    if late:
        raise AwsError(
            f"{about_cluster(name)} cannot be upgraded to Kubernetes {then} while nodes are more than {SKEW} minor versions older "
            f"({listed(f'{one}: {version}' for one, version in late.items())}): upgrade these node groups first."
        )


def check_move(name: str, now: Sequence[str], then: Sequence[str], subnets: Sequence[Mapping[str, Any]]) -> None:
    """Refuse subnets that EKS does not let a cluster move to."""
    by_id = {subnet["SubnetId"]: subnet for subnet in subnets}
    reason = ""
    if missing := [subnet for subnet in then if subnet not in by_id]:
        reason = f"there is no {listed(missing)}"
    elif all(subnet in by_id for subnet in now):  # else EKS alone knows where it was made
        reason = _unfit_subnets([by_id[subnet] for subnet in now], [by_id[subnet] for subnet in then])
    if reason:
        raise AwsError(
            f"{about_cluster(name)} cannot be moved to the subnets {listed(then)}: {reason}; name others, or make a new cluster."
        )


def _unfit_subnets(now: Sequence[Mapping[str, Any]], then: Sequence[Mapping[str, Any]]) -> str:
    before, after = (_different(where, "VpcId") for where in (now, then))
    if before != after:
        return f"they are in {listed(after)} and a cluster stays in its VPC"
    before, after = (_different(where, "AvailabilityZone") for where in (now, then))
    if before != after:
        return f"they are in {listed(after)} and a cluster keeps the very zones in which it was made, {listed(before)}"
    return ""


def _different(subnets: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return sorted({subnet[key] for subnet in subnets})


def present_cluster(cluster: Mapping[str, Any] | None, settings: ClusterSettings, updating: bool = False) -> Look:
    """One look at a cluster that is to be there; one request at most, since EKS takes one change at a time."""
    want = _wanted_cluster(settings)
    if cluster is None:
        key = settings.encryption_key
        create = Request(
            about_cluster(settings.name),
            "eks",
            "create_cluster",
            _creation(settings),
            patience=(*settings.role.patience, *(key.patience if key else ())),
        )
        after = {**want, "bootstrap_self_managed_addons": False}
        return Look({}, after, [create], in_progress=True, progress=f"{about_cluster(settings.name)} is being created.")
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
    if updating:  # before the status tells
        return Look(now, then, in_progress=True, progress=f"{about_cluster(settings.name)} is being changed.")
    requests = _cluster_updates(cluster, now, then)
    progress = f"{about_cluster(settings.name)} is being changed." if requests else ""
    return Look(now, then, requests[:1], in_progress=bool(requests), progress=progress)


def absent_cluster(cluster: Mapping[str, Any] | None, name: str, updating: bool = False) -> Look:
    """One look at a cluster that is to go."""
    if cluster is None:
        return Look({}, {})
    now = _found_cluster(cluster)
    if cluster["status"] not in ("ACTIVE", "FAILED"):
        return Look(now, {}, in_progress=True, progress=_status(cluster))
    if updating:
        return Look(now, {}, in_progress=True, progress=f"{about_cluster(name)} is being changed.")
    if now["deletion_protection"] and cluster["status"] == "ACTIVE":  # it does not hold others
        arguments = {"name": name, "deletionProtection": False}
        request = update(about_cluster(name), name, "update_cluster_config", arguments)
        progress = f"{about_cluster(name)}: its deletion protection is being turned off."
    else:
        request = Request(about_cluster(name), "eks", "delete_cluster", {"name": name})
        progress = f"{about_cluster(name)} is being deleted."
    return Look(now, {}, [request], in_progress=True, progress=progress)


def _status(cluster: Mapping[str, Any]) -> str:
    return f"{about_cluster(cluster['name'])} is {cluster['status']}."


def _wanted_cluster(settings: ClusterSettings) -> Properties:
    given: Properties = {"subnets": settings.subnets, "security_groups": settings.security_groups}
    return {
        "version": settings.version,
        "role": settings.role.arn,
        **{key: sorted(ids) for key, ids in given.items() if ids is not None},
        "authentication_mode": "API",
        "private_access": True,
        # As EKS returns them: an address is a block of one.
        "public_access_cidrs": sorted(str(IPv4Network(cidr)) for cidr in settings.public_access_cidrs),
        **({"service_cidr": settings.service_cidr} if settings.service_cidr is not None else {}),
        "logs": sorted(settings.logs),
        "deletion_protection": settings.deletion_protection,
        "support_type": settings.support_type,
        "scaling_tier": settings.scaling_tier,
        "zonal_shift": settings.zonal_shift,
        "encryption_key": settings.encryption_key.arn if settings.encryption_key else None,
        "tags": {**settings.tags, OWNER_TAG: settings.name},
    }


def _found_cluster(cluster: Mapping[str, Any]) -> Properties:
    network = cluster["resourcesVpcConfig"]
    return {
        "version": cluster["version"],
        "role": cluster["roleArn"],
        "subnets": sorted(network["subnetIds"]),
        "security_groups": sorted(network.get("securityGroupIds") or []),
        "authentication_mode": cluster["accessConfig"]["authenticationMode"],
        "private_access": network["endpointPrivateAccess"],
        "public_access_cidrs": (
            sorted(network.get("publicAccessCidrs") or ["0.0.0.0/0"]) if network["endpointPublicAccess"] else []
        ),
        "service_cidr": (cluster.get("kubernetesNetworkConfig") or {}).get("serviceIpv4Cidr"),
        "logs": sorted(
            log for group in cluster["logging"]["clusterLogging"] if group["enabled"] for log in group["types"]
        ),
        "deletion_protection": cluster.get("deletionProtection", False),
        "support_type": cluster["upgradePolicy"]["supportType"],
        "scaling_tier": (cluster.get("controlPlaneScalingConfig") or {}).get("tier", "standard"),
        "zonal_shift": (cluster.get("zonalShiftConfig") or {}).get("enabled", False),
        "encryption_key": encryption_key(cluster),
        "tags": tags_of(cluster),
    }


def encryption_key(cluster: Mapping[str, Any]) -> str | None:
    """The ARN of the key that a cluster has; none where it is a key of EKS."""
    encryption: Properties = next(iter(cluster.get("encryptionConfig") or []), {})
    arn: str | None = encryption.get("provider", {}).get("keyArn")
    return arn


def _creation(settings: ClusterSettings) -> Properties:
    return {
        "name": settings.name,
        "version": settings.version,
        "roleArn": settings.role.arn,
        "resourcesVpcConfig": {
            "subnetIds": list(settings.subnets or ()),
            **({"securityGroupIds": list(settings.security_groups)} if settings.security_groups else {}),
            **_endpoint_access(settings.public_access_cidrs),
        },
        **(
            {"kubernetesNetworkConfig": {"serviceIpv4Cidr": settings.service_cidr}}
            if settings.service_cidr is not None
            else {}
        ),
        # Who may is written down as access entries; the creator is no exception that nobody sees.
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False},
        # The add-ons of EKS take their place, which know their versions.
        "bootstrapSelfManagedAddons": False,
        "logging": _logging(settings.logs),
        "deletionProtection": settings.deletion_protection,
        "upgradePolicy": {"supportType": settings.support_type},
        **({"zonalShiftConfig": {"enabled": True}} if settings.zonal_shift else {}),
        **({"controlPlaneScalingConfig": {"tier": settings.scaling_tier}} if settings.scaling_tier != TIERS[0] else {}),
        **({"encryptionConfig": _encryption(settings.encryption_key.arn)} if settings.encryption_key else {}),
        "tags": {**settings.tags, OWNER_TAG: settings.name},
    }


def _endpoint_access(public_access_cidrs: Sequence[str]) -> Properties:
    access: Properties = {"endpointPrivateAccess": True, "endpointPublicAccess": bool(public_access_cidrs)}
    return {**access, "publicAccessCidrs": list(public_access_cidrs)} if public_access_cidrs else access


def _logging(logs: Sequence[str]) -> Properties:
    groups = {True: [log for log in LOG_TYPES if log in logs], False: [log for log in LOG_TYPES if log not in logs]}
    return {"clusterLogging": [{"types": types, "enabled": enabled} for enabled, types in groups.items() if types]}


def _encryption(key: str) -> list[Properties]:
    return [{"resources": ["secrets"], "provider": {"keyArn": key}}]


def _refuse_unchangeable_cluster(name: str, now: Properties, then: Properties) -> None:
    remedies = {
        "role": "EKS cannot change it; give the role it has, or make a new cluster",
        "service_cidr": "EKS cannot change it; give the block it has, or make a new cluster",
        # One that has none can be given one.
        "encryption_key": "EKS can neither change it nor take it away; give the key it has, or make a new cluster",
    }
    for key, remedy in remedies.items():
        if now[key] != then[key] and not (key == "encryption_key" and now[key] is None):
            wanted = "none" if then[key] is None else then[key]
            raise AwsError(f"{about_cluster(name)} has {key} {now[key]} and {wanted} is wanted: {remedy}.")


def _cluster_updates(cluster: Mapping[str, Any], now: Properties, then: Properties) -> list[Request]:
    """What is to be done, in order: who can reach it first; a policy that only the new version may have, last."""
    name = cluster["name"]
    changed = {key for key in then if now[key] != then[key]}
    updates = []

    def add(*keys: str, **arguments: Any) -> None:
        if changed & set(keys):
            updates.append(update(about_cluster(name), name, "update_cluster_config", {"name": name, **arguments}))

    if tags := missing_tags(now["tags"], then["tags"]):
        tagging = {"resourceArn": cluster["arn"], "tags": tags}
        updates.append(Request(about_cluster(name), "eks", "tag_resource", tagging))
    # There is one step on the way from the old mode.
    mode = "API_AND_CONFIG_MAP" if now["authentication_mode"] == "CONFIG_MAP" else "API"
    add("authentication_mode", accessConfig={"authenticationMode": mode})
    add("private_access", "public_access_cidrs", resourcesVpcConfig=_endpoint_access(then["public_access_cidrs"]))
    network = {"subnets": "subnetIds", "security_groups": "securityGroupIds"}
    add(*network, resourcesVpcConfig={to: then[key] for key, to in network.items() if key in changed})
    add("logs", logging=_logging(then["logs"]))
    add("deletion_protection", deletionProtection=then["deletion_protection"])
    add("zonal_shift", zonalShiftConfig={"enabled": then["zonal_shift"]})
    add("scaling_tier", controlPlaneScalingConfig={"tier": then["scaling_tier"]})
    if "encryption_key" in changed:
        arguments = {"clusterName": name, "encryptionConfig": _encryption(then["encryption_key"])}
        updates.append(update(about_cluster(name), name, "associate_encryption_config", arguments))
    if "version" in changed:
        arguments = {"name": name, "version": then["version"]}
        updates.append(update(about_cluster(name), name, "update_cluster_version", arguments))
    add("support_type", upgradePolicy={"supportType": then["support_type"]})
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
        "health_issues": issue_list(cluster),
        "version": cluster["version"],
        "endpoint": cluster.get("endpoint"),
        "role_arn": cluster["roleArn"],
        "vpc_id": network.get("vpcId"),
        "security_group_id": network.get("clusterSecurityGroupId"),
        "oidc_issuer": cluster.get("identity", {}).get("oidc", {}).get("issuer"),
    }
