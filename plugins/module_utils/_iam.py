# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""IAM roles: what they should be, what they are, and the requests between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, is_owned, missing_tags, tag_list, tags_of
from ._policy_document import normalised

Properties = dict[str, Any]
Read = Callable[[Mapping[str, Request]], Mapping[str, Any]]

LONGEST_NAME = 64
SESSION_SECONDS = (3600, 43200)


@dataclass(frozen=True)
class Found:
    """A role with what belongs to it."""

    role: Mapping[str, Any]
    attached: Sequence[Mapping[str, str]]
    inline: Mapping[str, Mapping[str, Any]]  # documents by name
    profiles: Sequence[Mapping[str, Any]]


def about(name: str) -> str:
    return f"IAM role '{name}'"


# What is there


def get_role(name: str) -> Request:
    return Request(about(name), "iam", "get_role", {"RoleName": name}, "Role")


def _read(name: str, operation: str, answer: str, **arguments: Any) -> Request:
    return Request(about(name), "iam", operation, {"RoleName": name, **arguments}, answer)


def look(read: Read, find_all: Read, names: Sequence[str], cluster: str, removal: bool) -> dict[str, Found | None]:
    """Find the roles with the help of readers; only a removal asks for what stands in its way."""
    roles = find_all({name: get_role(name) for name in names})
    there = {name: role for name, role in roles.items() if role}
    for name, role in there.items():
        require_owned(role, name, cluster)
    wanted_of = {
        "attached": ("list_attached_role_policies", "AttachedPolicies"),
        "inline": ("list_role_policies", "PolicyNames"),
        **({"profiles": ("list_instance_profiles_for_role", "InstanceProfiles")} if removal else {}),
    }
    raw = read({f"{key} {name}": _read(name, *call) for name in there for key, call in wanted_of.items()})
    documents = read(
        {
            f"{name} {policy}": _read(name, "get_role_policy", "PolicyDocument", PolicyName=policy)
            for name in there
            for policy in raw[f"inline {name}"]
        }
    )
    return {
        name: Found(
            there[name],
            raw[f"attached {name}"],
            {policy: documents[f"{name} {policy}"] for policy in raw[f"inline {name}"]},
            raw.get(f"profiles {name}", []),
        )
        if name in there
        else None
        for name in names
    }


def require_owned(role: Mapping[str, Any], name: str, cluster: str) -> None:
    if not is_owned(role, cluster):
        raise AwsError(
            f"{about(name)} exists, but was not made for this cluster (it has no tag {OWNER_TAG}={cluster}), so it is left alone: "
            "choose another name, or tag it when it may be managed."
        )


def found(raw: Found) -> Properties:
    role = raw.role
    return {
        "path": role["Path"],
        "description": role.get("Description", ""),
        "max_session_duration": role["MaxSessionDuration"],
        "permissions_boundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        "trust_policy": normalised(role["AssumeRolePolicyDocument"]),
        "policies": sorted(policy["PolicyArn"] for policy in raw.attached),
        "inline_policies": {name: normalised(document) for name, document in raw.inline.items()},
        "tags": tags_of(role),
    }


# What should be


def check(roles: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what no state of the account can make right."""
    for role in roles:
        if not role["trust_policy"]:
            raise AwsError(f"{about(role['name'])} has no trust_policy: say who may take the role.")
        if len(role["name"]) > LONGEST_NAME:
            raise AwsError(
                f"{about(role['name'])} has a name of {len(role['name'])} characters, IAM takes {LONGEST_NAME}: choose a shorter one."
            )
        if not SESSION_SECONDS[0] <= role["max_session_duration"] <= SESSION_SECONDS[1]:
            raise AwsError(
                f"{about(role['name'])} has a max_session_duration of {role['max_session_duration']} seconds, IAM takes "
                f"{SESSION_SECONDS[0]} to {SESSION_SECONDS[1]}: choose one of these."
            )


def wanted(
    role: Mapping[str, Any],
    path: str,
    cluster: str,
    tags: Mapping[str, str],
    partition: str,
    permissions_boundary: str | None,
) -> Properties:
    """A role of the list as it should be."""
    policies = (
        policy if policy.startswith("arn:") else f"arn:{partition}:iam::aws:policy/{policy}"
        for policy in role["policies"]
    )
    return {
        "path": path,
        "description": role["description"],
        "max_session_duration": role["max_session_duration"],
        "permissions_boundary": permissions_boundary,
        "trust_policy": normalised(role["trust_policy"]),
        "policies": sorted(policies),
        "inline_policies": {name: normalised(document) for name, document in role["inline_policies"].items()},
        "tags": {**tags, OWNER_TAG: cluster},
    }


def target(name: str, now: Properties | None, want: Properties) -> Properties:
    if now is None:
        return want
    if now["path"] != want["path"]:
        raise AwsError(
            f"{about(name)} has the path {now['path']} and {want['path']} is wanted, which IAM cannot change: give the path it "
            "has, or remove the role first."
        )
    # A boundary that somebody else has set only takes rights away: it is kept where none is wanted.
    boundary = want["permissions_boundary"] or now["permissions_boundary"]
    return {**want, "permissions_boundary": boundary, "tags": {**now["tags"], **want["tags"]}}


# From one to the other


def requests(name: str, now: Properties | None, then: Properties, given: Mapping[str, Any]) -> list[Request]:
    """What makes a role be as it should; given are its documents as the user has written them."""

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(name), "iam", operation, {"RoleName": name, **arguments})

    plan = []
    trust = json.dumps(given["trust_policy"])
    if now is None:
        boundary = {"PermissionsBoundary": then["permissions_boundary"]} if then["permissions_boundary"] else {}
        arguments = {
            "RoleName": name,
            "Path": then["path"],
            "AssumeRolePolicyDocument": trust,
            "Description": then["description"],
            "MaxSessionDuration": then["max_session_duration"],
            "Tags": tag_list(then["tags"]),
            **boundary,
        }
        plan.append(Request(about(name), "iam", "create_role", arguments, "Role.Arn", makes=Ref("role", name)))
    else:
        # First what takes rights away.
        if now["permissions_boundary"] != then["permissions_boundary"]:
            plan.append(request("put_role_permissions_boundary", PermissionsBoundary=then["permissions_boundary"]))
        if now["trust_policy"] != then["trust_policy"]:
            plan.append(request("update_assume_role_policy", PolicyDocument=trust))
        if any(now[key] != then[key] for key in ("description", "max_session_duration")):
            settings = {"Description": then["description"], "MaxSessionDuration": then["max_session_duration"]}
            plan.append(request("update_role", **settings))
        if missing := missing_tags(now["tags"], then["tags"]):
            plan.append(request("tag_role", Tags=tag_list(missing)))
    before = now or {"policies": [], "inline_policies": {}}
    plan += [
        request("delete_role_policy", PolicyName=policy)
        for policy in before["inline_policies"]
        if policy not in then["inline_policies"]
    ]
    plan += [request("detach_role_policy", PolicyArn=arn) for arn in before["policies"] if arn not in then["policies"]]
    plan += [request("attach_role_policy", PolicyArn=arn) for arn in then["policies"] if arn not in before["policies"]]
    plan += [
        request("put_role_policy", PolicyName=policy, PolicyDocument=json.dumps(given["inline_policies"][policy]))
        for policy, document in then["inline_policies"].items()
        if before["inline_policies"].get(policy) != document
    ]
    return plan


def removal(name: str, raw: Found) -> list[Request]:
    """What removes a role with all that hangs on it."""

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(name), "iam", operation, {"RoleName": name, **arguments})

    return [
        *(
            request("remove_role_from_instance_profile", InstanceProfileName=profile["InstanceProfileName"])
            for profile in raw.profiles
        ),
        *(request("detach_role_policy", PolicyArn=policy["PolicyArn"]) for policy in raw.attached),
        *(request("delete_role_policy", PolicyName=policy) for policy in raw.inline),
        request("delete_role"),
    ]
