"""What EC2 tells EventBridge of its own accord, which it does not do in moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends
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


def interrupt(instance: str) -> None:
    """Announce that EC2 takes a machine back, which it does two minutes later. Any machine will do, as in a rehearsal."""
    for regions in ec2_backends.values():
        for ec2 in regions.values():
            if any(one.id == instance and one.state == "running" for one in ec2.all_instances()):
                detail = {"instance-id": instance, "instance-action": "terminate"}
                _put(ec2, instance, "EC2 Spot Instance Interruption Warning", detail)
                return
    raise ValueError(f"{instance}: no such machine runs")


def _tell(ec2: EC2Backend, instance: str, state: str) -> None:
    _put(ec2, instance, "EC2 Instance State-change Notification", {"instance-id": instance, "state": state})


def _put(ec2: EC2Backend, instance: str, kind: str, detail: dict[str, str]) -> None:
    events_backends[ec2.account_id][ec2.region_name].put_events(
        [
            {
                "Source": "aws.ec2",
                "DetailType": kind,
                "Resources": [f"arn:aws:ec2:{ec2.region_name}:{ec2.account_id}:instance/{instance}"],
                "Detail": json.dumps(detail),
            }
        ]
    )
