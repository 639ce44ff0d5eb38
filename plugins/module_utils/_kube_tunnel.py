# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reach every broker of one cluster from outside Kubernetes, through the API server alone.

A SOCKS5 proxy on loopback (RFC 1928, with the user and password of RFC 1929) takes the names that brokers advertise and
joins each connection to a port of the pod behind it. Kafka clients that leave name resolution to their proxy then work
unchanged, TLS host names included.
"""

from __future__ import annotations

import contextlib
import hmac
import itertools
import secrets
import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from ._kubernetes import KubernetesError

HANDSHAKE_SECONDS = 10
# A port-forward has no half-closed state: the end of a client's data cannot be told to the pod. So its answer is
# waited for as long as it keeps coming.
LINGER_SECONDS = 1
TRANSFER_SECONDS = 30
CLOSE_SECONDS = 2
CHUNK = 65536
KEPT_REASONS = 20

SOCKS, CONNECT, PASSWORD, NO_METHOD = 5, 1, 2, 0xFF
IPV4, NAME, IPV6 = 1, 3, 4
SUCCEEDED, NOT_ALLOWED, HOST_UNREACHABLE, REFUSED, BAD_COMMAND, BAD_ADDRESS_TYPE = 0, 2, 4, 5, 7, 8


@dataclass(frozen=True)
class Pod:
    name: str
    ip: str | None
    # Only these stand behind the bootstrap service.
    ready_broker: bool


class Remote(Protocol):
    """What the tunnel needs of a connection to a pod; a socket has it."""

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


class Refused(Exception):
    """A request that is not served: the reply code for the client, and the reason for people."""

    def __init__(self, reply: int, reason: str):
        super().__init__(reason)
        self.reply = reply


@dataclass(frozen=True)
class Admission:
    """Where connections may go: to the pods of one Kafka cluster and to its listeners."""

    cluster: str
    namespace: str
    ports: frozenset[int]

    def pods_for(self, host: str, port: int, pods: Sequence[Pod]) -> list[str]:
        """The pods that may answer for this address, any of them."""
        name = host.removesuffix(".").removesuffix(".cluster.local")
        services = f".{self.cluster}-kafka-brokers.{self.namespace}.svc"
        if name == f"{self.cluster}-kafka-bootstrap.{self.namespace}.svc":
            found = [pod.name for pod in pods if pod.ready_broker]
            absence = "no broker of the cluster is ready"
        elif name.endswith(services):
            found = [pod.name for pod in pods if pod.name == name.removesuffix(services)]
            absence = "the cluster has no such pod now"
        else:
            found = [pod.name for pod in pods if pod.ip == host]
            absence = ""
        if port not in self.ports or not (found or absence):
            raise Refused(NOT_ALLOWED, f"{host}:{port} is not a listener of the Kafka cluster {self.cluster}")
        if not found:
            raise Refused(HOST_UNREACHABLE, f"{host}:{port} cannot be reached: {absence}")
        return found


class Tunnel:
    """The proxy, from its creation until close()."""

    def __init__(
        self,
        admission: Admission,
        pods: Callable[[], Sequence[Pod]],
        dial: Callable[[str, int], Remote],
    ):
        self._admission = admission
        self._pods = pods
        self._dial = dial
        self._user, self._password = secrets.token_hex(16), secrets.token_hex(16)
        self._turn = itertools.count()
        self._reasons: deque[str] = deque(maxlen=KEPT_REASONS)
        # Readable from the moment of closing on: it wakes every thread that waits for data.
        self._closing, self._close = socket.socketpair()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._served: list[threading.Thread] = []
        self._acceptor = _started(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        return f"socks5h://{self._user}:{self._password}@127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why connections were refused or broke off, oldest first: clients of a proxy only learn a number."""
        return tuple(self._reasons)

    def close(self) -> None:
        self._close.close()
        self._acceptor.join(CLOSE_SECONDS)
        for thread in self._served:
            thread.join(CLOSE_SECONDS)
        self._listener.close()
        self._closing.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            ready.register(self._closing, selectors.EVENT_READ)
            while not any(key.fileobj is self._closing for key, mask in ready.select()):
                client, address = self._listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._served = [one for one in self._served if one.is_alive()] + [_started(self._serve, client)]

    def _serve(self, client: socket.socket) -> None:
        asked = "A connection"
        with client:
            try:
                client.settimeout(HANDSHAKE_SECONDS)
                self._authenticate(client)
                host, port = _requested(client)
                asked = f"{host}:{port}"
                remote = self._open(host, port)
                try:
                    _reply(client, SUCCEEDED)
                    client.settimeout(TRANSFER_SECONDS)
                    self._join(client, remote)
                finally:
                    remote.close()
            except Refused as refusal:
                self._reasons.append(str(refusal))
                with contextlib.suppress(OSError):
                    _reply(client, refusal.reply)
            except OSError as error:
                self._reasons.append(f"{asked} broke off: {error}")

    def _authenticate(self, client: socket.socket) -> None:
        version, count = _read(client, "!BB")
        methods = _bytes(client, count)
        if version != SOCKS or PASSWORD not in methods:
            client.sendall(bytes((SOCKS, NO_METHOD)))
            raise ConnectionError("the client did not offer the user and password of this tunnel")
        client.sendall(bytes((SOCKS, PASSWORD)))
        version, length = _read(client, "!BB")
        user = _bytes(client, length)
        password = _bytes(client, *_read(client, "!B"))
        right = hmac.compare_digest(user, self._user.encode()) & hmac.compare_digest(password, self._password.encode())
        client.sendall(bytes((1, 0 if right else 1)))
        if not right:
            raise ConnectionError("the client gave a wrong user or password for this tunnel")

    def _open(self, host: str, port: int) -> Remote:
        pods = self._admission.pods_for(host, port, self._pods())
        # The next attempt of a client that found a dead broker behind the bootstrap service gets another one.
        pod = pods[next(self._turn) % len(pods)]
        try:
            return self._dial(pod, port)
        except (KubernetesError, OSError) as error:
            raise Refused(REFUSED, f"{host}:{port} cannot be reached: {error}") from error

    def _join(self, client: socket.socket, remote: Remote) -> None:
        """Carry data both ways until both sides have ended, or the tunnel is closed."""
        with selectors.DefaultSelector() as ready:
            for source in (client, remote, self._closing):
                ready.register(source, selectors.EVENT_READ)
            patience: float | None = None
            while len(ready.get_map()) > 1:
                sources = [key.fileobj for key, mask in ready.select(patience)]
                if not sources or self._closing in sources:
                    return
                for source, target in ((client, remote), (remote, client)):
                    if source not in sources:
                        continue
                    try:
                        data = source.recv(CHUNK)
                    except BlockingIOError:
                        continue
                    if data:
                        target.sendall(data)
                        continue
                    ready.unregister(source)
                    patience = LINGER_SECONDS
                    if source is remote:
                        client.shutdown(socket.SHUT_WR)


def _started(work: Callable[..., None], *arguments: object) -> threading.Thread:
    # Daemons, so that a connection attempt that hangs in the API server never holds up the end of the program.
    thread = threading.Thread(target=work, args=arguments, name="kafka-eks-tunnel", daemon=True)
    thread.start()
    return thread


def _bytes(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            raise ConnectionError("the client went away")
        data += part
    return data


def _read(client: socket.socket, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, _bytes(client, struct.calcsize(layout)))


def _requested(client: socket.socket) -> tuple[str, int]:
    version, command, reserved, kind = _read(client, "!BBBB")
    if kind == NAME:
        host = _bytes(client, *_read(client, "!B")).decode("ascii", "replace")
    elif kind in (IPV4, IPV6):
        family, length = (socket.AF_INET, 4) if kind == IPV4 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, _bytes(client, length))
    else:
        raise Refused(BAD_ADDRESS_TYPE, f"A client asked for an address of the unknown type {kind}")
    (port,) = _read(client, "!H")
    if command != CONNECT:
        raise Refused(BAD_COMMAND, f"A client sent the command {command}, but this tunnel only connects")
    return host, port


def _reply(client: socket.socket, code: int) -> None:
    client.sendall(struct.pack("!BBBB4sH", SOCKS, code, 0, IPV4, bytes(4), 0))
