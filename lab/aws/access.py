"""Access entries with their policies, and pod identity associations."""

from __future__ import annotations

import re
import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import iam_backends

from lab.aws.iam import is_known
from lab.aws.model import (
    AccessEntry,
    Cluster,
    InUse,
    InvalidParameter,
    InvalidRequest,
    NotFound,
    NotOnTheLab,
    Operations,
    find,
)

ROLES = {  # access policy -> the built-in cluster role that grants the same
    "AmazonEKSClusterAdminPolicy": "cluster-admin",
    "AmazonEKSAdminPolicy": "admin",
    "AmazonEKSEditPolicy": "edit",
    "AmazonEKSViewPolicy": "view",
}
# Those after the first four can be associated, and grant nothing on the lab.
POLICIES = (
    *ROLES,
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEMRJobPolicy",
)
POLICY_ARN = "arn:aws:eks::aws:cluster-access-policy/"
PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(?P<kind>role|user)/.+")
NO_PRINCIPAL = "The specified principalArn could not be found. You can view your available access entries with 'ListAccessEntries'."
RESERVED_GROUPS = ("system:", "eks:", "aws:", "amazon:", "iam:")
STANDARD, NODE, AUTO_NODE = "STANDARD", "EC2_LINUX", "EC2"
NODES = {  # type of an entry -> the name that nodes with it have in Kubernetes
    NODE: "system:node:{{EC2PrivateDNSName}}",
    AUTO_NODE: "system:node:{{EC2PrivateDNSName}}",
    "EC2_WINDOWS": "system:node:{{EC2PrivateDNSName}}",
    "FARGATE_LINUX": "system:node:{{SessionName}}",
}


def policy_arn(name: str) -> str:
    return POLICY_ARN + name


def policy_group(name: str) -> str:
    """The Kubernetes group that stands for an access policy; the control plane binds it."""
    return f"eks-access-policy:{name}"


def groups(entry: AccessEntry) -> list[str]:
    """The Kubernetes groups of whoever comes through an access entry. What is for some namespaces only grants nothing here."""
    policies = [
        policy_group(arn.removeprefix(POLICY_ARN))
        for arn, policy in entry.policies.items()
        if policy["accessScope"]["type"] == "cluster"
    ]
    return [*entry.document["kubernetesGroups"], *policies]


def new_entry(operations: Operations, cluster: Cluster, principal: str, kind: str = STANDARD) -> AccessEntry:
    match = PRINCIPAL.fullmatch(principal)
    if match is None:
        raise InvalidParameter("The principalArn parameter format is not valid")
    if principal in cluster.entries:
        raise InUse("The specified access entry resource is already in use on this cluster.")
    account, name = operations.current_account, principal.rpartition("/")[2]
    iam = iam_backends[account]["aws"]
    if match["kind"] == "role":
        principals = [role.arn for role in iam.get_roles() if role.arn == principal and is_known(role)]
    else:
        principals = [user.arn for user in iam.users.values()]
    if principal not in principals:
        raise InvalidParameter("The specified principalArn is invalid: invalid principal.")
    if kind in NODES:
        username, kubernetes_groups = NODES[kind], ["system:nodes"]
    elif match["kind"] == "role":
        username, kubernetes_groups = f"arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}", []
    else:
        username, kubernetes_groups = principal, []
    entry = AccessEntry(
        {
            "clusterName": cluster.name,
            "principalArn": principal,
            "kubernetesGroups": kubernetes_groups,
            "accessEntryArn": operations.arn(
                "access-entry", cluster.name, match["kind"], account, name, str(uuid.uuid4())
            ),
            "createdAt": utcnow(),
            "modifiedAt": utcnow(),
            "tags": {},
            "username": username,
            "type": kind,
        }
    )
    cluster.entries[principal] = entry
    return entry


def associate(entry: AccessEntry, arn: str, scope: dict[str, Any]) -> dict[str, Any]:
    if not arn.startswith(POLICY_ARN):
        raise InvalidParameter("The policyArn parameter format is not valid")
    if arn.removeprefix(POLICY_ARN) not in POLICIES:
        raise NotFound(
            "The specified policyArn could not be found. You can view available policies with 'ListAccessPolicies'."
        )
    if entry.document["type"] not in (STANDARD, AUTO_NODE):
        raise InvalidRequest(
            f"Access policies cannot be associated with an access entry of type {entry.document['type']}"
        )
    namespaces = scope.get("namespaces", [])
    if bool(namespaces) != (scope["type"] == "namespace"):
        raise InvalidParameter("Namespaces must be given for an access scope of type namespace, and for no other")
    now = utcnow()
    before = entry.policies.get(arn, {"associatedAt": now})
    entry.policies[arn] = {
        **before,
        "policyArn": arn,
        "accessScope": {"type": scope["type"], "namespaces": namespaces},
        "modifiedAt": now,
    }
    return entry.policies[arn]


def require_groups(names: list[str]) -> None:
    for name in names:
        if name.startswith(RESERVED_GROUPS):
            raise InvalidParameter(
                f"The kubernetes group name {name} is invalid, it cannot start with {RESERVED_GROUPS}"
            )


def new_association(operations: Operations, cluster: Cluster, document: dict[str, Any]) -> dict[str, Any]:
    operations.require_role(document["roleArn"])
    for other in cluster.associations.values():
        if all(other[key] == document[key] for key in ("namespace", "serviceAccount")):
            raise InUse(f"Association already exists: {other['associationId']}")
    identifier = "a-" + uuid.uuid4().hex[:17]
    cluster.associations[identifier] = {
        "clusterName": cluster.name,
        "associationId": identifier,
        "associationArn": operations.arn("podidentityassociation", cluster.name, identifier),
        "createdAt": utcnow(),
        "modifiedAt": utcnow(),
        "tags": {},
        **document,
    }
    return cluster.associations[identifier]


class AccessOperations(Operations):
    @property
    def _managed(self) -> Cluster:
        """The cluster of the request, where access entries count."""
        if self.cluster.document["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
            raise InvalidRequest(
                "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation."
            )
        return self.cluster

    @property
    def _entry(self) -> AccessEntry:
        return find(self._managed.entries, self.param("principalArn"), NO_PRINCIPAL)

    def create_access_entry(self) -> ActionResult:
        changes = self.given("kubernetesGroups", "username", "tags")
        self.require_implemented("principalArn", "type", *changes)
        kind = self.param("type") or STANDARD
        if kind not in (STANDARD, *NODES):
            raise NotOnTheLab(f"access entries of type {kind}")
        if kind in NODES and changes.keys() & {"kubernetesGroups", "username"}:
            raise InvalidParameter(f"Neither kubernetesGroups nor username can be given for the type {kind}")
        require_groups(changes.get("kubernetesGroups", []))
        entry = new_entry(self, self._managed, self.param("principalArn"), kind)
        entry.document.update(changes)
        return ActionResult({"accessEntry": entry.document})

    def describe_access_entry(self) -> ActionResult:
        return ActionResult({"accessEntry": self._entry.document})

    def list_access_entries(self) -> ActionResult:
        self.require_implemented("maxResults")
        return ActionResult({"accessEntries": sorted(self._managed.entries)})

    def update_access_entry(self) -> ActionResult:
        changes = self.given("kubernetesGroups", "username")
        self.require_implemented("principalArn", *changes)
        require_groups(changes.get("kubernetesGroups", []))
        self._entry.document.update(changes, modifiedAt=utcnow())
        return ActionResult({"accessEntry": self._entry.document})

    def delete_access_entry(self) -> ActionResult:
        del self._managed.entries[self._entry.document["principalArn"]]
        return ActionResult({})

    def list_access_policies(self) -> ActionResult:
        return ActionResult({"accessPolicies": [{"name": name, "arn": policy_arn(name)} for name in POLICIES]})

    def associate_access_policy(self) -> ActionResult:
        entry = self._entry
        policy = associate(entry, self.param("policyArn"), self.param("accessScope"))
        return ActionResult({**self._whose(entry), "associatedAccessPolicy": policy})

    def list_associated_access_policies(self) -> ActionResult:
        entry = self._entry
        return ActionResult({**self._whose(entry), "associatedAccessPolicies": list(entry.policies.values())})

    def disassociate_access_policy(self) -> ActionResult:
        entry, arn = self._entry, self.param("policyArn")
        find(entry.policies, arn, "The specified policyArn is not associated with the access entry.")
        del entry.policies[arn]
        return ActionResult({})

    @staticmethod
    def _whose(entry: AccessEntry) -> dict[str, Any]:
        return {key: entry.document[key] for key in ("clusterName", "principalArn")}

    @property
    def _association(self) -> dict[str, Any]:
        identifier = self.param("associationId")
        return find(self.cluster.associations, identifier, f"Pod identity association not found: {identifier}")

    def create_pod_identity_association(self) -> ActionResult:
        document = self.given("namespace", "serviceAccount", "roleArn", "tags", "targetRoleArn", "disableSessionTags")
        self.require_implemented(*document)
        return ActionResult({"association": new_association(self, self.cluster, document)})

    def list_pod_identity_associations(self) -> ActionResult:
        self.require_implemented("namespace", "serviceAccount", "maxResults")
        wanted = self.given("namespace", "serviceAccount")
        found = [a for a in self.cluster.associations.values() if all(a[key] == value for key, value in wanted.items())]
        return ActionResult({"associations": found})

    def describe_pod_identity_association(self) -> ActionResult:
        return ActionResult({"association": self._association})

    def update_pod_identity_association(self) -> ActionResult:
        changes = self.given("roleArn", "targetRoleArn", "disableSessionTags")
        self.require_implemented("associationId", *changes)
        if "roleArn" in changes:
            self.require_role(changes["roleArn"])
        self._association.update(changes, modifiedAt=utcnow())
        return ActionResult({"association": self._association})

    def delete_pod_identity_association(self) -> ActionResult:
        return ActionResult({"association": self.cluster.associations.pop(self._association["associationId"])})
