from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._quotas import (
    QUOTAS,
    Limit,
    judge,
    number,
    quota_met,
    read_limits,
)

ADDRESSES = QUOTAS["addresses"]


@pytest.mark.parametrize(
    ("limit", "in_use", "needed", "status", "sentence"),
    [
        pytest.param(20, 2, 3, "available", "3 more addresses are needed, 2 of 20 are in use.", id="plenty"),
        pytest.param(5, 0, 4, "available", "4 more addresses are needed, 0 of 5 are in use.", id="a fifth is left"),
        pytest.param(
            5,
            2,
            3,
            "low",
            "3 more addresses are needed and 2 of 5 are in use, which leaves 0: have quota L-0263D0A3 (ec2) raised before the "
            "cluster grows.",
            id="just enough",
        ),
        pytest.param(
            5,
            3,
            3,
            "not_available",
            "3 more addresses are needed, but 3 of 5 are in use: have quota L-0263D0A3 (ec2) raised to 6 or more, or remove what "
            "is not needed.",
            id="one too few",
        ),
        pytest.param(5, 5, 0, "available", "no more addresses are needed, 5 of 5 are in use.", id="all are there"),
        pytest.param(
            None,
            5,
            3,
            "unknown",
            "3 more addresses are needed, but the limit is not known (Why): look quota L-0263D0A3 (ec2) up in Service Quotas.",
            id="no limit",
        ),
        pytest.param(None, None, 0, "available", "no more addresses are needed.", id="nothing known, nothing needed"),
        pytest.param(
            5,
            None,
            3,
            "unknown",
            "3 more addresses are needed, the limit is 5, but what is in use is not known (Why): compare them.",
            id="use not known",
        ),
        pytest.param(5, None, 0, "available", "no more addresses are needed.", id="use not known, nothing needed"),
        pytest.param(
            2,
            None,
            3,
            "not_available",
            "3 more addresses are needed, but the limit is 2: have quota L-0263D0A3 (ec2) raised to 3 or more, or remove what is "
            "not needed.",
            id="more than the limit whatever is in use",
        ),
    ],
)
def test_what_is_needed_is_compared_with_what_is_left(limit, in_use, needed, status, sentence):
    judgement = judge(ADDRESSES, limit, in_use, needed, "Why.")
    assert (judgement.status, judgement.sentence) == (status, f"Elastic IP addresses: {sentence}")


@pytest.mark.parametrize(
    ("name", "needed", "sentence"),
    [
        ("vpcs", 1, "VPCs in the region: 1 more VPC is needed, 0 of 1,000 are in use."),
        ("vcpus", 62, "Running On-Demand Standard instances: 62 more vCPUs are needed, 0 of 1,000 are in use."),
        ("gp3_storage", 2.9296875, "Storage of gp3 volumes: 2.93 more TiB are needed, 0 of 1,000 are in use."),
    ],
)
def test_sentences_count(name, needed, sentence):
    assert judge(QUOTAS[name], 1000, 0, needed).sentence == sentence


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (3.0, "3"), (2.9296875, "2.93"), (2.5, "2.5"), (100, "100"), (65536, "65,536")]
)
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_limits_fall_back_to_the_default_and_then_to_unknown():
    asked = []

    def attempt_all(requests):
        asked.append({name: (request.operation, dict(request.arguments)) for name, request in requests.items()})
        answers = {
            "vpcs": 5.0,
            "addresses": AwsError("None of its own.", "NoSuchResourceException"),
            "clusters": AwsError("Not allowed.", "AccessDeniedException"),
        }
        return {
            name: 7.0 if request.operation.startswith("get_aws_default") else answers[name]
            for name, request in requests.items()
        }

    assert read_limits(attempt_all, ["vpcs", "addresses", "clusters"]) == {
        "vpcs": Limit(5.0),
        "addresses": Limit(7.0),
        "clusters": Limit(None, "Not allowed."),
    }
    assert asked[0]["vpcs"] == ("get_service_quota", {"ServiceCode": "vpc", "QuotaCode": "L-F678F1CE"})
    assert asked[1:] == [
        {"addresses": ("get_aws_default_service_quota", {"ServiceCode": "ec2", "QuotaCode": "L-0263D0A3"})}
    ]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("VpcLimitExceeded", "the quota of VPCs in the region (L-F678F1CE, vpc)"),
        ("ResourceLimitExceededException", "the quota"),
    ],
)
def test_a_refusal_names_its_quota_where_that_is_known(code, name):
    assert quota_met(code) == name
