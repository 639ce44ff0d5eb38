from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible_collections.streamops.kafka_eks.plugins.action import kafka_cluster_ready
from ansible_collections.streamops.kafka_eks.plugins.action.kafka_cluster_ready import ActionModule
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import (
    KubernetesError,
    NoKubeconfig,
    NotServed,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import Check
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_look import Look
from ansible_collections.streamops.kafka_eks.plugins.module_utils._waiting import wait_for
from ansible_collections.streamops.kafka_eks.plugins.plugin_utils import _watching

GOOD = Look((Check("pods", "pass", "6 pods are ready"),), True, False, "b:9093")
READY = Look(GOOD.checks, True, True, "b:9093")
BAD = Look((Check("quorum", "fail", "voter 3 is late"),), True)
FINAL = Look((Check("kafka", "final", "InvalidResourceException: no broker pool"),), True)


def watching(*answers: Look | Exception) -> Any:
    left = iter(answers)

    def look() -> Look:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SimpleNamespace(look=look)


@pytest.fixture
def run(monkeypatch, fake_cluster):
    """The action as Ansible runs it, with looks that are given; what it says and what it wanted is kept on it."""

    def run(*answers: Look | Exception, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        clusters = []

        class Watch:
            def __init__(self, cluster: object, wanted: object):
                run.wanted = wanted
                self.look = watching(*answers).look

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                run.closed = True

        def connect(kubeconfig: str, context: str) -> Any:
            run.connected = (kubeconfig, context)
            if isinstance(answers[0], NoKubeconfig):
                raise answers[0]
            clusters.append(fake_cluster())
            return clusters[0]

        time = SimpleNamespace(now=0.0)
        monkeypatch.setattr(_watching, "connect", connect)
        monkeypatch.setattr(kafka_cluster_ready, "Watch", Watch)
        monkeypatch.setattr(_watching.Display, "display", lambda self, line: run.said.append(line))
        monkeypatch.setattr("time.monotonic", lambda: time.now)
        waiting = partial(
            wait_for, clock=lambda: time.now, sleep=lambda seconds: setattr(time, "now", time.now + seconds)
        )
        monkeypatch.setattr(_watching, "wait_for", waiting)
        given = {"kubeconfig": "/k", "context": "lab", "name": "data-on-eks", "namespace": "kafka", "listener": "plain"}
        args = {name: value for name, value in {**given, **arguments}.items() if value is not None}
        task = SimpleNamespace(args=args, check_mode=check_mode, async_val=0, diff=False, action="x")
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/unused"))
        result = ActionModule(task, connection, None, None, None, None).run(task_vars={})
        assert all(cluster.closed for cluster in clusters)
        return result

    run.said = []
    return run


def test_it_waits_until_ready_and_says_what_is_missing(run) -> None:
    result = run(*[BAD] * 9, GOOD, READY)
    assert (result["ready"], result["changed"], "failed" in result) == (True, False, False)
    assert result["seconds"] == 19.0
    assert run.said == [
        "Kafka kafka/data-on-eks: 0 of 1 checks pass, not yet quorum; voter 3 is late (0 of 900 s)",
        "Kafka kafka/data-on-eks: 0 of 1 checks pass, not yet quorum; voter 3 is late (16 of 900 s)",
    ]
    assert run.closed and run.connected == ("/k", "lab") and run.wanted.write


def test_a_healthy_cluster_needs_no_words(run) -> None:
    assert run(GOOD, READY)["seconds"] == 1.0
    assert run.said == []


def test_at_the_end_of_the_time_the_error_names_what_fails(run) -> None:
    result = run(*[BAD] * 9, timeout=10)
    assert (result["failed"], result["ready"]) == (True, False)
    assert result["checks"] == [{"name": "quorum", "verdict": "fail", "evidence": "voter 3 is late"}]
    assert result["msg"] == (
        "Kafka kafka/data-on-eks is not ready after 10 s: quorum: voter 3 is late; "
        "mend what is named, or raise timeout, and run it again."
    )


def test_what_cannot_heal_is_said_at_once(run) -> None:
    result = run(FINAL)
    assert (result["failed"], result["seconds"]) == (True, 0.0)
    assert result["msg"] == (
        "Kafka kafka/data-on-eks will not become ready by waiting: "
        "kafka: InvalidResourceException: no broker pool; correct it and run it again."
    )


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NoKubeconfig("the kubeconfig does not exist"), id="no cluster"),
        pytest.param(NotServed("the cluster does not know the kind Kafka"), id="no definitions"),
        pytest.param(KubernetesError("this identity may not list Pod", 403), id="no right"),
    ],
)
def test_what_cannot_be_looked_at_is_an_error(run, error) -> None:
    assert run(error) == {"failed": True, "ready": False, "msg": str(error)}


@pytest.mark.parametrize(
    ("answer", "ready", "message"),
    [
        pytest.param(
            NoKubeconfig("No file."), False, "It would wait for Kafka kafka/data-on-eks. No file.", id="no cluster"
        ),
        pytest.param(
            NotServed("No kind."), False, "It would wait for Kafka kafka/data-on-eks. No kind.", id="no definitions"
        ),
        pytest.param(
            BAD, False, "It would wait for Kafka kafka/data-on-eks: quorum: voter 3 is late.", id="not yet ready"
        ),
        pytest.param(
            FINAL,
            False,
            "It would wait for Kafka kafka/data-on-eks: kafka: InvalidResourceException: no broker pool.",
            id="hopeless, but nothing to fail for",
        ),
        pytest.param(GOOD, True, "Kafka kafka/data-on-eks looks ready.", id="ready"),
    ],
)
def test_check_mode_looks_once_and_never_fails(run, answer, ready, message) -> None:
    result = run(answer, check_mode=True)
    assert (result["ready"], result["changed"], result["msg"], "failed" in result) == (ready, False, message, False)


def test_check_mode_writes_no_record(run) -> None:
    run(GOOD, check_mode=True)
    assert run.wanted.write is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"listener": None}, "scope is all but all of the following are missing: listener", id="no listener"
        ),
        pytest.param({"timeout": "soon"}, "argument 'timeout' is of type str", id="timeout"),
        pytest.param({"name": None}, "missing required arguments: name", id="no name"),
    ],
)
def test_bad_arguments_are_refused(run, arguments, message) -> None:
    with pytest.raises(AnsibleError, match=message):
        run(GOOD, **arguments)
