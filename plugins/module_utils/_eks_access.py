# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Access entries of an EKS cluster: what they should be, what they are, and the requests between."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, listed, missing_tags, tags_of
from ._eks import NEW_ROLE_SECONDS, UNKNOWN_ROLE, about_cluster

Properties = dict[str, Any]

ACCESS_POLICY = "arn:{partition}:eks::aws:cluster-access-policy/{name}"
CALLER = "caller"
STANDARD = "STANDARD"
ENTRY_TYPES = (STANDARD, "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX")
# Nodes of EKS Auto Mode are given their rights by a policy, all others by their type.
TYPES_WITH_POLICIES = (STANDARD, "EC2")
# What EKS keeps for itself.
RESERVED = ("system:", "eks:", "aws:", "amazon:", "iam:")


@dataclass(frozen=True)
class Principal:
    """Who is meant by a caller: an IAM user, or a role whose ARN only IAM knows."""

    arn: str | None
    role_name: str | None = None


def principal_of(caller_arn: str) -> Principal:
    """The IAM principal behind the ARN that STS gives of a caller."""
    service, resource = caller_arn.split(":")[2], caller_arn.split(":", 5)[5]
    if service == "sts" and resource.startswith("assumed-role/"):
        # The path of the role is not in it, and access entries need it; the roles of SSO always have one.
        return Principal(None, resource.split("/")[1])
    if service == "iam" and resource.startswith("user/"):
        return Principal(caller_arn)
    kind = "the root user of the account" if resource == "root" else f"a {resource.split('/')[0]}"
    raise AwsError(
        f"The caller {caller_arn} is {kind}, which cannot have an access entry: use credentials of an IAM role or user, or name "
        "the principal by its ARN."
    )


def check_entries(entries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse what no state of the account can make right."""
    for entry in entries:
        principal, kind = entry["principal"], entry["type"]
        if principal != CALLER:
            _check_principal(principal)
        given = [option for option in ("groups", "username") if entry[option] and kind != STANDARD]
        given += ["policies"] if entry["policies"] and kind not in TYPES_WITH_POLICIES else []
        if given:
            raise AwsError(
                f"The access entry of {principal} has {given[0]}, which one of the type {kind} cannot have, since EKS gives nodes their "
                "rights: leave them out, or make it STANDARD."
            )
        for option, names in {"group": entry["groups"], "username": [entry["username"] or ""]}.items():
            if taken := [name for name in names if name.startswith(RESERVED)]:
                raise AwsError(
                    f"The access entry of {principal} has the {option} '{taken[0]}', but names that begin with {listed(RESERVED)} are "
                    "kept by EKS for itself: give another one, or an access policy."
                )
        _check_policies(principal, entry["policies"])


def _check_policies(principal: str, policies: Sequence[Mapping[str, Any]]) -> None:
    names = [policy["policy"] for policy in policies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise AwsError(
            f"The access entry of {principal} has the access policy {twice[0]} more than once: give it once, with all of its "
            "namespaces."
        )
    for policy in policies:
        if bool(policy["namespaces"]) != (policy["scope"] == "namespace"):
            raise AwsError(
                f"The access policy {policy['policy']} of {principal} has the scope {policy['scope']} and "
                f"{len(policy['namespaces'])} namespaces: name namespaces with the scope namespace, and only with it."
            )


def check_once(principals: Sequence[str]) -> None:
    if twice := sorted({arn for arn in principals if principals.count(arn) > 1}):
        raise AwsError(
            f"The access entry of {twice[0]} is in the list more than once (caller counts too): give each principal one entry."
        )


def _check_principal(principal: str) -> None:
    if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:(role|user)/.+", principal):
        raise AwsError(
            f"The access entry's principal '{principal}' is not the ARN of an IAM role or user: give one, with its path, or "
            "caller for whoever runs this; EKS does not take ARNs of STS sessions."
        )


def is_caller(principal: str, caller_arn: str) -> bool:
    """Whether an ARN of IAM stands for the caller: an account has one role of a name, whatever its path."""
    try:
        caller = principal_of(caller_arn)
    except AwsError:
        return False  # who cannot have an entry
    if caller.arn:
        return principal == caller.arn
    account, resource = principal.split(":", 5)[4:]
    return (
        account == caller_arn.split(":")[4]
        and resource.startswith("role/")
        and resource.rpartition("/")[2] == caller.role_name
    )


def is_of_aws(principal: str) -> bool:
    """Whether it is a role that services of AWS use themselves."""
    return ":role/aws-service-role/" in principal


def purgeable(listed: Sequence[str], wanted: Collection[str], caller_arn: str) -> list[str]:
    """The principals whose entries may be removed when nobody wants them, if they are not those of nodes."""
    return [arn for arn in listed if not (arn in wanted or is_of_aws(arn) or is_caller(arn, caller_arn))]


def get_identity(principal: str) -> Request:
    kind, _separator, path = principal.split(":", 5)[5].partition("/")
    name = path.rpartition("/")[2]
    operation, argument, answer = {"role": ("get_role", "RoleName", "Role"), "user": ("get_user", "UserName", "User")}[
        kind
    ]
    return Request(f"IAM {kind} '{name}'", "iam", operation, {argument: name}, answer)


def patience_with(principal: str, identity: Any, planned: bool, now: datetime) -> tuple[str, ...]:
    """Which refusals of an entry heal by themselves, by what IAM says of its principal: an identity or an AwsError.

    Whoever may not ask IAM learns from EKS what is wrong.
    """
    if isinstance(identity, AwsError):
        if identity.code == "NoSuchEntity" and not planned:
            raise AwsError(
                f"{principal} is not there, so it cannot have an access entry: make it first, or correct the ARN."
            )
        return ()
    if identity["Arn"] != principal:
        raise AwsError(
            f"{principal} is not there, so it cannot have an access entry; {identity['Arn']} is: give the ARN with its path."
        )
    return UNKNOWN_ROLE if (now - identity["CreateDate"]).total_seconds() < NEW_ROLE_SECONDS else ()


def wanted_entry(entry: Mapping[str, Any], tags: Mapping[str, str], cluster: str, partition: str) -> Properties:
    """An entry of the list as it should be; of what is not in it EKS decides."""
    wanted: Properties = {"type": entry["type"]}
    if entry["username"]:
        wanted["username"] = entry["username"]
    if entry["type"] == STANDARD:
        wanted["groups"] = sorted(entry["groups"])
    if entry["type"] in TYPES_WITH_POLICIES:
        wanted["policies"] = {
            _policy_arn(policy["policy"], partition): {
                "type": policy["scope"],
                "namespaces": sorted(policy["namespaces"]),
            }
            for policy in entry["policies"]
        }
    return {**wanted, "tags": {**tags, OWNER_TAG: cluster}}


def _policy_arn(name: str, partition: str) -> str:
    return name if name.startswith("arn:") else ACCESS_POLICY.format(partition=partition, name=name)


def about_entry(principal: str, cluster: str) -> str:
    return f"Access entry of {principal} in {about_cluster(cluster)}"


def list_entries(cluster: str) -> Request:
    return Request(
        f"Access entries of {about_cluster(cluster)}",
        "eks",
        "list_access_entries",
        {"clusterName": cluster},
        "accessEntries",
    )


def list_policies() -> Request:
    return Request("Access policies of EKS", "eks", "list_access_policies", {}, "accessPolicies")


def describe_entry(cluster: str, principal: str) -> Request:
    arguments = {"clusterName": cluster, "principalArn": principal}
    return Request(about_entry(principal, cluster), "eks", "describe_access_entry", arguments, "accessEntry")


def list_entry_policies(cluster: str, principal: str) -> Request:
    return Request(
        about_entry(principal, cluster),
        "eks",
        "list_associated_access_policies",
        {"clusterName": cluster, "principalArn": principal},
        "associatedAccessPolicies",
    )


def found_entry(entry: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> Properties:
    return {
        "type": entry["type"],
        "username": entry.get("username"),
        "groups": sorted(entry.get("kubernetesGroups") or []),
        "policies": {
            policy["policyArn"]: {
                "type": policy["accessScope"]["type"],
                "namespaces": sorted(policy["accessScope"].get("namespaces") or []),
            }
            for policy in policies
        },
        "tags": tags_of(entry),
    }


def target_entry(principal: str, now: Properties | None, want: Properties, cluster: str) -> Properties:
    if now is None:
        return want
    if now["type"] != want["type"]:
        raise AwsError(
            f"{about_entry(principal, cluster)} has the type {now['type']} and {want['type']} is wanted, which EKS cannot change: "
            "give the type it has, or remove the entry first (state: absent)."
        )
    return {**now, **want, "tags": {**now["tags"], **want["tags"]}}


def check_known(wanted: Mapping[str, Properties], known: Collection[str]) -> None:
    """Refuse access policies that EKS does not have."""
    for principal, want in wanted.items():
        for arn in want.get("policies", {}):
            if arn not in known:
                names = sorted(each.rpartition("/")[2] for each in known)
                raise AwsError(
                    f"The access entry of {principal} has the access policy {arn}, which EKS does not know; it has {listed(names)}."
                )


def new_policies(found: Mapping[str, Properties], wanted: Mapping[str, Properties]) -> bool:
    """Whether any entry is to get an access policy that it does not have."""
    return any(
        arn not in found.get(principal, {}).get("policies", {})
        for principal, want in wanted.items()
        for arn in want.get("policies", {})
    )


def entry_requests(
    cluster: str,
    principal: str,
    now: Properties | None,
    then: Properties,
    arn: str = "",
    patience: tuple[str, ...] = (),
) -> list[Request]:
    """What makes an access entry be as it should, in order; the ARN is that of an entry that is there."""
    own = {"clusterName": cluster, "principalArn": principal}

    def request(operation: str, patience: tuple[str, ...] = (), **arguments: Any) -> Request:
        return Request(about_entry(principal, cluster), "eks", operation, {**own, **arguments}, patience=patience)

    names = {
        parameter: then[name]
        for name, parameter in {"username": "username", "groups": "kubernetesGroups"}.items()
        if name in then
    }
    requests = []
    if now is None:
        requests.append(request("create_access_entry", patience, type=then["type"], tags=then["tags"], **names))
    else:
        if any(now[name] != then[name] for name in ("username", "groups")):
            requests.append(request("update_access_entry", **names))
        if tags := missing_tags(now["tags"], then["tags"]):
            arguments = {"resourceArn": arn, "tags": tags}
            requests.append(Request(about_entry(principal, cluster), "eks", "tag_resource", arguments))
    before = now["policies"] if now else {}
    after = then.get("policies", {})
    requests += [
        # An entry that was just made is not known everywhere at once.
        request("associate_access_policy", ("ResourceNotFoundException",), policyArn=policy, accessScope=scope)
        for policy, scope in after.items()
        if before.get(policy) != scope
    ]
    requests += [request("disassociate_access_policy", policyArn=policy) for policy in before if policy not in after]
    return requests


def entry_removal(cluster: str, principal: str) -> list[Request]:
    arguments = {"clusterName": cluster, "principalArn": principal}
    return [Request(about_entry(principal, cluster), "eks", "delete_access_entry", arguments)]
