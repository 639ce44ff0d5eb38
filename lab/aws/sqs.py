"""Queues, where moto is not as SQS is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from moto.sqs.models import Message, SQSBackend

from lab.aws import gate, patching

PERIOD = 0.2


def install() -> None:
    patching.replace(SQSBackend, receive_message)


def receive_message(
    original: Callable[..., list[Message]],
    sqs: SQSBackend,
    queue_name: str,
    count: int,
    wait_seconds_timeout: int,
    *args: Any,
    **kwargs: Any,
) -> list[Message]:
    """Whoever waits for a message keeps nobody else waiting: moto would hold the gate's lock for as long."""
    deadline = time.monotonic() + wait_seconds_timeout
    while True:
        messages = original(queue_name, count, 0, *args, **kwargs)
        if messages or time.monotonic() >= deadline:
            return messages
        gate.LOCK.release()
        try:
            time.sleep(PERIOD)
        finally:
            gate.LOCK.acquire()
