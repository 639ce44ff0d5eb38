# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A CloudWatch log group: what it should be, what it is, and the requests between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, missing_tags
from ._kms import Key

Properties = dict[str, Any]

# CloudWatch takes no other numbers of days.
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@dataclass(frozen=True)
class Settings:
    name: str
    cluster: str
    retention_days: int
    kms_key: Key | None
    tags: Mapping[str, str]


def _request(name: str, operation: str, answer: str = "", key: Key | None = None, **arguments: Any) -> Request:
    encryption = {"kmsKeyId": key.arn} if key else {}
    patience = key.patience if key else ()
    return Request(f"Log group '{name}'", "logs", operation, {**arguments, **encryption}, answer, patience=patience)


def find(name: str) -> Request:
    """The search goes by prefix: others may come with it."""
    return _request(name, "describe_log_groups", "logGroups", logGroupNamePrefix=name)


def read_tags(group: Mapping[str, Any]) -> Request:
    arn = group["arn"].removesuffix(":*")
    return _request(group["logGroupName"], "list_tags_for_resource", "tags", resourceArn=arn)


def of_name(groups: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    return next((group for group in groups if group["logGroupName"] == name), None)


def wanted(settings: Settings) -> Properties:
    return {
        "retention_days": settings.retention_days,
        "kms_key": settings.kms_key.arn if settings.kms_key else None,
        "tags": {**settings.tags, OWNER_TAG: settings.cluster},
    }


def found(group: Mapping[str, Any], tags: Mapping[str, str]) -> Properties:
    return {
        "retention_days": group.get("retentionInDays"),
        "kms_key": group.get("kmsKeyId"),
        "tags": dict(tags),
    }


def target(settings: Settings, now: Properties | None) -> Properties:
    want = wanted(settings)
    if now is None:
        return want
    owner = now["tags"].get(OWNER_TAG, settings.cluster)
    if owner != settings.cluster:
        raise AwsError(
            f"Log group '{settings.name}' is that of cluster '{owner}' by its tag {OWNER_TAG}, so it is left alone: choose "
            "another name."
        )
    return {**want, "tags": {**now["tags"], **want["tags"]}}


def requests(settings: Settings, arn: str, now: Properties | None, then: Properties) -> list[Request]:
    name, key = settings.name, settings.kms_key
    plan = []
    if now is None:
        plan.append(_request(name, "create_log_group", key=key, logGroupName=name, tags=then["tags"]))
    else:
        if now["kms_key"] != then["kms_key"]:
            operation = "associate_kms_key" if key else "disassociate_kms_key"
            plan.append(_request(name, operation, key=key, logGroupName=name))
        if missing := missing_tags(now["tags"], then["tags"]):
            plan.append(_request(name, "tag_resource", resourceArn=arn, tags=missing))
    if now is None or now["retention_days"] != then["retention_days"]:
        days = then["retention_days"]
        plan.append(_request(name, "put_retention_policy", logGroupName=name, retentionInDays=days))
    return plan


def removal(name: str) -> Request:
    return _request(name, "delete_log_group", logGroupName=name)
