"""What can be set of the emulated AWS at run time: in process with change(), over HTTP with PATCH /lab/settings.

An account that is made anew, as by mock_aws, has all of it at its defaults.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from moto.core.base_backend import BackendDict

from lab.aws import authorization, clock, ec2, faults, fleet, iam, quotas, versions
from lab.aws.faults import Failure, PlannedFailure, Rule


def install() -> None:
    """Each mock_aws begins and ends with a reset of moto's backends."""
    original = BackendDict.reset

    def reset_backends() -> None:
        original()
        reset()

    BackendDict.reset = staticmethod(reset_backends)  # type: ignore[method-assign]


def reset() -> None:
    authorization.current = authorization.Authorization()
    clock.current = clock.Clock()
    faults.current = faults.Faults()
    iam.current = iam.Consistency()
    quotas.current = quotas.Quotas()
    versions.current = versions.Newest()
    ec2.not_offered.clear()
    fleet.no_capacity.clear()


def change(**settings: Any) -> None:
    """Set what is named; each name is a line of shown()."""
    unknown = settings.keys() - shown().keys()
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: no such setting; there are {', '.join(shown())}")
    for name, value in settings.items():
        _set(name, value)


def _set(name: str, value: Any) -> None:
    match name:
        case "time_scale":
            clock.current.scale = float(value)
        case "authorization":
            authorization.current.enforced = bool(value)
        case "strangers_are_root":
            authorization.current.strangers_are_root = bool(value)
        case "denied":
            authorization.current.denied = {principal: list(actions) for principal, actions in value.items()}
        case "newest_image":
            versions.current.image = str(value)
        case "role_looks":
            iam.current.looks = int(value)
        case "quotas":
            quotas.current.applied = _quotas(value)
        case "not_offered":
            ec2.not_offered.clear()
            ec2.not_offered.update((kind, zone) for kind, _, zone in (text.partition(":") for text in value))
        case "no_capacity":
            fleet.no_capacity.clear()
            fleet.no_capacity.update((kind, zone) for kind, _, zone in (text.partition(":") for text in value))
        case "refusals":
            faults.current.rules = [Rule(**rule) for rule in value]
        case "seed":
            faults.current.seed, faults.current.lot = int(value), random.Random(int(value))
        case "failures":
            faults.current.planned = [PlannedFailure(**plan) for plan in value]
        case "ailments":
            faults.current.ailments = {label: Failure(**failure) for label, failure in value.items()}


def _quotas(limits: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    applied: dict[tuple[str, str], float] = {}
    for name, limit in limits.items():
        service, _, code = name.partition("/")
        if (service, code) not in quotas.QUOTAS:
            raise ValueError(f"{name} is not one of {', '.join('/'.join(known) for known in quotas.QUOTAS)}")
        applied[service, code] = float(limit)
    return applied


def shown() -> dict[str, Any]:
    """All settings as they are."""
    return {
        "time_scale": clock.current.scale,
        "authorization": authorization.current.enforced,
        "strangers_are_root": authorization.current.strangers_are_root,
        "denied": authorization.current.denied,
        "newest_image": versions.current.image,
        "role_looks": iam.current.looks,
        "quotas": {"/".join(name): limit for name, limit in quotas.current.applied.items()},
        "not_offered": sorted(f"{kind}:{zone}" for kind, zone in ec2.not_offered),
        "no_capacity": sorted(f"{kind}:{zone}" for kind, zone in fleet.no_capacity),
        "seed": faults.current.seed,
        "refusals": [asdict(rule) for rule in faults.current.rules],
        "failures": [asdict(plan) for plan in faults.current.planned],
        "ailments": {label: asdict(failure) for label, failure in faults.current.ailments.items()},
    }
