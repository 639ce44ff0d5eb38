# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a preflight finds: checks with their outcome, in a sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

Status = Literal["failed", "unknown", "low", "skipped", "ok"]
WORST_FIRST = get_args(Status)


@dataclass(frozen=True)
class Check:
    """The name is what the user skips it by."""

    check: str
    status: Status
    sentence: str


def skipped(checks: Iterable[Check], names: Sequence[str]) -> list[Check]:
    """The checks, with those of the names, or of a whole kind of names such as quota, not judged."""
    return [
        replace(check, status="skipped")
        if any(check.check == name or check.check.startswith(f"{name}_") for name in names)
        else check
        for check in checks
    ]


def lines(checks: Sequence[Check]) -> list[str]:
    """The checks as a table for people, the worst first."""
    width = max((len(check.check) for check in checks), default=0)
    ordered = sorted(checks, key=lambda check: WORST_FIRST.index(check.status))
    return [f"{check.status:<7}  {check.check:<{width}}  {check.sentence}" for check in ordered]
