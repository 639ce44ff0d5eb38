# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is decided about AWS is plain data: requests to send, in order. _aws.py sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OWNER_TAG = "kafka-eks/cluster"


class AwsError(Exception):
    """Its text is the sentence the user reads; the code is AWS's own, where AWS refused."""

    def __init__(self, sentence: str, code: str = ""):
        super().__init__(sentence)
        self.code = code

    @property
    def failure(self) -> dict[str, str]:
        """What a module fails with: without a code where there is none."""
        return {"msg": str(self), **({"code": self.code} if self.code else {})}


@dataclass(frozen=True)
class Ref:
    """The id of a thing, which an earlier request may have yet to make."""

    kind: str
    name: str


@dataclass(frozen=True)
class Request:
    """One call; answer is the path to what is wanted of the response."""

    about: str
    service: str
    operation: str
    arguments: Mapping[str, Any]
    answer: str = ""
    makes: Ref | None = None
    # Codes that heal by themselves: something else is still going away, or has not reached every server of AWS.
    patience: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What one look at things that take their time has found."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]  # what this and the looks to come lead to
    requests: Sequence[Request] = field(default=())
    in_progress: bool = False
    progress: str = ""


def result(look: Look, check_mode: bool) -> dict[str, Any]:
    """A look as modules return it."""
    return {
        "changed": look.before != look.after if check_mode else bool(look.requests),
        "diff": {"before": look.before, "after": look.after},
        "in_progress": look.in_progress and not check_mode,
        "progress": look.progress,
    }


def joined(one: Look, other: Look) -> Look:
    """Two looks at different things as one."""
    return Look(
        {**one.before, **other.before},
        {**one.after, **other.after},
        [*one.requests, *other.requests],
        one.in_progress or other.in_progress,
        " ".join(filter(None, (one.progress, other.progress))),
    )


def roles_path(region: str, cluster: str) -> str:
    """The IAM path of a cluster's roles: IAM knows no regions, and finds by path but not by tag."""
    return f"/kafka-eks/{region}/{cluster}/"


def tags_of(resource: Mapping[str, Any]) -> dict[str, str]:
    """The tags of an API object, in either of AWS's spellings, without those AWS makes."""
    tags = resource.get("Tags") or resource.get("tags") or {}
    pairs = tags.items() if isinstance(tags, Mapping) else ((tag["Key"], tag["Value"]) for tag in tags)
    return {key: value for key, value in pairs if not key.startswith("aws:")}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def is_owned(resource: Mapping[str, Any], cluster: str) -> bool:
    return tags_of(resource).get(OWNER_TAG) == cluster


def missing_tags(found: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in wanted.items() if found.get(key) != value}


def listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))
