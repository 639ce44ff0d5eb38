from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.action import argocd_application_ready
from ansible_collections.streamops.kafka_eks.plugins.action.argocd_application_ready import ActionModule
from ansible_collections.streamops.kafka_eks.plugins.module_utils._argocd_look import Look
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import (
    NoKubeconfig,
    NotAnswering,
    NotServed,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import Check
from ansible_collections.streamops.kafka_eks.plugins.module_utils._waiting import wait_for
from ansible_collections.streamops.kafka_eks.plugins.plugin_utils import _watching

READY = Look((Check("health", "pass", "Healthy"),), "1.0")
BAD = Look((Check("health", "fail", "Progressing"),), "1.0")
FINAL = Look((Check("conditions", "final", "ComparisonError: no such chart."),), "1.0")
AWAY = NotAnswering("The API server does not answer.", gone=True)


@pytest.fixture
def run(monkeypatch, fake_cluster):
    """The action as Ansible runs it, with looks that are given; what it says is kept on it."""

    def run(*answers: Look | Exception, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        left = iter(answers)

        class Watch:
            def __init__(self, cluster: object, wanted: Any):
                run.wanted = wanted

            def look(self) -> Look:
                answer = next(left)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        def connect(kubeconfig: str, context: str) -> Any:
            if isinstance(answers[0], NoKubeconfig):
                raise answers[0]
            return fake_cluster()

        time = SimpleNamespace(now=0.0)
        monkeypatch.setattr(_watching, "connect", connect)
        monkeypatch.setattr(argocd_application_ready, "Watch", Watch)
        monkeypatch.setattr(_watching.Display, "display", lambda self, line: run.said.append(line))
        monkeypatch.setattr("time.monotonic", lambda: time.now)
        waiting = partial(
            wait_for, clock=lambda: time.now, sleep=lambda seconds: setattr(time, "now", time.now + seconds)
        )
        monkeypatch.setattr(_watching, "wait_for", waiting)
        args = {"kubeconfig": "/k", "context": "lab", "name": "strimzi", **arguments}
        task = SimpleNamespace(args=args, check_mode=check_mode, async_val=0, diff=False, action="x")
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/unused"))
        return ActionModule(task, connection, None, None, None, None).run(task_vars={})

    run.said = []
    return run


def test_it_waits_and_says_what_is_missing(run) -> None:
    result = run(*[BAD] * 3, READY)
    assert (result["ready"], result["changed"], result["seconds"], "failed" in result) == (True, False, 3.0, False)
    assert run.said == ["Application argocd/strimzi: health: Progressing (0 of 600 s)"]
    assert run.wanted.write


def test_at_the_end_of_the_time_the_error_names_what_fails(run) -> None:
    result = run(*[BAD] * 12, timeout=10)
    assert result["failed"] and result["msg"] == (
        "Application argocd/strimzi is not ready after 10 s: health: Progressing; "
        "mend what is named, or raise timeout, and run it again."
    )


def test_what_cannot_heal_is_said_at_once(run) -> None:
    assert run(BAD, FINAL)["msg"] == (
        "Application argocd/strimzi will not become ready by waiting: conditions: ComparisonError: no such chart; "
        "correct it and run it again."
    )


def test_an_api_server_that_is_away_for_a_while_is_overlooked(run) -> None:
    assert run(BAD, AWAY, READY)["ready"]
    assert run(AWAY) == {"failed": True, "ready": False, "msg": str(AWAY)}


def test_removal_is_named_so(run) -> None:
    result = run(*[BAD] * 4, state="absent", timeout=2)
    assert result["msg"].startswith("Application argocd/strimzi is not absent after 2 s: ")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(BAD, "It would wait for Application argocd/strimzi: health: Progressing.", id="not yet"),
        pytest.param(READY, "Application argocd/strimzi looks ready.", id="ready"),
        pytest.param(NoKubeconfig("no file"), "It would wait for Application argocd/strimzi. no file", id="no cluster"),
        pytest.param(NotServed("no kind"), "It would wait for Application argocd/strimzi. no kind", id="no Argo CD"),
    ],
)
def test_a_dry_run_looks_once(run, answer, message) -> None:
    result = run(answer, check_mode=True)
    assert (result["msg"], result["changed"], "failed" in result) == (message, False, False)


def test_no_cluster_is_a_failure(run) -> None:
    assert run(NoKubeconfig("no file"))["failed"]
    assert run(NotServed("no kind"))["failed"]
