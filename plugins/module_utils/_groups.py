# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Groups of nodes - node groups as eks_nodegroups takes them, pools of Karpenter - as far as they are judged and priced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from ._aws_data import AwsError

POOL_ARGUMENT = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "instance_types": {"type": "list", "elements": "str", "default": []},
        "size": {"type": "int", "default": 0},
        "temporary": {"type": "int", "default": 0},
        "spot": {"type": "bool", "default": False},
        "zones": {"type": "list", "elements": "str", "default": []},
        "root_size": {"type": "str", "default": "50Gi"},
        "root_iops": {"type": "int", "default": 3000},
        "root_throughput": {"type": "int", "default": 125},
    },
}
POOL_LABEL = "kafka-eks.streamops.io/pool"
# What a root volume is when nothing is said of it.
ROOT_SIZE = 50  # GiB
ROOT_IOPS = 3000
ROOT_THROUGHPUT = 125  # MiB/s


@dataclass(frozen=True)
class Group:
    name: str
    instance_types: tuple[str, ...]  # none: requirements choose them, of a pool
    size: int
    ami_type: str | None = "AL2023_ARM_64_STANDARD"  # none: there is one for each architecture
    spot: bool = False
    pool: str | None = None  # of Kafka's, by its label
    root_size: int = ROOT_SIZE
    root_iops: int = ROOT_IOPS
    root_throughput: int = ROOT_THROUGHPUT
    is_pool: bool = False  # of Karpenter's
    temporary: int = 0  # nodes besides, which come and go with their pods
    zones: tuple[str, ...] = ()  # their names; none: all that the network has

    @property
    def architecture(self) -> str | None:
        return self.ami_type and ("arm64" if "ARM_64" in self.ami_type.upper() else "x86_64")

    def __str__(self) -> str:
        return f"{'Pool' if self.is_pool else 'Node group'} '{self.name}'"


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


def pool_of(options: Mapping[str, Any]) -> Group:
    """A pool in the form of the option node_pools, in which all are given."""
    size, temporary = options["size"], options["temporary"]
    if min(size, temporary) < 0:
        raise AwsError(f"Pool {options['name']!r} is to have fewer nodes than none: correct it.")
    return Group(
        name=options["name"],
        instance_types=tuple(options["instance_types"]),
        size=size,
        ami_type=None,
        spot=options["spot"],
        pool=options["name"],
        root_size=ceil(gib(options["root_size"])),
        root_iops=options["root_iops"],
        root_throughput=options["root_throughput"],
        is_pool=True,
        temporary=temporary,
        zones=tuple(options["zones"]),
    )


def gib(size: str) -> float:
    """A size as Kubernetes writes it."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGTP]i?)?", size.strip())
    if not match:
        raise AwsError(f"The size {size!r} is none that Kubernetes knows: write it such as 1000Gi.")
    amount, unit = match.groups()
    power = "KMGTP".index(unit[0]) + 1 if unit else 0
    base = 1024 if unit and unit.endswith("i") else 1000
    return float(amount) * float(base**power) / 1024**3
