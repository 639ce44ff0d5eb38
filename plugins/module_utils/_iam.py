# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IAM roles: what they should be, what they are, and the requests between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, is_owned, missing_tags, tag_list, tags_of

Properties = dict[str, Any]

LONGEST_NAME = 64


def about(name: str) -> str:
    return f"IAM role '{name}'"


def get_role(name: str) -> Request:
    return Request(about(name), "iam", "get_role", {"RoleName": name}, "Role")


def _read(name: str, operation: str, answer: str) -> Request:
    return Request(about(name), "iam", operation, {"RoleName": name}, answer)


def reads(name: str) -> dict[str, Request]:
    """The requests for what belongs to a role that is there."""
    return {"attached": _read(name, "list_attached_role_policies", "AttachedPolicies")}


def removal_reads(name: str) -> dict[str, Request]:
    """The requests for what stands in the way of removing a role."""
    return {
        **reads(name),
        "inline": _read(name, "list_role_policies", "PolicyNames"),
        "profiles": _read(name, "list_instance_profiles_for_role", "InstanceProfiles"),
    }


def check(roles: Sequence[Mapping[str, Any]]) -> None:
    for role in roles:
        if not role["trust_policy"]:
            raise AwsError(f"{about(role['name'])} has no trust_policy: say who may take the role.")
        if len(role["name"]) > LONGEST_NAME:
            raise AwsError(
                f"{about(role['name'])} has a name of {len(role['name'])} characters, IAM takes {LONGEST_NAME}: choose a shorter one."
            )


def require_owned(role: Mapping[str, Any], name: str, cluster: str) -> None:
    if not is_owned(role, cluster):
        raise AwsError(
            f"{about(name)} exists, but was not made for this cluster (it has no tag {OWNER_TAG}={cluster}), so it is left alone: "
            "choose another name, or tag it when it may be managed."
        )


def wanted(role: Mapping[str, Any], path: str, cluster: str, tags: Mapping[str, str], partition: str) -> Properties:
    """A role of the list as it should be."""
    policies = (
        policy if policy.startswith("arn:") else f"arn:{partition}:iam::aws:policy/{policy}"
        for policy in role["policies"]
    )
    return {
        "path": path,
        "trust_policy": role["trust_policy"],
        "policies": sorted(policies),
        "tags": {**tags, OWNER_TAG: cluster},
    }


def found(role: Mapping[str, Any], attached: Sequence[Mapping[str, str]]) -> Properties:
    return {
        "path": role["Path"],
        "trust_policy": role["AssumeRolePolicyDocument"],
        "policies": sorted(policy["PolicyArn"] for policy in attached),
        "tags": tags_of(role),
    }


def target(name: str, now: Properties | None, want: Properties) -> Properties:
    if now is None:
        return want
    if now["path"] != want["path"]:
        raise AwsError(
            f"{about(name)} has the path {now['path']} and {want['path']} is wanted, which IAM cannot change: give the path it "
            "has, or remove the role first."
        )
    return {**want, "tags": {**now["tags"], **want["tags"]}}


def requests(name: str, now: Properties | None, then: Properties, document: str) -> list[Request]:
    """What makes a role be as it should; the document is its trust policy in JSON."""

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(name), "iam", operation, {"RoleName": name, **arguments})

    plan = []
    if now is None:
        tags = tag_list(then["tags"])
        arguments = {"RoleName": name, "Path": then["path"], "AssumeRolePolicyDocument": document, "Tags": tags}
        plan.append(Request(about(name), "iam", "create_role", arguments, "Role.Arn", makes=Ref("role", name)))
    else:
        if now["trust_policy"] != then["trust_policy"]:
            plan.append(request("update_assume_role_policy", PolicyDocument=document))
        if missing := missing_tags(now["tags"], then["tags"]):
            plan.append(request("tag_role", Tags=tag_list(missing)))
    before = now["policies"] if now else []
    plan += [request("attach_role_policy", PolicyArn=arn) for arn in then["policies"] if arn not in before]
    plan += [request("detach_role_policy", PolicyArn=arn) for arn in before if arn not in then["policies"]]
    return plan


def removal(name: str, raw: Mapping[str, Any]) -> list[Request]:
    """What removes a role with all that hangs on it."""

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(name), "iam", operation, {"RoleName": name, **arguments})

    return [
        *(
            request("remove_role_from_instance_profile", InstanceProfileName=profile["InstanceProfileName"])
            for profile in raw["profiles"]
        ),
        *(request("detach_role_policy", PolicyArn=policy["PolicyArn"]) for policy in raw["attached"]),
        *(request("delete_role_policy", PolicyName=policy) for policy in raw["inline"]),
        request("delete_role"),
    ]
