"""How long things take on AWS, and the clock by which the emulated ones do.

The scale is a factor: 1 is as slow as AWS, 0.1 ten times as fast. With 0 nothing takes time: a state moves when a describe or list
operation looks at it, which is deterministic and what tests in process use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.aws import faults
from lab.aws.plane import PlaneError

DURATIONS: dict[str, float] = {  # seconds on AWS, as users see them; AWS promises none of them
    "cluster create": 480,
    "cluster delete": 240,
    "cluster config update": 60,
    "cluster version update": 600,
    "cluster encryption update": 900,
    "instance join": 45,  # from the launch of a machine to its node
    "node group create": 150,
    "node group delete": 180,
    "node group update": 120,
    "add-on create": 30,
    "add-on update": 30,
    "add-on delete": 20,
    "NAT gateway create": 110,
    "NAT gateway delete": 60,
    "interface endpoint create": 60,
    "interface endpoint delete": 60,
    "role spread": 10,  # until every service has heard of a new IAM role
}


@dataclass
class Span:
    """Something that took its time."""

    action: str  # one of DURATIONS
    resource: str
    started: float
    needs: Sequence[Span] = field(default=())  # what had to be over before it could begin
    ended: float | None = None

    @property
    def path(self) -> float:
        """Seconds on AWS until this can be over at the earliest."""
        return DURATIONS[self.action] + max((need.path for need in self.needs), default=0)


class Clock:
    def __init__(self, scale: float = 0, now: Callable[[], float] = time.time) -> None:
        self.scale, self.now = scale, now
        self.spans: list[Span] = []
        self._moving: list[Transition] = []

    def has_passed(self, action: str, since: float) -> bool:
        return self.now() >= since + DURATIONS[action] * self.scale

    def moves_by_itself(self, transition: Transition) -> None:
        """What is seen without being described, such as the address of a NAT gateway that is gone."""
        self._moving.append(transition)

    def tick(self) -> None:
        """Let pass what is over; called at each request."""
        if self.scale:
            for transition in self._moving:
                transition.look()
            self._moving = [transition for transition in self._moving if not transition.is_over]

    def timeline(self) -> dict[str, Any]:
        """What took its time so far, and the time below which it cannot all be done."""
        return {
            "scale": self.scale,
            "critical_path": max((span.path for span in self.spans), default=0) * self.scale,
            "spans": [
                {
                    "action": span.action,
                    "resource": span.resource,
                    "started": span.started,
                    "ended": span.ended,
                    "seconds_on_aws": DURATIONS[span.action],
                }
                for span in self.spans
            ],
        }


current = Clock()


class Transition:
    """A status on its way to another. It moves when it is looked at and its time has come, and not before what stands behind it is
    done."""

    def __init__(
        self,
        action: str,
        resource: str,
        start: str,
        end: str,
        done: Callable[[], bool] = lambda: True,
        then: Callable[[], object] = lambda: None,
        failed: str = "FAILED",
        otherwise: Callable[[], object] = lambda: None,
        needs: Sequence[Span] = (),
    ) -> None:
        self.status, self._end, self._failed = start, end, failed
        self._done, self.then, self.otherwise = done, then, otherwise
        self._planned_failure = faults.current.failure_of(action, resource)
        self.failure: faults.Failure | None = None
        self.span = Span(action, resource, current.now(), needs)
        current.spans.append(self.span)

    @property
    def is_over(self) -> bool:
        return self.failure is not None or self.status == self._end

    @property
    def is_doomed(self) -> bool:
        return self._planned_failure is not None

    def look(self) -> str:
        if not self.is_over:
            try:
                if self._done() and (not current.scale or current.has_passed(self.span.action, self.span.started)):
                    self._move()
            except PlaneError as error:
                self._fail(faults.Failure("InternalFailure", str(error)))
        return self.status

    def doom(self, failure: faults.Failure) -> None:
        """Let it end badly when its time has come."""
        self._planned_failure = failure

    def _move(self) -> None:
        if self._planned_failure:
            self._fail(self._planned_failure)
            return
        self.status, self.span.ended = self._end, current.now()
        self.then()

    def _fail(self, failure: faults.Failure) -> None:
        self.status, self.failure, self.span.ended = self._failed, failure, current.now()
        self.otherwise()
