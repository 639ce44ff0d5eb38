from __future__ import annotations

import pytest

from lab.strimzi.work import Work


class Clock:
    """Time that passes only while somebody waits for it."""

    def __init__(self, until: float) -> None:
        self.now, self.until = 0.0, until

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None or self.now + timeout > self.until:
            raise KeyboardInterrupt
        self.now += timeout
        return True


def run(
    answers: list[bool | Exception], until: float, may: list[bool], monkeypatch: pytest.MonkeyPatch
) -> list[tuple[float, bool]]:
    """When the work was done, and whether as a look at everything."""
    done: list[tuple[float, bool]] = []
    clock = Clock(until)

    def do(key: str, everything: bool) -> bool:
        assert key == "kafka"
        done.append((round(clock.now, 1), everything))
        answer = answers.pop(0) if answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer

    tested = Work(do, 120, lambda: may.pop(0) if may else True, lambda: clock.now)
    monkeypatch.setattr(tested.changed, "wait", clock.wait)
    tested.notice("kafka")
    tested.notice("kafka")
    with pytest.raises(KeyboardInterrupt):
        tested.run()
    return done


@pytest.mark.parametrize(
    ("answers", "until", "may", "done"),
    [
        pytest.param([True], 250, [], [(0.3, True), (120.3, True), (240.3, True)], id="settled: at the interval"),
        pytest.param(
            [False, False, True],
            130,
            [],
            [(0.3, True), (2.3, False), (4.3, False), (120.3, True)],
            id="waiting: again soon",
        ),
        pytest.param([ValueError("x"), True], 10, [], [(0.3, True), (2.3, True)], id="failed: all of it again"),
        pytest.param([True], 10, [False, False], [(4.3, True)], id="not the leader yet"),
    ],
)
def test_when_work_is_done(
    answers: list[bool | Exception],
    until: float,
    may: list[bool],
    done: list[tuple[float, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(answers, until, may, monkeypatch) == done
