"""Argo CD as the role installs it, and what it lets the Application of the operator do."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

REPO = Path(__file__).resolve().parents[3]
CHART = REPO / "lab/charts/argo-cd"
LAB = yaml.safe_load((REPO / "inventories/lab/group_vars/kafka_eks.yml").read_text())
# The names of the real chart's values.
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


@pytest.fixture
def chart_values(evaluate):
    """What the chart is given."""
    rule = (REPO / "roles/argocd/files/health.lua").read_text()
    return lambda **settings: evaluate("argocd", "__argocd_all_values", __argocd_health=rule, **settings)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"argocd_components": ["server", "dex", "notifications", "applicationset"]}, id="everything"),
        pytest.param({"argocd_values": LAB["argocd_values"]}, id="on the lab"),
    ],
)
def test_its_values_are_the_charts(chart_values, settings) -> None:
    jsonschema.validate(chart_values(**settings), SCHEMA)


def test_the_labs_chart_has_defaults_for_what_it_uses() -> None:
    jsonschema.validate(yaml.safe_load((CHART / "values.yaml").read_text()), SCHEMA)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"repoServer": {"replikas": 2}}, id="in a part"),
        pytest.param({"repo-server": {"replicas": 2}}, id="of a part"),
        pytest.param({"global": {"networkPolicy": {"created": True}}}, id="deeper"),
        pytest.param({"controller": {"readinessProbe": {"initialDelay": 1}}}, id="of a probe"),
    ],
)
def test_a_misspelt_value_is_refused(values) -> None:
    with pytest.raises(jsonschema.ValidationError, match="Additional properties are not allowed"):
        jsonschema.validate(values, SCHEMA)


def test_nothing_listens_to_people_and_nobody_has_a_password(chart_values) -> None:
    values = chart_values()
    assert values["configs"]["cm"]["admin.enabled"] is False
    assert values["global"]["networkPolicy"] == {"create": True, "defaultDenyIngress": True}
    assert (values["server"]["replicas"], values["applicationSet"]["replicas"]) == (0, 0)
    assert (values["dex"]["enabled"], values["notifications"]["enabled"]) == (False, False)


def test_parts_run_when_they_are_asked_for(chart_values) -> None:
    values = chart_values(argocd_components=["server", "dex"])
    assert (values["server"]["replicas"], values["applicationSet"]["replicas"]) == (1, 0)
    assert (values["dex"]["enabled"], values["notifications"]["enabled"]) == (True, False)


def test_data_is_out_of_its_reach(chart_values, render) -> None:
    settings = chart_values()["configs"]["cm"]
    excluded = {(group, kind) for rule in yaml.safe_load(settings["resource.exclusions"])
                for group in rule["apiGroups"] for kind in rule["kinds"]}  # fmt: skip
    assert {("", "PersistentVolumeClaim"), ("core.strimzi.io", "StrimziPodSet"), ("", "Endpoints")} <= excluded
    project = render("argocd", "project.yml.j2")[0]["spec"]
    forbidden = {(kind["group"], kind["kind"]) for kind in project["namespaceResourceBlacklist"]}
    assert forbidden == {("", "PersistentVolumeClaim"), ("kafka.strimzi.io", "*"), ("core.strimzi.io", "*")}
    allowed = {(kind["group"], kind["kind"]) for kind in project["clusterResourceWhitelist"]}
    assert ("apiextensions.k8s.io", "CustomResourceDefinition") not in allowed


DEFINITION = {"metadata": {"name": "applications.argoproj.io"}}


def definition_of(release: str, namespace: str) -> dict[str, Any]:
    marks = {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace}
    return {"metadata": {**DEFINITION["metadata"], "annotations": marks}}


@pytest.mark.parametrize(
    ("found", "installation", "sentence"),
    [
        pytest.param([], "own", "", id="none"),
        pytest.param([definition_of("argocd", "argocd")], "own", "", id="its own"),
        pytest.param([DEFINITION], "own", "made by something else than Helm, and a second installation", id="by hand"),
        pytest.param(
            [definition_of("argocd", "gitops")],
            "own",
            "of the Helm release argocd in the namespace gitops, and a second installation cannot own them; set argocd_installation to existing",
            id="of another namespace",
        ),
        pytest.param([definition_of("cd", "argocd")], "own", "of the Helm release cd in", id="of another release"),
        pytest.param([definition_of("cd", "gitops")], "existing", "", id="the one that is meant"),
        pytest.param([], "existing", "there is no Argo CD in this cluster", id="none, but one is meant"),
    ],
)
def test_another_argo_cd_is_not_fought_with(evaluate, found, installation, sentence) -> None:
    objection = evaluate(
        "argocd",
        "__argocd_objection",
        argocd_installation=installation,
        argocd_namespace="argocd",
        __argocd_definition={"resources": found},
    )
    assert sentence in objection if sentence else objection == ""


def test_its_health_rules(chart_values) -> None:
    settings = chart_values()["configs"]["cm"]
    rules = {name.rpartition("_")[2]: rule for name, rule in settings.items() if ".health." in name}
    assert "KafkaTopic" in rules and "StrimziPodSet" not in rules
    assert all("observedGeneration" in rule for rule in rules.values())


def test_a_setting_of_the_user_wins(chart_values) -> None:
    values = chart_values(argocd_values={"configs": {"cm": {"admin.enabled": True}}})
    assert values["configs"]["cm"]["admin.enabled"] is True
    assert "resource.exclusions" in values["configs"]["cm"]


def test_repositories(render) -> None:
    _, plain, secure = render(
        "argocd",
        "project.yml.j2",
        argocd_repositories=[
            {"name": "lab", "url": "oci://127.0.0.1:17402/charts", "plain_http": True},
            {"name": "strimzi-helm", "url": "oci://quay.io/strimzi-helm"},
        ],
    )

    def data(secret: Any) -> dict[str, str]:
        return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}

    assert data(secure) == {
        "type": "helm", "enableOCI": "true", "name": "strimzi-helm", "url": "quay.io/strimzi-helm",
    }  # fmt: skip
    assert data(plain)["insecureOCIForceHttp"] == "true"
    assert secure["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "repository"}


def test_the_operators_application_is_what_the_project_allows(render) -> None:
    project = render("argocd", "project.yml.j2")[0]
    (application,) = render(
        "strimzi_operator", "application.yml.j2", __strimzi_operator_values={"watchNamespaces": ["kafka"]}
    )
    spec = application["spec"]
    assert spec["project"] == project["metadata"]["name"]
    assert application["metadata"]["namespace"] == project["metadata"]["namespace"]
    assert spec["source"]["repoURL"] in project["spec"]["sourceRepos"]
    places = {(place["server"], place["namespace"]) for place in project["spec"]["destinations"]}
    assert (spec["destination"]["server"], spec["destination"]["namespace"]) in places
    assert (spec["destination"]["server"], "kafka") in places


def test_the_operators_application_never_has_the_definitions(render) -> None:
    (application,) = render("strimzi_operator", "application.yml.j2", __strimzi_operator_values={})
    assert application["spec"]["source"]["helm"]["skipCrds"] is True
    assert application["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io"]
    policy = application["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert {"ServerSideApply=true", "FailOnSharedResource=true"} <= set(policy["syncOptions"])
    assert policy["retry"]["limit"] > 0


HELM = {"meta.helm.sh/release-name": "strimzi", "meta.helm.sh/release-namespace": "kafka"}
TRACKED = {"argocd.argoproj.io/tracking-id": "strimzi-kafka-operator:rbac.authorization.k8s.io/ClusterRole:/x"}


@pytest.mark.parametrize(
    ("annotations", "releases", "namespaces", "applications"),
    [
        pytest.param([], [], [], [], id="nobody"),
        pytest.param([None, {"a": "b"}], [], [], [], id="nobody known"),
        pytest.param([HELM, HELM], ["strimzi"], ["kafka"], [], id="Helm"),
        pytest.param([TRACKED], [], [], ["strimzi-kafka-operator"], id="Argo CD"),
    ],
)
def test_who_has_installed_strimzi(evaluate, annotations, releases, namespaces, applications) -> None:
    roles = [{"metadata": {"name": "x", **({"annotations": one} if one else {})}} for one in annotations]
    found = {"__strimzi_operator_role": {"resources": roles}}
    marks = evaluate("strimzi_operator", "__strimzi_operator_marks", **found)
    for name, expected in (("releases", releases), ("release_namespaces", namespaces), ("applications", applications)):
        assert evaluate("strimzi_operator", f"__strimzi_operator_{name}", __strimzi_operator_marks=marks) == expected


def test_an_older_argo_cd_is_told_by_its_label(evaluate) -> None:
    role = {"metadata": {"name": "x", "labels": {"app": "strimzi", "app.kubernetes.io/instance": "kafka-platform"}}}
    found = {"__strimzi_operator_role": {"resources": [role]}, "__strimzi_operator_marks": []}
    assert evaluate("strimzi_operator", "__strimzi_operator_applications", **found) == ["kafka-platform"]


KAFKAS = {
    "resources": [{"metadata": {"namespace": one, "name": "k"}} for one in ("kafka", "team-a", "team-b", "team-b")]
}


def operator_watching(namespaces: str | None) -> dict[str, Any]:
    variable = {"name": "STRIMZI_NAMESPACE", **({"valueFrom": {}} if namespaces is None else {"value": namespaces})}
    containers = [{"name": "operator", "env": [{"name": "X", "value": "*"}, variable]}, {"name": "proxy"}]
    return {"resources": [{"spec": {"template": {"spec": {"containers": containers}}}}]}


@pytest.mark.parametrize(
    ("watched", "values", "given_up"),
    [
        pytest.param("*", {}, ["team-a", "team-b"], id="all"),
        pytest.param("kafka, team-b", {}, ["team-b"], id="some"),
        pytest.param("kafka", {}, [], id="the same"),
        pytest.param(None, {}, ["team-a"], id="its own"),
        pytest.param("*", {"watchNamespaces": ["kafka", "team-a", "team-b"]}, [], id="they are added"),
        pytest.param("*", {"watchAnyNamespace": True}, [], id="all stay watched"),
    ],
)
def test_an_operator_is_not_taken_away_from_others(evaluate, watched, values, given_up) -> None:
    settings = {
        "__strimzi_operator_deployment": operator_watching(watched),
        "__strimzi_operator_kafkas": KAFKAS,
        "__strimzi_operator_values": {"watchNamespaces": ["kafka"], **values},
        "strimzi_operator_namespace": "team-a",
    }
    for name in ("watched", "unwatched"):
        settings[f"__strimzi_operator_{name}"] = evaluate("strimzi_operator", f"__strimzi_operator_{name}", **settings)
    assert evaluate("strimzi_operator", "__strimzi_operator_given_up", **settings) == given_up


@pytest.mark.parametrize(
    ("unwatched", "others"),
    [
        pytest.param(["team-a", "team-b"], [], id="its own only"),
        pytest.param(["team-b"], ["team-a/k"], id="another's"),
    ],
)
def test_an_operator_is_not_removed_from_others(evaluate, unwatched, others) -> None:
    settings = {
        "__strimzi_operator_kafkas": KAFKAS,
        "__strimzi_operator_unwatched": unwatched,
        "__strimzi_operator_own_kafka": "kafka/k",
    }
    settings["__strimzi_operator_found"] = evaluate("strimzi_operator", "__strimzi_operator_found", **settings)
    assert evaluate("strimzi_operator", "__strimzi_operator_others", **settings) == others


@pytest.mark.parametrize(
    ("marks", "settings", "sentence"),
    [
        pytest.param({}, {}, "", id="nobody"),
        pytest.param({"applications": ["strimzi-kafka-operator"]}, {}, "", id="its own Application"),
        pytest.param(
            {"releases": ["strimzi-kafka-operator"], "release_namespaces": ["strimzi-system"]},
            {},
            "",
            id="its own release",
        ),
        pytest.param(
            {"releases": ["strimzi-kafka-operator"], "release_namespaces": ["kafka"]},
            {},
            "by the Helm release strimzi-kafka-operator in the namespace kafka,",
            id="another release",
        ),
        pytest.param({"applications": ["strimzi"]}, {}, "by Argo CD's Application strimzi,", id="another Application"),
        pytest.param(
            {"applications": ["strimzi-kafka-operator"]},
            {"strimzi_operator_delivery": "helm"},
            "which Helm cannot take over",
            id="its own Application, and Helm is wanted",
        ),
        pytest.param({"role": {"resources": [{}]}}, {}, "by neither Helm nor Argo CD", id="by hand"),
        pytest.param(
            {"releases": ["strimzi-kafka-operator"], "release_namespaces": ["strimzi-system"], "given_up": ["team-a"]},
            {},
            "also looks after the Kafka clusters in team-a, and would not any more",
            id="a release that others use",
        ),
    ],
)
def test_who_is_not_taken_over(evaluate, marks, settings, sentence) -> None:
    names = ("releases", "release_namespaces", "applications", "given_up", "role")
    found = {f"__strimzi_operator_{name}": marks.get(name, []) for name in names}
    objection = evaluate("strimzi_operator", "__strimzi_operator_objection", **found, **settings)
    assert sentence in objection if sentence else objection == ""
