# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the caller may do what the roles are going to do, by IAM's simulation of its policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import _deployer_policy
from ._aws_data import AwsError, Request, listed
from ._checks import Check
from ._deployer_policy import Scope, Statement
from ._quotas import number

# What those parts of the deployer's policy allow is tried by the questions of the preflight themselves.
NOT_SIMULATED = ("reads",)
# Stands for what is not made yet.
SOMETHING = "something"
SHOWN = 10  # of the actions that are refused


@dataclass(frozen=True)
class Question:
    """Whether actions are allowed on a resource, which is or is made as the context says."""

    actions: Sequence[str]
    resource: str = "*"
    context: Mapping[str, Sequence[str]] | None = None


def questions(scope: Scope) -> list[Question]:
    """What the deployer's policy allows: a question for each of its statements."""
    return [
        _question(statement)
        for part, statements in _deployer_policy.PARTS.items()
        if part not in NOT_SIMULATED
        for statement in statements(scope)
    ]


def _question(statement: Statement) -> Question:
    context: dict[str, Sequence[str]] = {}
    for keys in statement.conditions.values():
        for key, value in keys.items():
            values = [value] if isinstance(value, str) else value
            # Of several values that will do, one is what a request has.
            context[key] = [_concrete(values[0])]
    resource = statement.resources[0]
    return Question(sorted(statement.actions), resource if resource == "*" else _concrete(resource), context)


def _concrete(pattern: str) -> str:
    return pattern.replace("*", SOMETHING)


def requests(principal: str, asked: Iterable[Question]) -> dict[str, Request]:
    about = f"Permissions of {principal}"
    return {
        f"simulation {index}": Request(
            about, "iam", "simulate_principal_policy", _arguments(principal, question), "EvaluationResults"
        )
        for index, question in enumerate(asked)
    }


def _arguments(principal: str, question: Question) -> dict[str, Any]:
    context = [
        {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": "string"}
        for key, values in (question.context or {}).items()
    ]
    return {
        "PolicySourceArn": principal,
        "ActionNames": list(question.actions),
        "ResourceArns": [question.resource],
        **({"ContextEntries": context} if context else {}),
    }


def check(answers: Sequence[Any], principal: str | None, caller_arn: str) -> Check:
    """What the simulations say; without any, that nothing is known."""
    if principal is None or not answers:
        return Check(
            "permissions",
            "unknown",
            f"The policies of {caller_arn} cannot be simulated: what it lacks will show when it is needed.",
        )
    failed = next((answer for answer in answers if isinstance(answer, AwsError)), None)
    if failed:
        return Check(
            "permissions",
            "unknown",
            f"{str(failed).rstrip('.')}, or go on: what is lacking will show when it is needed.",
        )
    decisions: dict[str, set[str]] = {}
    for result in (result for answer in answers for result in answer):
        decision = result["EvalDecision"]
        if decision == "implicitDeny" and result.get("MissingContextValues"):
            decision = "conditional"
        decisions.setdefault(decision, set()).add(result["EvalActionName"])
    refused = decisions.get("explicitDeny", set()) | decisions.get("implicitDeny", set())
    if refused:
        names = sorted(refused)
        rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return Check(
            "permissions",
            "failed",
            f"The policies of {principal} do not allow {listed(names[:SHOWN])}{rest}, at least not as it is needed: attach the "
            "policies that playbooks/deployer_policy.yml writes.",
        )
    if "conditional" in decisions:
        return Check(
            "permissions",
            "unknown",
            f"Whether {principal} may do {listed(sorted(decisions['conditional']))} depends on conditions that cannot be simulated: "
            "what is lacking will show when it is needed.",
        )
    count = len({name for names in decisions.values() for name in names})
    return Check(
        "permissions", "ok", f"The policies of {principal} allow the {number(count)} actions that were simulated."
    )
