"""Measures the AWS layer against the same resources managed with stock modules, all in one run, and prints each figure beside its bound.

    python -m benchmarks.aws_layer      about five minutes; needs make setup, but no lab

This very process serves the emulated account, without a control plane behind it: what is measured is our side. Seconds depend on the
machine; the ratios and the counts are what is promised.
"""

from __future__ import annotations

import json
import logging
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from benchmarks.measure import Figure, Machine, Played, show
from lab import cloud
from lab.aws import clock, server, settings
from lab.place import Place

OURS = ("playbooks/cluster.yml", "--tags", "network,eks_cluster", "--extra-vars", "@benchmarks/stock/nodegroups.yml")
STOCK = ("benchmarks/stock/aws_layer.yml",)
TIME_SCALE = 0.1  # a cluster takes 48 s, not 8 minutes
# What the stock collections have no module for.
ONLY_OURS = ("eks_access_entries", "eks_addons", "eks_kubeconfig", "eks_pod_identity_associations")
ROUNDS = 3


def serve(folder: Path, port: int) -> Machine:
    place = Place(folder, port)
    known = cloud.facts(place, cloud.make_deployer())
    machine = Machine(folder, port)
    machine.request_log.parent.mkdir(parents=True)
    server.serve(server.Endpoint(machine.request_log), port)
    (folder / "aws").mkdir()
    for name, content in cloud.aws_files(known).items():
        (folder / "aws" / name).write_bytes(content)
    place.facts.write_text(json.dumps(known))
    return machine


class Growth:
    """How long a module takes when it has nothing to do, with few things and with ten times as many."""

    def __init__(self, machine: Machine):
        self._machine = machine
        known = json.loads((machine.folder / "lab.json").read_text())
        self._connection = {
            **{key: known[key] for key in ("region", "endpoint_url", "access_key", "secret_key", "session_token")},
            "cluster_name": "kafka-on-eks",
        }
        names = {
            "access_key": "aws_access_key_id",
            "secret_key": "aws_secret_access_key",
            "session_token": "aws_session_token",
        }
        self._iam = boto3.client(
            "iam",
            endpoint_url=known["endpoint_url"],
            region_name=known["region"],
            **{boto: known[key] for key, boto in names.items()},
        )

    def of(self, module: str, arguments: Callable[[int], dict[str, Any]], few: int) -> float:
        """The ratio of the two."""
        seconds = {}
        for count in (few, 10 * few):
            asked = {**self._connection, **arguments(count)}
            self._machine.ad_hoc(f"streamops.kafka_eks.{module}", asked)
            seconds[count] = min(self._machine.ad_hoc(f"streamops.kafka_eks.{module}", asked) for _ in range(ROUNDS))
        return seconds[10 * few] / seconds[few]

    def nodegroups(self, count: int) -> dict[str, Any]:
        return {
            "poll_interval": 1,
            "nodegroups": [
                {"name": f"more-{n}", "role": "kafka-on-eks-us-west-2-node", "instance_types": ["m8g.large"]}
                for n in range(count)
            ],
        }

    def entries(self, count: int) -> dict[str, Any]:
        known = {role["RoleName"]: role["Arn"] for role in self._iam.list_roles(MaxItems=1000)["Roles"]}
        names = [f"person-{n}" for n in range(count)]
        for name in names:
            if name not in known:
                known[name] = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        view = [{"policy": "AmazonEKSViewPolicy"}]
        return {"entries": [{"principal": known[name], "policies": view} for name in names]}


def only_ours(played: Played, what: str) -> float:
    """What the tasks took that stock modules cannot do."""
    return float(sum(task[what] for task in played.counted["tasks"] if task["action"].rpartition(".")[2] in ONLY_OURS))


def measure(machine: Machine) -> tuple[list[Figure], Played, Played]:
    check = machine.play("playbooks/site.yml", "--check", "--diff")
    settings.change(time_scale=TIME_SCALE)
    first = machine.play(*OURS)
    critical_path = clock.current.timeline()["critical_path"]
    settings.change(time_scale=0)
    machine.play(*STOCK)
    # In turn, so that a machine that slows down slows both.
    rounds = [(machine.play(*OURS), machine.play(*STOCK)) for _ in range(ROUNDS)]
    ours, stock = rounds[0]
    ratio = statistics.median(one.seconds / other.seconds for one, other in rounds)
    same = statistics.median((one.seconds - only_ours(one, "seconds")) / other.seconds for one, other in rounds)
    same_requests = (ours.requests.total() - only_ours(ours, "requests")) / stock.requests.total()
    growth = Growth(machine)
    return (
        [
            Figure("site.yml --check on an empty account", check.seconds, 30, "s"),
            Figure("first run of the AWS layer", first.seconds, None, "s"),
            Figure("of it beyond the emulated critical path", first.seconds - critical_path, 60, "s"),
            Figure("no-op: ours", statistics.median(one.seconds for one, _ in rounds), None, "s"),
            Figure("no-op: stock", statistics.median(other.seconds for _, other in rounds), None, "s"),
            Figure("no-op: ours whole / stock", ratio),
            Figure("no-op: ours, what stock can do too / stock", same, 0.25),
            Figure("no-op: requests of ours", ours.requests.total()),
            Figure("no-op: requests of stock", stock.requests.total()),
            Figure("no-op: requests, ours whole / stock", ours.requests.total() / stock.requests.total()),
            Figure("no-op: requests, what stock can do too / stock", same_requests, 0.25),
            Figure("no-op: changed by ours", ours.counted["changed"], 0),
            Figure("3 -> 30 node groups: seconds", growth.of("eks_nodegroups", growth.nodegroups, 3), 10, "x"),
            Figure("10 -> 100 access entries: seconds", growth.of("eks_access_entries", growth.entries, 10), 10, "x"),
        ],
        ours,
        stock,
    )


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # Two clusters, and thirty node groups more than one has room for by default. The deployer's policies are for ours alone.
    settings.change(quotas={"ec2/L-0263D0A3": 10, "ec2/L-1216C47A": 10_000, "eks/L-6D54EA21": 40}, authorization=False)
    with tempfile.TemporaryDirectory() as folder:
        figures, ours, stock = measure(serve(Path(folder), 17950))
    show(figures)
    for whose, played in (("ours", ours), ("stock", stock)):
        modules = Counter(played.counted["invocations"]).most_common()
        print(f"\nModule invocations of {whose}: " + ", ".join(f"{n} x {name}" for name, n in modules))
        print(f"AWS requests of {whose}: " + ", ".join(f"{n} x {name}" for name, n in played.requests.most_common()))


if __name__ == "__main__":
    main()
