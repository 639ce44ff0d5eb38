# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting that can be watched: one look a poll, a line now and then, the last seen state in the error."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

SECONDS_BETWEEN_LINES = 15.0
SECONDS_BETWEEN_LOOKS = 2.0

T = TypeVar("T")


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What one look saw."""

    done: bool
    # What is still missing: the text of the progress lines and of the error. Nothing is said when it is empty.
    state: str
    value: T
    next_look: float = SECONDS_BETWEEN_LOOKS


class TimedOut(Exception):
    """It is still not done. Its text says what is missing; the last look is kept."""

    def __init__(self, seen: Seen[Any], seconds: float):
        super().__init__(seen.state)
        self.seen = seen
        self.seconds = seconds


def wait_for(
    look: Callable[[], Seen[T]],
    timeout: float,
    say: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Seen[T]:
    """Look until it is done; there is always one look, and the last is at the end of the time.

    An exception of the look ends the waiting: that is how a look says that waiting longer will not help.
    """
    began = clock()
    silent_until = began
    while True:
        seen = look()
        if seen.done:
            return seen
        now = clock()
        left = began + timeout - now
        if left <= 0:
            raise TimedOut(seen, now - began)
        if seen.state and now >= silent_until:
            say(f"{seen.state} ({now - began:.0f} of {timeout:.0f} s)")
            silent_until = now + SECONDS_BETWEEN_LINES
        sleep(min(seen.next_look, left))
