"""Whether the caller of a request may make it: by the actions of the identity-based policies, as IAM decides.

Resources and conditions of statements are not looked at: an Allow counts for everything, and a Deny that is limited by either of them
counts for nothing. Resource-based policies, boundaries, session policies and organisations are not looked at either.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import utcnow
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse

from lab.aws import iam, identity, patching
from lab.aws.faults import EXPIRED, Refusal, Rule
from lab.aws.identity import Caller
from lab.aws.patching import Refused

# What AWS asks besides the action itself: with these parameters, these actions too.
TAGGED = {
    "ec2": ("TagSpecifications", "ec2:CreateTags"),
    "eks": ("tags", "eks:TagResource"),
    "logs": ("tags", "logs:TagResource"),
    "kms": ("Tags", "kms:TagResource"),
    "events": ("Tags", "events:TagResource"),
    "sqs": ("tags", "sqs:TagQueue"),
    "aps": ("tags", "aps:TagResource"),
    "iam:CreateRole": ("Tags", "iam:TagRole"),
    "iam:CreatePolicy": ("Tags", "iam:TagPolicy"),
    "iam:CreateInstanceProfile": ("Tags", "iam:TagInstanceProfile"),
}
TAGGING = re.compile(r"\w+:(Create|Authorize|Allocate|Run|Put|Copy|Import)\w+")
PASS_ROLE = "iam:PassRole"
PASSES = {  # action -> the parameters that name a role
    "eks:CreateCluster": ("roleArn",),
    "eks:CreateNodegroup": ("nodeRole",),
    "eks:CreateAddon": ("serviceAccountRoleArn", "podIdentityAssociations"),
    "eks:UpdateAddon": ("serviceAccountRoleArn", "podIdentityAssociations"),
    "eks:CreatePodIdentityAssociation": ("roleArn",),
    "eks:UpdatePodIdentityAssociation": ("roleArn",),
    "ec2:RunInstances": ("IamInstanceProfile",),
    "iam:AddRoleToInstanceProfile": ("RoleName",),
}
WITH = {  # action -> parameter -> what else is done in the caller's name
    "eks:CreateCluster": {"encryptionConfig": ("kms:DescribeKey", "kms:CreateGrant")},
    "eks:AssociateEncryptionConfig": {"encryptionConfig": ("kms:DescribeKey", "kms:CreateGrant")},
    "eks:CreateNodegroup": {"launchTemplate": ("ec2:RunInstances", "ec2:CreateTags")},
    "eks:UpdateNodegroupVersion": {"launchTemplate": ("ec2:RunInstances", "ec2:CreateTags")},
}
LINKED = {"eks:CreateCluster": "eks.amazonaws.com", "eks:CreateNodegroup": "eks-nodegroup.amazonaws.com"}
ALWAYS = ("sts:GetCallerIdentity",)
DENIALS = {  # service -> code and HTTP status
    "ec2": ("UnauthorizedOperation", 403),
    "iam": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "autoscaling": ("AccessDenied", 403),
    "elasticloadbalancing": ("AccessDenied", 403),
    "eks": ("AccessDeniedException", 403),
    "aps": ("AccessDeniedException", 403),
    "": ("AccessDeniedException", 400),
}
STRANGERS = {
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
    "iam": ("InvalidClientTokenId", "The security token included in the request is invalid", 403),
    "sts": ("InvalidClientTokenId", "The security token included in the request is invalid", 403),
    "": ("UnrecognizedClientException", "The security token included in the request is invalid.", 403),
}


@dataclass
class Authorization:
    enforced: bool = False
    # Whether an access key of nobody is the account's own, as the one that moto gives to tests.
    strangers_are_root: bool = True
    denied: dict[str, list[str]] = field(default_factory=dict)  # pattern over principals' ARNs -> patterns over actions


current = Authorization()


def install() -> None:
    patching.add(IamResponse, simulate_principal_policy)


@dataclass(frozen=True)
class Statement:
    denies: bool
    actions: re.Pattern[str]
    others: bool  # it is for all actions but these

    def is_about(self, action: str) -> bool:
        return bool(self.actions.fullmatch(action)) != self.others


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pattern(actions: Sequence[str]) -> re.Pattern[str]:
    parts = (re.escape(action).replace(r"\*", ".*").replace(r"\?", ".") for action in actions)
    return re.compile("|".join(parts), re.IGNORECASE)


@functools.lru_cache
def statements(policy: str) -> tuple[Statement, ...]:
    """What a policy says about actions."""
    found = []
    for statement in _listed(json.loads(policy).get("Statement", [])):
        denies = statement["Effect"] == "Deny"
        limited = (
            "Condition" in statement or "NotResource" in statement or "*" not in _listed(statement.get("Resource", "*"))
        )
        if denies and limited:
            continue
        others = "NotAction" in statement
        actions = _listed(statement["NotAction" if others else "Action"])
        found.append(Statement(denies, _pattern(actions), others))
    return tuple(found)


def policies(backend: IAMBackend, principal_arn: str) -> Iterator[str]:
    """The policies of a user or role, those of the user's groups included."""
    name = principal_arn.rpartition("/")[2]
    holders: list[Any] = (
        [backend.get_user(name), *backend.get_groups_for_user(name)]
        if ":user/" in principal_arn
        else [backend.get_role(name)]
    )
    for holder in holders:
        yield from holder.policies.values()
        for managed in holder.managed_policies.values():
            yield next(v.document for v in managed.versions if v.version_id == managed.default_version_id)


def decide(backend: IAMBackend, principal_arn: str, action: str) -> str:
    """As IAM's simulator puts it: allowed, explicitDeny or implicitDeny."""
    if action in ALWAYS:
        return "allowed"
    for pattern, actions in current.denied.items():
        if fnmatchcase(principal_arn, pattern) and _pattern(actions).fullmatch(action):
            return "explicitDeny"
    about = [s for policy in policies(backend, principal_arn) for s in statements(policy) if s.is_about(action)]
    if any(statement.denies for statement in about):
        return "explicitDeny"
    return "allowed" if about else "implicitDeny"


def needed(response: BaseResponse, action: str) -> list[tuple[str, str]]:
    """The actions that a request takes, each with the resource that it is for where it is another."""
    service = action.partition(":")[0]
    resource = f"arn:aws:{service}:{response.region}:{response.current_account}:*"
    actions = [(action, resource)]
    parameter, tagging = TAGGED.get(action) or TAGGED.get(service) or ("", "")
    if parameter and TAGGING.fullmatch(action) and response._get_param(parameter):
        actions.append((tagging, resource))
    for parameter in PASSES.get(action, ()):
        value = response._get_param(parameter)
        if isinstance(value, list):
            actions.append(("eks:CreatePodIdentityAssociation", resource))
            actions += [(PASS_ROLE, association["roleArn"]) for association in value]
        elif value:
            actions.append((PASS_ROLE, str(value)))
    for parameter, others in WITH.get(action, {}).items():
        if response._get_param(parameter):
            actions += [(other, "*") for other in others]
    if action in LINKED and iam.linked_role(iam_backends[response.current_account]["aws"], LINKED[action]) is None:
        actions.append(("iam:CreateServiceLinkedRole", "*"))
    return actions


def refusal_of(response: BaseResponse, action: str) -> Refusal | None:
    """Why a request is refused to its caller, where it is."""
    if not current.enforced:
        return None
    service = action.partition(":")[0]
    caller = identity.find_caller(response.access_key)
    if caller is None:
        if current.strangers_are_root:
            return None
        return Refusal(*STRANGERS.get(service, STRANGERS[""]))
    if caller.expires and utcnow() > caller.expires:
        return Rule(action, EXPIRED).refusal(action)
    backend = iam_backends[caller.account_id]["aws"]
    for what, resource in needed(response, action):
        decision = decide(backend, caller.principal_arn, what)
        if decision != "allowed":
            code, status = DENIALS.get(service, DENIALS[""])
            return Refusal(code, _denial(service, caller, what, resource, decision), status)
    return None


def _denial(service: str, caller: Caller, action: str, resource: str, decision: str) -> str:
    reason = (
        "with an explicit deny in an identity-based policy"
        if decision == "explicitDeny"
        else f"because no identity-based policy allows the {action} action"
    )
    sentence = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
    return f"You are not authorized to perform this operation. {sentence}" if service == "ec2" else sentence


def simulate_principal_policy(response: IamResponse) -> ActionResult:
    """moto does not have it. Here too: actions only."""
    source = response._get_param("PolicySourceArn")
    if not re.fullmatch(r"arn:aws:iam::\d{12}:(user|role)/.+", source):
        raise Refused("InvalidInput", f"Invalid Entity Arn: {source}")
    backend = iam_backends[response.current_account]["aws"]
    if source not in {*(role.arn for role in backend.get_roles()), *(user.arn for user in backend.users.values())}:
        raise NotFoundException(f"The principal {source} cannot be found.")
    return ActionResult(
        {
            "IsTruncated": False,
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalResourceName": resource,
                    "EvalDecision": decide(backend, source, action),
                    "MatchedStatements": [],
                    "MissingContextValues": [],
                }
                for action in response._get_param("ActionNames", [])
                for resource in response._get_param("ResourceArns") or ["*"]
            ],
        }
    )
