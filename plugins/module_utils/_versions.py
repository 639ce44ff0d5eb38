# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which versions go together, and until when EKS supports those of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from ._aws_data import listed
from ._checks import Check

SOON = 60  # days
EXTENDED_PRICE = 6  # times the hourly price of standard support


@dataclass(frozen=True)
class Support:
    """Until when EKS supports a version of Kubernetes."""

    standard_until: date
    extended_until: date


# Where the API cannot be asked. EKS's user guide, as of 2026-04-24.
KNOWN_CALENDAR = {
    "1.31": Support(date(2025, 11, 26), date(2026, 11, 26)),
    "1.32": Support(date(2026, 3, 23), date(2027, 3, 23)),
    "1.33": Support(date(2026, 7, 29), date(2027, 7, 29)),
    "1.34": Support(date(2026, 12, 2), date(2027, 12, 2)),
    "1.35": Support(date(2027, 3, 27), date(2028, 3, 27)),
}
KNOWN_AS_OF = "2026-04-24"

# The oldest Karpenter for a version of Kubernetes (compatibility page of Karpenter, 2026-08-21).
KARPENTER = {
    "1.30": "0.37",
    "1.31": "1.0.5",
    "1.32": "1.2",
    "1.33": "1.5",
    "1.34": "1.6",
    "1.35": "1.9",
    "1.36": "1.13",
}


@dataclass(frozen=True)
class Strimzi:
    oldest_kubernetes: str
    kafka: tuple[str, ...]


# Releases of Strimzi until 2026-08-22.
STRIMZI = {
    "0.45.0": Strimzi("1.25", ("3.8.0", "3.8.1", "3.9.0")),
    "0.45.1": Strimzi("1.25", ("3.8.0", "3.8.1", "3.9.0", "3.9.1")),
    "0.45.2": Strimzi("1.25", ("3.8.0", "3.8.1", "3.9.0", "3.9.1", "3.9.2")),
    "0.46.0": Strimzi("1.25", ("3.9.0", "4.0.0")),
    "0.46.1": Strimzi("1.25", ("3.9.0", "4.0.0")),
    "0.47.0": Strimzi("1.25", ("3.9.0", "3.9.1", "4.0.0")),
    "0.48.0": Strimzi("1.27", ("4.0.0", "4.1.0")),
    **dict.fromkeys(("0.49.0", "0.49.1", "0.50.0", "0.50.1"), Strimzi("1.27", ("4.0.0", "4.0.1", "4.1.0", "4.1.1"))),
    "0.51.0": Strimzi("1.30", ("4.1.0", "4.1.1", "4.2.0")),
    **dict.fromkeys(("1.0.0", "1.0.1"), Strimzi("1.30", ("4.1.0", "4.1.1", "4.1.2", "4.2.0"))),
    "1.1.0": Strimzi("1.30", ("4.2.0", "4.2.1", "4.3.0")),
    "1.2.0": Strimzi("1.30", ("4.2.0", "4.2.1", "4.3.0", "4.3.1")),
}
# The versions of Kubernetes with which a line of Argo CD is tested (its page of 2026-08).
ARGOCD = {
    "3.0": ("1.29", "1.32"),
    "3.3": ("1.32", "1.35"),
    "3.4": ("1.32", "1.35"),
    "3.5": ("1.33", "1.36"),
}


@dataclass(frozen=True)
class Wanted:
    """Versions as they are to be; what is not used is none."""

    kubernetes: str
    support_type: str
    karpenter: str | None = None
    strimzi: str | None = None
    kafka: str | None = None
    argocd: str | None = None


def parts(version: str) -> tuple[int, ...]:
    """A version as numbers, which can be compared; what is no number ends it."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, match.group(1).split("."))) if match else ()


def calendar_of(answer: Sequence[Mapping[str, Any]]) -> dict[str, Support]:
    """EKS's answer as a calendar."""
    return {
        version["clusterVersion"]: Support(
            _day(version["endOfStandardSupportDate"]), _day(version["endOfExtendedSupportDate"])
        )
        for version in answer
        if version.get("endOfStandardSupportDate") and version.get("endOfExtendedSupportDate")
    }


def _day(moment: datetime | str) -> date:
    return (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).date()


def is_extended(version: str, calendar: Mapping[str, Support] | None, today: date) -> bool:
    """Whether a version is in the support that costs more."""
    support = (KNOWN_CALENDAR if calendar is None else calendar).get(version)
    return support is not None and support.standard_until <= today < support.extended_until


def checks(
    wanted: Wanted, installed: str | None, calendar: Mapping[str, Support] | None, today: date
) -> Iterator[Check]:
    """How the versions go together; without a calendar of EKS, by the one in here."""
    yield _support(wanted, installed, calendar, today)
    if installed:
        yield _upgrade(wanted.kubernetes, installed)
    if wanted.karpenter:
        yield karpenter_check(wanted.karpenter, wanted.kubernetes)
    if wanted.strimzi:
        yield from _strimzi(wanted.strimzi, wanted.kubernetes, wanted.kafka)
    if wanted.argocd:
        yield _argocd(wanted.argocd, wanted.kubernetes)


def _support(wanted: Wanted, installed: str | None, calendar: Mapping[str, Support] | None, today: date) -> Check:
    version = wanted.kubernetes
    known: Mapping[str, Support] = KNOWN_CALENDAR if calendar is None else calendar
    source = f" (by the calendar of {KNOWN_AS_OF}: EKS could not be asked)" if calendar is None else ""
    newer = [name for name, support in known.items() if support.standard_until > today and parts(name) > parts(version)]
    remedy = f"choose {listed(newer)}" if newer else "choose a newer one"
    if version not in known:
        if calendar is None:
            return Check(
                "kubernetes",
                "unknown",
                f"Kubernetes {version} is not in the calendar of {KNOWN_AS_OF}, and EKS could not be asked: look its support up.",
            )
        names = sorted(known, key=parts)
        return Check("kubernetes", "failed", f"EKS has no Kubernetes {version}: choose one of {listed(names)}.")
    support = known[version]
    if today >= support.extended_until:
        ended = f"EKS ended its support of Kubernetes {version} on {support.extended_until}{source}"
        if installed == version:
            return Check("kubernetes", "failed", f"{ended} and upgrades the cluster itself at any time: {remedy}.")
        return Check("kubernetes", "failed", f"{ended} and makes no cluster of it: {remedy}.")
    if today >= support.standard_until:
        extended = (
            f"Kubernetes {version} is in extended support until {support.extended_until}{source}, at {EXTENDED_PRICE} times the "
            "price of the control plane"
        )
        if wanted.support_type == "STANDARD" and installed != version:
            return Check(
                "kubernetes",
                "failed",
                f"{extended}, and support type STANDARD is not possible for it any more: {remedy}, or set EXTENDED.",
            )
        return Check("kubernetes", "low", f"{extended}: {remedy}.")
    days = (support.standard_until - today).days
    standard = f"Kubernetes {version} is in standard support until {support.standard_until}, {days} {'day' if days == 1 else 'days'}{source}"
    if days < SOON:
        after = "EKS upgrades the cluster itself" if wanted.support_type == "STANDARD" else "extended support is billed"
        return Check("kubernetes", "low", f"{standard}, after which {after}: {remedy}.")
    return Check("kubernetes", "ok", f"{standard}.")


def _upgrade(wanted: str, installed: str) -> Check:
    before, after = parts(installed), parts(wanted)
    if after == before:
        return Check("kubernetes_upgrade", "ok", f"The cluster has Kubernetes {installed}, which is wanted.")
    if after < before:
        return Check(
            "kubernetes_upgrade",
            "failed",
            f"The cluster has Kubernetes {installed} and {wanted} is wanted, but versions do not go back: set {installed} or newer.",
        )
    following = f"{before[0]}.{before[1] + 1}"
    if after[:2] != (before[0], before[1] + 1):
        return Check(
            "kubernetes_upgrade",
            "failed",
            f"The cluster has Kubernetes {installed} and {wanted} is wanted, but EKS upgrades by one minor version at a time: set "
            f"{following} first, run, and go on from there.",
        )
    return Check("kubernetes_upgrade", "ok", f"The cluster is upgraded from Kubernetes {installed} to {wanted}.")


def karpenter_check(version: str, kubernetes: str) -> Check:
    oldest = KARPENTER.get(kubernetes)
    if oldest is None:
        return Check(
            "karpenter",
            "unknown",
            f"Which Karpenter Kubernetes {kubernetes} needs is not known here: compare its compatibility page with {version}.",
        )
    if parts(version) < parts(oldest):
        return Check(
            "karpenter",
            "failed",
            f"Karpenter {version} does not support Kubernetes {kubernetes}, which needs {oldest}: choose that or a newer one.",
        )
    return Check("karpenter", "ok", f"Karpenter {version} supports Kubernetes {kubernetes}.")


def _strimzi(version: str, kubernetes: str, kafka: str | None) -> Iterator[Check]:
    known = STRIMZI.get(version)
    if known is None:
        yield Check(
            "strimzi",
            "unknown",
            f"Strimzi {version} is not known here: compare its release notes with Kubernetes {kubernetes}"
            + (f" and Kafka {kafka}." if kafka else "."),
        )
        return
    if parts(kubernetes) < parts(known.oldest_kubernetes):
        yield Check(
            "strimzi",
            "failed",
            f"Strimzi {version} needs Kubernetes {known.oldest_kubernetes}, but {kubernetes} is wanted: choose a newer Kubernetes, or "
            "an older Strimzi.",
        )
    else:
        yield Check("strimzi", "ok", f"Strimzi {version} supports Kubernetes {kubernetes}.")
    if kafka and kafka not in known.kafka:
        able = [name for name, other in STRIMZI.items() if kafka in other.kafka]
        other = f", or a Strimzi that has it ({listed(able)})" if able else ""
        yield Check(
            "kafka_version",
            "failed",
            f"Strimzi {version} does not run Kafka {kafka}: choose one of {listed(known.kafka)}{other}.",
        )
    elif kafka:
        yield Check("kafka_version", "ok", f"Strimzi {version} runs Kafka {kafka}.")


def _argocd(version: str, kubernetes: str) -> Check:
    line = ".".join(map(str, parts(version)[:2]))
    if line not in ARGOCD:
        return Check(
            "argocd",
            "unknown",
            f"With which Kubernetes Argo CD {version} is tested is not known here: compare its page with {kubernetes}.",
        )
    oldest, newest = ARGOCD[line]
    if parts(oldest) <= parts(kubernetes) <= parts(newest):
        return Check("argocd", "ok", f"Argo CD {version} is tested with Kubernetes {kubernetes}.")
    return Check(
        "argocd",
        "low",
        f"Argo CD {version} is tested with Kubernetes {oldest} to {newest}, not with {kubernetes}: choose a line that is.",
    )
