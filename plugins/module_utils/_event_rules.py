# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules of EventBridge: what they should be, what they are, and the requests between."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Request, missing_tags, tag_list, tags_of

Properties = dict[str, Any]
Read = Callable[[Mapping[str, Request]], Mapping[str, Any]]

LONGEST_NAME = 64
MOST_TARGETS = 5


def about(name: str) -> str:
    return f"EventBridge rule '{name}'"


def _request(name: str, operation: str, answer: str = "", **arguments: Any) -> Request:
    return Request(about(name), "events", operation, arguments, answer)


# What is there


def look(find_all: Read, read: Read, names: Sequence[str]) -> dict[str, Properties | None]:
    """Find the rules with their targets and tags, with the help of readers."""
    rules = find_all({name: _request(name, "describe_rule", Name=name) for name in names})
    there = {name: rule for name, rule in rules.items() if rule}
    requests = {}
    for name, rule in there.items():
        requests[f"targets {name}"] = _request(name, "list_targets_by_rule", "Targets", Rule=name)
        requests[f"tags {name}"] = _request(name, "list_tags_for_resource", ResourceARN=rule["Arn"])
    raw = read(requests)
    return {
        name: found(there[name], raw[f"targets {name}"], raw[f"tags {name}"]) if name in there else None
        for name in names
    }


def found(rule: Mapping[str, Any], targets: Sequence[Mapping[str, Any]], tags: Mapping[str, Any]) -> Properties:
    return {
        "arn": rule["Arn"],
        "description": rule.get("Description", ""),
        "enabled": rule["State"] == "ENABLED",
        "event_pattern": json.loads(rule.get("EventPattern") or "{}"),
        "targets": {target["Id"]: target["Arn"] for target in targets},
        "tags": tags_of(tags),
    }


def require_owned(now: Properties, name: str, cluster: str) -> None:
    if now["tags"].get(OWNER_TAG) != cluster:
        raise AwsError(
            f"{about(name)} exists, but was not made for this cluster (it has no tag {OWNER_TAG}={cluster}), so it is left alone: "
            "choose another name, or tag it when it may be managed."
        )


# What should be


def check(rules: Sequence[Mapping[str, Any]], is_wanted: bool) -> None:
    """Refuse what no state of the account can make right."""
    names = [rule["name"] for rule in rules]
    for rule in rules:
        name, targets = rule["name"], rule["targets"]
        if is_wanted and not rule["event_pattern"]:
            raise AwsError(f"{about(name)} has no event_pattern: say which events it is for.")
        if len(name) > LONGEST_NAME:
            raise AwsError(
                f"{about(name)} has a name of {len(name)} characters, EventBridge takes {LONGEST_NAME}: choose a shorter one."
            )
        if names.count(name) > 1:
            raise AwsError(f"{about(name)} is in the list twice: leave one of them out.")
        if len(targets) > MOST_TARGETS:
            raise AwsError(
                f"{about(name)} has {len(targets)} targets, EventBridge takes {MOST_TARGETS}: make another rule for the rest."
            )


def target(
    rule: Mapping[str, Any], now: Properties | None, cluster: str, tags: Mapping[str, str], arn: str
) -> Properties:
    """Somebody else's further tags stay; targets that the list does not have go."""
    return {
        "arn": arn,
        "description": rule["description"],
        "enabled": True,
        "event_pattern": rule["event_pattern"],
        "targets": {one["id"]: one["arn"] for one in rule["targets"]},
        "tags": {**(now["tags"] if now else {}), **tags, OWNER_TAG: cluster},
    }


def requests(name: str, now: Properties | None, then: Properties) -> list[Request]:
    plan = []
    if now is None or any(now[key] != then[key] for key in ("description", "enabled", "event_pattern")):
        settings: dict[str, Any] = {
            "Name": name,
            "Description": then["description"],
            "State": "ENABLED",
            "EventPattern": json.dumps(then["event_pattern"]),
        }
        if now is None:  # else they would be passed over
            settings["Tags"] = tag_list(then["tags"])
        plan.append(_request(name, "put_rule", **settings))
    if now and (missing := missing_tags(now["tags"], then["tags"])):
        plan.append(_request(name, "tag_resource", ResourceARN=now["arn"], Tags=tag_list(missing)))
    before = now["targets"] if now else {}
    if gone := [one for one in before if one not in then["targets"]]:
        plan.append(_request(name, "remove_targets", Rule=name, Ids=gone))
    if new := {one: arn for one, arn in then["targets"].items() if before.get(one) != arn}:
        targets = [{"Id": one, "Arn": arn} for one, arn in new.items()]
        plan.append(_request(name, "put_targets", Rule=name, Targets=targets))
    return plan


def removal(name: str, now: Properties) -> list[Request]:
    """A rule with targets cannot be deleted."""
    targets = [_request(name, "remove_targets", Rule=name, Ids=list(now["targets"]))] if now["targets"] else []
    return [*targets, _request(name, "delete_rule", Name=name)]


def require_done(request: Request, answer: Mapping[str, Any]) -> None:
    """EventBridge answers 200 to targets that it did not take, and says so only here."""
    if not answer.get("FailedEntryCount"):
        return
    reasons = "; ".join(
        f"{entry.get('TargetId')}: {entry.get('ErrorCode')} {entry.get('ErrorMessage', '')}".strip()
        for entry in answer.get("FailedEntries") or []
    )
    raise AwsError(
        f"{request.about}: EventBridge refused {answer['FailedEntryCount']} of its targets in {request.operation} ({reasons or 'no reason given'}); "
        "correct what it names and run again: it goes on where it stopped."
    )
