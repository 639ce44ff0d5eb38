from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import NoKubeconfig
from ansible_collections.streamops.kafka_eks.plugins.modules import argocd_application_ready


@pytest.fixture
def run(monkeypatch, capsys, fake_cluster, application):
    def run(recorded: str | None, error: Exception | None = None, **arguments: Any) -> dict[str, Any]:
        objects = [application(recorded)] if recorded else []

        def connect(kubeconfig: str, context: str) -> Any:
            if error:
                raise error
            run.cluster = fake_cluster(*objects)
            return run.cluster

        monkeypatch.setattr(argocd_application_ready, "connect", connect)
        labels = {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/component": "application-controller"}
        status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        metadata = {"name": "controller", "namespace": "argocd", "generation": 1, "labels": labels}
        objects.append({"kind": "StatefulSet", "metadata": metadata, "spec": {"replicas": 1}, "status": status})
        args = {"kubeconfig": "/k", "context": "lab", "name": "demo", **arguments}
        with patch_module_args(args), pytest.raises(SystemExit):
            argocd_application_ready.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_ready(run) -> None:
    result = run("06-synced-healthy")
    assert (result["ready"], result["changed"], result["revision"], result["nudges"]) == (True, False, "1.0.0", [])


def test_not_ready_is_a_failure_that_says_what_is_missing(run) -> None:
    result = run("05-synced-progressing")
    assert result["failed"] and result["msg"] == "Application argocd/demo is not ready: health: Progressing."


def test_a_dry_run_writes_nothing(run) -> None:
    assert run("15-sync-failed-final", _ansible_check_mode=True)["nudges"] == []
    assert run.cluster.written == []


def test_no_cluster_is_a_failure(run) -> None:
    result = run(None, error=NoKubeconfig("the kubeconfig does not exist"))
    assert (result["failed"], result["ready"], result["msg"]) == (True, False, "the kubeconfig does not exist")


def test_bad_arguments_are_refused(run) -> None:
    assert "value of state must be one of: ready, absent, got: gone" in run(None, state="gone")["msg"]
