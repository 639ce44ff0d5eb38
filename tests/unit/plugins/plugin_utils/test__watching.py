from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import NotAnswering
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import Check
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_look import Look
from ansible_collections.streamops.kafka_eks.plugins.plugin_utils._watching import Hopeless, Patience

GOOD = Look((Check("pods", "pass", "6 pods are ready"),), True, False, "b:9093")
READY = Look(GOOD.checks, True, True, "b:9093")
BAD = Look((Check("quorum", "fail", "voter 3 is late"),), True)
FINAL = Look((Check("kafka", "final", "InvalidResourceException: no broker pool"),), True)
AWAY = NotAnswering("the API server does not answer", gone=True)


def watching(*answers: Look | Exception) -> Any:
    left = iter(answers)

    def look() -> Look:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(look=look)


def test_near_ready_it_looks_sooner() -> None:
    patience = Patience(watching(BAD, GOOD, READY))
    seen = [patience.look() for _ in range(3)]
    assert [(one.done, one.state, one.next_look) for one in seen] == [
        (False, "0 of 1 checks pass, not yet quorum; voter 3 is late", 2.0),
        (False, "", 1.0),
        (True, "", 1.0),
    ]


def test_what_cannot_heal_ends_it_at_once() -> None:
    with pytest.raises(Hopeless, match="InvalidResourceException") as hopeless:
        Patience(watching(FINAL)).look()
    assert hopeless.value.look is FINAL


def test_an_api_server_that_is_away_for_a_while_is_overlooked() -> None:
    patience = Patience(watching(BAD, AWAY, READY))
    assert [patience.look().state for _ in range(3)] == [
        "0 of 1 checks pass, not yet quorum; voter 3 is late",
        str(AWAY),
        "",
    ]


def test_an_api_server_that_never_answered_is_an_error() -> None:
    with pytest.raises(NotAnswering):
        Patience(watching(AWAY)).look()
