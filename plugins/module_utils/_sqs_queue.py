# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An SQS queue: what it should be, what it is, and the requests between."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, missing_tags
from ._policy_document import normalised

Properties = dict[str, Any]

RETENTION_SECONDS = (60, 1209600)
# SQS gives a name again only a minute after its queue was removed.
JUST_REMOVED = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")


@dataclass(frozen=True)
class Settings:
    name: str
    cluster: str
    retention_seconds: int
    policy: Mapping[str, Any]
    tags: Mapping[str, str]


def about(name: str) -> str:
    return f"SQS queue '{name}'"


def _request(name: str, operation: str, answer: str = "", **arguments: Any) -> Request:
    return Request(about(name), "sqs", operation, arguments, answer)


def check(settings: Settings) -> None:
    """Refuse what SQS would."""
    shortest, longest = RETENTION_SECONDS
    if not shortest <= settings.retention_seconds <= longest:
        raise AwsError(
            f"{about(settings.name)} has a retention_seconds of {settings.retention_seconds}, SQS takes {shortest} to {longest}: "
            "choose one of these."
        )


def find(name: str) -> Request:
    """The search goes by prefix: others may come with it. Without any, SQS leaves the list out."""
    return _request(name, "list_queues", QueueNamePrefix=name)


def of_name(answer: Mapping[str, Any], name: str) -> str | None:
    """The URL of the queue, which ends with its name."""
    urls: Sequence[str] = answer.get("QueueUrls") or []
    return next((url for url in urls if url.rpartition("/")[2] == name), None)


def reads(name: str, url: str) -> dict[str, Request]:
    return {
        "attributes": _request(name, "get_queue_attributes", "Attributes", QueueUrl=url, AttributeNames=["All"]),
        "tags": _request(name, "list_queue_tags", QueueUrl=url),
    }


def found(raw: Mapping[str, Any]) -> Properties:
    attributes = raw["attributes"]
    return {
        "retention_seconds": int(attributes["MessageRetentionPeriod"]),
        "encrypted": attributes.get("SqsManagedSseEnabled") == "true",
        "policy": normalised(attributes["Policy"]) if attributes.get("Policy") else {},
        "tags": dict(raw["tags"].get("Tags") or {}),
    }


def require_owned(now: Properties, name: str, cluster: str) -> None:
    if now["tags"].get(OWNER_TAG) != cluster:
        raise AwsError(
            f"{about(name)} exists, but was not made for this cluster (it has no tag {OWNER_TAG}={cluster}), so it is left alone: "
            "choose another name, or tag it when it may be managed."
        )


def target(settings: Settings, now: Properties | None) -> Properties:
    """Somebody else's further tags stay."""
    return {
        "retention_seconds": settings.retention_seconds,
        "encrypted": True,
        "policy": normalised(settings.policy) if settings.policy else {},
        "tags": {**(now["tags"] if now else {}), **settings.tags, OWNER_TAG: settings.cluster},
    }


def creation(settings: Settings, then: Properties) -> Request:
    return Request(
        about(settings.name),
        "sqs",
        "create_queue",
        {"QueueName": settings.name, "Attributes": _attributes(settings), "tags": then["tags"]},
        patience=JUST_REMOVED,
    )


def _attributes(settings: Settings) -> dict[str, str]:
    return {
        "MessageRetentionPeriod": str(settings.retention_seconds),
        "SqsManagedSseEnabled": "true",
        # An empty text takes a policy away.
        "Policy": json.dumps(settings.policy) if settings.policy else "",
    }


def changes(settings: Settings, url: str, now: Properties, then: Properties) -> list[Request]:
    name, plan = settings.name, []
    if any(now[key] != then[key] for key in ("retention_seconds", "encrypted", "policy")):
        plan.append(_request(name, "set_queue_attributes", QueueUrl=url, Attributes=_attributes(settings)))
    if missing := missing_tags(now["tags"], then["tags"]):
        plan.append(_request(name, "tag_queue", QueueUrl=url, Tags=missing))
    return plan


def removal(name: str, url: str) -> Request:
    return _request(name, "delete_queue", QueueUrl=url)
