# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Node groups as they are asked for, in the form of eks_nodegroups, as far as they are judged and priced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._aws_data import AwsError

POOL_LABEL = "kafka-eks.streamops.io/pool"
# What a root volume is when nothing is said of it.
ROOT_SIZE = 50  # GiB
ROOT_IOPS = 3000
ROOT_THROUGHPUT = 125  # MiB/s


@dataclass(frozen=True)
class Group:
    name: str
    instance_types: tuple[str, ...]
    size: int
    ami_type: str = "AL2023_ARM_64_STANDARD"
    spot: bool = False
    pool: str | None = None  # of Kafka's, by its label
    root_size: int = ROOT_SIZE
    root_iops: int = ROOT_IOPS
    root_throughput: int = ROOT_THROUGHPUT

    @property
    def architecture(self) -> str:
        return "arm64" if "ARM_64" in self.ami_type.upper() else "x86_64"


def group_of(options: Mapping[str, Any]) -> Group:
    root = options.get("root_volume") or {}
    size = options.get("desired_size")
    try:
        group = Group(
            name=str(options["name"]),
            instance_types=tuple(map(str, options["instance_types"])),
            size=int(options.get("min_size", 1) if size is None else size),
            ami_type=str(options.get("ami_type") or Group.ami_type),
            spot=options.get("capacity_type") == "SPOT",
            pool=(options.get("labels") or {}).get(POOL_LABEL),
            root_size=int(root.get("size", ROOT_SIZE)),
            root_iops=int(root.get("iops", ROOT_IOPS)),
            root_throughput=int(root.get("throughput", ROOT_THROUGHPUT)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AwsError(
            f"Node group {options.get('name', '')!r} cannot be read ({error!r}): give it a name, instance_types and numbers, as "
            "eks_nodegroups takes them."
        ) from None
    if not group.instance_types or group.size < 0:
        raise AwsError(f"Node group {group.name!r} has no instance_types, or fewer nodes than none: correct it.")
    return group
