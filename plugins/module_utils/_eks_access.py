# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Access entries of an EKS cluster: what they should be, what they are, and the requests between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request
from ._eks import about_cluster

Properties = dict[str, Any]

ACCESS_POLICY = "arn:{partition}:eks::aws:cluster-access-policy/{name}"


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


def check_principal(principal: str) -> None:
    if not re.fullmatch(r"arn:[\w-]+:iam::\d{12}:(role|user)/.+", principal):
        raise AwsError(
            f"The access entry's principal '{principal}' is not the ARN of an IAM role or user: give one, with its path, or "
            "caller for whoever runs this; EKS does not take ARNs of STS sessions."
        )


def wanted_entry(entry: Mapping[str, Any], partition: str) -> Properties:
    """An entry of the list as it should be."""
    policies = {}
    for policy in entry["policies"]:
        name = policy["policy"]
        if bool(policy["namespaces"]) != (policy["scope"] == "namespace"):
            raise AwsError(
                f"The access policy {name} of {entry['principal']} has the scope {policy['scope']} and "
                f"{len(policy['namespaces'])} namespaces: name namespaces with the scope namespace, and only with it."
            )
        arn = name if name.startswith("arn:") else ACCESS_POLICY.format(partition=partition, name=name)
        policies[arn] = {"type": policy["scope"], "namespaces": sorted(policy["namespaces"])}
    return {"groups": sorted(entry["groups"]), "policies": policies}


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
        "groups": sorted(entry.get("kubernetesGroups", [])),
        "policies": {
            policy["policyArn"]: {
                "type": policy["accessScope"]["type"],
                "namespaces": sorted(policy["accessScope"].get("namespaces") or []),
            }
            for policy in policies
        },
    }


def entry_requests(cluster: str, principal: str, now: Properties | None, want: Properties) -> list[Request]:
    """What makes an access entry be as wanted, its policies included."""
    own = {"clusterName": cluster, "principalArn": principal}

    def request(operation: str, patience: tuple[str, ...] = (), **arguments: Any) -> Request:
        return Request(about_entry(principal, cluster), "eks", operation, {**own, **arguments}, patience=patience)

    requests = []
    if now is None:
        tags = {OWNER_TAG: cluster}
        requests.append(request("create_access_entry", kubernetesGroups=want["groups"], tags=tags))
    elif now["groups"] != want["groups"]:
        requests.append(request("update_access_entry", kubernetesGroups=want["groups"]))
    before = now["policies"] if now else {}
    requests += [
        # An entry that was just made is not known everywhere at once.
        request("associate_access_policy", ("ResourceNotFoundException",), policyArn=arn, accessScope=scope)
        for arn, scope in want["policies"].items()
        if before.get(arn) != scope
    ]
    requests += [request("disassociate_access_policy", policyArn=arn) for arn in before if arn not in want["policies"]]
    return requests
