"""The real proxy on loopback; only the API server behind it is replaced, by a function that opens a socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlparse

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kube_tunnel import (
    HOST_UNREACHABLE,
    NOT_ALLOWED,
    Admission,
    Pod,
    Refused,
    Tunnel,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import KubernetesError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka.net.socks5 import Socks5Proxy

ADMISSION = Admission("data-on-eks", "kafka", frozenset({9093}))
PODS = [
    Pod("data-on-eks-broker-0", "10.244.200.11", True),
    Pod("data-on-eks-broker-1", "10.244.200.12", False),
    Pod("data-on-eks-controller-3", "10.244.200.14", False),
]
BROKER = "data-on-eks-broker-0.data-on-eks-kafka-brokers.kafka.svc"


@pytest.mark.parametrize(
    ("host", "port", "pods"),
    [
        pytest.param(BROKER, 9093, ["data-on-eks-broker-0"], id="advertised name"),
        pytest.param(f"{BROKER}.cluster.local", 9093, ["data-on-eks-broker-0"], id="full name"),
        pytest.param(
            "data-on-eks-kafka-bootstrap.kafka.svc", 9093, ["data-on-eks-broker-0"], id="bootstrap: ready brokers only"
        ),
        pytest.param("10.244.200.12", 9093, ["data-on-eks-broker-1"], id="address of a pod"),
    ],
)
def test_this_clusters_listeners_are_admitted(host, port, pods) -> None:
    assert ADMISSION.pods_for(host, port, PODS) == pods


@pytest.mark.parametrize(
    ("host", "port", "reply"),
    [
        pytest.param(BROKER, 9091, NOT_ALLOWED, id="a port that is no listener"),
        pytest.param("other-broker-0.other-kafka-brokers.kafka.svc", 9093, NOT_ALLOWED, id="another cluster"),
        pytest.param(BROKER.replace(".kafka.svc", ".prod.svc"), 9093, NOT_ALLOWED, id="another namespace"),
        pytest.param("kubernetes.default.svc", 9093, NOT_ALLOWED, id="another service"),
        pytest.param("10.244.0.1", 9093, NOT_ALLOWED, id="another pod's address"),
        pytest.param(BROKER.replace("broker-0", "broker-9"), 9093, HOST_UNREACHABLE, id="a pod that is gone"),
    ],
)
def test_everything_else_is_refused(host, port, reply) -> None:
    with pytest.raises(Refused) as refusal:
        ADMISSION.pods_for(host, port, PODS)
    assert refusal.value.reply == reply


def test_a_bootstrap_service_without_a_ready_broker_is_unreachable() -> None:
    with pytest.raises(Refused, match="no broker of the cluster is ready") as refusal:
        ADMISSION.pods_for("data-on-eks-kafka-bootstrap.kafka.svc", 9093, PODS[1:])
    assert refusal.value.reply == HOST_UNREACHABLE


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[Callable[[str, int], socket.socket]]:
    """A server on loopback; yields the dial function that leads to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(64) as threads:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threads.submit(answer, listener.accept()[0])

        threads.submit(accept)
        try:
            yield lambda pod, port: socket.create_connection(listener.getsockname())
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def through(tunnel: Tunnel, host: str = BROKER, port: int = 9093) -> tuple[int, socket.socket]:
    """Connect as kafka-python does: with its own code."""
    proxy = Socks5Proxy(tunnel.url)
    connection = proxy.socket()
    connection.settimeout(5)
    return proxy.connect_ex(connection, (host, port)), connection


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Every thread and every descriptor is gone afterwards."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "kafka-eks-tunnel"] == []
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_data_goes_both_ways(no_leaks) -> None:
    with serving(echo) as dial, Tunnel(ADMISSION, lambda: PODS, dial) as tunnel:
        code, connection = through(tunnel)
        with connection:
            connection.sendall(b"hello")
            assert (code, connection.recv(5)) == (0, b"hello")
        assert tunnel.reasons == ()


def test_many_connections_at_once_keep_apart(no_leaks) -> None:
    def talk(number: int) -> bool:
        _, connection = through(tunnel)
        with connection:
            sent = f"{number} ".encode() * 20_000
            threading.Thread(target=connection.sendall, args=(sent,)).start()
            got = b""
            while len(got) < len(sent):
                got += connection.recv(65536)
            return got == sent

    with serving(echo) as dial, Tunnel(ADMISSION, lambda: PODS, dial) as tunnel, ThreadPoolExecutor(20) as clients:
        assert all(clients.map(talk, range(20)))


def test_the_pod_behind_the_bootstrap_service_changes_with_each_attempt() -> None:
    dialled: list[str] = []

    def dial(pod: str, port: int) -> socket.socket:
        dialled.append(pod)
        raise KubernetesError("it is dead")

    pods = [Pod("a", None, True), Pod("b", None, True)]
    with Tunnel(ADMISSION, lambda: pods, dial) as tunnel:
        for _ in range(3):
            through(tunnel, "data-on-eks-kafka-bootstrap.kafka.svc")[1].close()
    assert dialled == ["a", "b", "a"]


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "data-on-eks-kafka")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, both = serialization.Encoding.PEM, folder / "both.pem"
    (folder / "ca.pem").write_bytes(certificate.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    both.write_bytes(private + certificate.public_bytes(pem))
    return folder / "ca.pem", both


def test_tls_is_verified_against_the_brokers_own_name_from_end_to_end(tmp_path, no_leaks) -> None:
    authority, pair = certificate_for(BROKER, tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair)
    client = ssl.create_default_context(cafile=str(authority))

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError, OSError):
            echo(server.wrap_socket(connection, server_side=True))
        connection.close()

    with serving(answer) as dial, Tunnel(ADMISSION, lambda: PODS, dial) as tunnel:
        with client.wrap_socket(through(tunnel)[1], server_hostname=BROKER) as connection:
            connection.sendall(b"hello")
            assert connection.recv(5) == b"hello"
        # The same server under another broker's name is an impostor.
        _, other = through(tunnel, BROKER.replace("broker-0", "broker-1"))
        with other, pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            client.wrap_socket(other, server_hostname=BROKER.replace("broker-0", "broker-1"))


def test_what_is_on_its_way_arrives_although_the_client_has_stopped_sending(no_leaks) -> None:
    said: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            said.append(connection.recv(3))
            connection.sendall(b"late answer")

    with serving(answer) as dial, Tunnel(ADMISSION, lambda: PODS, dial) as tunnel:
        _, connection = through(tunnel)
        with connection:
            connection.sendall(b"ask")
            connection.shutdown(socket.SHUT_WR)
            got = b""
            while part := connection.recv(100):
                got += part
    assert (said, got) == ([b"ask"], b"late answer")


def test_the_end_of_the_pods_side_is_told_to_the_client(no_leaks) -> None:
    with serving(lambda connection: connection.close()) as dial, Tunnel(ADMISSION, lambda: PODS, dial) as tunnel:
        _, connection = through(tunnel)
        with connection:
            assert connection.recv(1) == b""


class Breaking:
    """A connection to a pod that says why it breaks off, as a port-forward does."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        self.there.sendall(b"x")

    def fileno(self) -> int:
        return self.here.fileno()

    def recv(self, size: int) -> bytes:
        raise ConnectionError("dial tcp 10.244.2.2:9093: connect: connection refused")

    def sendall(self, data: bytes) -> None:
        raise AssertionError("Nothing was sent.")

    def close(self) -> None:
        self.here.close()
        self.there.close()


def test_why_a_pod_broke_off_is_kept_for_whoever_has_to_explain_it(no_leaks) -> None:
    with Tunnel(ADMISSION, lambda: PODS, lambda pod, port: Breaking()) as tunnel:
        _, connection = through(tunnel)
        with connection:
            assert connection.recv(1) == b""
    assert tunnel.reasons == (f"{BROKER}:9093 broke off: dial tcp 10.244.2.2:9093: connect: connection refused",)


def request(tunnel: Tunnel, user: bytes, password: bytes, rest: bytes) -> bytes:
    """Speak SOCKS by hand, for what no library would say; returns all that was answered."""
    with socket.create_connection(("127.0.0.1", urlparse(tunnel.url).port), timeout=5) as connection:
        connection.sendall(b"\x05\x01\x02")
        connection.sendall(b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password + rest)
        connection.shutdown(socket.SHUT_WR)
        answered = b""
        while part := connection.recv(100):
            answered += part
        return answered


def credentials(tunnel: Tunnel) -> tuple[bytes, bytes]:
    url = urlparse(tunnel.url)
    return str(url.username).encode(), str(url.password).encode()


def asking(host: str, port: int = 9093, command: int = 1) -> bytes:
    return struct.pack("!BBBBB", 5, command, 0, 3, len(host)) + host.encode() + struct.pack("!H", port)


@pytest.mark.parametrize(
    ("asked", "reply", "reason"),
    [
        pytest.param(
            asking("example.org"), 2, "example.org:9093 is not a listener of the Kafka cluster", id="elsewhere"
        ),
        pytest.param(asking(BROKER, 22), 2, f"{BROKER}:22 is not a listener of the Kafka cluster", id="another port"),
        pytest.param(asking(BROKER.replace("0", "9")), 4, "the cluster has no such pod now", id="no such pod"),
        pytest.param(asking(BROKER), 5, "cannot be reached: it is dead", id="the API server refuses"),
        pytest.param(asking(BROKER, command=2), 7, "the command 2, but this tunnel only connects", id="bind"),
        pytest.param(b"\x05\x01\x00\x09", 8, "the unknown type 9", id="unknown kind of address"),
        pytest.param(
            b"\x05\x01\x00\x01" + socket.inet_aton("10.0.0.9") + b"\x23\x85", 2, "10.0.0.9:9093 is not", id="address"
        ),
    ],
)
def test_refusals_have_a_reply_for_the_client_and_a_reason_for_people(asked, reply, reason) -> None:
    def dial(pod: str, port: int) -> socket.socket:
        raise KubernetesError("it is dead")

    with Tunnel(ADMISSION, lambda: PODS, dial) as tunnel:
        answered = request(tunnel, *credentials(tunnel), asked)
        assert answered[:4] == b"\x05\x02\x01\x00" and answered[5] == reply
        (kept,) = tunnel.reasons
        assert reason in kept


def test_nobody_gets_in_without_the_password_of_this_tunnel() -> None:
    with serving(echo) as dial, Tunnel(ADMISSION, lambda: PODS, dial) as tunnel:
        user, password = credentials(tunnel)
        assert request(tunnel, user, b"wrong", b"") == b"\x05\x02\x01\x01"
        assert request(tunnel, b"wrong", password, b"") == b"\x05\x02\x01\x01"
        with socket.create_connection(("127.0.0.1", urlparse(tunnel.url).port), timeout=5) as connection:
            connection.sendall(b"\x05\x01\x00")
            assert connection.recv(10) == b"\x05\xff"


def test_each_tunnel_has_a_password_of_its_own() -> None:
    with Tunnel(ADMISSION, lambda: PODS, echo) as one, Tunnel(ADMISSION, lambda: PODS, echo) as other:
        assert credentials(one) != credentials(other)


def test_closing_ends_connections_that_are_in_use(no_leaks) -> None:
    with serving(echo) as dial:
        tunnel = Tunnel(ADMISSION, lambda: PODS, dial)
        _, connection = through(tunnel)
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        tunnel.close()
        assert connection.recv(1) == b""
        connection.close()


def test_it_listens_on_loopback_only() -> None:
    with Tunnel(ADMISSION, lambda: PODS, echo) as tunnel:
        assert urlparse(tunnel.url).hostname == "127.0.0.1"
        port = f"{urlparse(tunnel.url).port:04X}"
        lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()]
        assert [line[1] for line in lines if line[1].endswith(f":{port}") and line[3] == "0A"] == [f"0100007F:{port}"]
