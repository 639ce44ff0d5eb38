"""The real client against a small HTTP server in the place of the API server."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import selectors
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
import yaml
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import (
    Cluster,
    Forward,
    KubernetesError,
    NoKubeconfig,
    NotAnswering,
    NotServed,
    Unreachable,
    connect,
)

CORE = {
    "resources": [
        {"name": "pods", "kind": "Pod", "namespaced": True},
        {"name": "pods/log", "kind": "Pod", "namespaced": True},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
    ]
}


class Api:
    """Answers by path, in turn when there are several answers; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {"GET /api/v1": [(200, CORE)]}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.authorization: list[str | None] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                parts = urlsplit(self.path)
                asked = f"{self.command} {parts.path}"
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                api.asked.append((asked, query, json.loads(body) if body else None))
                api.authorization.append(self.headers.get("Authorization"))
                if self.headers.get("Upgrade") == "websocket" and asked not in api.answers:
                    self.close_connection = True
                    return api.forward(self, query)
                answers = api.answers.get(asked, [(404, status("not found", "NotFound"))])
                code, content = answers.pop(0) if len(answers) > 1 else answers[0]
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                return None

            do_GET = do_PATCH = do_POST = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def forward(self, handler: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        """The node's side of a port-forward: an echo, that says why when it is told to break."""
        key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        handler.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n".encode()
        )

        def send(content: bytes, opcode: int = 2) -> None:
            handler.wfile.write(bytes((0x80 | opcode, len(content))) + content)

        port = struct.pack("<H", int(query["ports"]))
        send(b"\x00" + port)
        send(b"\x01" + port)
        send(b"", opcode=9)
        while True:
            first, length = handler.rfile.read(2)
            mask = handler.rfile.read(4)
            content = bytes(byte ^ mask[place % 4] for place, byte in enumerate(handler.rfile.read(length & 127)))
            if first & 15 == 8:
                self.asked.append(("closed", {}, None))
                return
            if content == b"\x00break":
                send(b"\x01connection refused")
            elif content == b"\x00end":
                send(struct.pack("!H", 1000), opcode=8)
            elif first & 15 == 2:
                send(content)


def status(message: str, reason: str = "") -> dict[str, Any]:
    return {"kind": "Status", "message": message, "reason": reason}


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.server.shutdown()
    thread.join()
    api.server.server_close()


def kubeconfig(folder: Path, server: str, **user: Any) -> str:
    path = folder / "kubeconfig"
    settings = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": user or {"token": "t0ken"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "other",
    }
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.fixture
def cluster(api, tmp_path) -> Iterator[Cluster]:
    with connect(kubeconfig(tmp_path, api.url), "lab") as cluster:
        cluster._sleep = lambda seconds: None
        yield cluster


@pytest.mark.parametrize(
    ("content", "context", "sentence"),
    [
        pytest.param(None, "lab", "The kubeconfig {} does not exist: create the cluster first,", id="no file"),
        pytest.param("{", "lab", "The kubeconfig {} cannot be read: while parsing", id="no YAML"),
        pytest.param("[]", "lab", "The kubeconfig {} is not a YAML mapping", id="no mapping"),
        pytest.param(
            "contexts: [{name: a}, {name: b}]",
            "lab",
            "The kubeconfig {} has no context lab (it has: a, b)",
            id="no context",
        ),
        pytest.param("{}", "lab", "The kubeconfig {} has no context lab (it has: none)", id="empty"),
        pytest.param(
            "contexts: [{name: lab, context: {cluster: c}}]\nclusters: []",
            "lab",
            "The context lab of the kubeconfig {} cannot be used: Invalid kube-config file.",
            id="no cluster",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_explained(tmp_path, content, context, sentence) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Unreachable) as error:
        connect(str(path), context)
    assert str(error.value).startswith(sentence.format(path))


def test_an_absent_file_or_context_is_told_from_the_rest(tmp_path) -> None:
    with pytest.raises(NoKubeconfig):
        connect(str(tmp_path / "none"), "lab")
    with pytest.raises(NoKubeconfig):
        connect(kubeconfig(tmp_path, "http://127.0.0.1:1"), "another")


PLUGIN = "import sys, json, os\nprint(json.dumps({'status': {'token': os.environ['WHO']%s}}))"
EXPIRED = ", 'expirationTimestamp': '2020-01-01T00:00:00Z'"
LASTING = ", 'expirationTimestamp': '2999-01-01T00:00:00Z'"


def plugin(code: str) -> dict[str, Any]:
    return {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": sys.executable,
        "args": ["-c", f"{code}\nopen('runs', 'a').write('.')"],
        "env": [{"name": "WHO", "value": "me"}],
    }


@pytest.mark.parametrize(
    ("code", "runs"),
    [
        pytest.param(PLUGIN % LASTING, 1, id="a token that lasts"),
        pytest.param(PLUGIN % EXPIRED, 3, id="a token that has to be renewed for each request"),
        pytest.param(PLUGIN % "", 1, id="a token without an end"),
    ],
)
def test_tokens_come_from_the_credential_plugin(api, tmp_path, code, runs) -> None:
    with connect(kubeconfig(tmp_path, api.url, exec=plugin(code)), "lab") as cluster:
        cluster.get("v1", "Namespace", "kafka")
    assert api.authorization == ["Bearer me", "Bearer me"]
    assert (tmp_path / "runs").read_text() == "." * runs


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        pytest.param({"command": "no-such-plugin"}, "it is not installed or not on the PATH", id="missing"),
        pytest.param(
            plugin("sys=__import__('sys'); sys.exit('Unable to locate\\n credentials')"),
            "it ended with code 1: Unable to locate credentials",
            id="fails",
        ),
        pytest.param(plugin("print('hello')"), "its answer cannot be used: Expecting value", id="says something else"),
        pytest.param(
            plugin("print('{\"status\": {}}')"), "its answer cannot be used: it returned no token", id="no token"
        ),
    ],
)
def test_a_credential_plugin_that_fails_is_one_sentence(tmp_path, settings, reason) -> None:
    with pytest.raises(Unreachable) as error:
        connect(kubeconfig(tmp_path, "http://127.0.0.1:1", exec=settings), "lab")
    assert f"failed: {reason}" in str(error.value) and "\n" not in str(error.value).split("run `")[0]


def test_kinds_are_discovered_once_and_missing_ones_each_time(api, cluster) -> None:
    assert cluster.served("v1", "Pod") and cluster.served("v1", "Namespace")
    assert not cluster.served("kafka.strimzi.io/v1", "Kafka")
    api.answers["GET /apis/kafka.strimzi.io/v1"] = [
        (200, {"resources": [{"name": "kafkas", "kind": "Kafka", "namespaced": True}]})
    ]
    assert cluster.served("kafka.strimzi.io/v1", "Kafka")
    assert [asked for asked, _, _ in api.asked].count("GET /api/v1") == 1


def test_a_kind_that_is_not_served_is_told_from_an_object_that_is_not_there(cluster) -> None:
    assert cluster.get("v1", "Pod", "a", "kafka") is None
    with pytest.raises(NotServed, match="the cluster does not serve Kafka of kafka.strimzi.io/v1"):
        cluster.get("kafka.strimzi.io/v1", "Kafka", "a", "kafka")


def test_a_namespaced_kind_needs_a_namespace(cluster) -> None:
    with pytest.raises(KubernetesError, match="Pod a cannot be handled: it needs a namespace"):
        cluster.get("v1", "Pod", "a")


def test_lists_are_read_to_their_end_and_complete_their_items(api, cluster) -> None:
    api.answers["GET /api/v1/namespaces/kafka/pods"] = [
        (200, {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]}),
        (200, {"items": [{"metadata": {"name": "b"}}]}),
    ]
    found = cluster.list("v1", "Pod", "kafka", "app=x")
    assert found == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}} for name in "ab"]
    assert [query for _, query, _ in api.asked[1:]] == [
        {"limit": "500", "labelSelector": "app=x"},
        {"limit": "500", "labelSelector": "app=x", "continue": "more"},
    ]


def test_lists_of_all_namespaces(api, cluster) -> None:
    api.answers["GET /api/v1/pods"] = [(200, {"items": None})]
    assert cluster.list("v1", "Pod") == []


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "kafka"}}


@pytest.mark.parametrize("dry_run", [False, True])
def test_apply_is_server_side_forced_and_strict(api, cluster, dry_run) -> None:
    api.answers["PATCH /api/v1/namespaces/kafka/pods/a"] = [(200, {**POD, "status": {}})]
    assert cluster.apply(POD, dry_run=dry_run) == {**POD, "status": {}}
    _, query, body = api.asked[-1]
    assert body == POD
    assert query == {
        "fieldManager": "kafka-eks",
        "force": "true",
        "fieldValidation": "Strict",
        **({"dryRun": "All"} if dry_run else {}),
    }


def test_patch_and_delete(api, cluster) -> None:
    api.answers["PATCH /api/v1/namespaces/kafka/pods/a"] = [(200, POD)]
    assert cluster.patch("v1", "Pod", "a", {"metadata": {"finalizers": None}}, "kafka", dry_run=True) == POD
    assert api.asked[-1][1]["dryRun"] == "All" and api.asked[-1][2] == {"metadata": {"finalizers": None}}
    cluster.delete("v1", "Pod", "gone", "kafka", propagation="Foreground")
    assert api.asked[-1][2]["propagationPolicy"] == "Foreground"


@pytest.mark.parametrize(
    ("resource", "asked"),
    [
        pytest.param("pods/portforward", {"group": "", "resource": "pods", "subresource": "portforward"}, id="part"),
        pytest.param("jobs.batch", {"group": "batch", "resource": "jobs", "subresource": ""}, id="group"),
        pytest.param(
            "roles.rbac.authorization.k8s.io",
            {"group": "rbac.authorization.k8s.io", "resource": "roles", "subresource": ""},
            id="group with dots",
        ),
        pytest.param("*.*", {"group": "*", "resource": "*", "subresource": ""}, id="everything"),
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_rights_are_asked_for(api, cluster, resource, asked, allowed) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    api.answers[f"POST {path}"] = [(201, {"status": {"allowed": allowed}})]
    assert cluster.may("create", resource, "kafka") is allowed
    assert api.asked[-1][2]["spec"]["resourceAttributes"] == {"verb": "create", "namespace": "kafka", **asked}


def test_logs_take_only_the_options_that_are_given(api, cluster) -> None:
    api.answers["GET /api/v1/namespaces/kafka/pods/a/log"] = [(200, b"caf\xc3\xa9 \xff\n")]
    assert cluster.logs("a", "kafka", container="c", since_time="2026-11-22T16:00:00Z", timestamps=True) == "café �\n"
    assert api.asked[-1][1] == {"container": "c", "sinceTime": "2026-11-22T16:00:00Z", "timestamps": "true"}


@pytest.mark.parametrize(
    ("code", "body", "kind", "sentence"),
    [
        pytest.param(
            401,
            status("Unauthorized", "Unauthorized"),
            Unreachable,
            "did not accept the credentials of the context lab",
            id="401",
        ),
        pytest.param(
            403,
            status('pods is forbidden: User "x" cannot list', "Forbidden"),
            KubernetesError,
            'This identity may not list Pod in kafka: pods is forbidden: User "x" cannot list; ask for the right',
            id="403",
        ),
        pytest.param(
            400,
            status("admission webhook denied: no", "BadRequest"),
            KubernetesError,
            "The Kubernetes API refused to list Pod in kafka: admission webhook denied: no",
            id="admission",
        ),
        pytest.param(
            502, b"<html>bad\n gateway</html>", KubernetesError, "<html>bad gateway</html>", id="not from Kubernetes"
        ),
    ],
)
def test_refusals_keep_what_the_server_said(api, cluster, code, body, kind, sentence) -> None:
    api.answers["GET /api/v1/namespaces/kafka/pods"] = [(code, body)]
    with pytest.raises(kind) as error:
        cluster.list("v1", "Pod", "kafka")
    assert sentence in str(error.value) and error.value.status == code


@pytest.mark.parametrize(
    ("first", "requests"),
    [
        pytest.param((503, status("etcd has no leader")), 2, id="unavailable"),
        pytest.param((429, status("slow down")), 2, id="too many requests"),
        pytest.param((500, status("failed calling webhook", "InternalError")), 2, id="webhook is away"),
    ],
)
def test_what_passes_is_tried_again(api, cluster, first, requests) -> None:
    api.answers["GET /api/v1/namespaces/kafka/pods"] = [first, (200, {"items": []})]
    assert cluster.list("v1", "Pod", "kafka") == []
    assert len(api.asked) == 1 + requests


def test_what_stays_is_not_tried_again(api, cluster) -> None:
    api.answers["PATCH /api/v1/namespaces/kafka/pods/a"] = [(500, status(".dat: field not declared in schema"))]
    with pytest.raises(KubernetesError, match="refused to apply Pod kafka/a: .dat: field not declared in schema"):
        cluster.apply(POD)
    assert len(api.asked) == 2


def test_after_a_few_attempts_it_gives_up(api, cluster) -> None:
    api.answers["GET /api/v1/namespaces/kafka/pods"] = [(503, status("no leader"))]
    with pytest.raises(KubernetesError, match="no leader"):
        cluster.list("v1", "Pod", "kafka")
    assert len(api.asked) == 5


@pytest.mark.parametrize(
    ("failure", "trouble", "gone"),
    [
        pytest.param(ConnectionRefusedError(), "connection refused", True, id="nobody listens"),
        pytest.param(socket.gaierror(socket.EAI_NONAME, "no"), "its name does not resolve", True, id="no such name"),
        pytest.param(socket.gaierror(socket.EAI_AGAIN, "no"), "its name does not resolve", False, id="no resolver"),
        pytest.param(TimeoutError(), "no answer in time", False, id="silence"),
    ],
)
def test_only_a_server_that_is_gone_counts_as_gone(tmp_path, monkeypatch, failure, trouble, gone) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr("socket.getaddrinfo", fail)
    with connect(kubeconfig(tmp_path, "http://eks.example"), "lab") as cluster:
        cluster._sleep = lambda seconds: None
        for ask in (lambda: cluster.served("v1", "Pod"), lambda: cluster.forward("a", "kafka", 9092)):
            with pytest.raises(NotAnswering) as error:
                ask()
            assert f"The Kubernetes API at http://eks.example does not answer ({trouble})" in str(error.value)
            assert error.value.gone is gone


@pytest.mark.parametrize(
    ("trouble", "kind", "sentence"),
    [
        pytest.param(
            "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate",
            Unreachable,
            "cannot be trusted (SSLError [SSL: CERTIFICATE_VERIFY_FAILED]",
            id="another cluster's certificate",
        ),
        pytest.param(
            "[SSL: UNEXPECTED_EOF_WHILE_READING]", NotAnswering, "does not answer (SSLError [SSL:", id="it went away"
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told_from_a_broken_handshake(
    cluster, monkeypatch, trouble, kind, sentence
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise urllib3.exceptions.SSLError(trouble)

    monkeypatch.setattr(cluster.core.api_client.rest_client.pool_manager, "request", fail)
    with pytest.raises(Unreachable) as error:
        cluster.served("v1", "Pod")
    assert type(error.value) is kind and sentence in str(error.value)


@contextlib.contextmanager
def forwarded(cluster: Cluster) -> Iterator[tuple[Forward, selectors.BaseSelector]]:
    with selectors.DefaultSelector() as ready:
        forward = cluster.forward("a", "kafka", 9092)
        ready.register(forward, selectors.EVENT_READ)
        yield forward, ready
        ready.unregister(forward)
        forward.close()


def received(forward: Forward, ready: selectors.BaseSelector) -> bytes:
    while ready.select(5):
        with contextlib.suppress(BlockingIOError):
            return forward.recv(1)
    raise AssertionError("Nothing came within 5 s.")


def test_a_forward_carries_data_and_says_goodbye(api, cluster) -> None:
    with forwarded(cluster) as (forward, ready):
        forward.sendall(b"hello")
        assert received(forward, ready) == b"hello"
    asked, query, _ = api.asked[0]
    assert (asked, query) == ("GET /api/v1/namespaces/kafka/pods/a/portforward", {"ports": "9092"})
    assert api.authorization == ["Bearer t0ken"]


def test_a_forward_ends_when_the_node_ends_it(cluster) -> None:
    with forwarded(cluster) as (forward, ready):
        forward.sendall(b"end")
        assert received(forward, ready) == b""


def test_a_forward_says_why_the_node_broke_it_off(cluster) -> None:
    with forwarded(cluster) as (forward, ready):
        forward.sendall(b"break")
        with pytest.raises(ConnectionError, match="connection refused"):
            received(forward, ready)


def test_a_forward_that_is_refused_keeps_what_the_server_said(api, cluster) -> None:
    api.answers["GET /api/v1/namespaces/kafka/pods/a/portforward"] = [(404, status('pods "a" not found'))]
    with pytest.raises(
        KubernetesError, match='Port 9092 of Pod kafka/a cannot be forwarded: pods "a" not found'
    ) as error:
        cluster.forward("a", "kafka", 9092)
    assert error.value.status == 404


def test_keys_inside_a_kubeconfig_leave_no_file_behind(api, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    secret = base64.b64encode(b"key").decode()
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", **{"client-certificate-data": secret, "client-key-data": secret})
    cluster = connect(path, "lab")
    files = [file for file in (tmp_path / "tmp").rglob("*") if file.is_file()]
    assert files and all(file.stat().st_mode & 0o077 == 0 for file in files)
    cluster.close()
    assert list((tmp_path / "tmp").iterdir()) == []
