# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Kubernetes API in plain dicts. The only file that imports the kubernetes client."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

try:
    import urllib3
    import websocket
    import yaml
    from kubernetes import client
    from kubernetes.config.config_exception import ConfigException
    from kubernetes.config.kube_config import KubeConfigLoader

    MISSING_LIBRARY: ImportError | None = None
except ImportError as missing:
    MISSING_LIBRARY = missing

Object = dict[str, Any]

# The options of the doc fragment streamops.kafka_eks.kubernetes.
CONNECTION_OPTIONS: dict[str, Any] = {
    "kubeconfig": {"type": "path", "required": True},
    "context": {"type": "str", "required": True},
}

FIELD_MANAGER = "kafka-eks"
RETRY_PAUSES = (0.2, 0.5, 1.0)
RETRIED_STATUS = (429, 502, 503, 504)
CONNECT_AND_READ_SECONDS = (5, 30)
EXEC_SECONDS = 60
FORWARD_SECONDS = 20
TOKEN_RENEWED_BEFORE = timedelta(seconds=60)


class KubernetesError(Exception):
    """Its text is the sentence the user reads."""

    def __init__(self, sentence: str, status: int | None = None, reason: str = ""):
        super().__init__(sentence)
        self.status = status
        self.reason = reason


class Unreachable(KubernetesError):
    """There is no cluster to talk to, or it does not accept who is talking."""


class NoKubeconfig(Unreachable):
    """There is no such file, or no such context in it: the cluster was not created yet, or is removed."""


class NotAnswering(Unreachable):
    """The address is known but nobody answers there now: this can heal by waiting, the rest of Unreachable cannot.

    gone: the refusal of the connection, or a name that does not resolve, is what a deleted cluster looks like.
    """

    def __init__(self, sentence: str, gone: bool):
        super().__init__(sentence)
        self.gone = gone


class NotServed(KubernetesError):
    """The cluster is there, but knows no such kind: its CustomResourceDefinition is not installed."""


@dataclass(frozen=True)
class _Kind:
    plural: str
    namespaced: bool


def named(kind: str, name: str, namespace: str | None = None) -> str:
    """How messages name an object."""
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def connect(kubeconfig: str, context: str) -> Cluster:
    """Connect by one context of one file; neither has a default, so nothing is ever done to another cluster."""
    if MISSING_LIBRARY:
        raise KubernetesError(
            f"The Python package kubernetes cannot be imported by {sys.executable} ({MISSING_LIBRARY}): "
            "install the collection's requirements.txt for this interpreter."
        )
    path = Path(kubeconfig).expanduser()
    settings = _read_kubeconfig(path)
    plugin = _exec_plugin(settings, context, path)
    folder = tempfile.TemporaryDirectory(prefix="kafka-eks-")
    configuration = client.Configuration()
    # urllib3 would retry refused connections at once and without an end to the whole request.
    configuration.retries = False
    try:
        KubeConfigLoader(
            config_dict=_without_exec(settings),
            active_context=context,
            config_base_path=str(path.parent.resolve()),
            temp_file_path=folder.name,
        ).load_and_set(configuration)
    except ConfigException as error:
        raise Unreachable(
            f"The context {context} of the kubeconfig {path} cannot be used: {error}; correct the file."
        ) from None
    if plugin:
        _ExecToken(plugin, path).renew(configuration)
    return Cluster(client.CoreV1Api(client.ApiClient(configuration)), context, folder)


def _read_kubeconfig(path: Path) -> Object:
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoKubeconfig(
            f"The kubeconfig {path} does not exist: create the cluster first, which writes it, "
            "or name another file with the option kubeconfig."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Unreachable(
            f"The kubeconfig {path} cannot be read: {' '.join(str(error).split())}; correct or remove the file."
        ) from None
    if not isinstance(settings, dict):
        raise Unreachable(f"The kubeconfig {path} is not a YAML mapping: correct or remove the file.")
    return settings


def _exec_plugin(settings: Object, context: str, path: Path) -> Object | None:
    contexts = {entry.get("name"): entry.get("context") or {} for entry in settings.get("contexts") or []}
    if context not in contexts:
        known = ", ".join(sorted(map(str, contexts))) or "none"
        raise NoKubeconfig(
            f"The kubeconfig {path} has no context {context} (it has: {known}): "
            "correct the option context, or name another file with the option kubeconfig."
        )
    users = {entry.get("name"): entry.get("user") or {} for entry in settings.get("users") or []}
    return users.get(contexts[context].get("user"), {}).get("exec")


def _without_exec(settings: Object) -> Object:
    """The client library only logs a failure of the plugin and goes on as nobody, so it never sees one."""
    users = [
        {**entry, "user": {key: value for key, value in (entry.get("user") or {}).items() if key != "exec"}}
        for entry in settings.get("users") or []
    ]
    return {**settings, "users": users}


class _ExecToken:
    """The token of an exec credential plugin, renewed when it is about to end."""

    def __init__(self, settings: Object, kubeconfig: Path):
        self.command = [str(settings.get("command", "")), *map(str, settings.get("args") or [])]
        self.environment = {item["name"]: str(item["value"]) for item in settings.get("env") or []}
        self.api_version = settings.get("apiVersion")
        self.kubeconfig = kubeconfig
        self.ends: datetime | None = None
        self.lock = threading.Lock()

    def renew(self, configuration: client.Configuration) -> None:
        # The client calls the hook for each request, the tunnel's threads do so at the same time.
        with self.lock:
            if self.ends is not None and datetime.now(UTC) < self.ends - TOKEN_RENEWED_BEFORE:
                return
            status = self._run()
            configuration.api_key["BearerToken"] = f"Bearer {status['token']}"
            ends = status.get("expirationTimestamp")
            self.ends = datetime.fromisoformat(ends) if ends else datetime.max.replace(tzinfo=UTC)
            configuration.refresh_api_key_hook = self.renew

    def _run(self) -> Object:
        request = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
        try:
            done = subprocess.run(
                self.command,
                env={**os.environ, **self.environment, "KUBERNETES_EXEC_INFO": json.dumps(request)},
                cwd=self.kubeconfig.parent,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=EXEC_SECONDS,
                check=True,
            )
            status: Object = json.loads(done.stdout)["status"]
            if not status.get("token"):
                raise ValueError("it returned no token")
        except FileNotFoundError:
            reason = "it is not installed or not on the PATH"
        except subprocess.TimeoutExpired:
            reason = f"it gave no answer within {EXEC_SECONDS} s"
        except subprocess.CalledProcessError as error:
            said = " ".join((error.stderr or error.stdout or "it said nothing").split())
            reason = f"it ended with code {error.returncode}: {said}"
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"its answer cannot be used: {error}"
        else:
            return status
        raise Unreachable(
            f"The credential plugin {self.command[0]} of the kubeconfig {self.kubeconfig} failed: {reason}; "
            f"run `{' '.join(self.command)}` and correct what it names."
        )


class Cluster:
    """One cluster, seen through one context. Objects go in and come out as plain dicts."""

    def __init__(
        self,
        core: client.CoreV1Api,
        context: str,
        folder: tempfile.TemporaryDirectory[str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.core = core
        self.context = context
        self._folder = folder
        self._sleep = sleep
        self._kinds: dict[str, dict[str, _Kind]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and remove the files that the client library makes of keys kept inside a kubeconfig."""
        self.core.api_client.rest_client.pool_manager.clear()
        if self._folder:
            self._folder.cleanup()

    @property
    def host(self) -> str:
        return str(self.core.api_client.configuration.host)

    def served(self, api_version: str, kind: str) -> bool:
        """Tell whether the cluster knows the kind in this version."""
        # Only what is found is kept: a CRD that is missing now may be installed by the next line of the caller.
        if kind not in self._kinds.get(api_version, {}):
            self._kinds[api_version] = self._discover(api_version)
        return kind in self._kinds[api_version]

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """Read one object; None when there is none. NotServed when the kind itself is unknown."""
        path = self._path(api_version, kind, name, namespace)
        try:
            found: Object = self._json("GET", path, f"read {named(kind, name, namespace)}")
        except KubernetesError as error:
            if error.status == 404:
                return None
            raise
        return found

    def list(self, api_version: str, kind: str, namespace: str | None = None, label_selector: str = "") -> list[Object]:
        """Read all objects of a kind, in all namespaces when none is given."""
        path = self._path(api_version, kind, None, namespace)
        query = {"limit": "500", **({"labelSelector": label_selector} if label_selector else {})}
        found: list[Object] = []
        while True:
            page = self._json("GET", path, f"list {kind} in {namespace or 'all namespaces'}", query)
            # Items of a list come without the two fields that every other answer has.
            found += ({"apiVersion": api_version, "kind": kind, **item} for item in page.get("items") or [])
            rest = (page.get("metadata") or {}).get("continue")
            if not rest:
                return found
            query["continue"] = rest

    def apply(self, obj: Object, dry_run: bool = False) -> Object:
        """Server-side apply; returns the object as stored, or as it would be stored."""
        metadata = obj["metadata"]
        kind, name, namespace = obj["kind"], metadata["name"], metadata.get("namespace")
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true"}
        stored: Object = self._json(
            "PATCH",
            self._path(obj["apiVersion"], kind, name, namespace),
            f"apply {named(kind, name, namespace)}",
            {**query, **({"dryRun": "All"} if dry_run else {})},
            body=obj,
            content_type="application/apply-patch+yaml",
        )
        return stored

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        change: Object,
        namespace: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """JSON merge patch; returns the object as stored, or as it would be stored."""
        stored: Object = self._json(
            "PATCH",
            self._path(api_version, kind, name, namespace),
            f"patch {named(kind, name, namespace)}",
            {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})},
            body=change,
            content_type="application/merge-patch+json",
        )
        return stored

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Ask for the deletion of one object; that it is not there is fine."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        path = self._path(api_version, kind, name, namespace)
        try:
            self._json("DELETE", path, f"delete {named(kind, name, namespace)}", body=body)
        except KubernetesError as error:
            if error.status != 404:
                raise

    def may(self, verb: str, resource: str, namespace: str = "") -> bool:
        """Whether this identity is allowed something; the resource as kubectl auth can-i takes it, such as pods/portforward."""
        kind, dummy, subresource = resource.partition("/")
        name, dummy, group = kind.partition(".")
        wanted = {"verb": verb, "group": group, "resource": name, "subresource": subresource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._json("POST", path, "ask what it may", body=review)
        return bool(answer["status"]["allowed"])

    def logs(
        self,
        pod: str,
        namespace: str,
        container: str | None = None,
        since_time: str | None = None,
        timestamps: bool = False,
    ) -> str:
        """The log of a container as far as it is written; since_time is RFC 3339."""
        options = {
            "container": container,
            "sinceTime": since_time,
            "timestamps": "true" if timestamps else None,
        }
        return self._request(
            "GET",
            f"/api/v1/namespaces/{namespace}/pods/{pod}/log",
            f"read the log of {named('Pod', pod, namespace)}",
            {name: str(value) for name, value in options.items() if value is not None},
        ).decode(errors="replace")

    def forward(self, pod: str, namespace: str, port: int) -> Forward:
        """Open a connection to a port of a pod, through the API server."""
        configuration = self.core.api_client.configuration
        headers: dict[str, str] = {}
        self.core.api_client.update_params_for_auth(headers, [], ["BearerToken"])
        trust = {
            "cert_reqs": ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE,
            "check_hostname": bool(configuration.verify_ssl),
            "ca_certs": configuration.ssl_ca_cert,
            "certfile": configuration.cert_file,
            "keyfile": configuration.key_file,
            "server_hostname": configuration.tls_server_name,
        }
        try:
            joined = websocket.create_connection(
                f"{self.host.replace('http', 'ws', 1)}/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}",
                timeout=FORWARD_SECONDS,
                header=headers,
                subprotocols=["v4.channel.k8s.io"],
                sslopt={name: value for name, value in trust.items() if value is not None},
            )
        except websocket.WebSocketBadStatusException as error:
            raise KubernetesError(
                f"Port {port} of {named('Pod', pod, namespace)} cannot be forwarded: {_status(error.resp_body)[0]}; "
                "check that the pod runs and that this identity may create pods/portforward.",
                error.status_code,
            ) from None
        except (websocket.WebSocketException, OSError) as error:
            raise self._no_answer(error) from None
        return Forward(joined)

    def _discover(self, api_version: str) -> dict[str, _Kind]:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            resources = self._json("GET", path, f"discover {api_version}").get("resources") or []
        except KubernetesError as error:
            if error.status == 404:
                return {}
            raise
        return {
            entry["kind"]: _Kind(entry["name"], entry["namespaced"]) for entry in resources if "/" not in entry["name"]
        }

    def _path(self, api_version: str, kind: str, name: str | None, namespace: str | None) -> str:
        if not self.served(api_version, kind):
            raise NotServed(
                f"{named(kind, name or '(any)', namespace)} cannot be handled: the cluster does not serve {kind} of "
                f"{api_version}; install the CustomResourceDefinition, or the version of it, that brings this kind."
            )
        known = self._kinds[api_version][kind]
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if known.namespaced and namespace:
            path += f"/namespaces/{namespace}"
        elif known.namespaced and name:
            raise KubernetesError(f"{kind} {name} cannot be handled: it needs a namespace; set metadata.namespace.")
        path += f"/{known.plural}"
        return f"{path}/{name}" if name else path

    def _json(self, method: str, path: str, doing: str, query: Mapping[str, str] | None = None, **rest: Any) -> Any:
        return json.loads(self._request(method, path, doing, query, **rest))

    def _request(
        self,
        method: str,
        path: str,
        doing: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> bytes:
        """Every method used is idempotent (apply, merge patch, delete, read, a question of rights), so all may be repeated."""
        for pause in (*RETRY_PAUSES, None):
            try:
                return self._request_once(method, path, doing, query, body, content_type)
            except KubernetesError as error:
                # A webhook that is being restarted is an InternalError; other 500s are refusals that stay.
                passing = isinstance(error, NotAnswering) or error.status in RETRIED_STATUS
                if pause is None or not (passing or error.reason == "InternalError"):
                    raise
                self._sleep(pause)
        raise AssertionError("The last round returns or raises.")

    def _request_once(
        self,
        method: str,
        path: str,
        doing: str,
        query: Mapping[str, str] | None,
        body: Object | None,
        content_type: str,
    ) -> bytes:
        api = self.core.api_client
        headers = {"Accept": "application/json, */*", "Content-Type": content_type, "User-Agent": FIELD_MANAGER}
        api.update_params_for_auth(headers, [], ["BearerToken"])
        try:
            answer = api.rest_client.request(
                method,
                self.host + path,
                query_params=list((query or {}).items()),
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=CONNECT_AND_READ_SECONDS,
            )
            content: bytes = answer.data
        except client.ApiException as error:
            raise self._refusal(error, doing) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._no_answer(error) from None
        return content

    def _no_answer(self, error: BaseException) -> NotAnswering:
        trouble, gone = _connection_trouble(error)
        return NotAnswering(
            f"The Kubernetes API at {self.host} does not answer ({trouble}): check that the cluster is running "
            "and that this machine may reach it (allowed addresses, VPN, proxy).",
            gone,
        )

    def _refusal(self, error: client.ApiException, doing: str) -> KubernetesError:
        # The library gives failures of TLS no status. All but one mean that the other side went away during the handshake.
        if not error.status and "CERTIFICATE_VERIFY_FAILED" not in str(error.reason):
            return self._no_answer(ConnectionError(error.reason))
        if not error.status:
            return Unreachable(
                f"The Kubernetes API at {self.host} cannot be trusted ({_one_line(error.reason)}): "
                "the kubeconfig is that of another or an older cluster; write it anew."
            )
        said, reason = _status(error.body)
        if error.status == 401:
            return Unreachable(
                f"The Kubernetes API at {self.host} did not accept the credentials of the context {self.context}: "
                "renew them, or on EKS use an AWS identity that has an access entry in this cluster, or add one for it.",
                error.status,
                reason,
            )
        if error.status == 403:
            sentence = f"This identity may not {doing}: {said}; ask for the right, or use an identity that has it."
        else:
            sentence = (
                f"The Kubernetes API refused to {doing}: {said.rstrip('.')}; correct what it names and run it again."
            )
        return KubernetesError(sentence, error.status, reason)


class Forward:
    """A connection to a port of a pod, used like a socket.

    The client library's own port-forward is not used: it swaps a method of the shared ApiClient while it connects,
    starts a thread for each connection, waits without an end, and leaves its socket open when the API server goes away.
    """

    def __init__(self, joined: websocket.WebSocket):
        self._joined: Any = joined
        # Each of the two channels begins with a frame that repeats the number of the port.
        self._announced: set[int] = set()

    def fileno(self) -> int:
        return int(self._joined.fileno())

    def recv(self, _size: int) -> bytes:
        """What has arrived, b"" at the end; BlockingIOError when it was nothing for the user of the connection."""
        data = b""
        while True:
            try:
                opcode, frame = self._joined.recv_data_frame(True)
            except websocket.WebSocketConnectionClosedException:
                return data
            except websocket.WebSocketException as error:
                raise ConnectionError(_one_line(error)) from None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return data
            if opcode == websocket.ABNF.OPCODE_BINARY:
                data += self._data_of(frame.data)
            # Decrypted bytes that wait inside the TLS layer wake nobody who watches the socket.
            if not (isinstance(self._joined.sock, ssl.SSLSocket) and self._joined.sock.pending()):
                break
        if not data:
            raise BlockingIOError
        return data

    def _data_of(self, frame: bytes) -> bytes:
        channel, content = frame[0], frame[1:]
        if channel not in self._announced:
            self._announced.add(channel)
            return b""
        if channel == 1:
            raise ConnectionError(_one_line(content))
        return content

    def sendall(self, data: bytes) -> None:
        try:
            self._joined.send_binary(b"\x00" + data)
        except websocket.WebSocketException as error:
            raise ConnectionError(_one_line(error)) from None

    def close(self) -> None:
        # Without the goodbye the node keeps its side open until a time-out; its answer is not waited for.
        with contextlib.suppress(websocket.WebSocketException, OSError):
            self._joined.send(struct.pack("!H", websocket.STATUS_NORMAL), websocket.ABNF.OPCODE_CLOSE)
        self._joined.shutdown()


def _one_line(text: object) -> str:
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return " ".join(str(text or "").split())[:300]


def _status(body: bytes | str | None) -> tuple[str, str]:
    """Message and reason of the Status object that the API server answers a refusal with."""
    try:
        status = json.loads(body or "")
        return str(status["message"]), str(status.get("reason") or "")
    except (ValueError, KeyError, TypeError):
        return _one_line(body) or "it gave no reason", ""


def _connection_trouble(error: BaseException) -> tuple[str, bool]:
    """What happened, and whether it says that nothing is there at all."""
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    root = chain[-1]
    if isinstance(root, socket.gaierror):
        # A resolver that cannot be asked says nothing of the cluster.
        return "its name does not resolve", root.errno == socket.EAI_NONAME
    if isinstance(root, ConnectionRefusedError):
        return "connection refused", True
    if isinstance(root, TimeoutError | urllib3.exceptions.TimeoutError | websocket.WebSocketTimeoutException):
        return "no answer in time", False
    return _one_line(error), False
