"""The programs of the image quay.io/strimzi/operator: python -m lab.strimzi PROGRAM."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path


def run_user_operator() -> None:
    from lab.strimzi.api import serve_health

    serve_health(8081, lambda: True)
    print("KafkaUsers are not implemented on the lab: they are neither read nor answered.", flush=True)
    threading.Event().wait()


def run_kafka_init() -> None:
    """What the init container of a broker does: the node's zone becomes the broker's rack."""
    from lab.strimzi.api import Api

    name, key = os.environ["NODE_NAME"], os.environ["RACK_TOPOLOGY_KEY"]
    node = Api.in_cluster().get("Node", None, name) or {}
    labels = node.get("metadata", {}).get("labels", {})
    if key not in labels:
        raise SystemExit(f"Node {name} has no label {key}: a broker cannot know its rack there.")
    Path("/opt/kafka/init/rack.id").write_text(labels[key])


def main(program: str) -> None:
    if program == "cluster-operator":
        from lab.strimzi import cluster

        cluster.run()
    elif program == "topic-operator":
        from lab.strimzi import topics

        topics.run()
    elif program == "user-operator":
        run_user_operator()
    elif program == "kafka-init":
        run_kafka_init()
    else:
        raise SystemExit(
            f"{program} is no program of this image: cluster-operator, topic-operator, user-operator, kafka-init are."
        )


if __name__ == "__main__":
    main(sys.argv[1])
