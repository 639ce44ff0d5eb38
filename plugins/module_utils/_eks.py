# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of EKS share: roles and subnets given by name, and whose a cluster is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, is_owned

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


def issues(resource: Mapping[str, Any]) -> str:
    found = (resource.get("health") or {}).get("issues") or []
    return "; ".join(f"{issue['code']}: {issue['message'].rstrip('.')}" for issue in found) or "EKS gives no reason"


def about_cluster(name: str) -> str:
    return f"EKS cluster '{name}'"


def describe_cluster(name: str) -> Request:
    return Request(about_cluster(name), "eks", "describe_cluster", {"name": name}, "cluster")


def require_owned(cluster: Mapping[str, Any], name: str) -> None:
    if not is_owned(cluster, name):
        raise AwsError(
            f"{about_cluster(name)} exists, but was not made by this collection (it has no tag {OWNER_TAG}={name}), so it is left "
            "alone: choose another name, or tag it when it may be managed."
        )


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
