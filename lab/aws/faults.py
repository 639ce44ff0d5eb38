"""What goes wrong when it is told to: requests that are refused, and things that end in a failed state."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

THROTTLING = "throttling"
OUTAGE = "outage"
EXPIRED = "expired"
# What a service calls it, and the HTTP status; "" stands for all that are not named.
KINDS: Mapping[str, Mapping[str, tuple[str, int]]] = {
    THROTTLING: {
        "ec2": ("RequestLimitExceeded", 503),
        "eks": ("ThrottlingException", 429),
        "iam": ("Throttling", 400),
        "sts": ("Throttling", 400),
        "servicequotas": ("TooManyRequestsException", 400),
        "tag": ("ThrottledException", 400),
        "": ("ThrottlingException", 400),
    },
    OUTAGE: {
        "ec2": ("Unavailable", 503),
        "eks": ("ServerException", 500),
        "iam": ("ServiceFailure", 500),
        "logs": ("ServiceUnavailableException", 503),
        "servicequotas": ("ServiceException", 500),
        "": ("InternalFailure", 500),
    },
    EXPIRED: {
        "ec2": ("RequestExpired", 400),
        "eks": ("ExpiredTokenException", 403),
        "iam": ("ExpiredToken", 403),
        "sts": ("ExpiredToken", 403),
        "": ("ExpiredTokenException", 400),
    },
}
MESSAGES = {
    THROTTLING: "Rate exceeded",
    OUTAGE: "The service is temporarily unavailable.",
    EXPIRED: "The security token included in the request is expired",
}


@dataclass(frozen=True)
class Failure:
    """Why something ended in a state in which it is of no use, or is ailing."""

    code: str
    message: str


@dataclass(frozen=True)
class Refusal:
    code: str
    message: str
    status: int


@dataclass
class Rule:
    """Requests that are refused though nothing is wrong with them."""

    action: str  # a pattern such as ec2:Create*
    fault: str  # one of KINDS, or an error code of AWS
    message: str = ""
    status: int = 400
    rate: float = 1.0  # how many of them, drawn by lot
    times: int | None = None  # how many at most
    after: int = 0  # how many are let pass first

    def refuses(self, action: str, lot: random.Random) -> bool:
        if not fnmatchcase(action, self.action) or self.times == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.rate < 1 and lot.random() >= self.rate:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def refusal(self, action: str) -> Refusal:
        service = action.partition(":")[0]
        message = self.message or MESSAGES.get(self.fault, "The lab was told to refuse this.")
        if self.fault not in KINDS:
            return Refusal(self.fault, message, self.status)
        names = KINDS[self.fault]
        code, status = names.get(service, names[""])
        return Refusal(code, message, status)


@dataclass
class PlannedFailure:
    """The next things that end badly."""

    action: str  # a pattern over the names of lab.aws.clock.DURATIONS
    code: str
    message: str
    resource: str = "*"  # a pattern over what the timeline calls it, such as "node group core"
    times: int = 1


@dataclass
class Faults:
    rules: list[Rule] = field(default_factory=list)
    planned: list[PlannedFailure] = field(default_factory=list)
    ailments: dict[str, Failure] = field(default_factory=dict)  # "node group NAME" and "add-on NAME" that are DEGRADED
    seed: int = 0
    lot: random.Random = field(default_factory=lambda: random.Random(0))

    def refusal_of(self, action: str) -> Refusal | None:
        for rule in self.rules:
            if rule.refuses(action, self.lot):
                return rule.refusal(action)
        return None

    def failure_of(self, action: str, resource: str) -> Failure | None:
        for plan in self.planned:
            if plan.times and fnmatchcase(action, plan.action) and fnmatchcase(resource, plan.resource):
                plan.times -= 1
                return Failure(plan.code, plan.message)
        return None


current = Faults()
