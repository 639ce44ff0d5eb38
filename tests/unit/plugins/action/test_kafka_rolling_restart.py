from __future__ import annotations

import copy
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.action import kafka_rolling_restart
from ansible_collections.streamops.kafka_eks.plugins.action.kafka_rolling_restart import ActionModule
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _renewal
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import (
    KubernetesError,
    NoKubeconfig,
    NotAnswering,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness import Check
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_look import Look
from ansible_collections.streamops.kafka_eks.plugins.module_utils._waiting import wait_for

READY = Look((Check("pods", "pass", "fine"),), True, True)
BROKEN = Look((Check("quorum", "fail", "voter 3 is late"),), True)
STATUS = {"conditions": [{"type": "Ready", "status": "True"}]}
MEMBERS = {"controller-3": "a", "controller-4": "b", "broker-0": "a"}


def member(name: str, node: str, uid: str) -> dict[str, Any]:
    labels = {
        "strimzi.io/cluster": "data-on-eks",
        "strimzi.io/name": "data-on-eks-kafka",
        "strimzi.io/controller-role": str(name.startswith("controller")).lower(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"data-on-eks-{name}", "namespace": "kafka", "uid": uid, "labels": labels},
        "spec": {"containers": [{"name": "kafka", "image": "kafka:1"}], "nodeName": node},
        "status": STATUS,
    }


def machine(name: str, pool: str, zone: str) -> list[dict[str, Any]]:
    labels = {"kafka-eks.streamops.io/pool": pool, "topology.kubernetes.io/zone": zone}
    return [
        {"kind": "Node", "metadata": {"name": name, "uid": name, "labels": labels}, "spec": {}, "status": STATUS},
        {"kind": "NodeClaim", "metadata": {"name": f"claim-{name}"}, "status": {"nodeName": name}},
    ]


@pytest.fixture
def cluster(fake_cluster):
    """A cluster in which Karpenter and the operator do at once what they are asked."""

    class Cluster(fake_cluster):
        launches, restarts = True, True

        def apply(self, obj: dict[str, Any], dry_run: bool = False) -> Any:
            made = super().apply(obj, dry_run)
            if obj["kind"] == "Pod" and self.launches:
                term = obj["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
                wanted = {one["key"]: one["values"][0] for one in term["nodeSelectorTerms"][0]["matchExpressions"]}
                self.store(*machine(f"new-{len(self.written)}", *wanted.values()))
            return made

        def patch(
            self, api_version: str, kind: str, name: str, change: Any, namespace: Any = None, dry_run: bool = False
        ) -> Any:
            after = super().patch(api_version, kind, name, change, namespace, dry_run)
            if kind == "Pod" and self.restarts:
                self.restart(after)
            return after

        def restart(self, pod: dict[str, Any]) -> None:
            here = pod["spec"]["nodeName"]
            taken = {one["spec"].get("nodeName") for one in self.list("v1", "Pod")}
            old = self.get("v1", "Node", here)
            free = [
                one["metadata"]["name"]
                for one in self.list("v1", "Node")
                if one["metadata"]["labels"] == old["metadata"]["labels"] and one["metadata"]["name"] not in taken
            ]
            place = free[0] if old["spec"].get("unschedulable") else here
            name = pod["metadata"]["name"].removeprefix("data-on-eks-")
            self.store(member(name, place, f"{pod['metadata']['uid']}-again"))

        def store(self, *objects: dict[str, Any]) -> None:
            for obj in objects:
                key = self._key(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
                self.stored[key] = copy.deepcopy(obj)

    kafka = {"kind": "Kafka", "metadata": {"name": "data-on-eks", "namespace": "kafka"}}
    namespace = {"kind": "Namespace", "metadata": {"name": "kafka"}}
    made = Cluster(kafka, namespace, unserved=("kafka.strimzi.io/v1/Kafka",))
    for name, zone in MEMBERS.items():
        made.store(member(name, f"old-{name}", name), *machine(f"old-{name}", name.partition("-")[0], zone))
    return made


@pytest.fixture
def run(monkeypatch, cluster):
    """The action as Ansible runs it; the looks at Kafka are given, and the last of them stays."""

    def run(*looks: Look, check_mode: bool = False, leader: int = 3, **arguments: Any) -> dict[str, Any]:
        left = list(looks or [READY])

        class Watch:
            def __init__(self, *_: object):
                self.leader: int | None = None

            def __enter__(self) -> Any:
                return self

            def __exit__(self, *_: object) -> None:
                self.close()

            def close(self) -> None:
                pass

            def look(self) -> Look:
                self.leader = leader
                return left.pop(0) if len(left) > 1 else left[0]

        def connect(kubeconfig: str, context: str) -> Any:
            if kubeconfig == "/none":
                raise NoKubeconfig("The kubeconfig /none does not exist.")
            return cluster

        time = SimpleNamespace(now=0.0)
        waiting = partial(
            wait_for, clock=lambda: time.now, sleep=lambda seconds: setattr(time, "now", time.now + seconds)
        )
        monkeypatch.setattr(kafka_rolling_restart, "connect", connect)
        monkeypatch.setattr(kafka_rolling_restart, "Watch", Watch)
        monkeypatch.setattr(kafka_rolling_restart, "wait_for", waiting)
        monkeypatch.setattr(kafka_rolling_restart.Display, "display", lambda self, line: run.said.append(line))
        given = {"kubeconfig": "/k", "context": "lab", "name": "data-on-eks", "namespace": "kafka", "listener": "plain"}
        task = SimpleNamespace(args={**given, **arguments}, check_mode=check_mode, async_val=0, diff=False, action="x")
        connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/unused"))
        return ActionModule(task, connection, None, None, None, None).run(task_vars={})

    run.said = []
    return run


def mark(cluster: Any) -> Any:
    return _renewal.mark_of(cluster.get("", "Kafka", "data-on-eks", "kafka"))


def places(cluster: Any) -> dict[str, str]:
    return {pod["metadata"]["name"][12:]: pod["spec"]["nodeName"] for pod in cluster.list("v1", "Pod", "kafka")}


def test_members_move_to_new_nodes_in_their_order(run, cluster):
    result = run()
    assert (result["changed"], "failed" in result) == (True, False)
    assert list(result["renewed"]) == ["data-on-eks-controller-4", "data-on-eks-controller-3", "data-on-eks-broker-0"]
    assert all(place.startswith("new-") for place in places(cluster).values())
    assert sorted(one["metadata"]["name"] for one in cluster.list("v1", "NodeClaim")) == sorted(
        f"claim-{place}" for place in places(cluster).values()
    )
    assert mark(cluster) is None


def test_the_new_node_comes_first(run, cluster):
    run()
    steps = [step for step in cluster.written if "broker-0" in step]
    assert steps == [
        "apply Pod data-on-eks-broker-0-placeholder",
        "delete Pod data-on-eks-broker-0-placeholder",
        "patch Node old-broker-0",
        "patch Pod data-on-eks-broker-0",
        "delete NodeClaim claim-old-broker-0",
    ]


def test_pods_are_restarted_where_they_are(run, cluster):
    result = run(scope="pods")
    assert list(result["renewed"]) == ["data-on-eks-controller-4", "data-on-eks-controller-3", "data-on-eks-broker-0"]
    assert places(cluster) == {name: f"old-{name}" for name in MEMBERS}
    assert {pod["metadata"]["uid"] for pod in cluster.list("v1", "Pod", "kafka")} == {
        f"{name}-again" for name in MEMBERS
    }


def test_a_dry_run_only_says_who_is_due(run, cluster):
    result = run(check_mode=True)
    assert (result["changed"], result["renewed"]) == (True, {})
    # The active controller after the other one.
    assert result["due"] == ["data-on-eks-controller-4", "data-on-eks-controller-3", "data-on-eks-broker-0"]
    assert cluster.written == []


def test_a_cluster_that_is_not_ready_is_left_alone(run, cluster):
    result = run(BROKEN, timeout=60)
    assert "is not ready before anything is done, after 60 s: quorum: voter 3 is late" in result["msg"]
    assert "(this run has renewed nothing)" in result["msg"]
    assert cluster.written == []


def test_it_stops_at_the_first_member_after_which_the_cluster_is_not_ready(run, cluster):
    result = run(READY, READY, BROKEN, timeout=60)
    assert "not ready after data-on-eks-controller-4 was renewed" in result["msg"]
    assert "(this run has renewed data-on-eks-controller-4 (old-controller-4 to new-" in result["msg"]
    assert places(cluster)["controller-3"] == "old-controller-3"


def test_without_a_new_node_the_old_one_stays_and_the_next_run_goes_on(run, cluster):
    cluster.launches = False
    result = run(timeout=60)
    assert "data-on-eks-controller-4 was not renewed within 60 s: it waits for a new node" in result["msg"]
    assert not any("patch Node" in step for step in cluster.written)
    assert cluster.list("v1", "Pod", "kafka", "kafka-eks.streamops.io/placeholder=true") == []
    cluster.launches = True
    assert list(run()["renewed"]) == ["data-on-eks-controller-4", "data-on-eks-controller-3", "data-on-eks-broker-0"]


def test_a_killed_run_is_finished_with_what_it_has_begun(run, cluster):
    begun = _renewal.Mark("nodes", frozenset({"old-broker-0"}))
    cluster.patch("", "Kafka", "data-on-eks", {"metadata": {"annotations": {_renewal.MARK: begun.text}}}, "kafka")
    assert list(run()["renewed"]) == ["data-on-eks-broker-0"]
    assert mark(cluster) is None


def test_the_machine_that_a_killed_run_has_left_is_ended_first(run, cluster):
    begun = _renewal.Mark("nodes", frozenset({"old-controller-4", "old-broker-0"}))
    cluster.patch("", "Kafka", "data-on-eks", {"metadata": {"annotations": {_renewal.MARK: begun.text}}}, "kafka")
    cluster.store(member("controller-4", "new", "again"), *machine("new", "controller", "b"))
    cluster.launches = False
    result = run(timeout=60)
    assert "data-on-eks-broker-0 was not renewed" in result["msg"]
    assert cluster.get("", "NodeClaim", "claim-old-controller-4") is None
    assert "Kafka kafka/data-on-eks: an earlier run has begun and did not finish: this one goes on with it." in run.said


def test_an_api_server_that_is_away_for_a_while_is_waited_for(run, monkeypatch):
    away, step = [True, True], kafka_rolling_restart.Renewal._step

    def stepping(*args: Any) -> Any:
        if away and away.pop():
            raise NotAnswering("The API server does not answer.", gone=True)
        return step(*args)

    monkeypatch.setattr(kafka_rolling_restart.Renewal, "_step", stepping)
    assert list(run()["renewed"]) == ["data-on-eks-controller-4", "data-on-eks-controller-3", "data-on-eks-broker-0"]
    assert any("data-on-eks-controller-4: The API server does not answer (0 of 900 s)" in line for line in run.said)


def test_one_that_refuses_stops_it_with_what_was_done(run, cluster, monkeypatch):
    plain = cluster.delete

    def delete(api_version: str, kind: str, name: str, *args: Any) -> None:
        if kind == "NodeClaim":
            raise KubernetesError("You may not delete NodeClaims.", 403)
        plain(api_version, kind, name, *args)

    monkeypatch.setattr(cluster, "delete", delete)
    assert (
        "You may not delete NodeClaims; run it again: it goes on where it stopped. (this run has renewed data"
        in run()["msg"]
    )


def test_one_that_was_killed_at_its_very_end_is_closed(run, cluster):
    begun = _renewal.Mark("nodes", frozenset({"gone"}))
    cluster.patch("", "Kafka", "data-on-eks", {"metadata": {"annotations": {_renewal.MARK: begun.text}}}, "kafka")
    result = run()
    assert (result["changed"], result["renewed"]) == (True, {})
    assert mark(cluster) is None
    assert not run(only_drifted=True)["changed"]


def test_what_was_begun_otherwise_is_finished_first(run, cluster):
    begun = _renewal.Mark("pods", frozenset({"broker-0"}))
    cluster.patch("", "Kafka", "data-on-eks", {"metadata": {"annotations": {_renewal.MARK: begun.text}}}, "kafka")
    assert "an earlier run has begun with pods and did not finish" in run()["msg"]


def test_nodes_of_others_are_refused_before_anything(run, cluster):
    cluster.delete("", "NodeClaim", "claim-old-broker-0")
    cluster.written.clear()
    assert "the nodes old-broker-0 were not launched by Karpenter" in run()["msg"]
    assert cluster.written == []
    assert "failed" not in run(scope="pods")


def test_an_operator_that_does_nothing_is_told(run, cluster):
    cluster.restarts = False
    result = run(timeout=60)
    assert "the operator has not begun to restart it" in result["msg"]


def test_without_a_cluster(run):
    assert "would renew the members" in run(kubeconfig="/none", check_mode=True)["msg"]
    assert run(kubeconfig="/none")["failed"]


def test_without_kafka(run, cluster):
    assert "there is no Kafka kafka/other" in run(name="other")["msg"]
