from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._argocd_look import Look, Wanted, Watch, wanted_from
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import KubernetesError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import Check

NAME = "demo"


class Lab:
    """A cluster with one Application, a clock, and a watch over both."""

    def __init__(self, fake_cluster: Any, application: Callable[[str], Any]):
        self._application = application
        self.now = 0.0
        self.cluster = fake_cluster()
        self.add(self.controller())
        self.watch = self.begin()

    def begin(self, **wanted: Any) -> Watch:
        return Watch(self.cluster, Wanted(NAME, "argocd", **wanted), lambda: self.now)

    def controller(self, replicas: int = 1) -> Any:
        labels = {"app.kubernetes.io/part-of": "argocd", "app.kubernetes.io/component": "application-controller"}
        return {
            "kind": "StatefulSet",
            "metadata": {"name": "controller", "namespace": "argocd", "generation": 1, "labels": labels},
            "spec": {"replicas": replicas},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        }

    def add(self, *objects: Any) -> None:
        for obj in objects:
            key = (obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
            self.cluster.stored[key] = obj

    def be(self, state: str | None) -> Any:
        """The Application as it was recorded in a state, or none."""
        key = ("Application", "argocd", NAME)
        if state is None:
            self.cluster.stored.pop(key, None)
            return None
        obj = self._application(state)
        obj["metadata"]["name"] = NAME
        self.cluster.stored[key] = obj
        return obj

    @property
    def stored(self) -> Any:
        return self.cluster.stored["Application", "argocd", NAME]

    def after(self, seconds: float, state: str | None = None) -> Look:
        self.now += seconds
        if state:
            self.be(state)
        return self.watch.look()


@pytest.fixture
def argo(fake_cluster, application) -> Lab:
    return Lab(fake_cluster, application)


def test_a_ready_application_is_left_alone(argo) -> None:
    argo.be("06-synced-healthy")
    look = argo.watch.look()
    assert (look.ready, look.revision, look.nudges, argo.cluster.written) == (True, "1.0.0", (), [])


def test_health_that_stays_behind_gets_a_refresh_now_and_then(argo) -> None:
    argo.be("05-synced-progressing")
    assert not argo.watch.look().nudges
    assert not argo.after(19).nudges
    assert len(argo.after(1).nudges) == 1
    assert argo.stored["metadata"]["annotations"] == {"argocd.argoproj.io/refresh": "normal"}
    # While it is not done, nothing more is asked.
    assert len(argo.after(60).nudges) == 1
    assert len(argo.after(1, "05-synced-progressing").nudges) == 1
    assert len(argo.after(20).nudges) == 2
    assert argo.after(1, "06-synced-healthy").ready


def test_what_changes_is_not_stuck(argo) -> None:
    argo.be("01-created-no-status")
    argo.watch.look()
    for state in ("02-first-operation-running", "03-sync-running-waiting", "05-synced-progressing"):
        assert not argo.after(15, state).nudges


def test_an_error_is_asked_about_once_and_believed_when_it_stays(argo) -> None:
    argo.be("13-comparison-error-absent-version")
    look = argo.watch.look()
    assert look.nudges == ("refresh: its errors may be history",) and not look.hopeless
    assert not argo.after(1, "13-comparison-error-absent-version").hopeless
    look = argo.after(30)
    assert look.hopeless and 'version "9.9.9" not found' in look.missing


def test_an_error_that_comes_later_is_asked_about_too(argo) -> None:
    argo.be("02-first-operation-running")
    assert not argo.watch.look().nudges
    assert argo.after(1, "12-comparison-error-template").nudges == ("refresh: its errors may be history",)


def test_an_error_that_heals_is_forgotten(argo) -> None:
    argo.be("13-comparison-error-absent-version")
    argo.watch.look()
    assert argo.after(5, "06-synced-healthy").ready


def test_a_failure_of_before_is_tried_once_more(argo) -> None:
    argo.be("15-sync-failed-final")
    look = argo.watch.look()
    assert look.nudges == ("sync: its last operation had failed before",) and not look.hopeless
    assert argo.stored["operation"]["initiatedBy"] == {"username": "kafka-eks"}
    assert not argo.after(1).hopeless
    assert not argo.after(1, "14-sync-failed-retrying").hopeless
    look = argo.after(1, "15-sync-failed-final")
    assert look.hopeless and 'Service "demo" is invalid' in look.missing


def test_a_failure_of_now_is_believed_at_once(argo) -> None:
    argo.be("14-sync-failed-retrying")
    argo.watch.look()
    look = argo.after(5, "15-sync-failed-final")
    assert look.hopeless and not look.nudges


def test_a_retry_of_what_is_not_wanted_any_more_is_ended(argo) -> None:
    argo.be("22-retrying-old-revision-while-new-wanted")
    assert argo.watch.look().nudges == ("terminate: its operation still retries 1.3.0, which is not wanted any more",)
    assert argo.stored["status"]["operationState"]["phase"] == "Terminating"


def test_degraded_is_believed_when_it_stays(argo) -> None:
    argo.be("16-synced-degraded")
    assert not argo.watch.look().hopeless
    assert not argo.after(29).hopeless
    assert argo.after(1).hopeless


def test_a_pod_that_never_starts_is_believed_when_it_stays(argo) -> None:
    argo.be("05-synced-progressing")
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    workload = argo.controller()
    workload.update(kind="Deployment", metadata={"name": "demo", "namespace": "ns-demo", "generation": 1})
    workload["spec"]["selector"] = {"matchLabels": {"app": "demo"}}
    metadata = {"name": "demo-1", "namespace": "ns-demo", "labels": {"app": "demo"}}
    status = {"containerStatuses": [{"state": {"waiting": waiting}}]}
    argo.add(workload, {"kind": "Pod", "metadata": metadata, "status": status})
    assert not argo.watch.look().hopeless
    look = argo.after(30)
    assert look.hopeless and "workloads: demo-1 (ImagePullBackOff: no such image)" in look.missing


def test_an_argo_cd_that_is_paused_ends_it_without_a_nudge(argo) -> None:
    argo.add(argo.controller(replicas=0))
    argo.be("13-comparison-error-absent-version")
    look = argo.watch.look()
    assert look.hopeless and not argo.cluster.written
    assert "it is paused (StatefulSet argocd/controller scaled to 0)" in look.missing


def test_a_dry_run_nudges_nothing(argo) -> None:
    argo.be("22-retrying-old-revision-while-new-wanted")
    argo.watch = argo.begin(write=False)
    assert argo.watch.look().nudges == () and argo.cluster.written == []


def test_who_may_only_look_does_not_nudge(argo, monkeypatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise KubernetesError("no", 403)

    monkeypatch.setattr(argo.cluster, "patch", refuse)
    argo.be("22-retrying-old-revision-while-new-wanted")
    assert argo.watch.look().nudges == ()


def test_removal(argo) -> None:
    argo.be("17-deleting")
    argo.watch = argo.begin(state="absent")
    look = argo.watch.look()
    assert not look.ready and not look.hopeless and "held by finalizers" in look.missing
    argo.be(None)
    assert argo.watch.look().ready


def test_what_no_cluster_serves_is_absent(argo) -> None:
    argo.cluster.unserved.add("Application")
    argo.watch = argo.begin(state="absent")
    assert argo.watch.look().ready


def test_a_look_as_a_result() -> None:
    look = Look((Check("sync", "pass", ""), Check("health", "final", "Degraded")), "1.0", ("refresh: x",))
    assert look.progress == "health: Degraded"
    assert look.as_result() == {
        "ready": False,
        "checks": [
            {"name": "sync", "verdict": "pass", "evidence": ""},
            {"name": "health", "verdict": "fail", "evidence": "Degraded"},
        ],
        "revision": "1.0",
        "nudges": ["refresh: x"],
    }


def test_wanted_from_arguments() -> None:
    wanted = wanted_from({"name": "a", "namespace": "argocd", "state": "ready"}, write=False)
    assert str(wanted) == "Application argocd/a" and not wanted.write
