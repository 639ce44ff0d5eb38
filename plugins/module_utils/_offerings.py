# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether EC2 has the instances that are wanted where they are wanted, and whether they keep up with their volumes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ._aws_data import Request, listed
from ._checks import Check
from ._cost import GP3_IOPS, GP3_THROUGHPUT, Volumes
from ._groups import Group
from ._quotas import number

MB_IN_MIB = 1.048576


def offerings_request(names: Collection[str]) -> Request:
    arguments = {
        "LocationType": "availability-zone-id",
        "Filters": [{"Name": "instance-type", "Values": sorted(names)}],
    }
    about = "Zones with the instance types"
    return Request(about, "ec2", "describe_instance_type_offerings", arguments, "InstanceTypeOfferings")


def checks(
    groups: Sequence[Group],
    types: Mapping[str, Mapping[str, Any]],
    offered: Mapping[str, Collection[str]],
    zones: Mapping[str, str],
    region: str,
) -> Iterator[Check]:
    """Whether each group's instance types are to be had; zones are ids by names, those of the network."""
    strange = sorted({zone for group in groups for zone in group.zones} - zones.keys())
    if strange:
        yield Check(
            "pool_zones",
            "failed",
            f"Pools of nodes are to be in {listed(strange)}, where the network has no subnets: choose from {listed(sorted(zones))}.",
        )
    for group in groups:
        if not group.instance_types and group.size:
            yield Check(
                f"offering_{group.name}",
                "unknown",
                f"{group} has requirements instead of instance types: what Karpenter launches for it, whether EC2 has it, and what it costs "
                "is not known before.",
            )
        places = {zone for name in group.instance_types for zone in offered.get(name, ())}
        own = [zones[name] for name in zones if not group.zones or name in group.zones]
        for name in group.instance_types:
            yield _offering(group, name, types.get(name), offered.get(name, ()), places, own, region)


def _offering(
    group: Group,
    name: str,
    found: Mapping[str, Any] | None,
    offered: Collection[str],
    places: Collection[str],
    zones: Sequence[str],
    region: str,
) -> Check:
    """One type of a group, of which any will do where it is offered: places are those of all of them."""
    check, about = f"offering_{group.name}", str(group)
    if found is None:
        return Check(check, "failed", f"{about}: EC2 has no instance type {name} in {region}: choose another one.")
    architectures = found.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
    if group.architecture and group.architecture not in architectures:
        return Check(
            check,
            "failed",
            f"{about}: {name} is {listed(architectures)}, but the image {group.ami_type} is {group.architecture}: choose a type or an "
            "image of the other's kind.",
        )
    missing = sorted({*zones} - {*offered})
    if not missing:
        return Check(check, "ok", f"{about}: {name} is offered in {listed(zones)}.")
    remedy = "choose another type, or other zones"
    if not {*missing} - {*places}:
        return Check(
            check, "ok", f"{about}: {name} is not offered in {listed(missing)}, where others of its types are."
        )
    if missing == sorted(zones):
        return Check(
            check, "failed", f"{about}: {name} is not offered in {listed(missing)}, so that it has no nodes: {remedy}."
        )
    if group.size >= len(zones):
        return Check(
            check,
            "failed",
            f"{about}: {name} is not offered in {listed(missing)}, so that its {group.size} nodes cannot be spread over "
            f"{listed(zones)}: {remedy}.",
        )
    return Check(check, "low", f"{about}: {name} is not offered in {listed(missing)}: {remedy}, if it is needed there.")


def volume_checks(volumes: Sequence[tuple[Volumes, Group]], types: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    """Whether an instance's own way to EBS is as wide as its volume is fast."""
    for volume, group in volumes:
        for name in group.instance_types:
            if name in types:
                yield _ceiling(volume, name, types[name].get("EbsInfo", {}).get("EbsOptimizedInfo"))


def _ceiling(volume: Volumes, name: str, ebs: Mapping[str, Any] | None) -> Check:
    check = f"ebs_{volume.name}"
    about = f"Volumes '{volume.name}' on {name}"
    if not ebs:
        return Check(check, "unknown", f"{about}: EC2 does not say what {name} moves to and from EBS: look it up.")
    given = volume.iops is not None or volume.throughput is not None
    throughput = volume.throughput or (GP3_THROUGHPUT if volume.type == "gp3" else 0)
    iops = volume.iops or (GP3_IOPS if volume.type == "gp3" else 0)
    wanted = {"MB/s": throughput * MB_IN_MIB, "IOPS": float(iops)}
    steady = {"MB/s": ebs["BaselineThroughputInMBps"], "IOPS": ebs["BaselineIops"]}
    peak = {"MB/s": ebs["MaximumThroughputInMBps"], "IOPS": ebs["MaximumIops"]}
    for unit, want in wanted.items():
        if want > peak[unit]:
            return Check(
                check,
                "failed",
                f"{about} are to do {number(round(want))} {unit}, more than the {number(peak[unit])} that the instance can ever do: lower "
                "it, or choose a larger instance.",
            )
    for unit, want in wanted.items():
        if want > steady[unit]:
            # What gp3 can do without being asked is no wish.
            remedy = "; lower it, or choose a larger instance" if given else ""
            return Check(
                check,
                "low" if given else "ok",
                f"{about} can do {number(round(want))} {unit}, but the instance does {number(steady[unit])} for long, and more for half an "
                f"hour a day{remedy}.",
            )
    return Check(
        check,
        "ok",
        f"{about}: the instance's {number(steady['MB/s'])} MB/s and {number(steady['IOPS'])} IOPS are more than the volume's.",
    )
