"""The Kubernetes API as the operators use it: plain objects in and out, from inside a pod, with the pod's service account."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from lab.strimzi.model import Object

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
FIELD_MANAGER = "strimzi-cluster-operator"
PATHS = {
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ConfigMap": "api/v1/configmaps",
    "Deployment": "apis/apps/v1/deployments",
    "Event": "apis/events.k8s.io/v1/events",
    "Kafka": "apis/kafka.strimzi.io/v1beta2/kafkas",
    "KafkaNodePool": "apis/kafka.strimzi.io/v1beta2/kafkanodepools",
    "KafkaTopic": "apis/kafka.strimzi.io/v1beta2/kafkatopics",
    "Lease": "apis/coordination.k8s.io/v1/leases",
    "Node": "api/v1/nodes",
    "PersistentVolumeClaim": "api/v1/persistentvolumeclaims",
    "Pod": "api/v1/pods",
    "PodDisruptionBudget": "apis/policy/v1/poddisruptionbudgets",
    "Role": "apis/rbac.authorization.k8s.io/v1/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/rolebindings",
    "Service": "api/v1/services",
    "ServiceAccount": "api/v1/serviceaccounts",
    "StorageClass": "apis/storage.k8s.io/v1/storageclasses",
    "StrimziPodSet": "apis/core.strimzi.io/v1beta2/strimzipodsets",
}


class ApiError(Exception):
    """What the API server refused."""

    def __init__(self, status: int, method: str, url: str, message: str) -> None:
        super().__init__(f"Failure executing: {method} at: {url}. Message: {message}.")
        self.status = status


class Api:
    def __init__(self, server: str) -> None:
        self.server = server
        self.pool = urllib3.PoolManager(
            maxsize=4, ca_certs=str(ACCOUNT / "ca.crt"), retries=urllib3.Retry(3, backoff_factor=0.2), timeout=20.0
        )

    @classmethod
    def in_cluster(cls) -> Api:
        return cls(f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}")

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: str) -> Object:
        url = f"{self.server}/{path}{'?' + urlencode(query) if query else ''}"
        # The token is renewed in place, so it is read each time.
        headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": content}
        response = self.pool.request(method, url, headers=headers, body=None if body is None else json.dumps(body))
        answer: Object = json.loads(response.data)
        if response.status >= 400:
            raise ApiError(response.status, method, url.partition("?")[0], str(answer.get("message", response.reason)))
        return answer

    def get(self, kind: str, namespace: str | None, name: str) -> Object | None:
        try:
            return self.call("GET", _path(kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None, selector: str = "") -> list[Object]:
        answer = self.call("GET", _path(kind, namespace), labelSelector=selector)
        # Items of a list come without what they are.
        return [{"apiVersion": answer["apiVersion"], "kind": kind, **item} for item in answer["items"]]

    def create(self, item: Object) -> None:
        self.call("POST", _path(item["kind"], item["metadata"].get("namespace")), item)

    def apply(self, item: Object) -> None:
        """Server-side apply: says what should be, changes nothing where it is so already."""
        meta = item["metadata"]
        path = _path(item["kind"], meta.get("namespace"), meta["name"])
        self.call("PATCH", path, item, "application/apply-patch+yaml", fieldManager=FIELD_MANAGER, force="true")

    def replace(self, item: Object) -> None:
        self.call("PUT", _path(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]), item)

    def merge(self, item: Object, patch: Object) -> None:
        meta = item["metadata"]
        self.call(
            "PATCH", _path(item["kind"], meta.get("namespace"), meta["name"]), patch, "application/merge-patch+json"
        )

    def set_status(self, item: Object, status: Object) -> None:
        path = f"{_path(item['kind'], item['metadata']['namespace'], item['metadata']['name'])}/status"
        self.call("PATCH", path, [{"op": "add", "path": "/status", "value": status}], "application/json-patch+json")

    def delete(self, kind: str, namespace: str | None, name: str, uid: str | None = None) -> None:
        body = {"preconditions": {"uid": uid}} if uid else {}
        try:
            self.call("DELETE", _path(kind, namespace, name), body)
        except ApiError as error:
            if error.status not in (404, 409):  # gone already, or another one of the same name
                raise


def _path(kind: str, namespace: str | None, name: str = "") -> str:
    group, _, plural = PATHS[kind].rpartition("/")
    return "/".join(part for part in (group, f"namespaces/{namespace}" if namespace else "", plural, name) if part)


def serve_health(port: int, is_well: Callable[[], bool]) -> int:
    """Answer the probes of a pod, in the background; returns the port."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in ("/healthy", "/ready") and is_well() else 503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, *_: object) -> None:
            """A line for each probe would drown the rest."""

    # Pods of the lab share one network, each with an address of its own.
    server = ThreadingHTTPServer((os.environ["POD_IP"], port), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
