# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kafka's own view of a cluster. The only file that imports kafka-python."""

from __future__ import annotations

import base64
import binascii
import contextlib
import logging
import re
import secrets
import ssl
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._readiness_kafka import DEFAULT_FETCH_TIMEOUT_MS, Broker, Kafka, Partition, Quorum, Replica, RoundTrip

NEEDED_VERSION = (3, 0, 12)

try:
    import kafka

    # Older and other packages import as kafka too, but have no such names.
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
    from kafka.errors import KafkaError
    from kafka.net.compat import KafkaNetClient

    MISSING_LIBRARY: ImportError | None = None
except ImportError as missing:
    MISSING_LIBRARY = missing

BOOTSTRAP_MS = 5_000
REQUEST_MS = 5_000
ROUND_TRIP_SECONDS = 10.0
LOOK_SECONDS = 30
FETCH_WAIT_MS = 100
KEPT_LINES = 50
FETCH_TIMEOUT = "controller.quorum.fetch.timeout.ms"
MIN_IN_SYNC = "min.insync.replicas"

# What the library logs when a connection fails, and what it means. It tells its caller no more than that there is none.
CAUSES = (
    ("SaslAuthenticationFailed", "the brokers refuse the user name or password of the user Secret"),
    ("Hostname mismatch", "the brokers' certificate is for another name"),
    ("CERTIFICATE_VERIFY_FAILED", "the brokers' certificate is not signed by the CA of the CA Secret"),
    ("WRONG_VERSION_NUMBER", "the listener does not speak TLS"),
    ("Invalid frame length", "the listener speaks another protocol, probably TLS"),
    ("ALERT", "the brokers refuse the client certificate of the user Secret"),
)


class KafkaTrouble(Exception):
    """Its text says, as a phrase, why Kafka could not be asked. final: asking again will not help."""

    def __init__(self, text: str, final: bool = False):
        super().__init__(text)
        self.final = final


@dataclass(frozen=True)
class Access:
    """How to talk to one listener through the tunnel. What is secret is not shown."""

    bootstrap: str
    proxy_url: str = field(repr=False)
    tls: bool = False
    ca: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)


def access_to(
    listener: Mapping[str, Any],
    bootstrap: str,
    proxy_url: str,
    ca_secret: Mapping[str, Any] | None,
    user_secret: Mapping[str, Any] | None,
) -> Access:
    """What the listener asks of a client, taken from Secrets as Strimzi writes them. A CA Secret means TLS."""
    kind = (listener.get("authentication") or {}).get("type")
    tls = ca_secret is not None
    ca = _value(ca_secret, "ca.crt") if ca_secret else None
    if kind is None:
        return Access(bootstrap, proxy_url, tls, ca)
    if user_secret is None:
        raise KafkaTrouble(f"the listener {listener['name']} asks for {kind}, but no user_secret is named", final=True)
    if kind == "scram-sha-512":
        # The Secret of a KafkaUser can have a prefix that its user name has not.
        jaas = _value(user_secret, "sasl.jaas.config") if "sasl.jaas.config" in user_secret["data"] else ""
        named = re.search(r'username="([^"]+)"', jaas)
        user = named.group(1) if named else user_secret["metadata"]["name"]
        return Access(bootstrap, proxy_url, tls, ca, user=user, password=_value(user_secret, "password"))
    if kind == "tls":
        certificate, key = _value(user_secret, "user.crt"), _value(user_secret, "user.key")
        return Access(bootstrap, proxy_url, True, ca, certificate=certificate, key=key)
    raise KafkaTrouble(
        f"the listener {listener['name']} uses {kind}; only scram-sha-512, tls and none can be tested", final=True
    )


def _value(secret: Mapping[str, Any], key: str) -> str:
    try:
        return base64.b64decode(secret["data"][key], validate=True).decode()
    except (KeyError, TypeError, ValueError, binascii.Error):
        where = f"{secret['metadata']['namespace']}/{secret['metadata']['name']}"
        raise KafkaTrouble(f"the Secret {where} has no usable key {key}") from None


def cause_of(heard: Sequence[str], tunnel_reasons: Sequence[str], otherwise: str) -> str:
    """The best explanation among what the library logged and what the tunnel recorded."""
    for sign, cause in CAUSES:
        if any(sign in line for line in heard):
            return cause
    failed = [
        found.group(1) for line in heard if (found := re.search(r"onnection .*failed: (.+?)(?: \(backoff|$)", line))
    ]
    return [*tunnel_reasons[-1:], *failed, otherwise][0]


class Session:
    """Connections to one listener, kept from look to look; close() leaves no thread behind."""

    def __init__(self, access: Access, tunnel_reasons: Callable[[], Sequence[str]] = tuple):
        _require_library()
        self._tunnel_reasons = tunnel_reasons
        self._open = contextlib.ExitStack()
        self._heard = _heard(self._open)
        self._networks: list[KafkaNetClient] = []
        self._clients: dict[str, Any] = {}
        self._settings = {
            "bootstrap_servers": access.bootstrap,
            "proxy_url": access.proxy_url,
            "client_id": "kafka-eks-probe",
            "bootstrap_timeout_ms": BOOTSTRAP_MS,
            "request_timeout_ms": REQUEST_MS,
            "reconnect_backoff_max_ms": 1_000,
            # A constructor that fails leaves its network thread running and gives nobody a hand on it, but this does.
            "kafka_client": self._network,
            **_security(access),
        }

    def close(self) -> None:
        # What cannot be closed properly was broken before; the thread ends all the same.
        with contextlib.suppress(KafkaError, OSError, RuntimeError):
            self._open.close()

    def look(self, canary: str | None) -> Kafka:
        """Ask everything once, and write and read a record through each broker when a canary topic is named."""
        self._heard.clear()
        # The library waits for the end of a TLS handshake, and for a few other things, without a limit of its own.
        watchdog = threading.Timer(LOOK_SECONDS, self._stop)
        watchdog.daemon = True
        watchdog.start()
        try:
            return self._look(canary)
        except (KafkaError, OSError, RuntimeError) as error:
            raise KafkaTrouble(cause_of(self._heard, self._tunnel_reasons(), _shown(error))) from error
        finally:
            watchdog.cancel()

    def _stop(self) -> None:
        self._heard.append(f"Connection failed: no end within {LOOK_SECONDS} s")
        for network in self._networks:
            network.close()

    def _network(self, **settings: Any) -> KafkaNetClient:
        network = KafkaNetClient(**settings)
        self._networks.append(network)
        self._open.callback(network.close)
        return network

    def _client(self, kind: Callable[..., Any], *closing: object, **settings: object) -> Any:
        name = kind.__name__
        if name not in self._clients:
            self._clients[name] = kind(**self._settings, **settings)
            self._open.callback(self._clients[name].close, *closing)
        return self._clients[name]

    def _look(self, canary: str | None) -> Kafka:
        admin = self._client(KafkaAdminClient)
        cluster = admin.describe_cluster()
        (quorum,) = admin.describe_metadata_quorum()["topics"][0]["partitions"]
        if quorum["error"]:
            raise KafkaTrouble(f"the metadata quorum cannot be described: {quorum['error']}")
        topics = admin.describe_topics()
        brokers = tuple(Broker(one["broker_id"], one["rack"]) for one in cluster["brokers"] if not one.get("is_fenced"))
        partitions = tuple(
            Partition(
                topic["name"],
                one["partition_index"],
                one["leader_id"],
                tuple(one["replica_nodes"]),
                tuple(one["isr_nodes"]),
            )
            for topic in topics
            for one in topic["partitions"]
        )
        return Kafka(
            cluster_id=cluster["cluster_id"],
            brokers=brokers,
            quorum=Quorum(
                quorum["leader_id"],
                quorum["high_watermark"],
                tuple(map(_replica, quorum["current_voters"])),
                tuple(map(_replica, quorum["observers"])),
            ),
            fetch_timeout_ms=self._fetch_timeout_ms(brokers),
            partitions=partitions,
            min_in_sync=self._min_in_sync([topic["name"] for topic in topics]),
            canary=canary,
            round_trips=self._round_trips(canary, partitions) if canary else None,
        )

    def _fetch_timeout_ms(self, brokers: Sequence[Broker]) -> int:
        """As one broker is configured; the operator gives controllers the same."""
        if not brokers:
            return DEFAULT_FETCH_TIMEOUT_MS
        name = str(brokers[0].id)
        asked = ConfigResource(ConfigResourceType.BROKER, name, [FETCH_TIMEOUT])
        found = self._client(KafkaAdminClient).describe_configs([asked], config_filter="all")
        return int(found["broker"][name][FETCH_TIMEOUT]["value"])

    def _min_in_sync(self, topics: Sequence[str]) -> dict[str, int]:
        if not topics:
            return {}
        asked = [ConfigResource(ConfigResourceType.TOPIC, topic, [MIN_IN_SYNC]) for topic in topics]
        found = self._client(KafkaAdminClient).describe_configs(asked, config_filter="all")
        return {topic: int(found["topic"][topic][MIN_IN_SYNC]["value"]) for topic in topics}

    def _round_trips(self, canary: str, partitions: Sequence[Partition]) -> tuple[RoundTrip, ...]:
        """One record for each broker that leads a partition of the canary topic, all at the same time."""
        led = {one.leader: one.number for one in reversed(partitions) if one.topic == canary and one.leader >= 0}
        token = secrets.token_bytes(16)
        offsets: dict[int, int] = {}
        troubles: dict[int, str] = {}
        if led:
            producer = self._client(
                KafkaProducer,
                1,
                acks="all",
                enable_idempotence=False,
                allow_auto_create_topics=False,
                max_block_ms=REQUEST_MS,
                delivery_timeout_ms=2 * REQUEST_MS,
                metrics_enabled=False,
            )
            sent = {number: producer.send(canary, token, partition=number) for number in led.values()}
            for number, future in sent.items():
                try:
                    offsets[number] = future.get(timeout=ROUND_TRIP_SECONDS).offset
                except KafkaError as error:
                    troubles[number] = f"the record was not written: {_shown(error)}"
        if offsets:
            unread = self._unread(canary, offsets, token)
            troubles |= dict.fromkeys(unread, f"the record was not read back within {ROUND_TRIP_SECONDS:.0f} s")
        return tuple(RoundTrip(broker, number, troubles.get(number, "")) for broker, number in sorted(led.items()))

    def _unread(self, canary: str, offsets: Mapping[int, int], token: bytes) -> set[int]:
        """Partitions whose record could not be read. No group is joined and no offset is committed."""
        consumer = self._client(
            KafkaConsumer,
            False,
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            metrics_enabled=False,
        )
        consumer.assign([TopicPartition(canary, number) for number in offsets])
        for number, offset in offsets.items():
            consumer.seek(TopicPartition(canary, number), offset)
        left = set(offsets)
        until = time.monotonic() + ROUND_TRIP_SECONDS
        while left and time.monotonic() < until:
            for where, records in consumer.poll(timeout_ms=2 * FETCH_WAIT_MS).items():
                if any(record.value == token for record in records):
                    left.discard(where.partition)
        return left


def _require_library() -> None:
    # The import name belongs to several packages, of which only this one knows of quorums and proxies.
    version = "" if MISSING_LIBRARY else kafka.__version__
    if MISSING_LIBRARY or tuple(int(part) for part in re.findall(r"\d+", version)[:3]) < NEEDED_VERSION:
        found = f"finds version {version}" if version else f"cannot import what it needs ({MISSING_LIBRARY})"
        raise KafkaTrouble(
            f"{sys.executable} {found} of the Python package kafka instead of kafka-python "
            f"{'.'.join(map(str, NEEDED_VERSION))} or newer; remove kafka-python-ng if it is there, "
            "and install the collection's requirements.txt",
            final=True,
        )


def _security(access: Access) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if access.tls:
        settings |= {"security_protocol": "SSL", "ssl_context": _tls(access)}
    if access.user is not None:
        settings |= {
            "security_protocol": "SASL_SSL" if access.tls else "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": access.user,
            "sasl_plain_password": access.password,
        }
    return settings


def _tls(access: Access) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.ca)
        if access.certificate and access.key:
            # The only way into an SSL context is a file; it is gone before anything else happens.
            with tempfile.NamedTemporaryFile("w", prefix="kafka-eks-") as pair:
                pair.write(f"{access.key}\n{access.certificate}\n")
                pair.flush()
                context.load_cert_chain(pair.name)
    except ssl.SSLError as error:
        raise KafkaTrouble(f"the certificates of the Secrets cannot be used: {error.reason or error}") from None
    return context


def _replica(one: Mapping[str, Any]) -> Replica:
    return Replica(one["replica_id"], one["last_caught_up_timestamp"], one["log_end_offset"])


def _shown(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())


class _Handler(logging.Handler):
    def __init__(self, lines: deque[str]):
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(" ".join(record.getMessage().split()))


def _heard(stack: contextlib.ExitStack) -> deque[str]:
    """What the library logs from now on, kept away from Ansible's own log: its debug lines hold passwords."""
    logger, lines = logging.getLogger("kafka"), deque[str](maxlen=KEPT_LINES)
    handler = _Handler(lines)
    stack.callback(setattr, logger, "propagate", logger.propagate)
    stack.callback(logger.setLevel, logger.level)
    stack.callback(logger.removeHandler, handler)
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    return lines
