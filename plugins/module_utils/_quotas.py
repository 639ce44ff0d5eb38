# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Quotas of an AWS account: which ones a cluster meets, and whether what it needs fits under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ._aws_data import AwsError, Request

Status = Literal["available", "low", "not_available", "unknown"]

# Of the limit; what is left after use below this is called low.
HEADROOM = 0.2
# Some quotas have no value of the account's own: then AWS's default holds.
NO_VALUE_OF_ITS_OWN = "NoSuchResourceException"


@dataclass(frozen=True)
class Quota:
    code: str
    service: str
    label: str
    unit: str


@dataclass(frozen=True)
class Limit:
    """What Service Quotas says; none and the reason where it does not."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Judgement:
    status: Status
    sentence: str


QUOTAS = {
    "vcpus": Quota("L-1216C47A", "ec2", "Running On-Demand Standard instances", "vCPU"),
    "spot_vcpus": Quota("L-34B43A08", "ec2", "Standard Spot instance requests", "vCPU"),
    "addresses": Quota("L-0263D0A3", "ec2", "Elastic IP addresses", "address"),
    "gp3_storage": Quota("L-7A658B76", "ebs", "Storage of gp3 volumes", "TiB"),
    "vpcs": Quota("L-F678F1CE", "vpc", "VPCs in the region", "VPC"),
    "internet_gateways": Quota("L-A4707A72", "vpc", "Internet gateways in the region", "gateway"),
    "nat_gateways": Quota("L-FE5A380F", "vpc", "NAT gateways in a zone", "gateway"),
    "interface_endpoints": Quota("L-29B6F2EB", "vpc", "Interface endpoints in a VPC", "endpoint"),
    "clusters": Quota("L-1194D53C", "eks", "EKS clusters", "cluster"),
    "nodegroups": Quota("L-6D54EA21", "eks", "Managed node groups in a cluster", "node group"),
}

# How AWS refuses what would go over one of them.
REFUSALS = {
    "AddressLimitExceeded": "addresses",
    "InternetGatewayLimitExceeded": "internet_gateways",
    "NatGatewayLimitExceeded": "nat_gateways",
    "VcpuLimitExceeded": "vcpus",
    "VpcLimitExceeded": "vpcs",
}


def quota_met(code: str) -> str:
    """The quota that a refusal speaks of, by its name where that is known."""
    if code not in REFUSALS:
        return "the quota"
    quota = QUOTAS[REFUSALS[code]]
    return f"the quota of {quota.label} ({quota.code}, {quota.service})"


def limit_request(quota: Quota) -> Request:
    """The limit that holds for the account."""
    return _request(quota, "get_service_quota")


def default_request(quota: Quota) -> Request:
    """The limit that AWS gives every account."""
    return _request(quota, "get_aws_default_service_quota")


def _request(quota: Quota, operation: str) -> Request:
    arguments = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    return Request(f"Quota of {quota.label}", "service-quotas", operation, arguments, "Quota.Value")


def read_limits(
    attempt_all: Callable[[Mapping[str, Request]], Mapping[str, Any]], names: Iterable[str]
) -> dict[str, Limit]:
    """The limits of the quotas of these names; a refusal makes a limit unknown, not a failure."""
    answers = dict(attempt_all({name: limit_request(QUOTAS[name]) for name in names}))
    without = [name for name, answer in answers.items() if getattr(answer, "code", "") == NO_VALUE_OF_ITS_OWN]
    if without:
        answers |= attempt_all({name: default_request(QUOTAS[name]) for name in without})
    return {
        name: Limit(None, str(answer)) if isinstance(answer, AwsError) else Limit(answer)
        for name, answer in answers.items()
    }


def judge(quota: Quota, limit: float | None, in_use: float | None, needed: float, reason: str = "") -> Judgement:
    """Whether so much more than what is in use fits under the limit; the reason is why one of them is not known."""
    about, code = f"{quota.label}:", f"quota {quota.code} ({quota.service})"
    wish = f"{number(needed) if needed else 'no'} more {_counted(quota.unit, needed)} needed"
    if limit is None:
        status: Status = "unknown" if needed else "available"
        why = f" ({reason.rstrip('.')})" if reason else ""
        remedy = f", but the limit is not known{why}: look {code} up in Service Quotas" if needed else ""
        return Judgement(status, f"{about} {wish}{remedy}.")
    used = f"{number(in_use or 0)} of {number(limit)} are in use"
    left = limit - (in_use or 0) - needed
    if needed and left < 0:
        least = number((in_use or 0) + needed)
        use = f"the limit is {number(limit)}" if in_use is None else used
        remedy = f"have {code} raised to {least} or more, or remove what is not needed"
        return Judgement("not_available", f"{about} {wish}, but {use}: {remedy}.")
    if in_use is None:
        why = f" ({reason.rstrip('.')})" if reason else ""
        remedy = f", the limit is {number(limit)}, but what is in use is not known{why}: compare them" if needed else ""
        return Judgement("unknown" if needed else "available", f"{about} {wish}{remedy}.")
    if needed and left < HEADROOM * limit:
        rest = f"which leaves {number(left)}: have {code} raised before the cluster grows"
        return Judgement("low", f"{about} {wish} and {used}, {rest}.")
    return Judgement("available", f"{about} {wish}, {used}.")


def _counted(unit: str, count: float) -> str:
    if count == 1:
        return f"{unit} is"
    return f"{unit} are" if unit == "TiB" else f"{unit}{'es' if unit.endswith('s') else 's'} are"


def number(value: float) -> str:
    """With at most two places, and none that say nothing."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")
