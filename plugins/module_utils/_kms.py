# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""KMS keys by their aliases: what they should be, what they are, and the requests between."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ._aws_data import OWNER_TAG, AwsError, Ref, Request, listed, missing_tags, tags_of
from ._policy_document import normalised

Properties = dict[str, Any]

# The alias that a key was made for. KMS has no token that makes a creation happen only once: by this tag a run finds the
# key of one that was killed before it made the alias, and a key whose alias was moved or deleted.
ALIAS_TAG = "kafka-eks/alias"
DEFAULT_PERIOD = 365  # days between two rotations, where none are said
ROTATION_DAYS = (90, 2560)
PENDING_DAYS = (7, 30)
NEW_KEY = "a new key"
# The states in which a key can be used, or made to be; the best first.
STATES = ("Enabled", "Disabled", "PendingDeletion")
# A key that was just made, and what its policy allows, is not known to other services for some seconds.
NEW_KEY_SECONDS = 120
UNKNOWN_KEY = ("AccessDeniedException", "InvalidParameterException")
# Nor do all servers of KMS know its tags at once, by which the caller may be allowed to use it.
UNKNOWN_TAGS = ("AccessDeniedException",)


def about(alias: str) -> str:
    return f"KMS key '{alias}'"


def describe(key: str) -> Request:
    """By id, ARN or alias."""
    return Request(about(key), "kms", "describe_key", {"KeyId": key}, "KeyMetadata")


# Keys that others use


@dataclass(frozen=True)
class Key:
    """A key that another service shall use."""

    arn: str
    is_new: bool = False

    @property
    def patience(self) -> tuple[str, ...]:
        return UNKNOWN_KEY if self.is_new else ()


def find_key(
    find: Callable[[Request], Any], given: str, planned: bool, now: datetime, in_use: str | None = None
) -> Key:
    """The key that is given by its ARN, its alias or the ARN of one; where all is only planned, it may be missing."""
    if ":key/" in given:
        return Key(given)
    key = find(describe(given))
    if key is None and planned:
        # The same run would have a lost alias lead to its key again.
        return Key(in_use or given)
    if key is None:
        raise AwsError(f"{about(given)} is not there: make it first, or name another one.")
    if key["KeyState"] != "Enabled" and not planned:
        raise AwsError(
            f"{about(given)} is {key['KeyState']}, so that nothing can be encrypted with it: enable it, or name another one."
        )
    return Key(key["Arn"], (now - key["CreationDate"]).total_seconds() < NEW_KEY_SECONDS)


# What is there


@dataclass(frozen=True)
class Found:
    """A key with what belongs to it."""

    id: str
    metadata: Mapping[str, Any]
    policy: str
    rotation: Mapping[str, Any]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Observed:
    """What an alias leads to, and the keys that were made for it, the best first."""

    leads_to: str | None
    keys: Sequence[Found] = field(default=())


Read = Callable[[Mapping[str, Request]], Mapping[str, Any]]


def look(read: Read, find_all: Read, cluster: str, aliases: Sequence[str], all_keys: bool) -> dict[str, Observed]:
    """Find the keys with the help of readers; all_keys are those that no alias leads to as well."""
    targets = {alias: key for alias, key in find_all({alias: describe(alias) for alias in aliases}).items() if key}
    leads_to = {alias: key["KeyId"] for alias, key in targets.items()}
    found = _with_belongings(read, {key["KeyId"]: key for key in targets.values()})
    made_for = {alias: {leads_to[alias]} for alias in leads_to if _is_made_for(found[leads_to[alias]], alias, cluster)}
    if all_keys or len(made_for) < len(aliases):
        tagged = read({"tagged": tagged_keys(cluster)})["tagged"]
        others = {id_of(key): tags_of(key)[ALIAS_TAG] for key in tagged if tags_of(key).get(ALIAS_TAG) in aliases}
        # The index in which tags are found is late: it knows keys that are gone, and tags that were changed.
        unread = find_all({key_id: describe(key_id) for key_id in others if key_id not in found})
        found |= _with_belongings(read, {key_id: key for key_id, key in unread.items() if key})
        for key_id, alias in others.items():
            if key_id in found and _is_made_for(found[key_id], alias, cluster):
                made_for.setdefault(alias, set()).add(key_id)
    for alias, key_id in leads_to.items():
        if alias not in made_for and found[key_id].tags.get(OWNER_TAG) != cluster:
            raise AwsError(
                f"{about(alias)} is key {key_id}, which was not made for this cluster (it has no tag {OWNER_TAG}={cluster}), so "
                "it is left alone: choose another alias, or tag the key when it may be managed."
            )
    return {
        alias: Observed(
            leads_to.get(alias),
            sorted(
                (found[key_id] for key_id in made_for.get(alias, ())),
                key=lambda key: (key.id != leads_to.get(alias), _rank(key), key.metadata["CreationDate"]),
            ),
        )
        for alias in aliases
    }


def _with_belongings(read: Read, keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Found]:
    raw = read(
        {
            f"{what} {key_id}": request
            for key_id in keys
            for what, request in {
                "policy": _belonging(key_id, "get_key_policy", "Policy", PolicyName="default"),
                "rotation": _belonging(key_id, "get_key_rotation_status"),
                "tags": _belonging(key_id, "list_resource_tags", "Tags"),
            }.items()
        }
    )
    return {
        key_id: Found(
            key_id,
            metadata,
            raw[f"policy {key_id}"],
            raw[f"rotation {key_id}"],
            {tag["TagKey"]: tag["TagValue"] for tag in raw[f"tags {key_id}"]},
        )
        for key_id, metadata in keys.items()
    }


def _belonging(key_id: str, operation: str, answer: str = "", **arguments: Any) -> Request:
    return Request(about(key_id), "kms", operation, {"KeyId": key_id, **arguments}, answer)


def tagged_keys(cluster: str) -> Request:
    arguments = {"ResourceTypeFilters": ["kms:key"], "TagFilters": [{"Key": OWNER_TAG, "Values": [cluster]}]}
    about_keys = f"KMS keys of '{cluster}'"
    return Request(about_keys, "resourcegroupstaggingapi", "get_resources", arguments, "ResourceTagMappingList")


def id_of(tagged: Mapping[str, Any]) -> str:
    return str(tagged["ResourceARN"]).rpartition("/")[2]


def _is_made_for(key: Found, alias: str, cluster: str) -> bool:
    """A key that somebody has given to us with the tag of the owner counts as well."""
    return key.tags.get(OWNER_TAG) == cluster and key.tags.get(ALIAS_TAG, alias) == alias


def _rank(key: Found) -> int:
    state = key.metadata["KeyState"]
    return STATES.index(state) if state in STATES else len(STATES)


# What should be


def check(keys: Sequence[Mapping[str, Any]], pending_window_days: int) -> None:
    """Refuse what no state of the account can make right."""
    for alias, times in Counter(key["alias"] for key in keys).items():
        if times > 1:
            raise AwsError(f"{about(alias)} is named {times} times: name each key once.")
    for key in keys:
        if not re.fullmatch(r"alias/(?!aws/)[\w/-]{1,250}", key["alias"], re.ASCII):
            raise AwsError(
                f"{about(key['alias'])}: this is not an alias that one may choose; give one that begins with alias/, not with "
                "alias/aws/, and goes on with letters, digits, /, _ and -."
            )
        period = key["rotation_period_days"]
        if period is not None and not ROTATION_DAYS[0] <= period <= ROTATION_DAYS[1]:
            raise AwsError(
                f"{about(key['alias'])} is to be rotated every {period} days, KMS takes {ROTATION_DAYS[0]} to "
                f"{ROTATION_DAYS[1]}: choose one of these."
            )
        if period is not None and not key["rotation"]:
            raise AwsError(
                f"{about(key['alias'])} has a rotation_period_days but no rotation: turn rotation on, or leave the period out."
            )
    if not PENDING_DAYS[0] <= pending_window_days <= PENDING_DAYS[1]:
        raise AwsError(
            f"pending_window_days is {pending_window_days}, KMS takes {PENDING_DAYS[0]} to {PENDING_DAYS[1]}: choose one of these."
        )


def policy(key: Mapping[str, Any], account: str, partition: str) -> dict[str, Any]:
    """The key's policy; without the account in it, nobody could ever change it again."""
    by_iam = {
        "Sid": "AccountByIam",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [by_iam, *key["policy_statements"]]}


def wanted(key: Mapping[str, Any], document: Mapping[str, Any], cluster: str, tags: Mapping[str, str]) -> Properties:
    return {
        "description": key["description"],
        "state": "Enabled",
        "policy": normalised(document),
        "rotation": key["rotation"],
        # Where none is given, whatever is set is kept.
        "rotation_period_days": key["rotation_period_days"],
        "tags": {**tags, OWNER_TAG: cluster, ALIAS_TAG: key["alias"]},
    }


def found(key: Found, leads_to: str | None) -> Properties:
    rotates = bool(key.rotation["KeyRotationEnabled"])
    return {
        "alias_leads_to": leads_to,
        "description": key.metadata.get("Description", ""),
        "state": key.metadata["KeyState"],
        "policy": normalised(key.policy),
        "rotation": rotates,
        "rotation_period_days": key.rotation.get("RotationPeriodInDays", DEFAULT_PERIOD) if rotates else None,
        "tags": {name: value for name, value in key.tags.items() if not name.startswith("aws:")},
    }


def target(alias: str, key: Found | None, now: Properties | None, want: Properties) -> Properties:
    """The key as it will be."""
    if key is None or now is None:
        period = want["rotation_period_days"] or (DEFAULT_PERIOD if want["rotation"] else None)
        return {"alias_leads_to": NEW_KEY, **want, "rotation_period_days": period}
    if now["state"] not in STATES:
        raise AwsError(
            f"{about(alias)} is key {key.id}, which is {now['state']}: make it {listed(STATES)}, or choose another alias."
        )
    kept = now["rotation_period_days"] or DEFAULT_PERIOD
    return {
        **now,
        **want,
        "alias_leads_to": key.id,
        "rotation_period_days": (want["rotation_period_days"] or kept) if want["rotation"] else None,
        "tags": {**now["tags"], **want["tags"]},
    }


# From one to the other


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]


def requests(
    alias: str, seen: Observed, now: Properties | None, then: Properties, document: Mapping[str, Any]
) -> list[Request]:
    """What makes a key be as it should, and the alias lead to it."""
    own: str | Ref = seen.keys[0].id if seen.keys else Ref("key", alias)
    patience = () if seen.keys else UNKNOWN_TAGS

    def request(operation: str, **arguments: Any) -> Request:
        return Request(about(alias), "kms", operation, {"KeyId": own, **arguments}, patience=patience)

    plan = []
    text = json.dumps(document)
    before = now or {**then, "rotation": False, "rotation_period_days": None}
    if now is None:
        arguments = {"Description": then["description"], "Policy": text, "Tags": _tags(then["tags"])}
        plan.append(Request(about(alias), "kms", "create_key", arguments, "KeyMetadata.KeyId", makes=Ref("key", alias)))
    if before["state"] == "PendingDeletion":
        plan.append(request("cancel_key_deletion"))
    if before["state"] != then["state"]:
        plan.append(request("enable_key"))
    if seen.leads_to != own:
        operation = "update_alias" if seen.leads_to else "create_alias"
        names = {"AliasName": alias, "TargetKeyId": own}
        plan.append(Request(about(alias), "kms", operation, names, patience=patience))
    if before["policy"] != then["policy"]:
        plan.append(request("put_key_policy", PolicyName="default", Policy=text))
    if before["description"] != then["description"]:
        plan.append(request("update_key_description", Description=then["description"]))
    if then["rotation"] and before["rotation_period_days"] != then["rotation_period_days"]:
        plan.append(request("enable_key_rotation", RotationPeriodInDays=then["rotation_period_days"]))
    if before["rotation"] and not then["rotation"]:
        plan.append(request("disable_key_rotation"))
    if missing := missing_tags(before["tags"], then["tags"]):
        plan.append(request("tag_resource", Tags=_tags(missing)))
    return plan


def left(seen: Observed) -> Properties:
    """What there is to remove."""
    keys = {key.id: key.metadata["KeyState"] for key in seen.keys if key.metadata["KeyState"] != "PendingDeletion"}
    return {"alias_leads_to": seen.leads_to, "keys": keys}


def removal(alias: str, seen: Observed, pending_window_days: int) -> list[Request]:
    """What removes an alias and schedules the deletion of all the keys that were made for it."""
    plan = [
        Request(
            about(alias),
            "kms",
            "schedule_key_deletion",
            {"KeyId": key.id, "PendingWindowInDays": pending_window_days},
        )
        for key in seen.keys
        if key.metadata["KeyState"] != "PendingDeletion"
    ]
    if seen.leads_to:
        plan.append(Request(about(alias), "kms", "delete_alias", {"AliasName": alias}))
    return plan
