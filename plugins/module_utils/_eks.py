# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the modules of EKS share: roles and subnets given by name, whose a cluster is, and updates that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, is_owned

# A role that was just made is not known to EKS for some seconds, which it calls an invalid parameter.
NEW_ROLE_SECONDS = 120
UNKNOWN_ROLE = ("InvalidParameterException",)

# What the passes before this one have asked for: ids of updates by what they change. Handed from pass to pass.
ASKED_ARGUMENT: dict[str, Any] = {"asked": {"type": "dict", "default": {}}}

NO_REASON = "EKS gives no reason"
ENDS = {"Failed": "has failed", "Cancelled": "was cancelled"}  # of updates that were not made
ANY_REMEDY = "correct what is named and run again"
REMEDIES = {
    "PodEvictionFailure": "see to it that its pods can be evicted (look at their disruption budgets), or set force, which ends them "
    "all the same, and run again",
    "NodeCreationFailure": "see to it that new nodes can join (the role, the network and the add-ons they need), and run again",
    **dict.fromkeys(
        ("InsufficientFreeAddresses", "IpNotAvailable"), "see to it that its subnets have free addresses, and run again"
    ),
}


@dataclass(frozen=True)
class Role:
    """An IAM role that EKS shall use."""

    arn: str
    is_new: bool = False

    @property
    def patience(self) -> tuple[str, ...]:
        return UNKNOWN_ROLE if self.is_new else ()


def issues(resource: Mapping[str, Any]) -> str:
    return "; ".join(issue_list(resource)) or NO_REASON


def issue_list(resource: Mapping[str, Any]) -> list[str]:
    found = (resource.get("health") or {}).get("issues") or []
    return [f"{issue['code']}: {_without_dot(issue['message'])}" for issue in found]


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


def require_no_foreign(find: Callable[[Request], Any], name: str) -> None:
    """Refuse to make or take over what belongs to a cluster that somebody else has under this name."""
    if cluster := find(describe_cluster(name)):
        require_owned(cluster, name)


def get_role(name: str) -> Request:
    return Request(f"IAM role '{name}'", "iam", "get_role", {"RoleName": name}, "Role")


def find_role(
    find: Callable[[Request], Any], given: str, planned: bool, now: datetime, used: Iterable[str] = ()
) -> Role:
    """The role that is given by name or ARN; where all is only planned, it may be missing. Those in use need no search."""
    if given.startswith("arn:"):
        return Role(given)
    for arn in used:
        if arn.endswith(f"/{given}"):  # names are unique, whatever the path
            return Role(arn)
    role = find(get_role(given))
    if role:
        return Role(role["Arn"], is_new=(now - role["CreateDate"]).total_seconds() < NEW_ROLE_SECONDS)
    if planned:
        return Role(given)
    raise AwsError(f"IAM role '{given}' is not there: make it first, or name another one.")


def describe_subnets(cluster: str, ids: Iterable[str]) -> Request:
    """Those that are not there are not in the answer, instead of an error."""
    filters = [{"Name": "subnet-id", "Values": sorted(ids)}]
    return Request(f"Subnets of '{cluster}'", "ec2", "describe_subnets", {"Filters": filters}, "Subnets")


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


def minor_of(version: str) -> int:
    """Of a version of Kubernetes such as 1.35."""
    return int(version.split(".")[1])


def update(about: str, name: str, operation: str, arguments: Mapping[str, Any]) -> Request:
    """A change that EKS makes in its own time; its id is kept under the name of what it changes."""
    return Request(about, "eks", operation, arguments, "update.id", makes=Ref("update", name))


def describe_update(about: str, cluster: str, update_id: str, **of: str) -> Request:
    return Request(about, "eks", "describe_update", {"name": cluster, "updateId": update_id, **of}, "update")


def still_updating(updates: Mapping[str, Mapping[str, Any] | None], about: Callable[[str], str]) -> set[str]:
    """What is still being changed; an update that has failed is told, not asked for again."""
    for name, found in updates.items():
        if found and found["status"] in ENDS:
            errors = found.get("errors") or []
            remedy = next(
                (REMEDIES[error["errorCode"]] for error in errors if error["errorCode"] in REMEDIES), ANY_REMEDY
            )
            raise AwsError(
                f"{about(name)}: its {found['type']} {ENDS[found['status']]} ({update_errors(found) or NO_REASON}); {remedy}."
            )
    return {name for name, found in updates.items() if found and found["status"] == "InProgress"}


def update_errors(update: Mapping[str, Any] | None) -> str:
    """Why an update has failed."""
    errors = (update or {}).get("errors") or []
    return "; ".join(f"{error['errorCode']}: {_without_dot(error['errorMessage'])}" for error in errors)


def updates_of(ids: Mapping[Ref, str]) -> dict[str, str]:
    """Those among what was made."""
    return {ref.name: made for ref, made in ids.items() if ref.kind == "update"}


def _without_dot(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
