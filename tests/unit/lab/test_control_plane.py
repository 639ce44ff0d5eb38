from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3

from lab import control_plane
from lab.aws.plane import Node, PlaneError
from lab.components import Components
from lab.control_plane import LocalControlPlane, commands, first_objects, node_object
from lab.place import Place

NODE = Node(
    "ip-10-0-0-4.us-west-2.compute.internal",
    "aws:///us-west-2a/i-1",
    {"topology.kubernetes.io/zone": "us-west-2a"},
    [{"key": "pool", "value": "broker", "effect": "NoSchedule"}],
    {"cpu": "16", "memory": "131072Mi", "pods": "234"},
)


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path, 17400, tmp_path / "bin", tmp_path / "cache")
    (made.run / "logs").mkdir(parents=True)
    return made


class FakeApi:
    """An API server that remembers nodes."""

    def __init__(self, *_: Any) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.applied: list[str] = []
        self.is_down = False

    def is_ready(self) -> bool:
        return True

    def apply(self, wanted: dict[str, Any]) -> None:
        self.applied.append(wanted["metadata"]["name"])
        if wanted["kind"] == "Node":
            self.objects[wanted["metadata"]["name"]] = dict(wanted)

    def nodes(self, nodegroup: str) -> list[dict[str, Any]]:
        if self.is_down:
            raise urllib3.exceptions.HTTPError("connection refused")
        return [dict(node) for node in self.objects.values()]

    def delete_node(self, name: str) -> None:
        del self.objects[name]

    def make_ready(self) -> None:
        for node in self.objects.values():
            node["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}


class FakeComponents(Components):
    def __init__(self, place: Place) -> None:
        super().__init__(place.run / "logs", place.status)
        self.started: list[str] = []
        self.stopped: list[str] = []
        self.failed: str | None = None

    def start(self, name: str, command: Any) -> None:
        self.started.append(name)

    def stop(self, *names: str, patience: float = 0.0) -> None:
        self.stopped += names

    def failure(self, *names: str) -> str | None:
        return self.failed


class Immediately:
    """A thread whose work is done when start returns."""

    def __init__(self, target: Any, **_: Any) -> None:
        self.start = target


@pytest.fixture
def components(place, monkeypatch):
    monkeypatch.setattr(control_plane, "Api", FakeApi)
    monkeypatch.setattr(control_plane.threading, "Thread", Immediately)
    return FakeComponents(place)


@pytest.fixture
def local(place, components):
    return LocalControlPlane(place, components, "http://127.0.0.1:17405")


def test_it_starts_is_ready_and_leaves_nothing_behind(local, components, place):
    before = sorted(path.name for path in place.run.iterdir())
    access = local.start("kafka")
    assert access.endpoint == "https://127.0.0.1:17401"
    assert access.certificate_authority.startswith(b"-----BEGIN CERTIFICATE-----")
    assert local.is_ready()
    assert components.started == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "nodes"]
    local.stop()
    assert sorted(components.stopped) == sorted(components.started)
    assert local.is_gone()
    assert sorted(path.name for path in place.run.iterdir()) == before


def test_there_is_one_cluster_at_a_time(local):
    local.start("kafka")
    with pytest.raises(PlaneError, match="has kafka: delete that one before you create other"):
        local.start("other")
    local.stop()
    local.start("other")


def test_a_component_that_dies_while_it_starts_is_the_reason(local, components, monkeypatch):
    monkeypatch.setattr(FakeApi, "is_ready", lambda self: False)
    components.failed = "etcd has failed (exit code 1): its log is etcd.log"
    local.start("kafka")
    with pytest.raises(PlaneError, match="kafka did not start: etcd has failed"):
        local.is_ready()


def test_credentials_are_private(local, place):
    local.start("kafka")
    files = [path for path in place.run.rglob("*") if path.is_file() and path != place.status]
    assert {path.name for path in files} >= {"sa.key", "apiserver.key", "admin.kubeconfig", "nodes.kubeconfig"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert "insecure-skip-tls-verify" not in "".join(path.read_text() for path in files)


def test_nodes_are_made_as_wanted_and_ready_when_all_are(local):
    local.start("kafka")
    api = local._api
    assert not local.set_nodes("broker", [NODE])
    assert list(api.objects) == [NODE.name]
    assert not local.set_nodes("broker", [NODE])
    api.make_ready()
    assert local.set_nodes("broker", [NODE])
    assert api.applied.count(NODE.name) == 1
    del api.objects[NODE.name]
    assert not local.set_nodes("broker", [NODE])
    assert list(api.objects) == [NODE.name]
    assert not local.set_nodes("broker", [])
    assert local.set_nodes("broker", [])
    assert api.objects == {}


def test_an_api_server_that_does_not_answer_is_asked_again(local):
    local.start("kafka")
    local._api.is_down = True
    assert not local.set_nodes("broker", [NODE])


@pytest.mark.parametrize("is_down", [pytest.param(True, id="API server"), pytest.param(False, id="nodes")])
def test_nobody_waits_for_a_component_that_has_ended(local, components, is_down):
    local.start("kafka")
    local._api.is_down = is_down
    components.failed = "it has failed"
    with pytest.raises(PlaneError, match="it has failed"):
        local.set_nodes("broker", [NODE])


def test_node_object():
    made = node_object(NODE)
    assert made["metadata"]["labels"]["lab.kafka-eks/simulated"] == "true"
    assert made["metadata"]["labels"]["topology.kubernetes.io/zone"] == "us-west-2a"
    assert json.loads(made["metadata"]["annotations"]["lab.kafka-eks/capacity"])["cpu"] == "16"
    assert made["spec"] == {"providerID": NODE.provider_id, "taints": NODE.taints}


def test_what_a_new_cluster_has():
    objects = {made["metadata"]["name"]: made for made in first_objects()}
    assert objects["eks-access-policy:AmazonEKSClusterAdminPolicy"]["roleRef"]["name"] == "cluster-admin"
    storage_class = objects["gp2"]
    assert storage_class["provisioner"] == "kubernetes.io/aws-ebs"
    assert "annotations" not in storage_class["metadata"]  # EKS has no default class


def test_every_port_is_the_labs_own_and_tokens_are_checked(place):
    every = commands(place, place.run / "webhook")
    flags = " ".join(word for command in every.values() for word in command)
    ports = {f"=http://127.0.0.1:{port}" for port in (17403, 17404)} | {
        f"--secure-port={port}" for port in (17401, 17406, 17407)
    }
    assert all(port in flags for port in ports)
    assert "--authentication-token-webhook-config-file" in flags
    assert "--token-auth-file" not in flags
