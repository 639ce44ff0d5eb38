"""What Kafka itself says of its health, asked for only when a pod has to be restarted."""

from __future__ import annotations

from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError


class Quorum:
    def __init__(self, address: str) -> None:
        self.address = address

    def active_controller(self) -> int | None:
        try:
            return int(self._partition(self._ask()[0])["leader_id"])
        except KafkaError:
            return None  # the order of restarts is a nicety

    def trouble(self) -> str:
        """Why one more node must not go down now."""
        try:
            quorum, topics = self._ask()
        except KafkaError as error:
            return f"Kafka to answer ({error})"
        partition = self._partition(quorum)
        voters = {voter["replica_id"]: voter for voter in partition["current_voters"]}
        leader = voters.get(partition["leader_id"])
        if leader is None:
            return "a controller to lead"
        behind = [node for node, voter in voters.items() if leader["log_end_offset"] - voter["log_end_offset"] > 100]
        if behind:
            return f"controller {behind[0]} to catch up"
        for topic in topics:
            for part in topic["partitions"]:
                if len(part["isr_nodes"]) < len(part["replica_nodes"]):
                    return f"partition {topic['name']}-{part['partition_index']} to be in sync"
        return ""

    def _ask(self) -> tuple[Any, Any]:
        client = KafkaAdminClient(
            bootstrap_servers=self.address, request_timeout_ms=5000, client_id="strimzi-cluster-operator"
        )
        try:
            return client.describe_metadata_quorum(), client.describe_topics()
        finally:
            client.close()

    @staticmethod
    def _partition(quorum: Any) -> Any:
        return quorum["topics"][0]["partitions"][0]
