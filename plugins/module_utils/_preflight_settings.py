# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Settings that contradict each other, told before anything is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import _network_plan
from ._aws_data import AwsError, listed
from ._checks import Check
from ._cost import GP3_IOPS, GP3_THROUGHPUT, Volumes
from ._groups import POOL_LABEL, Group
from ._network import EVERYWHERE, Settings
from ._quotas import number

# Without a way out, Karpenter launches no nodes and none joins the cluster unless they reach these inside the VPC. S3 has a gateway of
# its own.
NEEDED_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "sqs", "ssm", "sts")
GP3_SIZE = (1, 65_536)  # GiB
GP3_MOST_IOPS = 80_000
GP3_MOST_THROUGHPUT = 2_000  # MiB/s
GP3_IOPS_A_GIB = 500
GP3_THROUGHPUT_AN_IOPS = 0.25  # MiB/s


@dataclass(frozen=True)
class Kafka:
    brokers: int
    controllers: int
    zones: int
    replication_factor: int
    min_insync_replicas: int


def checks(
    plan: Settings,
    public_access_cidrs: Sequence[str],
    kafka: Kafka | None,
    groups: Sequence[Group],
    volumes: Sequence[Volumes],
) -> Iterator[Check]:
    if plan.nat == "none":
        yield _endpoints(plan.interface_endpoints)
    yield _access(public_access_cidrs)
    for volume in volumes:
        yield _volume(volume)
    if kafka:
        yield from _kafka(kafka, plan, groups)


def network(settings: Settings) -> Check:
    try:
        _network_plan.check(settings)
    except AwsError as error:
        return Check("network_settings", "failed", str(error))
    return Check(
        "network_settings",
        "ok",
        f"The network of '{settings.cluster}' can be made of {settings.cidr} and {settings.secondary_cidr}.",
    )


def _endpoints(given: Sequence[str]) -> Check:
    missing = [name for name in NEEDED_ENDPOINTS if name not in given]
    if missing:
        return Check(
            "endpoints",
            "failed",
            f"There is no NAT gateway (nat is none) and no interface endpoint for {listed(missing)}, without which nodes cannot join: add "
            "them to the interface endpoints, or set nat to per_zone.",
        )
    return Check(
        "endpoints",
        "low",
        "There is no NAT gateway (nat is none): images and charts from outside AWS, such as those of quay.io, cannot be pulled, so "
        "have them in ECR.",
    )


def _access(cidrs: Sequence[str]) -> Check:
    if EVERYWHERE in cidrs:
        return Check(
            "endpoint_access",
            "failed",
            f"The API server is to be open to {EVERYWHERE}, which is the whole internet: name those who need it.",
        )
    if not cidrs:
        return Check(
            "endpoint_access",
            "low",
            "The API server is to have a private endpoint only: run this from inside the VPC or a network that reaches it, or name who "
            "may reach a public one.",
        )
    return Check("endpoint_access", "ok", f"The API server is open to {listed(cidrs)}, and from inside the VPC.")


def _volume(volume: Volumes) -> Check:
    check, about = f"volume_{volume.name}", f"Volumes '{volume.name}'"
    if volume.type != "gp3":
        return Check(check, "ok", f"{about}: {number(volume.size_gib)} GiB of {volume.type}.")
    iops, throughput = volume.iops or GP3_IOPS, volume.throughput or GP3_THROUGHPUT
    low, high = GP3_SIZE
    limits = {
        f"{number(volume.size_gib)} GiB": (low <= volume.size_gib <= high, f"is {low} to {number(high)} GiB"),
        f"{number(iops)} IOPS": (
            GP3_IOPS <= iops <= GP3_MOST_IOPS,
            f"does {number(GP3_IOPS)} to {number(GP3_MOST_IOPS)} IOPS",
        ),
        f"{number(throughput)} MiB/s": (
            GP3_THROUGHPUT <= throughput <= GP3_MOST_THROUGHPUT,
            f"does {GP3_THROUGHPUT} to {number(GP3_MOST_THROUGHPUT)} MiB/s",
        ),
        f"{number(iops)} IOPS of {number(volume.size_gib)} GiB": (
            iops <= max(GP3_IOPS, GP3_IOPS_A_GIB * volume.size_gib),
            f"does {GP3_IOPS_A_GIB} IOPS for each GiB",
        ),
        f"{number(throughput)} MiB/s with {number(iops)} IOPS": (
            throughput <= GP3_THROUGHPUT_AN_IOPS * iops,
            f"does {GP3_THROUGHPUT_AN_IOPS} MiB/s for each of its IOPS",
        ),
    }
    for wanted, (is_possible, limit) in limits.items():
        if not is_possible:
            return Check(check, "failed", f"{about}: {wanted} are wanted, but gp3 {limit}: set what it can do.")
    return Check(
        check,
        "ok",
        f"{about}: gp3 can do {number(volume.size_gib)} GiB with {number(iops)} IOPS and {number(throughput)} MiB/s.",
    )


def _kafka(kafka: Kafka, plan: Settings, groups: Sequence[Group]) -> Iterator[Check]:
    yield _copies(kafka)
    of_pools = {zone for group in groups if group.pool == "broker" for zone in group.zones}
    yield _spread(kafka, len(of_pools) or len(plan.zone_ids) or plan.zone_count)
    for pool, count in (("broker", kafka.brokers), ("controller", kafka.controllers)):
        nodes = sum(group.size for group in groups if group.pool == pool)
        if not any(group.pool == pool for group in groups):
            yield Check(
                f"nodes_{pool}",
                "low",
                f"No pool and no node group has the label {POOL_LABEL}={pool}, on whose nodes alone Kafka's {pool}s run: see that "
                "something else makes them.",
            )
        elif nodes < count:
            yield Check(
                f"nodes_{pool}",
                "failed",
                f"Kafka is to have {count} {pool}s, but its node groups have {nodes} nodes for them, one for each: make them larger.",
            )
        else:
            yield Check(f"nodes_{pool}", "ok", f"Kafka's {count} {pool}s have {nodes} nodes.")


def _copies(kafka: Kafka) -> Check:
    copies, least = kafka.replication_factor, kafka.min_insync_replicas
    if copies > kafka.brokers:
        return Check(
            "kafka_replication",
            "failed",
            f"A replication factor of {copies} is wanted of {kafka.brokers} brokers, each of which holds one copy: lower it, or add brokers.",
        )
    if least > copies:
        return Check(
            "kafka_replication",
            "failed",
            f"Writes are to need {least} in-sync replicas of {copies} copies, so that none would succeed: lower the one or raise the other.",
        )
    if least == copies:
        return Check(
            "kafka_replication",
            "low",
            f"Writes are to need all of the {copies} copies (min.insync.replicas), so that each restart of a broker stops them: lower it.",
        )
    return Check("kafka_replication", "ok", f"Kafka keeps {copies} copies and needs {least} of them for writes.")


def _spread(kafka: Kafka, zones: int) -> Check:
    if kafka.zones > zones:
        return Check(
            "kafka_zones",
            "failed",
            f"Kafka is to be spread over {kafka.zones} zones, but its nodes are in {zones}, so that pods would never start: make them equal.",
        )
    if kafka.brokers < kafka.zones:
        return Check(
            "kafka_zones",
            "low",
            f"{kafka.brokers} brokers cannot be in all of {kafka.zones} zones: add brokers, or spread over fewer zones.",
        )
    if kafka.replication_factor > kafka.zones:
        return Check(
            "kafka_zones",
            "low",
            f"{kafka.replication_factor} copies in {kafka.zones} zones put two of them into one, with which both are lost: use more zones, "
            "or fewer copies.",
        )
    return Check("kafka_zones", "ok", f"Kafka is spread over {kafka.zones} zones of {zones}.")
