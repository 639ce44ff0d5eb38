from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._argocd import (
    Seen,
    is_about_this_spec,
    judge,
    judge_removal,
    nudge_for,
    workload_keys,
)

READY, FINAL = True, "final"
REFUSED = (
    'one or more synchronization tasks completed unsuccessfully, reason: Service "demo" is invalid: '
    "[spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive, "
    "spec.ports[0].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive]"
)


def seen(application: Any, **more: Any) -> Seen:
    return Seen("demo", "argocd", application, **{"components": None, **more})


def bad(application: Any, **more: Any) -> dict[str, str]:
    return {check.name: check.evidence for check in judge(seen(application, **more)) if check.bad}


# Every state that was recorded, and what stands between it and "applied and healthy".
@pytest.mark.parametrize(
    ("state", "missing"),
    [
        pytest.param("01-created-no-status", ["comparison", "sync", "health"], id="created"),
        pytest.param(
            "02-first-operation-running", ["comparison", "sync", "operation", "health"], id="first operation begins"
        ),
        pytest.param("03-sync-running-waiting", ["sync", "operation", "health"], id="first operation waits"),
        pytest.param(
            "04-operation-succeeded-sync-still-outofsync", ["sync", "operation"], id="done but not compared since"
        ),
        pytest.param("05-synced-progressing", ["health"], id="its pods come up"),
        pytest.param("06-synced-healthy", [], id="well"),
        pytest.param(
            "07-stale-synced-healthy-right-after-spec-change", ["comparison"], id="well, of the specification before"
        ),
        pytest.param(
            "08-stale-operation-empty-operationstate",
            ["comparison", "operation"],
            id="an operation that has no state yet",
        ),
        pytest.param("09-synced-healthy-while-operation-running", ["operation"], id="well, while it is worked on"),
        pytest.param("10-new-revision-identical-render-no-operation", [], id="a new version that renders the same"),
        pytest.param("11-selfheal-operation", ["sync", "operation"], id="healing itself"),
        pytest.param("12-comparison-error-template", ["sync", "conditions"], id="a template that fails"),
        pytest.param("13-comparison-error-absent-version", ["sync", "conditions"], id="a version that does not exist"),
        pytest.param("14-sync-failed-retrying", ["sync", "operation"], id="refused, and tried again"),
        pytest.param("15-sync-failed-final", ["sync", "operation", "conditions"], id="refused for good"),
        pytest.param("16-synced-degraded", ["health"], id="degraded"),
        pytest.param("17-deleting", ["application"], id="being deleted"),
        pytest.param("18-deleted-last-seen", ["application"], id="the last that was seen of it"),
        pytest.param("19-oci-helm-synced", ["operation", "health"], id="from an OCI registry, its pods come up"),
        pytest.param("20-oci-native-synced", [], id="an OCI artifact, whose revision is a digest"),
        pytest.param("21-shared-resource-warning", ["sync", "operation", "conditions"], id="two that share an object"),
        pytest.param(
            "22-retrying-old-revision-while-new-wanted",
            ["comparison", "sync", "operation"],
            id="an old one is tried again",
        ),
    ],
)
def test_recorded_states(application, state, missing) -> None:
    assert list(bad(application(state))) == missing


@pytest.mark.parametrize(
    ("state", "check", "evidence"),
    [
        pytest.param(
            "03-sync-running-waiting",
            "operation",
            "Running: waiting for healthy state of /Namespace/ns-demo",
            id="wait",
        ),
        pytest.param("12-comparison-error-template", "sync", "Unknown", id="nothing is compared"),
        pytest.param("11-selfheal-operation", "sync", "OutOfSync: ConfigMap demo", id="what differs"),
        pytest.param("15-sync-failed-final", "operation", f"Failed: {REFUSED} (retried 2 times).", id="refused"),
        pytest.param(
            "17-deleting",
            "application",
            "it is being deleted since 2026-11-22T16:26:30Z, held by finalizers resources-finalizer.argocd.argoproj.io",
            id="deleting",
        ),
        pytest.param(
            "21-shared-resource-warning",
            "conditions",
            "SharedResourceWarning: ClusterRole/demo is part of applications argocd/ocit and oci, "
            "SharedResourceWarning: ClusterRoleBinding/demo is part of applications argocd/ocit and oci",
            id="shared",
        ),
    ],
)
def test_the_evidence_is_what_argo_cd_says(application, state, check, evidence) -> None:
    assert bad(application(state))[check] == evidence


def test_a_cited_command_is_shortened_but_not_its_error(application) -> None:
    text = bad(application("13-comparison-error-absent-version"))["conditions"]
    assert "`helm pull ...`" in text
    assert 'chart "demo" version "9.9.9" not found' in text


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"source": {"targetRevision": "1.1.0"}}, id="another version"),
        pytest.param({"source": {"helm": {"parameters": [{"name": "greeting", "value": "x"}]}}}, id="other values"),
        pytest.param({"destination": {"namespace": "elsewhere"}}, id="another namespace"),
        pytest.param({"ignoreDifferences": [{"kind": "Secret", "jsonPointers": ["/data"]}]}, id="other exceptions"),
    ],
)
def test_a_changed_specification_is_not_the_one_that_was_compared(application, change) -> None:
    app = application("06-synced-healthy")
    assert is_about_this_spec(app)
    for name, value in change.items():
        app["spec"][name] = {**app["spec"].get(name, {}), **value} if isinstance(value, dict) else value
    assert not is_about_this_spec(app)


def test_empty_values_make_no_difference(application) -> None:
    app = application("06-synced-healthy")
    app["spec"]["source"]["helm"].update(parameters=[], skipCrds=False, values="", valuesObject={})
    assert is_about_this_spec(app)


def test_a_refresh_that_is_asked_for_is_waited_for(application) -> None:
    app = application("06-synced-healthy")
    app["metadata"].setdefault("annotations", {})["argocd.argoproj.io/refresh"] = "hard"
    assert bad(app) == {"comparison": "a refresh is asked for"}
    assert nudge_for(app, first=True, stuck=True) is None


def test_an_application_that_does_not_exist(application) -> None:
    (check,) = judge(seen(None))
    assert (check.verdict, check.evidence) == ("final", "it does not exist")


def workload(kind: str, component: str, replicas: int, available: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {
            "namespace": "argocd",
            "name": f"argocd-{component}",
            "generation": 2,
            "labels": {"app.kubernetes.io/component": component},
        },
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 2,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": available,
        },
    }


@pytest.mark.parametrize(
    ("components", "verdict", "evidence"),
    [
        pytest.param(
            [workload("StatefulSet", "application-controller", 1, 1), workload("Deployment", "server", 0, 0)],
            "pass",
            "1 workloads run",
            id="no server is needed",
        ),
        pytest.param(
            [workload("StatefulSet", "application-controller", 0, 0), workload("Deployment", "redis", 1, 1)],
            "final",
            "it is paused (StatefulSet argocd/argocd-application-controller scaled to 0), "
            "and does nothing before it is scaled up",
            id="paused",
        ),
        pytest.param(
            [workload("StatefulSet", "application-controller", 1, 1), workload("Deployment", "repo-server", 1, 0)],
            "fail",
            "Deployment argocd/argocd-repo-server (0 of 1 replicas available, 1 up to date)",
            id="not up yet",
        ),
        pytest.param(
            [],
            "final",
            "there is none in the namespace argocd: install it (role argocd), or name the namespace that has it",
            id="none",
        ),
    ],
)
def test_argo_cd_itself(application, components, verdict, evidence) -> None:
    check = judge(seen(application("06-synced-healthy"), components=components))[0]
    assert (check.name, check.verdict, check.evidence) == ("argocd", verdict, evidence)


def test_pods_that_never_start_are_named(application) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "image quay.io/no/such is unknown"}
    pod = {"metadata": {"name": "demo-1"}, "status": {"containerStatuses": [{"state": {"waiting": waiting}}]}}
    found = bad(application("05-synced-progressing"), workloads=[workload("Deployment", "x", 1, 0)], pods=[pod])
    assert found["workloads"] == "demo-1 (ImagePullBackOff: image quay.io/no/such is unknown)"
    found = bad(application("05-synced-progressing"), workloads=[workload("Deployment", "x", 1, 0)])
    assert found["workloads"] == "Deployment argocd/argocd-x (0 of 1 replicas available, 1 up to date)"


def test_what_runs_its_pods(application) -> None:
    assert workload_keys(application("06-synced-healthy")) == [("Deployment", "ns-demo", "demo")]


@pytest.mark.parametrize(
    ("state", "first", "stuck", "kind"),
    [
        pytest.param("05-synced-progressing", True, False, None, id="it comes on by itself"),
        pytest.param("05-synced-progressing", False, True, "refresh", id="health that stays behind"),
        pytest.param("13-comparison-error-absent-version", True, False, "refresh", id="an error that may be history"),
        pytest.param("15-sync-failed-final", True, False, "sync", id="a failure of before"),
        pytest.param("15-sync-failed-final", False, False, None, id="a failure of now"),
        pytest.param("14-sync-failed-retrying", True, False, None, id="the present one is retried"),
        pytest.param(
            "22-retrying-old-revision-while-new-wanted", False, False, "terminate", id="an old one is retried"
        ),
        pytest.param("17-deleting", True, True, None, id="deleting"),
    ],
)
def test_nudges(application, state, first, stuck, kind) -> None:
    nudge = nudge_for(application(state), first, stuck)
    assert (nudge and nudge.kind) == kind


def test_what_nudges_write(application) -> None:
    hard = nudge_for(application("13-comparison-error-absent-version"), True, False)
    assert hard and hard.change == {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}}
    end = nudge_for(application("22-retrying-old-revision-while-new-wanted"), False, False)
    assert end and end.why == "its operation still retries 1.3.0, which is not wanted any more"
    assert end.change == {"status": {"operationState": {"phase": "Terminating"}}}
    again = nudge_for(application("15-sync-failed-final"), True, False)
    assert again and again.change == {
        "operation": {
            "initiatedBy": {"username": "kafka-eks"},
            "retry": {"backoff": {"duration": "1s", "factor": 2, "maxDuration": "5s"}, "limit": 2},
            "sync": {"prune": True, "syncOptions": ["ServerSideApply=true", "CreateNamespace=true"]},
        }
    }


def test_removal(application) -> None:
    deleting = application("17-deleting")
    assert [check.verdict for check in judge_removal(seen(None))] == ["pass"]
    assert [check.verdict for check in judge_removal(seen(deleting))] == ["fail"]
    (nobody,) = judge_removal(seen(application("06-synced-healthy")))
    assert (nobody.verdict, nobody.evidence) == ("final", "nobody has asked for its deletion")
    without, _ = judge_removal(seen(deleting, components=[]))
    assert without.verdict == "final" and "there is none in the namespace argocd" in without.evidence
    stuck = copy.deepcopy(deleting)
    stuck["status"]["conditions"] = [{"type": "DeletionError", "message": "not allowed"}]
    assert judge_removal(seen(stuck))[-1].evidence == "DeletionError: not allowed"
