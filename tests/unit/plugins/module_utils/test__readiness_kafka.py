from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._readiness_kafka import (
    Broker,
    Expected,
    Kafka,
    Partition,
    Quorum,
    Replica,
    RoundTrip,
    kafka_checks,
)

EXPECTED = Expected("A84um1RmTxm5hzfp737mnA", frozenset({0, 1, 2}), frozenset({3, 4, 5}), racks=True)
# Times and offsets of a real cluster of three brokers and three controllers.
QUORUM = Quorum(
    leader=4,
    high_watermark=3175,
    voters=(Replica(3, 1795472609780, 3175), Replica(4, 1795472609888, 3175), Replica(5, 1795472609780, 3175)),
    observers=tuple(Replica(number, 1795472609780, 3175) for number in (2, 0, 1)),
)
HEALTHY = Kafka(
    cluster_id="A84um1RmTxm5hzfp737mnA",
    brokers=(Broker(0, "us-east-1b"), Broker(1, "us-east-1a"), Broker(2, "us-east-1c")),
    quorum=QUORUM,
    fetch_timeout_ms=2000,
    partitions=tuple(
        Partition("kafka-eks-canary", number, leader, (0, 1, 2), (0, 1, 2)) for number, leader in enumerate((1, 2, 0))
    ),
    min_in_sync={"kafka-eks-canary": 2},
    canary="kafka-eks-canary",
    round_trips=(RoundTrip(0, 2), RoundTrip(1, 0), RoundTrip(2, 1)),
)


def voters(*behind_ms: int) -> Quorum:
    """Controllers 3, 4 (leads) and 5, each so far behind the leader."""
    now = 1795472609888
    ids = (3, 4, 5)
    return replace(QUORUM, voters=tuple(Replica(one, now - ms, 3175) for one, ms in zip(ids, behind_ms, strict=True)))


def partition(in_sync: tuple[int, ...], topic: str = "orders", leader: int = 0, replicas=(0, 1, 2)) -> Partition:
    return Partition(topic, 7, leader, replicas, in_sync)


def test_a_healthy_cluster_passes_every_check() -> None:
    assert [(check.name, check.verdict, check.evidence) for check in kafka_checks(HEALTHY, EXPECTED)] == [
        ("brokers", "pass", "0, 1, 2 are registered"),
        (
            "quorum",
            "pass",
            "4 leads 3 voters; behind it: 3 by 108 ms and 0 records, 4 by 0 ms and 0 records, 5 by 108 ms and 0 records",
        ),
        ("replicas", "pass", "all replicas of 3 partitions are in sync"),
        ("round-trip", "pass", "a record was written to and read from the brokers 0, 1, 2"),
    ]


def test_without_a_canary_topic_nothing_is_said_of_writing() -> None:
    checks = kafka_checks(replace(HEALTHY, canary=None, round_trips=None), EXPECTED)
    assert [check.name for check in checks] == ["brokers", "quorum", "replicas"]


@pytest.mark.parametrize(
    ("change", "name", "verdict", "evidence"),
    [
        pytest.param(
            {"cluster_id": "another"},
            "brokers",
            "fail",
            "the cluster answers with the id another instead of A84um1RmTxm5hzfp737mnA",
            id="another cluster answers",
        ),
        pytest.param(
            {"brokers": HEALTHY.brokers[:2]}, "brokers", "fail", "broker 2 is fenced or down", id="a broker is away"
        ),
        pytest.param(
            {"brokers": (*HEALTHY.brokers, Broker(6, "us-east-1a"))},
            "brokers",
            "fail",
            "broker 6 is in no pool",
            id="a broker too many",
        ),
        pytest.param(
            {"brokers": (*HEALTHY.brokers[:2], Broker(2, None))},
            "brokers",
            "fail",
            "broker 2 has no rack",
            id="no rack",
        ),
        pytest.param(
            {"quorum": replace(QUORUM, leader=-1)},
            "quorum",
            "fail",
            "it has no leader; its voters are 3, 4, 5",
            id="no leader",
        ),
        pytest.param(
            {"quorum": voters(1999, 0, 2000)},
            "quorum",
            "fail",
            "voter 5 caught up 2000 ms ago (0 records behind), the limit is 2000 ms",
            id="a voter at the limit is late, one below it is not",
        ),
        pytest.param(
            {"quorum": voters(5000, 0, 0), "fetch_timeout_ms": 6000},
            "quorum",
            "pass",
            "4 leads 3 voters; behind it: 3 by 5000 ms and 0 records, 4 by 0 ms and 0 records, 5 by 0 ms and 0 records",
            id="the limit is the configured one",
        ),
        pytest.param(
            {"quorum": replace(QUORUM, voters=(*QUORUM.voters[:2], Replica(5, -1, 0)))},
            "quorum",
            "fail",
            "voter 5 has never caught up",
            id="a voter that never caught up",
        ),
        pytest.param(
            {"quorum": replace(QUORUM, voters=QUORUM.voters[:2])},
            "quorum",
            "fail",
            "controller 5 is no voter",
            id="a voter is missing",
        ),
        pytest.param(
            {"quorum": replace(QUORUM, observers=QUORUM.observers[:2])},
            "quorum",
            "fail",
            "broker 1 does not follow it",
            id="a broker does not follow",
        ),
        pytest.param(
            {"partitions": (partition((0, 1, 2)), partition((0, 2)))},
            "replicas",
            "fail",
            "orders-7 is not in sync on 1",
            id="behind but enough",
        ),
        pytest.param(
            {"partitions": (partition((0,)),), "min_in_sync": {"orders": 2}},
            "replicas",
            "fail",
            "orders-7 is not in sync on 1, 2, fewer than the 2 it needs",
            id="under min in-sync",
        ),
        pytest.param(
            {"partitions": (partition((), leader=-1),)}, "replicas", "fail", "orders-7 has no leader", id="offline"
        ),
        pytest.param(
            {"partitions": (partition((0, 1, 2)),), "min_in_sync": {"orders": 4}},
            "replicas",
            "warn",
            "orders has 3 replicas but needs 4 in sync",
            id="somebody's topic can never be written",
        ),
        pytest.param(
            {"partitions": (partition((0, 1, 2), "__consumer_offsets"),), "min_in_sync": {"__consumer_offsets": 4}},
            "replicas",
            "final",
            "__consumer_offsets has 3 replicas but needs 4 in sync",
            id="a topic of Kafka itself can never be written",
        ),
        pytest.param(
            {"min_in_sync": {"kafka-eks-canary": 3}},
            "replicas",
            "warn",
            "kafka-eks-canary cannot be written while one of its 3 replicas is away",
            id="min in-sync equal to the replication factor",
        ),
        pytest.param(
            {
                "round_trips": (
                    *HEALTHY.round_trips[:2],
                    RoundTrip(2, 1, "the record was not written: NotEnoughReplicas"),
                )
            },
            "round-trip",
            "fail",
            "broker 2: the record was not written: NotEnoughReplicas",
            id="a write failed",
        ),
        pytest.param(
            {"round_trips": HEALTHY.round_trips[:2]},
            "round-trip",
            "warn",
            "a record was written to and read from the brokers 0, 1; 2 lead no partition of the canary topic now",
            id="a broker leads nothing",
        ),
        pytest.param(
            {"round_trips": ()},
            "round-trip",
            "fail",
            "the canary topic has no partition with a leader",
            id="nothing to write to",
        ),
    ],
)
def test_what_is_wrong_is_named(change, name, verdict, evidence) -> None:
    found = {check.name: check for check in kafka_checks(replace(HEALTHY, **change), EXPECTED)}[name]
    assert (found.verdict, found.evidence) == (verdict, evidence)


def test_many_partitions_behind_are_counted_not_listed() -> None:
    many = tuple(Partition("orders", number, 0, (0, 1, 2), (0,)) for number in range(12))
    evidence = kafka_checks(replace(HEALTHY, partitions=many), EXPECTED)[2].evidence
    assert evidence.count("orders-") == 5 and evidence.endswith("and 7 more")
