# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether EC2 offers what pools of nodes name: Karpenter calls a pool ready that no machine fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, listed
from ._network import SUBNET_TAG

Pool = Mapping[str, Any]


def requests(pools: Sequence[Pool], cluster_name: str) -> dict[str, Request]:
    names = sorted({name for pool in pools for name in pool["instance_types"]})
    offered = {
        "LocationType": "availability-zone",
        "Filters": [{"Name": "instance-type", "Values": names}],
    }
    of_nodes = [
        {"Name": f"tag:{OWNER_TAG}", "Values": [cluster_name]},
        {"Name": f"tag:{SUBNET_TAG}", "Values": ["private"]},
    ]
    about = "Zones with the instance types"
    return {
        "offered": Request(about, "ec2", "describe_instance_type_offerings", offered, "InstanceTypeOfferings"),
        "subnets": Request("Subnets of the nodes", "ec2", "describe_subnets", {"Filters": of_nodes}, "Subnets"),
    }


def zones_by_type(offerings: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for offering in offerings:
        found.setdefault(offering["InstanceType"], []).append(offering["Location"])
    return {name: sorted(zones) for name, zones in sorted(found.items())}


def require_offered(
    pools: Sequence[Pool], offered: Mapping[str, Sequence[str]], zones: Sequence[str], region: str
) -> None:
    """Zones are those where nodes can be; none where that is not known yet."""
    for pool in pools:
        about = f"Pool '{pool['name']}'"
        unknown = sorted(set(pool["instance_types"]) - offered.keys())
        if unknown:
            raise AwsError(
                f"{about}: EC2 has no instance type {listed(unknown)} in {region}: correct the name, or choose another type."
            )
        has = {zone for name in pool["instance_types"] for zone in offered[name]}
        without = sorted(set(zones) - has)
        if without and (pool["every_zone"] or len(without) == len(set(zones))):
            raise AwsError(
                f"{about}: {listed(pool['instance_types'])} is not offered in {listed(without)}, where its pods would find no node: add a "
                "type that is, or name the zones that have it."
            )
