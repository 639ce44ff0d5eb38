from __future__ import annotations

import base64
import logging
import socket
import threading
from types import SimpleNamespace

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _kafka
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kafka import (
    Access,
    KafkaTrouble,
    Session,
    access_to,
    cause_of,
)
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kafka import (
    Broker,
    Kafka,
    Partition,
    Quorum,
    Replica,
    RoundTrip,
)
from kafka.errors import ClusterAuthorizationFailedError, NotEnoughReplicasError

URL = "socks5h://me:secret@127.0.0.1:1"
ADDRESS = "data-on-eks-kafka-bootstrap.kafka.svc:9093"


def secret(name: str = "kafka-eks-probe", **values: str):
    data = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"name": name, "namespace": "kafka"}, "data": data}


CA = secret("data-on-eks-cluster-ca-cert", ca__crt="CA")
SCRAM_USER = secret(
    "prefix-kafka-eks-probe", password="pw", sasl__jaas__config='X required username="kafka-eks-probe" password="pw";'
)
TLS_USER = secret(user__crt="CRT", user__key="KEY")


@pytest.mark.parametrize(
    ("listener", "ca_secret", "user_secret", "expected"),
    [
        pytest.param({"name": "plain"}, None, None, Access(ADDRESS, URL), id="plain"),
        pytest.param({"name": "tls"}, CA, None, Access(ADDRESS, URL, True, "CA"), id="tls"),
        pytest.param(
            {"name": "scram", "authentication": {"type": "scram-sha-512"}},
            CA,
            SCRAM_USER,
            Access(ADDRESS, URL, True, "CA", user="kafka-eks-probe", password="pw"),
            id="scram: the user of the Secret's own configuration",
        ),
        pytest.param(
            {"name": "scram", "authentication": {"type": "scram-sha-512"}},
            None,
            secret(password="pw"),
            Access(ADDRESS, URL, user="kafka-eks-probe", password="pw"),
            id="scram without tls: the user is the name of the Secret",
        ),
        pytest.param(
            {"name": "mtls", "authentication": {"type": "tls"}},
            CA,
            TLS_USER,
            Access(ADDRESS, URL, True, "CA", certificate="CRT", key="KEY"),
            id="mtls",
        ),
    ],
)
def test_what_a_listener_asks_of_a_client(listener, ca_secret, user_secret, expected) -> None:
    assert access_to(listener, ADDRESS, URL, ca_secret, user_secret) == expected


@pytest.mark.parametrize(
    ("authentication", "user_secret", "final", "text"),
    [
        pytest.param("scram-sha-512", None, True, "asks for scram-sha-512, but no user_secret is named", id="no user"),
        pytest.param(
            "scram-sha-512", TLS_USER, False, "kafka/kafka-eks-probe has no usable key password", id="other kind"
        ),
        pytest.param(
            "tls", SCRAM_USER, False, "kafka/prefix-kafka-eks-probe has no usable key user.crt", id="not yet written"
        ),
        pytest.param("oauth", SCRAM_USER, True, "uses oauth; only scram-sha-512, tls and none", id="unknown"),
    ],
)
def test_what_cannot_work_is_explained(authentication, user_secret, final, text) -> None:
    with pytest.raises(KafkaTrouble, match=text) as trouble:
        access_to({"name": "x", "authentication": {"type": authentication}}, ADDRESS, URL, CA, user_secret)
    assert trouble.value.final is final


def test_nothing_secret_is_shown() -> None:
    shown = repr(Access(ADDRESS, URL, True, "CA", "me", "pw-1", "CRT-1", "KEY-1"))
    assert not [hidden for hidden in ("secret", "pw-1", "KEY-1") if hidden in shown]


# As kafka-python 3.0.12 logged it when it was given wrong things.
REFUSED = "Bootstrap connection to bootstrap-0 failed: KafkaConnectionError: 111 ECONNREFUSED (backoff 0.09 secs)"


@pytest.mark.parametrize(
    ("heard", "reasons", "expected"),
    [
        pytest.param(
            [
                "Bootstrap connection to bootstrap-0 failed: KafkaConnectionError: socket disconnected (backoff 0.06 secs)",
                "<KafkaSSLTransport>: Abort ([Error 58] SaslAuthenticationFailedError: invalid credentials)",
            ],
            (),
            "the brokers refuse the user name or password of the user Secret",
            id="wrong password, said once among other things",
        ),
        pytest.param(
            ["Connection failed: Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] unable to get local issuer"],
            (),
            "the brokers' certificate is not signed by the CA of the CA Secret",
            id="wrong CA",
        ),
        pytest.param(
            ["Connection lost: [SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate"],
            (),
            "the brokers refuse the client certificate of the user Secret",
            id="no client certificate",
        ),
        pytest.param(
            ["Abort (InvalidReceiveError: Invalid frame length: 352518912)"],
            (),
            "the listener speaks another protocol, probably TLS",
            id="plain text to TLS",
        ),
        pytest.param(
            [REFUSED], ("pod x: connection refused",), "pod x: connection refused", id="the tunnel knows better"
        ),
        pytest.param([REFUSED], (), "KafkaConnectionError: 111 ECONNREFUSED", id="only the library knows"),
        pytest.param(["something else"], (), "KafkaTimeoutError", id="nobody knows"),
    ],
)
def test_the_best_explanation_is_taken(heard, reasons, expected) -> None:
    assert cause_of(heard, reasons, "KafkaTimeoutError") == expected


@pytest.mark.parametrize("version", ["2.2.3", "3.0.11"])
def test_other_packages_of_the_same_name_are_refused(monkeypatch, version) -> None:
    monkeypatch.setattr(_kafka.kafka, "__version__", version)
    with pytest.raises(
        KafkaTrouble, match=f"finds version {version} of the Python package kafka instead of"
    ) as trouble:
        Session(Access(ADDRESS, URL))
    assert trouble.value.final


def test_a_missing_package_is_explained(monkeypatch) -> None:
    monkeypatch.setattr(_kafka, "MISSING_LIBRARY", ImportError("No module named 'kafka'"))
    with pytest.raises(KafkaTrouble, match="cannot import what it needs \\(No module named 'kafka'\\)"):
        Session(Access(ADDRESS, URL))


def test_certificates_that_are_none_are_explained() -> None:
    with pytest.raises(KafkaTrouble, match="the certificates of the Secrets cannot be used"):
        Session(Access(ADDRESS, URL, True, "no certificate"))


def test_a_session_that_cannot_connect_says_so_and_leaves_no_thread(monkeypatch) -> None:
    monkeypatch.setattr(_kafka, "BOOTSTRAP_MS", 200)
    before = set(threading.enumerate())
    session = Session(Access(ADDRESS, URL), lambda: ("pod x: connection refused",))
    with pytest.raises(KafkaTrouble, match="pod x: connection refused"):
        session.look(None)
    session.close()
    # A timer that was cancelled is there for a moment still.
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=1)
    assert set(threading.enumerate()) <= before


def test_the_library_cannot_hang_for_ever(monkeypatch) -> None:
    # Connecting to the listener of a socket that nobody serves succeeds, and then nothing is ever answered.
    monkeypatch.setattr(_kafka, "LOOK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = Session(Access(ADDRESS, f"socks5h://a:b@127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(KafkaTrouble, match="no end within 0.2 s"):
            session.look(None)
        session.close()


def test_the_librarys_log_is_kept_from_ansibles_log_while_a_session_is_open() -> None:
    logger = logging.getLogger("kafka")
    before = (logger.propagate, logger.level, list(logger.handlers))
    session = Session(Access(ADDRESS, URL))
    assert (logger.propagate, logger.level) == (False, logging.WARNING)
    logger.debug("password=pw")
    logger.warning("Bootstrap connection to bootstrap-0 failed: %s", "x")
    assert list(session._heard) == ["Bootstrap connection to bootstrap-0 failed: x"]
    session.close()
    assert (logger.propagate, logger.level, list(logger.handlers)) == before


def replica(number: int):
    return {"replica_id": number, "last_caught_up_timestamp": 1795472609780 + number, "log_end_offset": 3175}


class Admin:
    """Answers in the shape that kafka-python gives to what Kafka 3.9 says."""

    def __init__(self, **_: object):
        self.min_in_sync = "2"

    def close(self) -> None:
        pass

    def describe_cluster(self):
        brokers = [{"broker_id": number, "host": "h", "port": 1, "rack": f"zone-{number}"} for number in (0, 1)]
        return {
            "cluster_id": "A84um1RmTxm5hzfp737mnA",
            "brokers": [*brokers, {"broker_id": 2, "rack": None, "is_fenced": True}],
        }

    def describe_metadata_quorum(self):
        quorum = {
            "leader_id": 4,
            "high_watermark": 3175,
            "current_voters": [replica(3), replica(4)],
            "observers": [replica(0)],
            "error": None,
        }
        return {"topics": [{"topic_name": "__cluster_metadata", "partitions": [quorum]}]}

    def describe_topics(self):
        leaders = {0: 1, 1: 0, 2: 1, 3: -1}
        return [
            {
                "name": "canary",
                "partitions": [
                    {"partition_index": number, "leader_id": leader, "replica_nodes": [0, 1], "isr_nodes": [leader]}
                    for number, leader in leaders.items()
                ],
            }
        ]

    def describe_configs(self, asked, config_filter):
        (one,) = asked
        kind = one.resource_type.name.lower()
        value = {"topic": self.min_in_sync, "broker": "2500"}[kind]
        return {kind: {one.name: {next(iter(one.configs)): {"value": value}}}}


class Producer:
    fails: frozenset[int] = frozenset()
    sent: dict[int, bytes] = {}

    def __init__(self, **settings: object):
        assert settings["acks"] == "all"

    def close(self, timeout: float) -> None:
        pass

    def send(self, topic: str, value: bytes, partition: int):
        if partition in self.fails:
            return SimpleNamespace(get=self._fail)
        Producer.sent[partition] = value
        return SimpleNamespace(get=lambda timeout: SimpleNamespace(offset=100 + partition))

    def _fail(self, timeout: float) -> None:
        raise NotEnoughReplicasError


class Consumer:
    silent: frozenset[int] = frozenset()

    def __init__(self, **settings: object):
        assert "group_id" not in settings and settings["enable_auto_commit"] is False
        self.at: dict[object, int] = {}

    def close(self, autocommit: bool) -> None:
        assert autocommit is False

    def assign(self, partitions) -> None:
        self.at = dict.fromkeys(partitions, 0)

    def seek(self, partition, offset: int) -> None:
        self.at[partition] = offset

    def poll(self, timeout_ms: int):
        assert all(offset == 100 + where.partition for where, offset in self.at.items())
        return {
            where: [SimpleNamespace(value=b"of somebody else"), SimpleNamespace(value=Producer.sent[where.partition])]
            for where in self.at
            if where.partition not in self.silent
        }


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(_kafka, "KafkaAdminClient", Admin)
    monkeypatch.setattr(_kafka, "KafkaProducer", Producer)
    monkeypatch.setattr(_kafka, "KafkaConsumer", Consumer)
    monkeypatch.setattr(_kafka, "ROUND_TRIP_SECONDS", 0.05)
    session = Session(Access(ADDRESS, URL))
    yield session
    session.close()


def test_one_look_gathers_everything(session) -> None:
    assert session.look("canary") == Kafka(
        cluster_id="A84um1RmTxm5hzfp737mnA",
        brokers=(Broker(0, "zone-0"), Broker(1, "zone-1")),
        quorum=Quorum(
            4,
            3175,
            (Replica(3, 1795472609783, 3175), Replica(4, 1795472609784, 3175)),
            (Replica(0, 1795472609780, 3175),),
        ),
        fetch_timeout_ms=2500,
        partitions=(
            Partition("canary", 0, 1, (0, 1), (1,)),
            Partition("canary", 1, 0, (0, 1), (0,)),
            Partition("canary", 2, 1, (0, 1), (1,)),
            Partition("canary", 3, -1, (0, 1), (-1,)),
        ),
        min_in_sync={"canary": 2},
        canary="canary",
        round_trips=(RoundTrip(0, 1), RoundTrip(1, 0)),
    )


def test_each_look_writes_another_record(session) -> None:
    session.look("canary")
    first = dict(Producer.sent)
    session.look("canary")
    assert Producer.sent[0] == Producer.sent[1] != first[0]


def test_without_a_canary_topic_nothing_is_written(session, monkeypatch) -> None:
    monkeypatch.setattr(Producer, "sent", {})
    assert session.look(None).round_trips is None
    assert Producer.sent == {}


def test_a_write_that_fails_and_a_record_that_cannot_be_read_are_told_apart(session, monkeypatch) -> None:
    monkeypatch.setattr(Producer, "fails", frozenset({0}))
    monkeypatch.setattr(Consumer, "silent", frozenset({1}))
    first, second = session.look("canary").round_trips
    assert (first.broker, first.trouble) == (0, "the record was not read back within 0 s")
    assert second.broker == 1 and second.trouble.startswith("the record was not written: NotEnoughReplicasError")


def test_missing_rights_are_explained(session, monkeypatch) -> None:
    def refuse(self) -> None:
        raise ClusterAuthorizationFailedError("Cluster authorization failed.")

    monkeypatch.setattr(Admin, "describe_metadata_quorum", refuse)
    with pytest.raises(KafkaTrouble, match="ClusterAuthorizationFailedError"):
        session.look(None)
