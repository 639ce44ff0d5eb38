"""Judging, on the real logs of fixtures/perf."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._perf_log import Kind, PerfLog, parse
from ansible_collections.streamops.kafka_eks.plugins.module_utils._perf_result import (
    THRESHOLDS,
    PerfResultError,
    Requested,
    judge,
    merge,
)

REPO = Path(__file__).resolve().parents[4]
LOGS = REPO / "tests/unit/fixtures/perf"
SCHEMA = json.loads((REPO / "docs/schemas/perf_result-1.json").read_text(encoding="utf-8"))


def log(name: str) -> PerfLog:
    kind: Kind = "producer" if name.startswith("producer") else "consumer"
    return parse((LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines(), kind)


def judged(*names: str, **options: Any) -> dict[str, Any]:
    kind: Kind = "producer" if names[0].startswith("producer") else "consumer"
    options = {"requested": Requested(), "thresholds": {}, **options}
    return judge(kind, kind, {f"{number}/{name}.log": log(name) for number, name in enumerate(names)}, **options)


def test_one_client() -> None:
    result = judged("producer", requested=Requested(records=17000, throughput=1000, record_size=100))
    assert (result["verdict"], result["violations"], result["problems"]) == ("pass", [], [])
    assert result["summary"] == (
        "producer: pass; 17,000 records of 100 B, 999 records/s, 0.10 MB/s, "
        "latency 4.99 ms on average, 147 ms at the 99th percentile, 475 ms at most"
    )


def test_two_clients_are_added_up_and_percentiles_are_not() -> None:
    result = judged("producer", "producer_metrics", requested=Requested(record_size=100))
    assert result["result"] == {
        "records": 37000,
        "records_per_second": pytest.approx(999.118425 + 30030.03003),
        "mb_per_second": pytest.approx(2.96),
        "throughput_basis": "total",
        "avg_ms": pytest.approx((17000 * 4.99 + 20000 * 46.5) / 37000),
        "max_ms": 475.0,
        "worst_client_p50_ms": 47,
        "worst_client_p95_ms": 69,
        "worst_client_p99_ms": 147,
        "worst_client_p99_9_ms": 152,
        "errors": 0,
    }
    assert result["summary"] == (
        "producer (2 clients): pass; 37,000 records of 100 B, 31,029 records/s, 2.96 MB/s, "
        "latency 27.43 ms on average, 147 ms at the 99th percentile of the worst client, 475 ms at most"
    )


@pytest.mark.parametrize(
    "rebalance, fetch, basis, rate",
    [
        pytest.param(3934, 258, "fetch", 30105 / 0.258, id="plausible"),
        pytest.param(4093, 99, "total", 7181.5363, id="shorter than one wait for records"),
        pytest.param(4192, 0, "total", 7181.5363, id="no time left for fetching"),
        pytest.param(1795470744464, -1795470740272, "total", 7181.5363, id="counted from 1970"),
        pytest.param(-28, 4220, "total", 7181.5363, id="negative"),
    ],
)
def test_consumers_are_judged_without_joining_where_that_is_plausible(
    rebalance: int, fetch: int, basis: str, rate: float
) -> None:
    client = log("consumer")
    assert client.consumption is not None
    client = replace(client, consumption=replace(client.consumption, rebalance_ms=rebalance, fetch_ms=fetch))
    figures = merge([client], Requested())
    assert (figures.throughput_basis, figures.records_per_second) == (basis, pytest.approx(rate))


def test_the_summary_of_consumers_says_what_was_judged() -> None:
    assert judged("consumer")["summary"] == (
        "consumer: pass; 30,105 records, 116,686 records/s, 11.13 MB/s, without the time of joining the group"
    )


@pytest.mark.parametrize(
    "name, requested, thresholds, violations",
    [
        pytest.param("producer", {}, {"min_records_per_second": 999}, [], id="just enough"),
        pytest.param(
            "producer",
            {},
            {"min_records_per_second": 300_000, "max_p99_ms": 100, "max_ms": 475},
            [
                "The throughput is 999 records/s, under the 300,000 of min_records_per_second.",
                "The 99th percentile of latency is 147 ms, over the 100 of max_p99_ms.",
            ],
            id="two at once",
        ),
        pytest.param(
            "consumer",
            {},
            {"min_mb_per_second": 140},
            ["The throughput is 11.13 MB/s, under the 140 of min_mb_per_second."],
            id="consumer",
        ),
        pytest.param(
            "producer_errors",
            {},
            {},
            ["The loss is 55 records, over the 0 of max_errors."],
            id="failed records",
        ),
        pytest.param(
            "producer_errors",
            {"records": 300},
            {"max_errors": 54},
            ["The loss is 55 records, over the 54 of max_errors."],
            id="failed records by what was asked for",
        ),
        pytest.param("producer_errors", {"records": 300}, {"max_errors": 55}, [], id="failed records that are allowed"),
        pytest.param("producer_all_failed", {}, {}, ["Not one record was delivered."], id="nothing delivered"),
    ],
)
def test_thresholds(name: str, requested: Any, thresholds: dict[str, float], violations: list[str]) -> None:
    result = judged(name, requested=Requested(**requested), thresholds=thresholds)
    assert result["violations"] == violations
    assert result["verdict"] == ("fail" if violations else "pass")


@pytest.mark.parametrize(
    "names, requested, problem",
    [
        pytest.param(
            ["producer", "producer_killed"], {}, "1/producer_killed.log: The log has no total", id="one killed"
        ),
        pytest.param(["consumer_timeout"], {}, "0/consumer_timeout.log: The consumer gave up", id="gave up"),
        pytest.param(
            ["producer"],
            {"records": 16999},
            "0/producer.log: The log has 17,000 records of the 16,999 asked for",
            id="more than a producer can send",
        ),
    ],
)
def test_incomplete_is_not_judged(names: list[str], requested: Any, problem: str) -> None:
    result = judged(*names, requested=Requested(**requested), thresholds={"min_mb_per_second": 1e9})
    assert (result["verdict"], result["violations"]) == ("incomplete", [])
    assert [text.startswith(problem) for text in result["problems"]] == [True]


def test_the_summary_of_a_part_leaves_out_what_is_unknown() -> None:
    assert judged("producer_killed", requested=Requested(records=90000))["summary"] == (
        "producer: incomplete; 4,994 records, 999 records/s, 0.10 MB/s, latency 14 ms on average, 542 ms at most, "
        "85,006 records failed or missing"
    )


def test_consumers_may_read_more_than_they_are_asked_for() -> None:
    assert judged("consumer", requested=Requested(records=30000))["verdict"] == "pass"


def test_without_logs_nothing_is_proved() -> None:
    result = judge("producer", "producer", {}, Requested(records=5), {})
    assert (result["verdict"], result["problems"]) == ("incomplete", ["No client has written a log."])
    assert result["summary"] == "producer (0 clients): incomplete; 0 records, unknown records/s, unknown MB/s"


def test_a_latency_of_consumers_is_refused() -> None:
    with pytest.raises(PerfResultError, match="max_p99_ms cannot be judged: Kafka's consumer tool measures no latency"):
        judged("consumer", thresholds={"min_mb_per_second": 1, "max_p99_ms": 5})


@pytest.mark.parametrize(
    "change, tolerance, violations",
    [
        pytest.param({}, 0, [], id="the same"),
        pytest.param({"records_per_second": 1100}, 10, [], id="slower within tolerance"),
        pytest.param(
            {"records_per_second": 1200},
            10,
            ["The throughput is 999 records/s, more than 10 % worse than the 1,200 of the baseline."],
            id="slower",
        ),
        pytest.param({"avg_ms": 4.4, "worst_client_p99_ms": 146}, 0, [], id="within the tools' resolution"),
        pytest.param(
            {"worst_client_p99_ms": 100},
            10,
            ["The 99th percentile of latency is 147 ms, more than 10 % worse than the 100 of the baseline."],
            id="later",
        ),
        pytest.param({"max_ms": 1.0, "worst_client_p99_9_ms": 1}, 0, [], id="extremes do not count"),
        pytest.param({"avg_ms": None}, 0, [], id="not measured then"),
    ],
)
def test_baseline(change: dict[str, Any], tolerance: float, violations: list[str]) -> None:
    before = judged("producer")
    before["result"] |= change
    result = judged("producer", baseline=before, tolerance_percent=tolerance)
    assert result["violations"] == violations
    assert result["baseline"] == {"tolerance_percent": tolerance, "result": before["result"]}


@pytest.mark.parametrize(
    "baseline, reason",
    [
        pytest.param(
            {"schema": "x"}, "is not a document of streamops.kafka_eks/perf_result/1, it says x", id="another"
        ),
        pytest.param(judged("producer_killed"), "its own verdict is incomplete", id="incomplete"),
        pytest.param(judged("consumer"), "another test (kind consumer instead of producer)", id="kind"),
        pytest.param(
            judged("producer", "producer", requested=Requested(record_size=200)),
            "another test (clients 2 instead of 1, record_size 200 instead of None)",
            id="clients and size",
        ),
    ],
)
def test_a_baseline_of_something_else_is_refused(baseline: dict[str, Any], reason: str) -> None:
    with pytest.raises(PerfResultError) as refused:
        judged("producer", baseline=baseline)
    assert reason in str(refused.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGS.glob("*.log")))
def test_every_document_keeps_the_schema(name: str) -> None:
    result = judged(name, baseline=None, parameters={"acks": "all"})
    jsonschema.validate(result, SCHEMA, jsonschema.Draft202012Validator)


def test_a_document_with_a_baseline_keeps_the_schema() -> None:
    result = judged("producer", baseline=judged("producer"), thresholds=dict.fromkeys(THRESHOLDS, 1))
    jsonschema.validate(result, SCHEMA, jsonschema.Draft202012Validator)


def test_the_schema_refuses_what_it_does_not_know() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**judged("producer"), "average_p99": 1}, SCHEMA, jsonschema.Draft202012Validator)
    assert set(SCHEMA["properties"]["thresholds"]["properties"]) == set(THRESHOLDS)
