from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import (
    Check,
    judged,
    listed,
    remember,
    summary,
)

GOOD, WARNING, BAD = Check("pods", "pass", "6 run"), Check("claims", "warn", "tight"), Check("quorum", "fail", "late")
PODS = frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("checks", "before", "expected"),
    [
        pytest.param([GOOD], None, (False, PODS), id="one good look is not enough"),
        pytest.param([GOOD, WARNING], PODS, (True, PODS), id="two good looks at the same pods"),
        pytest.param([GOOD], frozenset({"a", "c"}), (False, PODS), id="a pod was replaced in between"),
        pytest.param([GOOD, BAD], PODS, (False, None), id="a bad look starts over"),
        pytest.param([GOOD, Check("side", "unknown", "?")], PODS, (False, None), id="what is unknown is not good"),
        pytest.param([Check("kafka", "final", "invalid")], PODS, (False, None), id="final is bad too"),
    ],
)
def test_ready_is_what_two_good_looks_say_of_the_same_pods(checks, before, expected) -> None:
    assert remember(checks, PODS, before) == expected


def test_the_summary_names_what_fails_and_leaves_out_what_could_not_be_looked_at() -> None:
    unknown = Check("kafka-side", "unknown", "not asked")
    assert summary([GOOD, WARNING, BAD, unknown, Check("kafka", "final", "bad")]) == "quorum: late; kafka: bad"


def test_users_see_a_final_verdict_as_a_failure() -> None:
    assert Check("kafka", "final", "invalid").as_result() == {"name": "kafka", "verdict": "fail", "evidence": "invalid"}


@pytest.mark.parametrize(
    ("faults", "bad", "expected"),
    [
        pytest.param([], "fail", Check("x", "pass", "fine"), id="no fault"),
        pytest.param(["a"], "warn", Check("x", "warn", "a"), id="one fault"),
        pytest.param(list("abcdefg"), "fail", Check("x", "fail", "a, b, c, d, e, and 2 more"), id="many faults"),
    ],
)
def test_judged(faults, bad, expected) -> None:
    assert judged("x", faults, "fine", bad) == expected


def test_listed_sorts_numbers_as_numbers() -> None:
    assert (listed({10, 9}), listed([])) == ("9, 10", "none")
