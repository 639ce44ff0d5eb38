"""Roles and policies, where moto is not as IAM is."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.iam.exceptions import DeleteConflictException, LimitExceededException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, ManagedPolicy, PolicyVersion, Role

from lab.aws import clock, patching

# What the names of linked roles end with; moto has the service's own name.
SERVICE_NAMES = {"eks": "AmazonEKS", "eks-nodegroup": "AmazonEKSNodegroup"}
LARGEST_POLICY = 6144  # characters of a managed policy, white space aside
_made_policies: dict[str, list[ManagedPolicy]] = {}


@dataclass
class Consistency:
    looks: int = 0  # how often a service that is given a new role does not know it yet, where nothing takes time


current = Consistency()


def install() -> None:
    # Roles attach AWS's own policies, which moto leaves out by default.
    os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    SERVICE_NAME_CONVERSION.update(SERVICE_NAMES)
    patching.replace(IAMBackend, aws_policies, name="_init_aws_policies")
    patching.replace(IAMBackend, create_policy, create_policy_version, create_role, delete_policy)


def aws_policies(original: Callable[[], list[ManagedPolicy]], iam: IAMBackend) -> list[ManagedPolicy]:
    """Made once and for one partition: it takes long, and moto does it for all four, again at each reset."""
    if iam.region_name != "aws":
        return []
    if iam.account_id not in _made_policies:
        _made_policies[iam.account_id] = original()
    return [copy.copy(policy) for policy in _made_policies[iam.account_id]]


def create_policy(
    original: Callable[..., ManagedPolicy],
    iam: IAMBackend,
    description: str,
    path: str,
    policy_document: str,
    *args: Any,
) -> ManagedPolicy:
    _require_size(policy_document)
    return original(description, path, policy_document, *args)


def create_policy_version(
    original: Callable[..., PolicyVersion], iam: IAMBackend, policy_arn: str, policy_document: str, *args: Any
) -> PolicyVersion:
    _require_size(policy_document)
    return original(policy_arn, policy_document, *args)


def _require_size(document: str) -> None:
    """moto takes any."""
    if len("".join(document.split())) > LARGEST_POLICY:
        raise LimitExceededException(f"Cannot exceed quota for PolicySize: {LARGEST_POLICY}")


def delete_policy(original: Callable[..., None], iam: IAMBackend, policy_arn: str) -> None:
    """moto deletes what is attached."""
    if iam.get_policy(policy_arn).attachment_count:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    original(policy_arn)


def create_role(original: Callable[..., Role], iam: IAMBackend, *args: Any, **kwargs: Any) -> Role:
    role = original(*args, **kwargs)
    role.made_at, role.unheard = clock.current.now(), current.looks  # type: ignore[attr-defined]
    return role


def is_known(role: Role) -> bool:
    """Whether other services have heard of a role: they do a few seconds after it was made."""
    if clock.current.scale:
        return clock.current.has_passed("role spread", role.made_at)  # type: ignore[attr-defined]
    if role.unheard > 0:  # type: ignore[attr-defined]
        role.unheard -= 1  # type: ignore[attr-defined]
        return False
    return True


def linked_role(iam: IAMBackend, service: str) -> Role | None:
    """The role that a service made for itself."""
    return next((role for role in iam.get_roles() if role._linked_service == service), None)
