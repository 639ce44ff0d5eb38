from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import KubernetesError, NoKubeconfig
from ansible_collections.streamops.kafka_eks.plugins.modules import kubernetes_preflight_info
from ansible_collections.streamops.kafka_eks.plugins.modules.kubernetes_preflight_info import (
    ARGUMENT_SPEC,
    DOCUMENTATION,
)

LABEL = "kafka-eks.streamops.io/pool"
POOL = {"name": "broker", "pods": 1}
NODE = {"kind": "Node", "metadata": {"name": "n", "labels": {LABEL: "broker"}}, "spec": {}}
CLASS = {
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "volumeBindingMode": "WaitForFirstConsumer",
}
NODE_POOL = {
    "kind": "NodePool",
    "metadata": {"name": "kafka"},
    "spec": {"template": {"metadata": {"labels": {LABEL: "broker"}}}},
}
KAFKA = {"kind": "Kafka", "metadata": {"name": "k", "namespace": "kafka"}}
CLAIM = {
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data", "namespace": "kafka", "labels": {"strimzi.io/cluster": "k"}},
}
AUTOSCALER = {"kind": "ConfigMap", "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"}}
RIGHTS = [
    {"verbs": ["create", "patch"], "resources": ["namespaces"]},
    {"verbs": ["create"], "resources": ["pods/portforward"], "namespace": "kafka"},
]


@pytest.fixture
def run(monkeypatch, capsys):
    def run(cluster: Any, **arguments: Any) -> dict[str, Any]:
        """The module as Ansible runs it; cluster may be the error that connecting ends with."""

        def connect(kubeconfig: str, context: str) -> Any:
            if isinstance(cluster, Exception):
                raise cluster
            return cluster

        monkeypatch.setattr(kubernetes_preflight_info, "connect", connect)
        given = {"kubeconfig": "/k", "context": "lab", "_ansible_check_mode": True, **arguments}
        with patch_module_args(given), pytest.raises(SystemExit):
            kubernetes_preflight_info.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


@pytest.fixture
def cluster(fake_cluster):
    def made(*objects: Any, allowed: tuple[str, ...] = (), karpenter: bool = False) -> Any:
        cluster = fake_cluster(*objects, unserved=() if karpenter else ("NodePool",))
        cluster.asked = []

        def may(verb: str, resource: str, namespace: str = "") -> bool:
            cluster.asked.append((verb, resource, namespace))
            return f"{verb} {resource}" in allowed

        cluster.may = may
        return cluster

    return made


def test_what_is_fit_is_told(run, cluster) -> None:
    there = cluster(NODE, CLASS, allowed=("*.*",))
    result = run(there, storage_class="fast", pools=[POOL])
    assert (result["changed"], result["found"]) == (False, ["broker: 1 nodes for 1 pods, in the zones none"])
    assert there.closed and there.written == [] and there.asked == []


def test_everything_that_is_missing_is_told_at_once(run, cluster) -> None:
    result = run(cluster(CLASS), storage_class="slow", pools=[POOL])
    assert "storage class slow does not exist (there are: fast)" in result["msg"]
    assert "0 of 1 for broker" in result["msg"]


@pytest.mark.parametrize(
    ("objects", "unserved", "refused"),
    [
        pytest.param([CLAIM], [], True, id="claims alone"),
        pytest.param([CLAIM], ["Kafka"], True, id="claims without an operator"),
        pytest.param([CLAIM, KAFKA], [], False, id="claims of a cluster"),
        pytest.param([], [], False, id="nothing"),
    ],
)
def test_claims_of_an_earlier_cluster_are_refused(run, cluster, objects, unserved, refused) -> None:
    there = cluster(*objects)
    there.unserved.update(unserved)
    result = run(there, kafka={"name": "k", "namespace": "kafka"})
    assert result.get("failed", False) is refused
    assert not refused or "delete pvc -n kafka -l strimzi.io/cluster=k)" in result["msg"]


@pytest.mark.parametrize(
    ("objects", "karpenter"),
    [
        pytest.param([NODE_POOL], True, id="Karpenter"),
        pytest.param([AUTOSCALER], False, id="the cluster autoscaler"),
        pytest.param([AUTOSCALER], True, id="the cluster autoscaler, and Karpenter for other nodes"),
    ],
)
def test_nodes_that_come_when_they_are_needed_need_not_be_there(run, cluster, objects, karpenter) -> None:
    assert "failed" not in run(cluster(*objects, karpenter=karpenter), pools=[POOL])


def test_karpenter_without_a_pool_for_kafka_does_not_help(run, cluster) -> None:
    assert "0 of 1 for broker" in run(cluster(karpenter=True), pools=[POOL])["msg"]


@pytest.mark.parametrize(("status", "sentence"), [(403, "0 of 1 for broker"), (500, "no")])
def test_who_may_not_ask_for_help_is_told_of_the_nodes(run, cluster, status, sentence) -> None:
    there = cluster(NODE_POOL, AUTOSCALER, karpenter=True)
    refusal = KubernetesError("no", status)
    there.get = lambda *_: (_ for _ in ()).throw(refusal)
    nodes = there.list
    there.list = lambda version, kind: nodes(version, kind) if kind == "Node" else (_ for _ in ()).throw(refusal)
    assert sentence in run(there, pools=[POOL])["msg"]


def test_missing_rights_are_told_before_anything_is_looked_at(run, cluster) -> None:
    there = cluster(allowed=("create namespaces",))
    result = run(there, storage_class="slow", pools=[POOL], rights=RIGHTS)
    assert result["msg"].startswith(
        "This identity lacks rights in the cluster (patch namespaces, create pods/portforward in kafka):"
    )
    assert there.asked == [
        ("*", "*.*", ""),
        ("create", "namespaces", ""),
        ("patch", "namespaces", ""),
        ("create", "pods/portforward", "kafka"),
    ]


def test_who_may_do_everything_is_not_asked_further(run, cluster) -> None:
    there = cluster(allowed=("* *.*",))
    assert "failed" not in run(there, rights=RIGHTS)
    assert len(there.asked) == 1


def test_a_class_that_makes_volumes_at_once_is_warned_about(run, cluster, monkeypatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _, text: warnings.append(text))
    run(
        cluster(NODE_POOL, {**CLASS, "volumeBindingMode": "Immediate"}, karpenter=True),
        storage_class="fast",
        pools=[{**POOL, "zones": 3}],
    )
    assert len(warnings) == 1 and "The storage class fast makes volumes before" in warnings[0]


@pytest.mark.parametrize("answers", [True, False])
def test_a_cluster_that_is_not_there_is_an_error_in_a_dry_run_too(run, fake_cluster, answers) -> None:
    error = NoKubeconfig("there is no such file")
    there = fake_cluster()
    there.served = lambda *_: (_ for _ in ()).throw(error)
    assert run(there if answers else error)["msg"] == "there is no such file"


def test_the_documentation_tells_of_every_option() -> None:
    own = {name: spec for name, spec in ARGUMENT_SPEC.items() if name not in ("kubeconfig", "context")}
    documented = yaml.safe_load(DOCUMENTATION)["options"]
    assert documented.keys() == own.keys()
    for name, spec in own.items():
        assert (documented[name].get("suboptions") or {}).keys() == (spec.get("options") or {}).keys()
