from __future__ import annotations

from ansible_collections.streamops.kafka_eks.plugins.module_utils._checks import Check, lines, skipped

CHECKS = [
    Check("identity", "ok", "You are you."),
    Check("quota_vpcs", "failed", "No room."),
    Check("quota_addresses", "low", "Little room."),
    Check("quotas", "unknown", "Who knows."),
]


def test_checks_are_skipped_by_name_or_kind():
    assert [check.status for check in skipped(CHECKS, ["quota_vpcs"])] == ["ok", "skipped", "low", "unknown"]
    assert [check.status for check in skipped(CHECKS, ["quota"])] == ["ok", "skipped", "skipped", "unknown"]


def test_the_worst_comes_first():
    assert lines(CHECKS) == [
        "failed   quota_vpcs       No room.",
        "unknown  quotas           Who knows.",
        "low      quota_addresses  Little room.",
        "ok       identity         You are you.",
    ]
