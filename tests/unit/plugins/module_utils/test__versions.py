from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _versions
from ansible_collections.streamops.kafka_eks.plugins.module_utils._versions import (
    KNOWN_CALENDAR,
    Support,
    Wanted,
    parts,
)

TODAY = date(2026, 11, 24)


def judged(
    kubernetes="1.35", installed=None, calendar=KNOWN_CALENDAR, today=TODAY, support_type="STANDARD", **versions
):
    checks = _versions.checks(Wanted(kubernetes, support_type, **versions), installed, calendar, today)
    return {check.check: (check.status, check.sentence) for check in checks}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        pytest.param({}, "ok", "in standard support until 2027-03-27, 123 days.", id="standard"),
        pytest.param(
            {"kubernetes": "1.34"},
            "low",
            "until 2026-12-02, 8 days, after which EKS upgrades the cluster itself: choose 1.35.",
            id="soon",
        ),
        pytest.param(
            {"kubernetes": "1.34", "support_type": "EXTENDED"},
            "low",
            "after which extended support is billed: choose 1.35.",
            id="soon, and then extended",
        ),
        pytest.param({"today": date(2027, 1, 26)}, "ok", "60 days.", id="sixty days"),
        pytest.param({"today": date(2027, 1, 27)}, "low", "59 days", id="less than sixty days"),
        pytest.param({"today": date(2027, 3, 26)}, "low", "2027-03-27, 1 day, after", id="the last day"),
        pytest.param(
            {"today": date(2027, 3, 27), "support_type": "EXTENDED"},
            "low",
            "in extended support until 2028-03-27, at 6 times the price of the control plane: choose a newer one.",
            id="extended from that day on",
        ),
        pytest.param(
            {"kubernetes": "1.33"},
            "failed",
            "support type STANDARD is not possible for it any more: choose 1.34, 1.35, or set EXTENDED.",
            id="extended, as standard",
        ),
        pytest.param(
            {"kubernetes": "1.33", "installed": "1.33"},
            "low",
            "at 6 times the price",
            id="a cluster in extended support",
        ),
        pytest.param(
            {"kubernetes": "1.31", "today": date(2026, 11, 26)},
            "failed",
            "EKS ended its support of Kubernetes 1.31 on 2026-11-26 and makes no cluster of it: choose 1.34, 1.35.",
            id="ended",
        ),
        pytest.param(
            {"kubernetes": "1.31", "installed": "1.31", "today": date(2026, 12, 1)},
            "failed",
            "and upgrades the cluster itself at any time",
            id="a cluster out of support",
        ),
        pytest.param(
            {"kubernetes": "1.99"},
            "failed",
            "EKS has no Kubernetes 1.99: choose one of 1.31, 1.32, 1.33, 1.34, 1.35.",
            id="not offered",
        ),
        pytest.param(
            {"calendar": None}, "ok", "(by the calendar of 2026-04-24: EKS could not be asked)", id="without the API"
        ),
        pytest.param(
            {"kubernetes": "1.36", "calendar": None},
            "unknown",
            "Kubernetes 1.36 is not in the calendar of 2026-04-24",
            id="not known without the API",
        ),
    ],
)
def test_support_is_judged_by_the_calendar(arguments, status, words):
    found, sentence = judged(**arguments)["kubernetes"]
    assert found == status
    assert words in sentence


@pytest.mark.parametrize(
    ("installed", "wanted", "status", "words"),
    [
        ("1.35", "1.35", "ok", "which is wanted"),
        ("1.34", "1.35", "ok", "is upgraded from Kubernetes 1.34 to 1.35"),
        ("1.33", "1.35", "failed", "one minor version at a time: set 1.34 first"),
        ("1.35", "1.34", "failed", "versions do not go back: set 1.35 or newer"),
    ],
)
def test_a_cluster_goes_up_one_minor_at_a_time(installed, wanted, status, words):
    found, sentence = judged(kubernetes=wanted, installed=installed)["kubernetes_upgrade"]
    assert found == status
    assert words in sentence


def test_a_new_cluster_is_not_upgraded():
    assert list(judged()) == ["kubernetes"]


@pytest.mark.parametrize(
    ("versions", "check", "status", "words"),
    [
        ({"karpenter": "1.9.0"}, "karpenter", "ok", "supports Kubernetes 1.35"),
        ({"karpenter": "v1.14.1"}, "karpenter", "ok", "supports"),
        ({"karpenter": "1.8.8"}, "karpenter", "failed", "which needs 1.9"),
        ({"karpenter": "1.9.0", "kubernetes": "1.36"}, "karpenter", "failed", "which needs 1.13"),
        ({"karpenter": "1.9.0", "kubernetes": "1.40"}, "karpenter", "unknown", "compare its compatibility page"),
        ({"strimzi": "0.47.0"}, "strimzi", "ok", "supports Kubernetes 1.35"),
        ({"strimzi": "1.2.0", "kubernetes": "1.29"}, "strimzi", "failed", "needs Kubernetes 1.30"),
        ({"strimzi": "9.9.9", "kafka": "9.0.0"}, "strimzi", "unknown", "with Kubernetes 1.35 and Kafka 9.0.0"),
        ({"strimzi": "0.47.0", "kafka": "3.9.0"}, "kafka_version", "ok", "runs Kafka 3.9.0"),
        ({"strimzi": "0.48.0", "kafka": "3.9.0"}, "kafka_version", "failed", "0.46.0, 0.46.1, 0.47.0"),
        ({"strimzi": "1.2.0", "kafka": "7.0.0"}, "kafka_version", "failed", "one of 4.2.0, 4.2.1, 4.3.0, 4.3.1."),
        ({"argocd": "3.5.1"}, "argocd", "ok", "is tested with"),
        ({"argocd": "3.0.6"}, "argocd", "low", "tested with Kubernetes 1.29 to 1.32, not with 1.35"),
        ({"argocd": "2.9.0"}, "argocd", "unknown", "is not known here"),
    ],
)
def test_versions_go_together(versions, check, status, words):
    found, sentence = judged(**versions)[check]
    assert found == status
    assert words in sentence


def test_the_answer_of_the_api_is_a_calendar():
    answer = [
        {
            "clusterVersion": "1.35",
            "endOfStandardSupportDate": datetime(2027, 3, 27, tzinfo=UTC),
            "endOfExtendedSupportDate": datetime(2028, 3, 27, tzinfo=UTC),
        },
        {"clusterVersion": "1.36"},
    ]
    assert _versions.calendar_of(answer) == {"1.35": Support(date(2027, 3, 27), date(2028, 3, 27))}


@pytest.mark.parametrize(
    ("text", "numbers"), [("1.35", (1, 35)), ("v1.14.1", (1, 14, 1)), ("3.9.0-rc1", (3, 9, 0)), ("none", ())]
)
def test_versions_are_compared_as_numbers(text, numbers):
    assert parts(text) == numbers
