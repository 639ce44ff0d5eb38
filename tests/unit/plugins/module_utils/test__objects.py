from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._objects import (
    BadObjects,
    Key,
    State,
    change_in,
    check,
    comparable,
    in_order,
    key_of,
    kinds_defined_by,
    masked,
    secret_values,
    state_of,
    what_holds,
)


def obj(kind="ConfigMap", name="a", namespace="kafka", api_version="v1", **rest):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kafkatopics.kafka.strimzi.io"},
    "spec": {
        "group": "kafka.strimzi.io",
        "names": {"kind": "KafkaTopic"},
        "scope": "Namespaced",
        "versions": [{"name": "v1beta2", "served": True}, {"name": "v1alpha1", "served": False}],
    },
}


@pytest.mark.parametrize(
    ("objects", "sentence"),
    [
        pytest.param(
            ["a"], "Object 1 of 1 is not a mapping but str: write it as a Kubernetes manifest.", id="a string"
        ),
        pytest.param(
            [obj(), {"apiVersion": "v1", "metadata": {"name": "b"}}],
            "Object 2 of 2 (unknown kind) has no kind: complete its manifest.",
            id="no kind",
        ),
        pytest.param(
            [{"kind": "ConfigMap", "metadata": {"generateName": "x-"}}],
            "Object 1 of 1 (ConfigMap) has no apiVersion and no metadata.name: complete its manifest.",
            id="no name",
        ),
        pytest.param(
            [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": None}],
            "Object 1 of 1 (ConfigMap) has no metadata.name: complete its manifest.",
            id="no metadata",
        ),
        pytest.param(
            [obj(), obj(name="b"), obj(data={"x": "y"})],
            "Object 3 of 3 is ConfigMap kafka/a, as is object 1: leave one of the two.",
            id="twice the same",
        ),
        pytest.param(
            [obj("KafkaTopic", api_version="x.io/v1"), obj("KafkaTopic", api_version="x.io/v1beta2")],
            "Object 2 of 2 is KafkaTopic kafka/a, as is object 1: leave one of the two.",
            id="twice the same in two versions",
        ),
    ],
)
def test_bad_objects_are_refused_with_a_sentence(objects, sentence) -> None:
    with pytest.raises(BadObjects) as error:
        check(objects)
    assert str(error.value) == sentence


def test_same_names_elsewhere_are_fine() -> None:
    check([obj(), obj(namespace="other"), obj("Secret"), obj("ConfigMap", api_version="x.io/v1")])


def test_namespaces_come_first_then_definitions_then_the_rest_as_written() -> None:
    objects = [obj(name="z"), DEFINITION, obj(name="a"), obj("Namespace", "kafka", None)]
    assert [str(key_of(one)) for one in in_order(objects)] == [
        "Namespace kafka",
        "CustomResourceDefinition kafkatopics.kafka.strimzi.io",
        "ConfigMap kafka/z",
        "ConfigMap kafka/a",
    ]


def test_kinds_of_served_versions_only() -> None:
    assert kinds_defined_by([obj(), DEFINITION]) == {("kafka.strimzi.io/v1beta2", "KafkaTopic"): True}


@pytest.mark.parametrize(
    ("manifest", "change"),
    [
        pytest.param(obj(data={"x": "y"}), {"data": {"x": "y"}}, id="content only"),
        pytest.param(
            {**obj(), "metadata": {"name": "a", "annotations": {"b": "c"}}},
            {"metadata": {"annotations": {"b": "c"}}},
            id="metadata only",
        ),
        pytest.param(obj(), {}, id="nothing"),
    ],
)
def test_the_change_in_a_manifest_is_what_it_says_beyond_the_name(manifest, change) -> None:
    assert change_in(manifest) == change


def test_comparable_leaves_out_what_the_server_writes() -> None:
    stored = {
        **obj(data={"x": "y"}),
        "status": {"phase": "Active"},
        "metadata": {
            "name": "a",
            "namespace": "kafka",
            "uid": "u",
            "resourceVersion": "7",
            "generation": 3,
            "creationTimestamp": "2026-11-22T16:00:00Z",
            "managedFields": [{}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "labels": {},
        },
    }
    assert comparable(stored) == obj(data={"x": "y"})
    assert stored["metadata"]["uid"] == "u"


def test_values_of_secrets_are_marks_that_tell_equal_from_different() -> None:
    secret = obj("Secret", data={"password": "aHVudGVyMg==", "same": "aHVudGVyMg==", "other": "Yg=="}, type="Opaque")
    shown = masked(secret, b"salt")
    marks = shown["data"]
    assert marks["password"] == marks["same"] != marks["other"]
    assert "aHVudGVyMg" not in str(shown) and shown["type"] == "Opaque"
    assert masked(secret, b"pepper")["data"] != marks
    assert masked(obj(data={"x": "y"}), b"salt")["data"] == {"x": "y"}


def test_values_of_secrets_are_all_found() -> None:
    objects = [
        obj(data={"x": "plain"}),
        obj("Secret", data={"a": "b64"}, stringData={"b": "text", "c": ""}),
        obj("Secret"),
    ]
    assert secret_values(objects) == {"b64", "text"}


@pytest.mark.parametrize(
    ("file", "state"),
    [
        pytest.param("kafkatopic--orders", State(True, "ready"), id="topic"),
        pytest.param("kafkauser--alice", State(True, "ready"), id="user"),
        pytest.param(
            "deployment--data-on-eks-entity-operator",
            State(True, "1 of 1 replicas available, 1 up to date"),
            id="deployment",
        ),
        pytest.param("kafkanodepool--broker", State(True, "exists"), id="a kind that cannot be waited for"),
    ],
)
def test_recorded_objects_that_are_ready(recorded, file, state) -> None:
    assert state_of(recorded(file)) == state


@pytest.mark.parametrize(
    ("file", "final", "text"),
    [
        pytest.param("kafkatopic--bad-config", True, "InvalidConfigurationException", id="wrong for good"),
        pytest.param("kafkatopic--bad-rf", False, "only 3 broker(s) are registered", id="heals with more brokers"),
    ],
)
def test_recorded_topics_that_failed(recorded, file, final, text) -> None:
    state = state_of(recorded(file))
    assert (state.done, state.final) == (False, final) and text in state.text


def conditions(*pairs: tuple[str, str], **status):
    return {"conditions": [{"type": kind, "status": value, "reason": "Why"} for kind, value in pairs], **status}


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        pytest.param(
            "KafkaTopic",
            conditions(("Ready", "True"), observedGeneration=1),
            State(False, "its controller has not yet seen generation 2"),
            id="topic: stale",
        ),
        pytest.param(
            "KafkaTopic", conditions(observedGeneration=2), State(False, "it has no condition yet"), id="topic: new"
        ),
        pytest.param(
            "KafkaTopic",
            conditions(("Unmanaged", "True"), observedGeneration=2),
            State(True, "ready"),
            id="topic: unmanaged",
        ),
        pytest.param(
            "KafkaUser",
            conditions(("NotReady", "True"), observedGeneration=2),
            State(False, "Why", final=True),
            id="user: refused",
        ),
        pytest.param(
            "CustomResourceDefinition", conditions(("Established", "True")), State(True, "established"), id="definition"
        ),
        pytest.param("CustomResourceDefinition", {}, State(False, "not yet established"), id="definition: new"),
        pytest.param(
            "CustomResourceDefinition",
            conditions(("NamesAccepted", "False")),
            State(False, "Why", final=True),
            id="definition: name taken",
        ),
        pytest.param("Job", conditions(("Complete", "True")), State(True, "complete"), id="job: complete"),
        pytest.param("Job", conditions(("Failed", "True")), State(False, "Why", final=True), id="job: failed"),
        pytest.param(
            "Job", {"active": 2, "succeeded": 1}, State(False, "1 pods succeeded, 2 active"), id="job: running"
        ),
        pytest.param(
            "NodePool",
            conditions(("Ready", "True")),
            State(False, "its controller has not yet seen generation 2"),
            id="pool: stale",
        ),
        pytest.param(
            "NodePool",
            {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]},
            State(True, "ready"),
            id="pool: ready",
        ),
        pytest.param(
            "EC2NodeClass",
            {
                "conditions": [
                    {"type": "SubnetsReady", "status": "False", "reason": "SubnetsNotFound", "message": "no match"},
                    {"type": "AMIsReady", "status": "True"},
                    {"type": "Ready", "status": "False", "observedGeneration": 2},
                ]
            },
            State(False, "SubnetsReady SubnetsNotFound: no match"),
            id="class: no subnets",
        ),
        pytest.param("Namespace", {"phase": "Active"}, State(True, "Active"), id="namespace"),
        pytest.param("Namespace", {"phase": "Terminating"}, State(False, "Terminating"), id="namespace: going"),
        pytest.param(
            "Deployment",
            {"observedGeneration": 1},
            State(False, "its controller has not yet seen generation 2"),
            id="deployment: stale",
        ),
        pytest.param(
            "Deployment",
            {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 2},
            State(False, "2 of 2 replicas available, 2 up to date, 1 old"),
            id="deployment: an old pod is left",
        ),
    ],
)
def test_states(kind, status, expected) -> None:
    one = {**obj(kind), "spec": {"replicas": 2}, "status": status}
    one["metadata"]["generation"] = 2
    assert state_of(one) == expected


@pytest.mark.parametrize(
    ("held", "text"),
    [
        pytest.param(
            {"metadata": {"finalizers": ["strimzi.io/topic-operator"]}},
            "finalizers strimzi.io/topic-operator",
            id="finalizer",
        ),
        pytest.param(
            {
                "spec": {"finalizers": ["kubernetes"]},
                "status": {
                    "conditions": [
                        {"status": "True", "message": "1 topic remains"},
                        {"status": "False", "message": "no"},
                    ]
                },
            },
            "finalizers kubernetes; 1 topic remains",
            id="namespace with something inside",
        ),
        pytest.param({}, "nothing that its object names", id="nothing"),
    ],
)
def test_what_holds_an_object_that_is_being_deleted(held, text) -> None:
    assert what_holds({"kind": "Namespace", "metadata": {}, **held}) == text


def test_a_machine_that_is_drained_says_so() -> None:
    drained = {"type": "Drained", "status": "Unknown", "reason": "Draining"}
    held = {"kind": "NodeClaim", "metadata": {"finalizers": ["karpenter.sh/termination"]}}
    status = {"conditions": [{"type": "Launched", "status": "True"}, drained]}
    assert what_holds({**held, "status": status}) == "finalizers karpenter.sh/termination; Drained Draining"


def test_keys_sort_and_read_well() -> None:
    assert str(Key("v1", "Namespace", "", "kafka")) == "Namespace kafka"
    assert Key("apps/v1", "Deployment", "a", "b").group == "apps"


def test_schemas_are_shown_as_marks() -> None:
    def definition(schema: str) -> dict[str, Any]:
        versions = [{"name": "v1", "served": True, "schema": {"openAPIV3Schema": schema}}]
        return {"kind": "CustomResourceDefinition", "metadata": {"name": "a"}, "spec": {"versions": versions}}

    one, same, other = (masked(definition(schema), b"salt") for schema in ("a", "a", "b"))
    assert one == same != other
    assert one["spec"]["versions"][0]["served"] is True
    assert "openAPIV3Schema" not in str(one)
