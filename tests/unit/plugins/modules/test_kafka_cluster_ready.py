from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import NoKubeconfig
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import Check
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_look import Look
from ansible_collections.streamops.kafka_eks.plugins.modules import kafka_cluster_ready
from ansible_collections.streamops.kafka_eks.plugins.modules.kafka_cluster_ready import verdict

GOOD = Look((Check("pods", "pass", "6 pods are ready"),), True, False, "b:9093")
READY = Look(GOOD.checks, True, True, "b:9093")
BAD = Look((Check("quorum", "fail", "voter 3 is late"),), True)


@pytest.mark.parametrize(
    ("looks", "ready", "slept"),
    [
        pytest.param([GOOD, READY], True, [1.0], id="two good looks"),
        pytest.param([BAD], False, [], id="a bad look is enough"),
        pytest.param([GOOD, BAD], False, [1.0], id="the second is bad"),
    ],
)
def test_a_verdict_needs_no_more_than_two_looks(looks, ready, slept) -> None:
    left, pauses = iter(looks), []
    assert verdict(SimpleNamespace(look=lambda: next(left)), pauses.append).ready is ready
    assert pauses == slept


@pytest.fixture
def run(monkeypatch, capsys, fake_cluster):
    def run(*looks: Look, error: Exception | None = None, **arguments: Any) -> dict[str, Any]:
        left = iter(looks)

        class Watch:
            def __init__(self, cluster: object, wanted: object):
                self.wanted = wanted

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                pass

            def look(self) -> Look:
                return next(left)

        def connect(kubeconfig: str, context: str) -> Any:
            if error:
                raise error
            return fake_cluster()

        monkeypatch.setattr(kafka_cluster_ready, "connect", connect)
        monkeypatch.setattr(kafka_cluster_ready, "Watch", Watch)
        monkeypatch.setattr(kafka_cluster_ready, "SECONDS_BETWEEN_GOOD_LOOKS", 0)
        given = {"kubeconfig": "/k", "context": "lab", "name": "data-on-eks", "namespace": "kafka", "listener": "plain"}
        args = {name: value for name, value in {**given, **arguments}.items() if value is not None}
        with patch_module_args(args), pytest.raises(SystemExit):
            kafka_cluster_ready.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_ready(run) -> None:
    result = run(GOOD, READY)
    assert (result["ready"], result["changed"], result["path"]) == (True, False, "tunnel")
    assert result["bootstrap_servers"] == "b:9093"
    assert result["checks"] == [{"name": "pods", "verdict": "pass", "evidence": "6 pods are ready"}]


def test_not_ready_is_a_failure_that_says_what_is_missing(run) -> None:
    result = run(BAD)
    assert result["failed"] and result["msg"] == "Kafka kafka/data-on-eks is not ready: quorum: voter 3 is late."


def test_no_cluster_is_a_failure(run) -> None:
    result = run(error=NoKubeconfig("the kubeconfig does not exist"))
    assert (result["failed"], result["ready"], result["msg"]) == (True, False, "the kubeconfig does not exist")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"listener": None}, "scope is all but all of the following are missing: listener", id="no listener"
        ),
        pytest.param({"scope": "both"}, "value of scope must be one of: all, kubernetes, kafka, got: both", id="scope"),
        pytest.param({"password": "x"}, "Unsupported parameters", id="there is no option for a password"),
    ],
)
def test_bad_arguments_are_refused(run, arguments, message) -> None:
    result = run(**arguments)
    assert result["failed"] and message in result["msg"]
