from __future__ import annotations

import threading

import boto3
import pytest

from lab.aws import gate, sqs


def held() -> bool:
    """Whether somebody keeps the gate shut, as another thread sees it."""
    seen: list[bool] = []

    def look() -> None:
        free = gate.LOCK.acquire(blocking=False)
        seen.append(not free)
        if free:
            gate.LOCK.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return seen[0]


@pytest.fixture
def client(account):
    return boto3.client("sqs", "us-west-2")


def test_who_waits_for_a_message_gets_it_and_keeps_nobody_else_waiting(client, monkeypatch):
    queue = client.create_queue(QueueName="q")["QueueUrl"]
    shut: list[bool] = []

    def sleep(_: float) -> None:
        shut.append(held())
        if len(shut) == 3:
            client.send_message(QueueUrl=queue, MessageBody="hello")

    monkeypatch.setattr(sqs.time, "sleep", sleep)
    (message,) = client.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == "hello"
    assert shut == [False, False, False]


def test_who_does_not_wait_is_answered_at_once(client, monkeypatch):
    monkeypatch.setattr(sqs.time, "sleep", lambda _: pytest.fail("it waited"))
    queue = client.create_queue(QueueName="q")["QueueUrl"]
    assert "Messages" not in client.receive_message(QueueUrl=queue)
