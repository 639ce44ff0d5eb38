from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from lab.strimzi import api as module
from lab.strimzi.api import Api, ApiError, serve_health

Object = dict[str, Any]
CLAIM = {"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "kafka"}}


class Server:
    """Answers the next prepared status and body, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Object]] = []
        self.asked: list[tuple[str, str, str, Any]] = []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Server, Api]]:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "ca.crt").write_text("")
    monkeypatch.setattr(module, "ACCOUNT", tmp_path)
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            assert self.headers["Authorization"] == "Bearer secret"
            state.asked.append(
                (self.command, self.path, self.headers["Content-Type"], json.loads(body) if body else None)
            )
            status, answer = state.answers.pop(0)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield state, Api(f"http://127.0.0.1:{http.server_port}")
    http.shutdown()
    http.server_close()


def test_calls(server: tuple[Server, Api]) -> None:
    state, api = server
    state.answers = [(200, {})] * 6
    api.create(CLAIM)
    api.apply(CLAIM)
    api.merge(CLAIM, {"metadata": {"annotations": {"a": "b"}}})
    api.set_status(CLAIM, {"phase": "Bound"})
    api.delete("Pod", "kafka", "a", "uid")
    api.delete("ClusterRoleBinding", None, "b")
    claims = "/api/v1/namespaces/kafka/persistentvolumeclaims"
    assert state.asked == [
        ("POST", claims, "application/json", CLAIM),
        (
            "PATCH",
            f"{claims}/data?fieldManager=strimzi-cluster-operator&force=true",
            "application/apply-patch+yaml",
            CLAIM,
        ),
        ("PATCH", f"{claims}/data", "application/merge-patch+json", {"metadata": {"annotations": {"a": "b"}}}),
        (
            "PATCH",
            f"{claims}/data/status",
            "application/json-patch+json",
            [{"op": "add", "path": "/status", "value": {"phase": "Bound"}}],
        ),
        ("DELETE", "/api/v1/namespaces/kafka/pods/a", "application/json", {"preconditions": {"uid": "uid"}}),
        ("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/b", "application/json", {}),
    ]


def test_items_of_a_list_know_what_they_are(server: tuple[Server, Api]) -> None:
    state, api = server
    state.answers = [(200, {"apiVersion": "v1", "items": [{"metadata": {"name": "a"}}]})]
    assert api.list("Pod", "kafka", "a=b") == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}]
    assert state.asked[0][1] == "/api/v1/namespaces/kafka/pods?labelSelector=a%3Db"


def test_what_is_not_there(server: tuple[Server, Api]) -> None:
    state, api = server
    state.answers = [(404, {"message": "no"}), (404, {"message": "no"}), (403, {"message": "forbidden"})]
    assert api.get("Pod", "kafka", "a") is None
    api.delete("Pod", "kafka", "a")
    with pytest.raises(
        ApiError,
        match=r"Failure executing: GET at: http://127.0.0.1:\d+/api/v1/namespaces/kafka/pods/a. Message: forbidden\.",
    ):
        api.get("Pod", "kafka", "a")


@pytest.mark.parametrize(
    ("path", "well", "status"),
    [
        pytest.param("/healthy", True, 200, id="healthy"),
        pytest.param("/ready", False, 503, id="unwell"),
        pytest.param("/x", True, 503, id="elsewhere"),
    ],
)
def test_health(monkeypatch: pytest.MonkeyPatch, path: str, well: bool, status: int) -> None:
    monkeypatch.setenv("POD_IP", "127.0.0.1")
    port = serve_health(0, lambda: well)
    assert urllib3.request("GET", f"http://127.0.0.1:{port}{path}").status == status
