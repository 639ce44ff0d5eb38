from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import (
    KubernetesError,
    NoKubeconfig,
    NotAnswering,
    NotServed,
    Unreachable,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._objects import BadObjects
from ansible_collections.streamops.kafka_eks.plugins.modules import kubernetes_objects
from ansible_collections.streamops.kafka_eks.plugins.modules.kubernetes_objects import (
    ARGUMENT_SPEC,
    DOCUMENTATION,
    Change,
    Waiter,
    absent,
    marked,
    patched,
    plan_absent,
    plan_patched,
    plan_present,
    present,
    result_of,
)

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kafka"}}
OUR_NAMESPACE = {**NAMESPACE, "metadata": {"name": "kafka", "labels": {"app.kubernetes.io/managed-by": "kafka-eks"}}}
CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "kafka"}}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "kafka"}, "data": {"x": "1"}}
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "kafka"},
    "data": {"p": "aHVudGVy"},
}
TOPIC = {
    "apiVersion": "kafka.strimzi.io/v1beta2",
    "kind": "KafkaTopic",
    "metadata": {"name": "t", "namespace": "kafka"},
    "spec": {"partitions": 3},
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kafkatopics.kafka.strimzi.io"},
    "spec": {
        "group": "kafka.strimzi.io",
        "names": {"kind": "KafkaTopic"},
        "scope": "Namespaced",
        "versions": [{"name": "v1beta2", "served": True}],
    },
}


class Time:
    def __init__(self, *at_sleep: Callable[[], None]):
        self.now = 0.0
        self.at_sleep = list(at_sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.at_sleep:
            self.at_sleep.pop(0)()

    def waiter(self, timeout: float = 5) -> Waiter:
        return Waiter(timeout, lambda: self.now, self.sleep)


def actions(changes: list[Change]) -> list[tuple[str, str]]:
    return [(str(change.key), change.action) for change in changes]


def ready(obj: dict[str, Any], state: str = "True") -> dict[str, Any]:
    condition = {"type": "Ready", "status": state, "reason": "KafkaError", "message": "no such config"}
    metadata = {**obj["metadata"], "generation": 1}
    return {**obj, "metadata": metadata, "status": {"observedGeneration": 1, "conditions": [condition]}}


def established(cluster) -> Callable[[], None]:
    def change() -> None:
        cluster.stored["CustomResourceDefinition", "", "kafkatopics.kafka.strimzi.io"]["status"] = {
            "conditions": [{"type": "Established", "status": "True"}]
        }

    return change


def test_new_changed_and_equal_objects_are_told_apart(fake_cluster) -> None:
    stored = {**CONFIG, "metadata": {**CONFIG["metadata"], "uid": "u", "managedFields": [{}]}}
    cluster = fake_cluster(NAMESPACE, stored)
    changed = {**CONFIG, "metadata": {"name": "b", "namespace": "kafka"}}
    cluster.apply(changed)
    changes = plan_present(cluster, [CONFIG, {**changed, "data": {"x": "2"}}, SECRET], check_mode=False)
    assert actions(changes) == [
        ("ConfigMap kafka/a", "unchanged"),
        ("ConfigMap kafka/b", "updated"),
        ("Secret kafka/s", "created"),
    ]
    assert len(cluster.written) == 1


def test_only_what_changes_is_written(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, CONFIG)
    objects = [CONFIG, SECRET]
    present(cluster, objects, plan_present(cluster, objects, False), Time().waiter(), wait=False)
    assert cluster.written == ["apply Secret s"]
    assert not any(change.changed for change in plan_present(cluster, objects, False))


def test_an_object_that_is_refused_keeps_all_others_from_being_applied(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE)
    cluster.refuse = lambda obj: KubernetesError("no such field", 400) if obj["kind"] == "Secret" else None
    with pytest.raises(KubernetesError, match="no such field"):
        plan_present(cluster, [CONFIG, SECRET], check_mode=False)
    assert cluster.written == []


def test_namespace_and_kind_can_be_made_in_the_same_call(fake_cluster) -> None:
    cluster = fake_cluster(unserved=("KafkaTopic",))
    objects = [TOPIC, CONFIG, DEFINITION, NAMESPACE]
    changes = plan_present(cluster, objects, check_mode=False)
    assert {action for _, action in actions(changes)} == {"created"}
    present(cluster, objects, changes, Time(established(cluster)).waiter(), wait=False)
    assert cluster.written == [
        "apply Namespace kafka",
        "apply CustomResourceDefinition kafkatopics.kafka.strimzi.io",
        "apply KafkaTopic t",
        "apply ConfigMap a",
    ]


def test_a_kind_that_is_not_established_in_time_is_an_error(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, unserved=("KafkaTopic",))
    objects = [TOPIC, DEFINITION]
    with pytest.raises(KubernetesError, match="Still not established after 5 s: CustomResourceDefinition kafkatopics"):
        present(cluster, objects, plan_present(cluster, objects, False), Time().waiter(), wait=False)
    assert "apply KafkaTopic t" not in cluster.written


def test_a_kind_that_nobody_brings_is_an_error_but_not_in_check_mode(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, unserved=("KafkaTopic",))
    with pytest.raises(NotServed):
        plan_present(cluster, [TOPIC], check_mode=False)
    assert actions(plan_present(cluster, [TOPIC], check_mode=True)) == [("KafkaTopic kafka/t", "created")]


def test_a_missing_namespace_is_an_error_but_not_in_check_mode(fake_cluster) -> None:
    with pytest.raises(KubernetesError, match='namespaces "kafka" not found'):
        plan_present(fake_cluster(), [CONFIG], check_mode=False)
    (change,) = plan_present(fake_cluster(), [CONFIG], check_mode=True)
    assert (change.action, change.after) == ("created", CONFIG)


def test_an_object_of_a_new_kind_needs_its_namespace_too(fake_cluster) -> None:
    homeless = {**TOPIC, "metadata": {"name": "t"}}
    with pytest.raises(BadObjects, match="KafkaTopic t cannot be applied: its kind needs a namespace"):
        plan_present(fake_cluster(unserved=("KafkaTopic",)), [homeless, DEFINITION], check_mode=False)


def test_an_object_that_is_being_deleted_is_not_applied(fake_cluster) -> None:
    going = {**CONFIG, "metadata": {**CONFIG["metadata"], "deletionTimestamp": "12:00", "finalizers": ["x/y"]}}
    with pytest.raises(KubernetesError, match="is being deleted since 12:00 and still held by finalizers x/y"):
        plan_present(fake_cluster(NAMESPACE, going), [CONFIG], check_mode=False)


def test_waiting_ends_when_all_are_ready(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE)
    time = Time(lambda: None, lambda: cluster.stored.update({("KafkaTopic", "kafka", "t"): ready(TOPIC)}))
    present(cluster, [TOPIC, CONFIG], plan_present(cluster, [TOPIC, CONFIG], False), time.waiter(), wait=True)
    assert time.now == 2


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        pytest.param(
            None,
            "Still not ready after 5 s: KafkaTopic kafka/t \\(its controller has not yet seen generation",
            id="late",
        ),
        pytest.param(
            "False", "KafkaTopic kafka/t will not become ready: KafkaError: no such config; correct it", id="failed"
        ),
    ],
)
def test_what_does_not_become_ready_is_named(fake_cluster, state, sentence) -> None:
    cluster = fake_cluster(NAMESPACE, ready(TOPIC, state) if state else TOPIC)
    with pytest.raises(KubernetesError, match=sentence):
        present(cluster, [TOPIC], plan_present(cluster, [TOPIC], False), Time().waiter(), wait=True)


def test_what_somebody_deletes_meanwhile_is_named(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, TOPIC)
    time = Time(cluster.stored.clear)
    with pytest.raises(KubernetesError, match="KafkaTopic kafka/t \\(somebody deleted it\\)"):
        present(cluster, [TOPIC], plan_present(cluster, [TOPIC], False), time.waiter(), wait=True)


@pytest.mark.parametrize(
    ("there", "label"),
    [
        pytest.param([], "kafka-eks", id="new"),
        pytest.param([OUR_NAMESPACE], "kafka-eks", id="made here before"),
        pytest.param([NAMESPACE], None, id="somebody else's"),
    ],
)
def test_a_namespace_is_marked_when_it_is_made(fake_cluster, there, label) -> None:
    namespace, config = marked(fake_cluster(*there), [NAMESPACE, CONFIG])
    assert (namespace["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == label
    assert config == CONFIG
    assert NAMESPACE["metadata"] == {"name": "kafka"}


def test_a_dry_run_without_a_cluster_shows_the_mark() -> None:
    assert marked(None, [NAMESPACE]) == [OUR_NAMESPACE]


@pytest.mark.parametrize(
    ("there", "objects", "action"),
    [
        pytest.param([OUR_NAMESPACE], [NAMESPACE], "deleted", id="made here"),
        pytest.param([NAMESPACE], [NAMESPACE], "kept", id="somebody else's"),
        pytest.param([OUR_NAMESPACE, CLAIM], [NAMESPACE], "kept", id="with claims"),
        pytest.param([OUR_NAMESPACE, CLAIM], [NAMESPACE, CLAIM], "deleted", id="with claims that go too"),
        pytest.param([], [NAMESPACE], "absent", id="gone"),
    ],
)
def test_a_namespace_goes_only_when_it_was_made_here_and_has_no_data(fake_cluster, there, objects, action) -> None:
    cluster = fake_cluster(*there)
    changes = plan_absent(cluster, objects)
    absent(cluster, changes, Time().waiter(), wait=True)
    assert actions(changes)[-1] == ("Namespace kafka", action)
    assert ("delete Namespace kafka" in cluster.written) == (action == "deleted")


def test_removal_goes_the_other_way_round(fake_cluster) -> None:
    cluster = fake_cluster(OUR_NAMESPACE, DEFINITION, TOPIC, CONFIG)
    changes = plan_absent(cluster, [NAMESPACE, DEFINITION, CONFIG, SECRET, TOPIC])
    absent(cluster, changes, Time().waiter(), wait=True)
    assert actions(changes)[1] == ("Secret kafka/s", "absent")
    assert cluster.written == [
        "delete KafkaTopic t",
        "delete ConfigMap a",
        "delete CustomResourceDefinition kafkatopics.kafka.strimzi.io",
        "delete Namespace kafka",
    ]


def test_what_holds_an_object_is_named_and_keeps_its_kind_alive(fake_cluster) -> None:
    held = {**TOPIC, "metadata": {**TOPIC["metadata"], "finalizers": ["strimzi.io/topic-operator"]}}
    cluster = fake_cluster(NAMESPACE, DEFINITION, held)
    changes = plan_absent(cluster, [TOPIC, DEFINITION, NAMESPACE])
    with pytest.raises(
        KubernetesError, match="Still there after 5 s: KafkaTopic kafka/t \\(held by finalizers strimzi"
    ):
        absent(cluster, changes, Time().waiter(), wait=True)
    assert cluster.written == ["delete KafkaTopic t"]


def test_removal_of_what_is_not_there_changes_nothing(fake_cluster) -> None:
    cluster = fake_cluster(unserved=("KafkaTopic",))
    changes = plan_absent(cluster, [TOPIC, CONFIG])
    assert {action for _, action in actions(changes)} == {"absent"}
    absent(cluster, changes, Time().waiter(), wait=True)
    assert cluster.written == []


UNMANAGED = {
    "apiVersion": "kafka.strimzi.io/v1beta2",
    "kind": "KafkaTopic",
    "metadata": {"name": "t", "namespace": "kafka", "annotations": {"strimzi.io/managed": "false"}},
}


def test_patching_changes_what_is_named_in_what_exists(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, TOPIC)
    objects = [UNMANAGED, {**UNMANAGED, "metadata": {**UNMANAGED["metadata"], "name": "gone"}}]
    changes = plan_patched(cluster, objects)
    assert actions(changes) == [("KafkaTopic kafka/t", "updated"), ("KafkaTopic kafka/gone", "absent")]
    assert cluster.written == []
    patched(cluster, objects, changes)
    assert cluster.written == ["patch KafkaTopic t"]
    assert cluster.stored["KafkaTopic", "kafka", "t"] == {**TOPIC, "metadata": UNMANAGED["metadata"]}
    assert actions(plan_patched(cluster, objects))[0] == ("KafkaTopic kafka/t", "unchanged")


def test_patching_where_the_kind_is_unknown_changes_nothing(fake_cluster) -> None:
    assert actions(plan_patched(fake_cluster(unserved=("KafkaTopic",)), [UNMANAGED])) == [
        ("KafkaTopic kafka/t", "absent")
    ]


def test_the_result_shows_each_change_and_no_secret(fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, CONFIG)
    changes = plan_present(cluster, [{**CONFIG, "data": {"x": "2"}}, SECRET], check_mode=False)
    result = result_of(changes, b"salt")
    assert result["changed"] is True
    assert result["objects"] == [
        {"kind": "ConfigMap", "namespace": "kafka", "name": "a", "action": "updated"},
        {"kind": "Secret", "namespace": "kafka", "name": "s", "action": "created"},
    ]
    config, secret = result["diff"]
    assert (yaml.safe_load(config["before"])["data"], yaml.safe_load(config["after"])["data"]) == (
        {"x": "1"},
        {"x": "2"},
    )
    assert secret["before"] == "" and "aHVudGVy" not in json.dumps(result)


def run(monkeypatch, capsys, cluster: Any, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    """The module as Ansible runs it; cluster may be the error that connecting ends with."""

    def connect(kubeconfig: str, context: str) -> Any:
        if isinstance(cluster, Exception):
            raise cluster
        return cluster

    monkeypatch.setattr(kubernetes_objects, "connect", connect)
    defaults = {"kubeconfig": "/k", "context": "lab", "objects": [CONFIG], "_ansible_check_mode": check_mode}
    with patch_module_args({**defaults, **arguments}), pytest.raises(SystemExit):
        kubernetes_objects.main()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_module_applies(monkeypatch, capsys, fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE)
    result = run(monkeypatch, capsys, cluster)
    assert (result["changed"], result["cluster_reachable"], cluster.closed) == (True, True, True)
    assert cluster.written == ["apply ConfigMap a"]
    assert run(monkeypatch, capsys, cluster)["changed"] is False


def test_the_module_removes_the_namespace_that_it_has_made(monkeypatch, capsys, fake_cluster) -> None:
    cluster = fake_cluster()
    run(monkeypatch, capsys, cluster, objects=[NAMESPACE])
    assert run(monkeypatch, capsys, cluster, objects=[NAMESPACE])["changed"] is False
    run(monkeypatch, capsys, cluster, objects=[NAMESPACE], state="absent")
    assert cluster.written == ["apply Namespace kafka", "delete Namespace kafka"]


def test_the_module_removes(monkeypatch, capsys, fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, CONFIG)
    assert run(monkeypatch, capsys, cluster, state="absent", wait=True)["objects"][0]["action"] == "deleted"
    assert cluster.written == ["delete ConfigMap a"]


CHANGED = {**CONFIG, "data": {"x": "2"}}


@pytest.mark.parametrize("state", ["present", "absent", "patched"])
def test_check_mode_writes_nothing(monkeypatch, capsys, fake_cluster, state) -> None:
    cluster = fake_cluster(NAMESPACE, CONFIG)
    result = run(monkeypatch, capsys, cluster, check_mode=True, state=state, objects=[CHANGED], wait=True)
    assert (result["changed"], cluster.written) == (True, [])


def test_the_module_patches(monkeypatch, capsys, fake_cluster) -> None:
    cluster = fake_cluster(NAMESPACE, CONFIG)
    result = run(monkeypatch, capsys, cluster, state="patched", objects=[CHANGED])
    assert (result["objects"][0]["action"], cluster.written) == ("updated", ["patch ConfigMap a"])


GONE = NotAnswering("nobody answers", gone=True)
SILENT = NotAnswering("no answer in time", gone=False)
ABSENT = NoKubeconfig("the kubeconfig does not exist")
UNAUTHORIZED = Unreachable("not accepted", 401)


@pytest.mark.parametrize(
    ("error", "state", "check_mode", "action"),
    [
        pytest.param(ABSENT, "present", True, "created", id="check: no cluster yet"),
        pytest.param(UNAUTHORIZED, "present", True, "created", id="check: not yet let in"),
        pytest.param(ABSENT, "present", False, None, id="no cluster"),
        pytest.param(GONE, "present", False, None, id="gone"),
        pytest.param(ABSENT, "absent", False, "absent", id="removal: no cluster any more"),
        pytest.param(GONE, "absent", False, "absent", id="removal: gone"),
        pytest.param(GONE, "patched", False, "absent", id="patching: gone"),
        pytest.param(SILENT, "absent", False, None, id="removal: silence may be a broken network"),
        pytest.param(UNAUTHORIZED, "absent", False, None, id="removal: not let in"),
    ],
)
def test_without_a_cluster(monkeypatch, capsys, error, state, check_mode, action) -> None:
    result = run(monkeypatch, capsys, error, check_mode=check_mode, state=state)
    if action is None:
        assert result["failed"] and result["msg"] == str(error)
    else:
        assert (result["cluster_reachable"], result["objects"][0]["action"]) == (False, action)
        assert result["msg"] == str(error) and result["changed"] is (action == "created")


def test_a_cluster_that_does_not_answer_the_first_question_is_no_cluster(monkeypatch, capsys, fake_cluster) -> None:
    cluster = fake_cluster()
    monkeypatch.setattr(cluster, "served", lambda *_: (_ for _ in ()).throw(GONE))
    assert run(monkeypatch, capsys, cluster, check_mode=True)["cluster_reachable"] is False


def test_bad_objects_are_refused_before_anybody_is_asked(monkeypatch, capsys) -> None:
    result = run(monkeypatch, capsys, AssertionError("Nobody is asked."), objects=[{"kind": "ConfigMap"}])
    assert result["msg"] == "Object 1 of 1 (ConfigMap) has no apiVersion and no metadata.name: complete its manifest."


def test_values_of_secrets_are_in_no_output_not_even_in_the_arguments(monkeypatch, capsys, fake_cluster) -> None:
    result = run(monkeypatch, capsys, fake_cluster(NAMESPACE), objects=[SECRET])
    assert "aHVudGVy" not in json.dumps(result)
    assert result["invocation"]["module_args"]["objects"][0]["metadata"]["name"] == "s"


def test_the_documentation_tells_of_every_option() -> None:
    own = {name for name in ARGUMENT_SPEC if name not in ("kubeconfig", "context")}
    documented = yaml.safe_load(DOCUMENTATION)["options"]
    assert documented.keys() == own
    for name in own:
        for field in ("type", "default", "choices", "elements"):
            assert documented[name].get(field) == ARGUMENT_SPEC[name].get(field)
