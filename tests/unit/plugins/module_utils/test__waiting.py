from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._waiting import Seen, TimedOut, wait_for


class Time:
    """A clock that moves only when somebody sleeps, or when a look takes long."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def looks(*seen: Seen[int]):
    left = iter(seen)
    return lambda: next(left)


def waiting(look, timeout, time: Time, lines: list[str]):
    return wait_for(look, timeout, lines.append, time.clock, time.sleep)


def test_a_first_good_look_needs_no_sleep_and_says_nothing() -> None:
    time, lines = Time(), []
    assert waiting(looks(Seen(True, "", 7)), 10, time, lines).value == 7
    assert (time.slept, lines) == ([], [])


def test_each_look_says_when_the_next_one_is_due() -> None:
    time = Time()
    seen = waiting(looks(Seen(False, "a", 1, 3), Seen(False, "b", 2, 1), Seen(True, "", 3)), 60, time, [])
    assert (seen.value, time.slept) == (3, [3, 1])


def test_at_most_one_line_in_fifteen_seconds_with_the_state_of_that_moment() -> None:
    time, lines = Time(), []
    states = [Seen(False, f"look {number}", number, 5.0) for number in range(7)]
    waiting(looks(*states, Seen(True, "", 7)), 60, time, lines)
    assert lines == ["look 0 (0 of 60 s)", "look 3 (15 of 60 s)", "look 6 (30 of 60 s)"]


def test_an_empty_state_is_not_worth_a_line() -> None:
    lines: list[str] = []
    waiting(looks(Seen(False, "", 0), Seen(False, "late", 1), Seen(True, "", 2)), 60, Time(), lines)
    assert lines == ["late (2 of 60 s)"]


def test_the_last_look_is_at_the_end_of_the_time_and_kept_in_the_error() -> None:
    time = Time()
    with pytest.raises(TimedOut, match="pods are missing") as error:
        waiting(lambda: Seen(False, "pods are missing", int(time.now), 4), 10, time, [])
    assert (error.value.seen.value, error.value.seconds, time.slept) == (110, 10, [4, 4, 2])


def test_without_time_there_is_still_one_look() -> None:
    with pytest.raises(TimedOut):
        waiting(looks(Seen(False, "not ready", 0)), 0, Time(), [])


def test_an_exception_of_the_look_ends_the_waiting() -> None:
    def look() -> Seen[int]:
        raise ValueError("it cannot heal")

    with pytest.raises(ValueError, match="cannot heal"):
        waiting(look, 60, Time(), [])
