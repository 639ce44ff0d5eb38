# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an account, its caller and this machine are asked before anything is made, and how the answers are judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import (
    _eks,
    _eks_access,
    _eks_cluster,
    _eks_nodegroups,
    _network_look,
    _network_plan,
    _network_quotas,
    _offerings,
)
from ._aws_data import AwsError, Request, is_owned, listed, tags_of
from ._checks import Check, Status
from ._cost import Volumes
from ._groups import Group
from ._network import Network, Observed, Settings, Zone
from ._quotas import QUOTAS, Judgement, Limit, judge

Answers = Mapping[str, Any]  # an AwsError where a request failed

STATUSES: dict[str, Status] = {"available": "ok", "low": "low", "not_available": "failed", "unknown": "unknown"}
# Families whose vCPUs are counted together: A, C, D, H, I, M, R, T, Z, and the im and is of I.
STANDARD_FAMILIES = ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z")
LIVE_STATES = ("pending", "running")
GIB_IN_TIB = 1024
COUNTED = ("vcpus", "spot_vcpus", "gp3_storage", "clusters", "nodegroups")


@dataclass(frozen=True)
class Wanted:
    """What is to be made."""

    cluster: str
    network: Settings
    groups: Sequence[Group]
    volumes: Sequence[Volumes]


# What is asked


def reads(wanted: Wanted) -> dict[str, Request]:
    """The first questions; those of the network come from its own module."""
    types = sorted({name for group in wanted.groups for name in group.instance_types})
    about = f"EC2 in {wanted.network.region}"
    # A volume or an instance that is going away counts no longer.
    gp3 = {"Filters": [{"Name": "volume-type", "Values": ["gp3"]}]}
    live = {"Filters": [{"Name": "instance-state-name", "Values": list(LIVE_STATES)}]}
    found = {
        "calendar": _eks_cluster.describe_versions(),
        "cluster": _eks.describe_cluster(wanted.cluster),
        "clusters": Request("EKS clusters", "eks", "list_clusters", {}, "clusters"),
        "instances": Request(f"Instances of {about}", "ec2", "describe_instances", live, "Reservations"),
        "gp3": Request(f"Volumes of {about}", "ec2", "describe_volumes", gp3, "Volumes"),
        "zones": _network_look.ZONES,
        **{f"network {kind}": request for kind, request in _network_look.tag_reads(wanted.cluster).items()},
    }
    if types:
        found["types"] = _eks_nodegroups.describe_machines(types)
        found["offerings"] = _offerings.offerings_request(types)
    return found


def more_reads(answers: Answers, wanted: Wanted, caller_arn: str) -> dict[str, Request]:
    """What is asked when the first answers are there."""
    found: dict[str, Request] = {}
    others = sorted({instance["InstanceType"] for instance in _instances(answers)} - set(_types(answers)))
    if others:
        found["other types"] = _eks_nodegroups.describe_machines(others)
    vpc = _vpc(answers, wanted.cluster)
    if vpc:
        reads_of_vpc = _network_look.vpc_reads(wanted.cluster, vpc)
        found |= {f"network {kind}": request for kind, request in reads_of_vpc.items()}
    if _is_there(answers, "cluster"):
        found["nodegroups"] = _eks_nodegroups.list_nodegroups(wanted.cluster)
    role = _role_of(caller_arn)
    if role:
        found["role"] = _eks.get_role(role)
    return found


def principal(answers: Answers, caller_arn: str) -> str | None:
    """Whose policies hold for the caller; none where that is not known."""
    if _is_there(answers, "role"):
        return str(answers["role"]["Arn"])
    return caller_arn if ":user/" in caller_arn else None


def _is_there(answers: Answers, name: str) -> bool:
    return name in answers and not isinstance(answers[name], AwsError)


def _instances(answers: Answers) -> list[Mapping[str, Any]]:
    if not _is_there(answers, "instances"):
        return []
    return [instance for reservation in answers["instances"] for instance in reservation["Instances"]]


def _types(answers: Answers) -> dict[str, Mapping[str, Any]]:
    return {
        one["InstanceType"]: one
        for name in ("types", "other types")
        if _is_there(answers, name)
        for one in answers[name]
    }


def _role_of(caller_arn: str) -> str | None:
    try:
        return _eks_access.principal_of(caller_arn).role_name
    except AwsError:
        return None


def _vpc(answers: Answers, cluster: str) -> str | None:
    try:
        return _network_look.vpc_of({"vpc": _known(answers, "network vpc")}, cluster)
    except AwsError:
        return None  # judged with the network


def _known(answers: Answers, name: str) -> Any:
    if isinstance(answers.get(name), AwsError):
        raise answers[name]
    return answers[name]


# How the answers are judged


def identity(account: str, arn: str, region: str) -> Check:
    try:
        _eks_access.principal_of(arn)
    except AwsError as error:
        return Check("identity", "failed", str(error))
    return Check("identity", "ok", f"The caller is {arn}, of account {account}, in {region}.")


def cluster_name(answers: Answers, wanted: Wanted) -> Iterator[Check]:
    """Whether somebody else has a cluster of this name, before anything is made for it."""
    if not _is_there(answers, "cluster"):
        return
    try:
        _eks.require_owned(answers["cluster"], wanted.cluster)
    except AwsError as error:
        yield Check("cluster_name", "failed", str(error))


def offerings(answers: Answers, wanted: Wanted, zones: Sequence[Zone] | AwsError) -> Iterator[Check]:
    """Instance types in the zones, and what they can do with their volumes."""
    if not wanted.groups:
        return
    for name in ("types", "offerings"):
        if isinstance(answers.get(name), AwsError):
            yield Check("offering", "unknown", str(answers[name]))
            return
    if isinstance(zones, AwsError):
        yield Check("offering", "unknown", f"Where nodes will run is not known ({zones})")
        return
    offered: dict[str, set[str]] = {}
    for offering in answers.get("offerings", ()):
        offered.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    types = _types(answers)
    ids = {zone.name: zone.id for zone in zones}
    yield from _offerings.checks(wanted.groups, types, offered, ids, wanted.network.region)
    carried = [
        (volume, group)
        for volume in wanted.volumes
        for group in wanted.groups
        if volume.name in (group.name, group.pool)
    ]
    yield from _offerings.volume_checks(carried, types)


def network_of(answers: Answers, wanted: Wanted) -> Observed:
    """The network as it is."""
    prefix = "network "
    raw = {name.removeprefix(prefix): _known(answers, name) for name in answers if name.startswith(prefix)}
    return _network_look.observed(raw, wanted.cluster)


def zones_of(answers: Answers, wanted: Wanted) -> list[Zone] | AwsError:
    """The zones that the network will have, or why that is not known."""
    try:
        return _network_plan.choose_zones(wanted.network, _known(answers, "zones"), network_of(answers, wanted).network)
    except AwsError as error:
        return error


def network_target(answers: Answers, wanted: Wanted, zones: Sequence[Zone]) -> tuple[Observed, Network] | AwsError:
    """The network as it is and as it will be, or why it cannot be."""
    try:
        now = network_of(answers, wanted)
        return now, _network_plan.target(_network_plan.wanted(wanted.network, zones), now, wanted.cluster)
    except AwsError as error:
        return error


def impossible(error: AwsError) -> Check:
    """Why the network cannot be planned: a refusal of AWS has a code, one of the plan has none."""
    return Check("network_plan", "unknown" if error.code else "failed", str(error))


def network_quotas(
    now: Observed, then: Network, usage: Mapping[str, Any], limits: Mapping[str, Limit]
) -> Iterator[Check]:
    """Whether what the network still lacks fits under the quotas."""
    lacks = _network_quotas.lacking(now, then)
    failed = next((answer for answer in usage.values() if isinstance(answer, AwsError)), None)
    if failed:
        yield Check("quota", "unknown", str(failed))
        return
    for need in _network_quotas.needs(now, then, lacks, usage):
        limit = limits[need.quota]
        yield _quota(
            need.quota, judge(QUOTAS[need.quota], limit.value, need.in_use, need.needed, limit.reason), need.place
        )


def quotas(answers: Answers, wanted: Wanted, limits: Mapping[str, Limit]) -> Iterator[Check]:
    """Whether instances, volumes, cluster and node groups fit under the quotas."""
    for name, (in_use, needed, reason) in _usage(answers, wanted).items():
        limit = limits[name]
        if name == "spot_vcpus" and not needed:
            continue
        yield _quota(name, judge(QUOTAS[name], limit.value, in_use, max(0.0, needed), limit.reason or reason))
    other = sorted(
        name for group in wanted.groups for name in group.instance_types[:1] if _family(name) not in STANDARD_FAMILIES
    )
    if other:
        yield Check(
            "quota_other",
            "unknown",
            f"{listed(other)} counts against a quota of its own: look it up in Service Quotas.",
        )


def _quota(name: str, judgement: Judgement, place: str = "") -> Check:
    sentence = judgement.sentence
    if place:
        label = QUOTAS[name].label
        sentence = sentence.replace(f"{label}:", f"{label}{place}:", 1)
    return Check(f"quota_{name}", STATUSES[judgement.status], sentence)


def _usage(answers: Answers, wanted: Wanted) -> dict[str, tuple[float | None, float, str]]:
    """What is in use of each quota, what is needed besides, and why the one is not known."""
    types, instances = _types(answers), _instances(answers)
    own = [instance for instance in instances if _is_of_cluster(instance, wanted.cluster)]
    found: dict[str, tuple[float | None, float, str]] = {}
    for name, spot in (("vcpus", False), ("spot_vcpus", True)):
        need = sum(
            (group.size + group.temporary) * _vcpus(types.get(name))
            for group in wanted.groups
            for name in group.instance_types[:1]
            if group.spot == spot and _family(name) in STANDARD_FAMILIES
        )
        have, used = (_running(some, types, spot) for some in (own, instances))
        unknown = _reason(answers, "instances", "types", "other types")
        found[name] = (None if unknown else used, need - have, unknown)
    volumes = [] if _reason(answers, "gp3") else answers["gp3"]
    size = sum(volume.size_gib * volume.count for volume in wanted.volumes if volume.type == "gp3")
    size += sum((group.size + group.temporary) * group.root_size for group in wanted.groups)
    have = sum(volume["Size"] for volume in volumes if _is_of_cluster(volume, wanted.cluster))
    used = sum(volume["Size"] for volume in volumes)
    unknown = _reason(answers, "gp3")
    found["gp3_storage"] = (None if unknown else used / GIB_IN_TIB, (size - have) / GIB_IN_TIB, unknown)
    unknown = _reason(answers, "clusters")
    there = _is_there(answers, "cluster")
    found["clusters"] = (None if unknown else len(answers["clusters"]), 0 if there else 1, unknown)
    names = answers["nodegroups"] if _is_there(answers, "nodegroups") else []
    new = [group for group in wanted.groups if not group.is_pool and group.name not in names]
    unknown = _reason(answers, "nodegroups")
    found["nodegroups"] = (None if unknown else len(names), len(new), unknown)
    return found


def _reason(answers: Answers, *names: str) -> str:
    return next((str(answers[name]) for name in names if isinstance(answers.get(name), AwsError)), "")


def _running(instances: Iterable[Mapping[str, Any]], types: Mapping[str, Mapping[str, Any]], spot: bool) -> float:
    return sum(
        _vcpus(types.get(instance["InstanceType"]))
        for instance in instances
        if (instance.get("InstanceLifecycle") == "spot") == spot
        and _family(instance["InstanceType"]) in STANDARD_FAMILIES
    )


def _vcpus(found: Mapping[str, Any] | None) -> int:
    return int(found["VCpuInfo"]["DefaultVCpus"]) if found else 0


def _family(instance_type: str) -> str:
    return re.split(r"\d", instance_type, maxsplit=1)[0]


def _is_of_cluster(resource: Mapping[str, Any], cluster: str) -> bool:
    """Whoever made it: nodes and volumes are also made by EKS and by drivers in the cluster."""
    tags = tags_of(resource)
    return (
        is_owned(resource, cluster)
        or tags.get("eks:cluster-name") == cluster
        or f"kubernetes.io/cluster/{cluster}" in tags
    )
