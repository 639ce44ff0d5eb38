"""What EC2 tells EventBridge of its own accord, which it does not do in moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.events.models import events_backends

from lab.aws import patching


def install() -> None:
    patching.replace(EC2Backend, run_instances, terminate_instances)


def run_instances(original: Callable[..., Any], ec2: EC2Backend, *args: Any, **kwargs: Any) -> Any:
    reservation = original(*args, **kwargs)
    for instance in reservation.instances:
        _tell(ec2, instance.id, "running")
    return reservation


def terminate_instances(original: Callable[..., list[Any]], ec2: EC2Backend, instance_ids: list[str]) -> list[Any]:
    terminated = original(instance_ids)
    for instance, before in terminated:
        if before.name != "terminated":
            _tell(ec2, instance.id, "terminated")
    return terminated


def _tell(ec2: EC2Backend, instance: str, state: str) -> None:
    events_backends[ec2.account_id][ec2.region_name].put_events(
        [
            {
                "Source": "aws.ec2",
                "DetailType": "EC2 Instance State-change Notification",
                "Resources": [f"arn:aws:ec2:{ec2.region_name}:{ec2.account_id}:instance/{instance}"],
                "Detail": json.dumps({"instance-id": instance, "state": state}),
            }
        ]
    )
