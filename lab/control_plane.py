"""The real control plane behind the emulated EKS cluster: etcd and Kubernetes as child processes."""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from lab.aws import access, plane
from lab.components import Components
from lab.pki import Authority, kubeconfig, service_account_key, write_private
from lab.place import REPO, Place

ADDRESS = "10.244.0.1"  # the sandbox's own address among those of nodes and pods
SERVICE_CIDR = "10.96.0.0/16"
SERVICE_ADDRESS = "10.96.0.1"  # of the service "kubernetes"
START_TIMEOUT = 120.0
NODEGROUP_LABEL = "eks.amazonaws.com/nodegroup"
SIMULATED_LABEL = "lab.kafka-eks/simulated"
CLIENTS = {  # component -> the user that it is, and its group
    "admin": ("kubernetes-admin", "system:masters"),
    "kube-controller-manager": ("system:kube-controller-manager", None),
    "kube-scheduler": ("system:kube-scheduler", None),
    # It plays the kubelet, the kube-proxy and the CSI driver of every node.
    "nodes": ("lab-nodes", "system:masters"),
}
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "nodes")


def commands(place: Place, webhook: Path) -> dict[str, list[str]]:
    """What is run for each component."""
    run, pki, port = place.run, place.run / "pki", place.port

    def kubeconfig_of(name: str) -> str:
        return str(run / f"{name}.kubeconfig")

    etcd, peers = f"http://127.0.0.1:{port + 3}", f"http://127.0.0.1:{port + 4}"
    lab = str(place.bin / "lab")
    return {
        "etcd": [
            lab, "etcd",
            f"--data-dir={run / 'etcd'}",
            f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}", f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync", "--log-level=warn",
        ],
        "kube-apiserver": [
            lab, "kube-apiserver",
            f"--etcd-servers={etcd}",
            # Inside the sandbox there is loopback only; pods come to ADDRESS, everybody else to 127.0.0.1.
            "--bind-address=0.0.0.0", f"--secure-port={port + 1}", f"--advertise-address={ADDRESS}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            f"--tls-cert-file={pki / 'apiserver.crt'}", f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.key'}", f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--authentication-token-webhook-config-file={webhook}", "--authentication-token-webhook-version=v1",
            # An access entry that is taken away counts soon.
            "--authentication-token-webhook-cache-ttl=5s",
            "--authorization-mode=RBAC", "--allow-privileged",
            # Nodes have names as on EC2, but nobody here resolves them.
            "--kubelet-preferred-address-types=InternalIP",
        ],
        "kube-controller-manager": [
            lab, "kube-controller-manager",
            f"--kubeconfig={kubeconfig_of('kube-controller-manager')}",
            "--bind-address=127.0.0.1", f"--secure-port={port + 6}", "--leader-elect=false",
            f"--root-ca-file={pki / 'ca.crt'}", f"--service-account-private-key-file={pki / 'sa.key'}",
            "--use-service-account-credentials",
            # Pod addresses are the nodes' business, and the cloud says itself when a node is gone.
            "--controllers=*,-node-ipam-controller,-cloud-node-lifecycle-controller",
        ],
        "kube-scheduler": [
            lab, "kube-scheduler",
            f"--kubeconfig={kubeconfig_of('kube-scheduler')}",
            "--bind-address=127.0.0.1", f"--secure-port={port + 7}", "--leader-elect=false",
        ],
        "nodes": [
            lab, "nodes",
            "-kubeconfig", kubeconfig_of("nodes"), "-state", str(run / "nodes"), "-images", str(REPO / "lab/images"),
        ],
    }  # fmt: skip


def first_objects() -> list[dict[str, Any]]:
    """What EKS puts into a new cluster: the power of its access policies, and a storage class."""
    bindings = [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": access.policy_group(policy)},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": access.policy_group(policy)}
            ],
        }
        for policy, role in access.ROLES.items()
    ]
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "gp2"},
        "provisioner": "kubernetes.io/aws-ebs",
        "parameters": {"type": "gp2", "fsType": "ext4"},
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    return [*bindings, storage_class]


def node_object(node: plane.Node) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            # `lab nodes` runs a node for each object with this label, as big as the annotation says.
            "labels": {**node.labels, SIMULATED_LABEL: "true"},
            "annotations": {"lab.kafka-eks/capacity": json.dumps(dict(node.capacity))},
        },
        "spec": {"providerID": node.provider_id, "taints": [dict(taint) for taint in node.taints]},
    }


def is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


class Api:
    """The few calls that the lab itself makes to the API server, as its administrator."""

    PATHS = {
        "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "StorageClass": "/apis/storage.k8s.io/v1/storageclasses",
        "Node": "/api/v1/nodes",
    }

    def __init__(self, server: str, pki: Path) -> None:
        self._server = server
        self._pool = urllib3.PoolManager(
            ca_certs=str(pki / "ca.crt"),
            cert_file=str(pki / "admin.crt"),
            key_file=str(pki / "admin.key"),
            timeout=10.0,
            retries=False,
        )

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        kind = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        headers = {"Content-Type": kind} if body else {}
        response = self._pool.request(method, self._server + path, body=body, headers=headers)
        if response.status >= 400 and not (method == "DELETE" and response.status == 404):
            raise urllib3.exceptions.HTTPError(f"{method} {path}: {response.status} {response.data[:500]!r}")
        return response.data

    def is_ready(self) -> bool:
        try:
            return self._call("GET", "/readyz") == b"ok"
        except urllib3.exceptions.HTTPError:
            return False

    def apply(self, wanted: Mapping[str, Any]) -> None:
        path = f"{self.PATHS[wanted['kind']]}/{quote(wanted['metadata']['name'])}"
        self._call("PATCH", f"{path}?fieldManager=lab&force=true", json.dumps(wanted).encode())

    def nodes(self, nodegroup: str) -> list[dict[str, Any]]:
        selector = quote(f"{NODEGROUP_LABEL}={nodegroup}")
        items: list[dict[str, Any]] = json.loads(self._call("GET", f"/api/v1/nodes?labelSelector={selector}"))["items"]
        return items

    def register_node(self, node: plane.Node) -> None:
        """As a kubelet does it: with its size, which Karpenter takes for that of all machines of the type."""
        size = dict(node.capacity)
        body = {**node_object(node), "status": {"capacity": size, "allocatable": size}}
        self._call("POST", "/api/v1/nodes", json.dumps(body).encode())

    def delete_node(self, name: str) -> None:
        self._call("DELETE", f"/api/v1/nodes/{name}")

    def launched_nodes(self) -> list[dict[str, Any]]:
        """The nodes that belong to no node group."""
        selector = quote(f"!{NODEGROUP_LABEL},{SIMULATED_LABEL}=true")
        items: list[dict[str, Any]] = json.loads(self._call("GET", f"/api/v1/nodes?labelSelector={selector}"))["items"]
        return items

    def service_account_of(self, token: str, audience: str) -> tuple[str, str] | None:
        """Namespace and name of the service account that a token was made for, or None where it was not."""
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [audience]},
        }
        answer = self._call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", json.dumps(review).encode())
        user = json.loads(answer)["status"].get("user", {}).get("username", "")
        kind, _, name = user.rpartition("system:serviceaccount:")
        namespace, _, account = name.partition(":")
        return (namespace, account) if not kind and account else None


class LocalControlPlane:
    """The one control plane of a lab (see lab.aws.plane.ControlPlane for what is asked of it)."""

    def __init__(self, place: Place, components: Components, webhook: str) -> None:
        self._place, self._components, self._webhook = place, components, webhook
        self._server = f"https://127.0.0.1:{place.port + 1}"
        self.cluster: str | None = None
        self._api: Api | None = None
        self._ready = False
        self._failure: str | None = None
        self._applied: dict[str, dict[str, Any]] = {}

    def start(self, cluster: str) -> plane.Access:
        if self.cluster is not None:
            raise plane.PlaneError(
                f"The lab runs one EKS cluster at a time and has {self.cluster}: delete that one before you create {cluster}."
            )
        self.cluster, self._ready, self._failure, self._applied = cluster, False, None, {}
        authority = self._write_credentials()
        self._api = Api(self._server, self._place.run / "pki")
        threading.Thread(target=self._bring_up, name="control plane starts", daemon=True).start()
        return plane.Access(self._server, authority, SERVICE_CIDR)

    def _write_credentials(self) -> bytes:
        run = self._place.run
        pki = run / "pki"
        pki.mkdir(mode=0o700, exist_ok=True)
        authority = Authority()
        server = authority.server("127.0.0.1", ADDRESS, SERVICE_ADDRESS)
        clients = {name: authority.client(user, group) for name, (user, group) in CLIENTS.items()}
        for name, content in {
            "ca.crt": authority.certificate,
            "apiserver.crt": server.certificate,
            "apiserver.key": server.key,
            "admin.crt": clients["admin"].certificate,
            "admin.key": clients["admin"].key,
            "sa.key": service_account_key(),
        }.items():
            write_private(pki / name, content)
        for name, client in clients.items():
            write_private(run / f"{name}.kubeconfig", kubeconfig(self._server, authority.certificate, client))
        return authority.certificate

    def _bring_up(self) -> None:
        try:
            self._start_components()
        except Exception as error:
            logging.exception("The control plane of %s did not start", self.cluster)
            self._failure = f"The control plane of {self.cluster} did not start: {error}"

    def _start_components(self) -> None:
        assert self._api is not None
        run = self._place.run
        webhook = run / "pki/token-webhook.kubeconfig"
        write_private(webhook, webhook_config(self._webhook))
        command = commands(self._place, webhook)
        for name in ("etcd", "kube-apiserver"):
            self._components.start(name, command[name])
        deadline = time.monotonic() + START_TIMEOUT
        while not self._api.is_ready():
            if failure := self._components.failure("etcd", "kube-apiserver"):
                raise RuntimeError(failure)
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the API server was not ready within {START_TIMEOUT:.0f} s: its log is {run / 'logs'}"
                )
            time.sleep(0.1)
        for wanted in first_objects():
            self._api.apply(wanted)
        for name in ("kube-controller-manager", "kube-scheduler", "nodes"):
            self._components.start(name, command[name])
        self._ready = True

    @property
    def api(self) -> Api | None:
        """The API server as its administrator sees it, while there is one."""
        return self._api if self._ready else None

    def is_ready(self) -> bool:
        if self._failure:
            raise plane.PlaneError(self._failure)
        return self._ready

    def set_nodes(self, nodegroup: str, nodes: Sequence[plane.Node]) -> bool:
        assert self._api is not None
        wanted = {node.name: node_object(node) for node in nodes}
        try:
            present = {node["metadata"]["name"]: node for node in self._api.nodes(nodegroup)}
            for name, node in wanted.items():
                if name not in present or self._applied.get(name) != node:
                    self._api.apply(node)
                    self._applied[name] = node
            for name in set(present) - set(wanted):
                self._api.delete_node(name)
                self._applied.pop(name, None)
        except urllib3.exceptions.HTTPError as error:
            self._require_components("etcd", "kube-apiserver")
            logging.warning("The nodes of %s could not be set, EKS will ask again: %s", nodegroup, error)
            return False
        if set(present) == set(wanted) and all(is_ready(node) for node in present.values()):
            return True
        if wanted:
            self._require_components("nodes")
        return False

    def _require_components(self, *names: str) -> None:
        """Nobody waits for what will not happen."""
        if failure := self._components.failure(*names):
            raise plane.PlaneError(failure)

    def stop(self) -> None:
        self._ready = False
        threading.Thread(target=self._take_down, name="control plane ends", daemon=True).start()

    def _take_down(self) -> None:
        self._components.stop(*COMPONENTS)
        run = self._place.run
        for folder in ("etcd", "nodes", "pki"):
            shutil.rmtree(run / folder, ignore_errors=True)
        for name in CLIENTS:
            (run / f"{name}.kubeconfig").unlink(missing_ok=True)
        self.cluster = None

    def is_gone(self) -> bool:
        return self.cluster is None


def webhook_config(url: str) -> bytes:
    """Where the API server asks about tokens that it did not make itself."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tokens", "cluster": {"server": url}}],
            "users": [{"name": "kube-apiserver"}],
            "contexts": [{"name": "tokens", "context": {"cluster": "tokens", "user": "kube-apiserver"}}],
            "current-context": "tokens",
        }
    ).encode()
