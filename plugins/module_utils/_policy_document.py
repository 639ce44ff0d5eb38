# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Policy documents of IAM and KMS in one form, so that two that mean the same are equal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]

_SETS = ("Action", "NotAction", "Resource", "NotResource")


def normalised(document: Mapping[str, Any] | str) -> Document:
    """A document whose lists are sorted and never single values, its statements too."""
    loaded: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    statements = [_statement(statement) for statement in _listed(loaded.get("Statement", []))]
    return {**loaded, "Statement": sorted(statements, key=_text)}


def _statement(statement: Mapping[str, Any]) -> Document:
    result: Document = dict(statement)
    for key in _SETS:
        if key in statement:
            result[key] = _set(statement[key])
    for key in ("Principal", "NotPrincipal"):
        if key in statement:
            result[key] = _principal(statement[key])
    if "Condition" in statement:
        result["Condition"] = {
            operator: {key: _set(values) for key, values in keys.items()}
            for operator, keys in statement["Condition"].items()
        }
    return result


def _principal(principal: Mapping[str, Any] | str) -> Document:
    named = {"AWS": principal} if isinstance(principal, str) else principal
    return {kind: sorted({_account(value) for value in _set(values)}) for kind, values in named.items()}


def _account(principal: str) -> str:
    """An account is named by its number or by the ARN of its root, which AWS makes of the number."""
    match = re.fullmatch(r"arn:[\w-]+:iam::(\d{12}):root", principal)
    return match[1] if match else principal


def _set(values: Any) -> list[str]:
    return sorted({_scalar(value) for value in _listed(values)})


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(statement: Document) -> str:
    return json.dumps(statement, sort_keys=True)
