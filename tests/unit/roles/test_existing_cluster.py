"""What is asked of a cluster that is there already, taken from the settings of the other roles."""

from __future__ import annotations

from pathlib import Path

import pytest

ROLE = Path(__file__).resolve().parents[3] / "roles/existing_cluster"
NAMES = ("storage_class", "pools", "rights", "kafka_name", "kafka_namespace")


@pytest.fixture
def values(templated):
    def found(**settings):
        answers = templated(
            {name: f"__existing_cluster_{name}" for name in NAMES},
            ROLE / "vars/main.yml",
            kafka_cluster_storage_class="fast",
            **settings,
        )
        assert "error" not in answers, answers["error"]
        return answers

    return found


def asked(rights):
    return {
        (verb, resource, group.get("namespace"))
        for group in rights
        for verb in group["verbs"]
        for resource in group["resources"]
    }


def test_it_asks_for_what_the_other_roles_need(values):
    found = values()
    assert found["storage_class"] == "fast"
    assert (found["kafka_name"], found["kafka_namespace"]) == ("data-on-eks", "kafka")
    assert found["pools"] == [
        {"name": "broker", "pods": 3, "zones": 3, "requests": {"cpu": "6", "memory": "58Gi"}},
        {"name": "controller", "pods": 3, "zones": 3, "requests": {"cpu": "1", "memory": "4Gi"}},
    ]


def test_settings_count(values):
    found = values(
        kafka_cluster_brokers=5,
        kafka_cluster_zones=1,
        kafka_cluster_controller_resources={"limits": {"memory": "1Gi"}},
        kafka_eks_kafka_namespace="streams",
    )
    broker, controller = found["pools"]
    assert (broker["pods"], broker["zones"], controller["requests"]) == (5, 1, {})
    assert found["kafka_namespace"] == "streams"
    assert ("create", "pods/portforward", "streams") in asked(found["rights"])


@pytest.mark.parametrize(
    ("settings", "needed", "not_needed"),
    [
        pytest.param(
            {},
            [("create", "applications.argoproj.io", "argocd"), ("create", "statefulsets.apps", "argocd")],
            [("create", "deployments.apps", "strimzi-system")],
            id="Argo CD is installed, and delivers the operator",
        ),
        pytest.param(
            {"argocd_installation": "existing", "kafka_eks_argocd_namespace": "gitops"},
            [("create", "applications.argoproj.io", "gitops")],
            [("create", "statefulsets.apps", "gitops"), ("create", "deployments.apps", "strimzi-system")],
            id="it is there",
        ),
        pytest.param(
            {"kafka_eks_delivery": "helm"},
            [("create", "deployments.apps", "strimzi-system")],
            [("create", "applications.argoproj.io", "argocd"), ("create", "statefulsets.apps", "argocd")],
            id="Helm delivers",
        ),
    ],
)
def test_rights_are_those_of_the_delivery(values, settings, needed, not_needed):
    rights = asked(values(**settings)["rights"])
    assert set(needed) <= rights and not set(not_needed) & rights
    assert ("patch", "customresourcedefinitions.apiextensions.k8s.io", None) in rights
