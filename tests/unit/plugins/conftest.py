"""What tests of several plugins need: recorded objects, and a cluster that is a dictionary."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import KubernetesError, NotServed
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kubernetes import Kubernetes

RECORDED = Path(__file__).resolve().parents[1] / "fixtures" / "strimzi"
RECORDED_APPLICATIONS = RECORDED.parent / "argocd"
WITHOUT_NAMESPACE = ("CustomResourceDefinition", "Namespace", "Node", "StorageClass")

Object = dict[str, Any]


@pytest.fixture
def application() -> Callable[[str], Object]:
    """An Application as the real Argo CD wrote it, by the name of its file."""

    def load(name: str) -> Object:
        found: Object = yaml.safe_load((RECORDED_APPLICATIONS / f"{name}.yaml").read_text(encoding="utf-8"))
        return found

    return load


@pytest.fixture
def recorded() -> Callable[[str], Object]:
    """An object as the real operator made it, by the name of its file."""
    return lambda name: copy.deepcopy(_loaded(name))


@functools.cache
def _loaded(name: str) -> Object:
    found: Object = yaml.safe_load((RECORDED / f"{name}.yaml").read_text())
    return found


NODES = {"fake-r8g-a": "us-east-1a", "fake-r8g-b": "us-east-1b", "fake-r8g-c": "us-east-1c"}
OPERATOR = {
    "kind": "Pod",
    "metadata": {
        "name": "strimzi-cluster-operator-1",
        "namespace": "strimzi-system",
        "uid": "o",
        "labels": {"strimzi.io/kind": "cluster-operator"},
    },
    "spec": {
        "containers": [
            {
                "name": "operator",
                "image": "quay.io/strimzi/operator:0.47.0",
                "env": [{"name": "STRIMZI_NAMESPACE", "value": "*"}],
            }
        ]
    },
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}


class RecordedCluster:
    """The recorded objects, open for changes. The operator's log shows three brokers and three controllers; one pod,
    claim and set of each kind was kept, and the others differ by name and place only."""

    def __init__(self, recorded: Callable[[str], Any]):
        self.recorded = recorded
        self.kafka = recorded("kafka--data-on-eks")
        # Its exporter and Cruise Control did not run where it was recorded.
        for component in ("cruiseControl", "kafkaExporter"):
            del self.kafka["spec"][component]
        self.pools = {pool: recorded(f"kafkanodepool--{pool}") for pool in ("broker", "controller")}
        broker_set = recorded("strimzipodset--data-on-eks-broker")
        self.sets = {"broker": broker_set, "controller": self._renamed(broker_set, "data-on-eks-controller")}
        self.sets["controller"]["spec"]["pods"] = []
        self.pods = {
            f"data-on-eks-{role}-{number}": self._pod(role, first, number, node)
            for role, first in (("broker", 0), ("controller", 3))
            for number, node in zip(range(first, first + 3), NODES, strict=True)
        }
        claim = recorded("persistentvolumeclaim--data-0-data-on-eks-broker-0")
        self.claims = {pod: self._renamed(claim, f"data-0-{pod}") for pod in self.pods}
        for pod, one in self.claims.items():
            size = self.pools[pod.split("-")[3]]["spec"]["storage"]["volumes"][0]["size"]
            one["status"]["capacity"]["storage"] = size
        self.nodes = {
            name: {"kind": "Node", "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}}
            for name, zone in NODES.items()
        }
        self.deployment = recorded("deployment--data-on-eks-entity-operator")
        self.slice = recorded("endpointslice--data-on-eks-kafka-bootstrap-pgc78")
        self.budget = recorded("poddisruptionbudget--data-on-eks-kafka")
        self.operators: list[Any] | None = [copy.deepcopy(OPERATOR)]
        self.canary_name: str | None = None
        self.canary: Any = None

    def _renamed(self, obj: Any, name: str) -> Any:
        return {**copy.deepcopy(obj), "metadata": {**copy.deepcopy(obj["metadata"]), "name": name, "uid": name}}

    def _pod(self, role: str, first: int, number: int, node: str) -> Any:
        pod = self._renamed(self.recorded(f"pod--data-on-eks-{role}-{first}"), f"data-on-eks-{role}-{number}")
        pod["spec"]["nodeName"] = node
        revisions = {one["metadata"]["name"]: one["metadata"]["annotations"] for one in self.sets[role]["spec"]["pods"]}
        if pod["metadata"]["name"] in revisions:
            pod["metadata"]["annotations"] = dict(revisions[pod["metadata"]["name"]])
        return pod

    def conditions(self, *conditions: dict[str, str]) -> None:
        self.kafka["status"]["conditions"] = list(conditions)

    def objects(self) -> list[Object]:
        many = (self.pools, self.sets, self.pods, self.nodes, self.claims)
        single = [self.kafka, self.deployment, self.slice, self.budget, *(self.operators or [])]
        return [*single, *(obj for group in many for obj in group.values()), *filter(None, [self.canary])]

    def seen(self) -> Kubernetes:
        return Kubernetes(
            name="data-on-eks",
            namespace="kafka",
            kafka=self.kafka,
            pools=list(self.pools.values()),
            pod_sets=list(self.sets.values()),
            pods=list(self.pods.values()),
            nodes=list(self.nodes.values()),
            claims=list(self.claims.values()),
            deployments=[self.deployment],
            budgets=[self.budget],
            endpoint_slices=[self.slice],
            operators=self.operators,
            canary_name=self.canary_name,
            canary=self.canary,
        )


@pytest.fixture
def recorded_cluster(recorded) -> RecordedCluster:
    return RecordedCluster(recorded)


class FakeCluster:
    """The interface of Cluster over a dictionary; remembers what was written to it."""

    def __init__(self, *objects: Object, unserved: tuple[str, ...] = ()):
        self.unserved = set(unserved)
        self.refuse: Callable[[Object], KubernetesError | None] = lambda obj: None
        self.stored: dict[tuple[str, str, str], Object] = {}
        self.written: list[str] = []
        self.closed = False
        for obj in objects:
            self.stored[self._key(obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])] = obj

    def _key(self, kind: str, namespace: str | None, name: str) -> tuple[str, str, str]:
        return kind, "" if kind in WITHOUT_NAMESPACE else namespace or "", name

    def __enter__(self) -> FakeCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.closed = True

    def served(self, api_version: str, kind: str) -> bool:
        return kind not in self.unserved and f"{api_version}/{kind}" not in self.unserved

    def _need(self, api_version: str, kind: str) -> None:
        if not self.served(api_version, kind):
            raise NotServed(f"{kind} is not served")

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        self._need(api_version, kind)
        return copy.deepcopy(self.stored.get(self._key(kind, namespace, name)))

    def list(self, api_version: str, kind: str, namespace: str | None = None, label_selector: str = "") -> list[Object]:
        self._need(api_version, kind)
        labels = dict(pair.split("=") for pair in label_selector.split(",") if pair)
        return [
            copy.deepcopy(obj)
            for (one, where, _), obj in self.stored.items()
            if one == kind
            and namespace in (None, where)
            and labels.items() <= (obj["metadata"].get("labels") or {}).items()
        ]

    def apply(self, obj: Object, dry_run: bool = False) -> Object:
        self._need(obj["apiVersion"], obj["kind"])
        namespace = obj["metadata"].get("namespace")
        if namespace and self._key("Namespace", None, namespace) not in self.stored:
            raise KubernetesError(f'namespaces "{namespace}" not found', 404, "NotFound")
        refusal = self.refuse(obj)
        if refusal:
            raise refusal
        key = self._key(obj["kind"], namespace, obj["metadata"]["name"])
        before = self.stored.get(key, {"metadata": {"uid": "new", "creationTimestamp": "2026-11-22T16:00:00Z"}})
        after = copy.deepcopy({**before, **obj, "metadata": {**before["metadata"], **obj["metadata"]}})
        after["metadata"]["resourceVersion"] = "dry" if dry_run else f"{len(self.written) + 1}"
        if not dry_run:
            self.stored[key] = after
            self.written.append(f"apply {obj['kind']} {obj['metadata']['name']}")
            if obj["kind"] == "CustomResourceDefinition":
                self.unserved.discard(obj["spec"]["names"]["kind"])
        return copy.deepcopy(after)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        change: Object,
        namespace: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        self._need(api_version, kind)
        key = self._key(kind, namespace, name)
        after = _merged(self.stored[key], change)
        if not dry_run:
            self.stored[key] = after
            self.written.append(f"patch {kind} {name}")
        return copy.deepcopy(after)

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        self._need(api_version, kind)
        key = self._key(kind, namespace, name)
        self.written.append(f"delete {kind} {name}")
        if key in self.stored and not self.stored[key]["metadata"].get("finalizers"):
            del self.stored[key]


def _merged(old: Any, change: Any) -> Any:
    """JSON merge patch, RFC 7386."""
    if not isinstance(change, dict):
        return change
    new = dict(old) if isinstance(old, dict) else {}
    for name, value in change.items():
        if value is None:
            new.pop(name, None)
        else:
            new[name] = _merged(new.get(name), value)
    return new


@pytest.fixture
def fake_cluster() -> type[FakeCluster]:
    return FakeCluster
