# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Kafka says of itself, judged: of this nothing is in Strimzi's Ready condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ._readiness import Check, judged, listed

DEFAULT_FETCH_TIMEOUT_MS = 2000


@dataclass(frozen=True)
class Expected:
    """What Kubernetes says that Kafka should be."""

    cluster_id: str
    brokers: frozenset[int]
    controllers: frozenset[int]
    racks: bool


@dataclass(frozen=True)
class Broker:
    id: int
    rack: str | None


@dataclass(frozen=True)
class Replica:
    """A member of the metadata quorum: a voter, or an observer."""

    id: int
    caught_up_ms: int
    log_end_offset: int


@dataclass(frozen=True)
class Quorum:
    leader: int
    high_watermark: int
    voters: tuple[Replica, ...]
    observers: tuple[Replica, ...]


@dataclass(frozen=True)
class Partition:
    topic: str
    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True)
class RoundTrip:
    """A record that was written through one broker and read back; trouble is empty when both worked."""

    broker: int
    partition: int
    trouble: str = ""


@dataclass(frozen=True)
class Kafka:
    """Everything that one look at Kafka itself found."""

    cluster_id: str
    brokers: tuple[Broker, ...]
    quorum: Quorum
    # The configured controller.quorum.fetch.timeout.ms.
    fetch_timeout_ms: int
    partitions: tuple[Partition, ...]
    min_in_sync: Mapping[str, int]
    canary: str | None = None
    # None: no canary topic was named, so nothing was written.
    round_trips: tuple[RoundTrip, ...] | None = None


def kafka_checks(seen: Kafka, expected: Expected) -> list[Check]:
    checks = [_brokers(seen, expected), _quorum(seen, expected), _replicas(seen)]
    return checks if seen.round_trips is None else [*checks, _round_trips(seen, seen.round_trips)]


def _brokers(seen: Kafka, expected: Expected) -> Check:
    """Absence from the list means fenced or down: Kafka before 4.0 does not list fenced brokers."""
    faults: list[str] = []
    if expected.cluster_id and seen.cluster_id != expected.cluster_id:
        faults.append(f"the cluster answers with the id {seen.cluster_id} instead of {expected.cluster_id}")
    found = {broker.id for broker in seen.brokers}
    faults += [f"broker {number} is fenced or down" for number in sorted(expected.brokers - found)]
    faults += [f"broker {number} is in no pool" for number in sorted(found - expected.brokers)]
    if expected.racks:
        faults += [f"broker {broker.id} has no rack" for broker in seen.brokers if not broker.rack]
    return judged("brokers", faults, f"{listed(found)} are registered")


def _quorum(seen: Kafka, expected: Expected) -> Check:
    """Each voter has fetched from the leader within the time after which it would start an election."""
    quorum = seen.quorum
    voters = {voter.id: voter for voter in quorum.voters}
    leader = voters.get(quorum.leader)
    if quorum.leader < 0 or leader is None:
        return Check("quorum", "fail", f"it has no leader; its voters are {listed(voters)}")
    faults = [f"controller {number} is no voter" for number in sorted(expected.controllers - voters.keys())]
    faults += [f"voter {number} is in no pool" for number in sorted(voters.keys() - expected.controllers)]
    observed = {one.id for one in quorum.observers} | voters.keys()
    faults += [f"broker {number} does not follow it" for number in sorted(expected.brokers - observed)]
    lags: list[str] = []
    for voter in quorum.voters:
        behind_ms = leader.caught_up_ms - voter.caught_up_ms
        records = leader.log_end_offset - voter.log_end_offset
        lags.append(f"{voter.id} by {max(0, behind_ms)} ms and {max(0, records)} records")
        if voter.id == leader.id:
            continue
        if voter.caught_up_ms <= 0:
            faults.append(f"voter {voter.id} has never caught up")
        elif behind_ms >= seen.fetch_timeout_ms:
            faults.append(
                f"voter {voter.id} caught up {behind_ms} ms ago ({records} records behind), "
                f"the limit is {seen.fetch_timeout_ms} ms"
            )
    return judged("quorum", faults, f"{leader.id} leads {len(voters)} voters; behind it: {', '.join(lags)}")


def _replicas(seen: Kafka) -> Check:
    replication = {partition.topic: len(partition.replicas) for partition in seen.partitions}
    faults: list[str] = []
    for one in seen.partitions:
        where, minimum = f"{one.topic}-{one.number}", seen.min_in_sync.get(one.topic, 1)
        if one.leader < 0:
            faults.append(f"{where} has no leader")
        elif len(one.in_sync) < len(one.replicas):
            away = listed(set(one.replicas) - set(one.in_sync))
            under = f", fewer than the {minimum} it needs" if len(one.in_sync) < minimum else ""
            faults.append(f"{where} is not in sync on {away}{under}")
    # Somebody's topic that cannot be written is no fault of the cluster; one that the cluster itself needs is.
    blocked: list[str] = []
    remarks: list[str] = []
    for topic, minimum in seen.min_in_sync.items():
        factor = replication.get(topic, minimum)
        if minimum > factor:
            needed = topic == seen.canary or topic.startswith("__")
            (blocked if needed else remarks).append(f"{topic} has {factor} replicas but needs {minimum} in sync")
        elif minimum == factor > 1:
            remarks.append(f"{topic} cannot be written while one of its {factor} replicas is away")
    good = f"all replicas of {len(seen.partitions)} partitions are in sync"
    if blocked:
        return judged("replicas", [*blocked, *faults], good, "final")
    if faults:
        return judged("replicas", faults, good)
    return judged("replicas", remarks, good, "warn")


def _round_trips(seen: Kafka, trips: Sequence[RoundTrip]) -> Check:
    faults = [f"broker {trip.broker}: {trip.trouble}" for trip in trips if trip.trouble]
    reached = {trip.broker for trip in trips}
    untried = sorted({broker.id for broker in seen.brokers} - reached)
    if not trips:
        return Check("round-trip", "fail", "the canary topic has no partition with a leader")
    good = f"a record was written to and read from the brokers {listed(reached)}"
    if untried and not faults:
        # Leadership moves back by itself some minutes after a restart.
        return Check("round-trip", "warn", f"{good}; {listed(untried)} lead no partition of the canary topic now")
    return judged("round-trip", faults, good)
