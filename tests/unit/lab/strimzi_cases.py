"""The cluster that the real operator was observed with, made plain so that the lab can do it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from lab.strimzi.model import Cluster, Images, plan

RECORDED = Path(__file__).parent.parent / "fixtures/strimzi"
OBSERVED = Path(__file__).parent.parent / "fixtures/strimzi-objects"
IMAGES = Images(
    kafka={version: f"quay.io/strimzi/kafka:0.47.0-kafka-{version}" for version in ("3.9.0", "3.9.1")},
    init="quay.io/strimzi/operator:0.47.0",
    topic_operator="quay.io/strimzi/operator:0.47.0",
    user_operator="quay.io/strimzi/operator:0.47.0",
)
PLAIN = {"name": "plain", "port": 9092, "type": "internal", "tls": False}


def observed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((OBSERVED / f"{name}.yaml").read_text())
    return found


def kafka(**changes: Any) -> dict[str, Any]:
    """The observed Kafka without what the lab does not do; `changes` go into spec.kafka."""
    found = observed("kafka--data-on-eks")
    found["spec"] = {"kafka": found["spec"]["kafka"], "entityOperator": found["spec"]["entityOperator"]}
    del found["spec"]["kafka"]["authorization"]
    found["spec"]["kafka"] |= {"listeners": [deepcopy(PLAIN)]} | changes
    return found


def pools() -> list[dict[str, Any]]:
    return [observed("kafkanodepool--broker"), observed("kafkanodepool--controller")]


def cluster(**changes: Any) -> Cluster:
    return plan(kafka(**changes), pools(), {}, IMAGES)
