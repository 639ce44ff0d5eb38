# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a Kafka cluster is usable: the checks of which the answer is made, and when they are enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

# unknown: it could not be looked at. final: it fails, and waiting longer will not help.
Verdict = Literal["pass", "warn", "fail", "unknown", "final"]

NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Check:
    """One question about the cluster, with what was seen."""

    name: str
    verdict: Verdict
    evidence: str

    @property
    def bad(self) -> bool:
        return self.verdict not in ("pass", "warn")

    def as_result(self) -> dict[str, str]:
        return {
            "name": self.name,
            "verdict": "fail" if self.verdict == "final" else self.verdict,
            "evidence": self.evidence,
        }


def remember(
    checks: Iterable[Check], pods: frozenset[str], before: frozenset[str] | None
) -> tuple[bool, frozenset[str] | None]:
    """Ready is what two good looks in a row say of the very same pods.

    before: the pods of the look before, when that was a good one; the same of this look is returned.
    """
    if any(check.bad for check in checks):
        return False, None
    return before == pods, pods


def summary(checks: Iterable[Check]) -> str:
    """What is missing, in one phrase."""
    return "; ".join(f"{check.name}: {check.evidence}" for check in checks if check.bad and check.verdict != "unknown")


def judged(name: str, faults: Sequence[str], good: str, bad: Verdict = "fail") -> Check:
    """All is well without a fault; otherwise name the first few."""
    if not faults:
        return Check(name, "pass", good)
    more = [f"and {len(faults) - NAMED_AT_MOST} more"] if len(faults) > NAMED_AT_MOST else []
    return Check(name, bad, ", ".join([*faults[:NAMED_AT_MOST], *more]))


def listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(names))) or "none"
