"""The logs are real ones of Kafka 3.9.0 (fixtures/perf), whole or damaged here."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _perf_log
from ansible_collections.streamops.kafka_eks.plugins.module_utils._perf_log import (
    Consumption,
    Kind,
    Latency,
    glance,
    parse,
)

LOGS = Path(__file__).resolve().parents[2] / "fixtures/perf"

NO_TOTAL = "The log has no total: the producer was ended early, and the figures are those of its windows."
NO_FIGURES = "The log holds no figures of a producer."
SEVERAL_TOTALS = "The log holds several totals: it is of several runs or clients, and only the first is shown."
AFTER_TOTAL = "The log goes on after its total: it holds several runs or clients."
MISFIT = "The windows do not fit the total: the log is of several runs or clients."
UNKNOWN_TOTAL = "The log holds a total that is damaged or of an unknown form."


def damaged(line: int, lines: str = "a line") -> str:
    return f"Figures in {lines} are cut, mixed with other text or unknown, and not used (first: line {line})."


def log(name: str) -> str:
    return (LOGS / f"{name}.log").read_text(encoding="utf-8")


def read(text: str, kind: Kind = "producer") -> _perf_log.PerfLog:
    return parse(text.splitlines(keepends=True), kind)


PRODUCER = log("producer")
WINDOW = PRODUCER.splitlines()[1]
TOTAL = PRODUCER.splitlines()[-1]
CONSUMER = log("consumer")
HEADER, ROW = CONSUMER.splitlines()[1:]
DETAILED = "\n".join(log("consumer_detailed").splitlines()[2:])


def test_producer_is_read_whole() -> None:
    result = read(PRODUCER)
    assert (result.complete, result.problems, result.errors) == (True, (), {})
    assert (result.records, result.records_per_second, result.mb_per_second) == (17000, 999.118425, 0.10)
    assert result.latency == Latency(avg_ms=4.99, max_ms=475.0, p50_ms=1, p95_ms=8, p99_ms=147, p99_9_ms=152)
    assert [(w.records, w.records_per_second, w.avg_ms, w.max_ms) for w in result.windows] == [
        (5002, 1000.2, 14.8, 475.0),
        (5002, 1000.4, 1.0, 18.0),
        (5002, 1000.2, 0.9, 20.0),
    ]
    assert result.windows[0].seconds == pytest.approx(5.001, abs=0.001)


def test_consumer_is_read_whole() -> None:
    result = read(CONSUMER, "consumer")
    assert (result.complete, result.problems, result.latency) == (True, (), None)
    assert (result.records, result.records_per_second, result.mb_per_second) == (30105, 7181.5363, 0.6849)
    assert result.consumption == Consumption(
        mb=2.8710,
        seconds=4.192,
        rebalance_ms=3934,
        fetch_ms=258,
        fetch_records_per_second=116686.0465,
        fetch_mb_per_second=11.1280,
    )


@pytest.mark.parametrize(
    "name, records, rate",
    [
        pytest.param("producer_metrics", 20000, 30030.03003, id="a table of metrics after the total"),
        pytest.param("producer_de", 6500, 998.003992, id="decimal comma"),
        pytest.param("producer_ar", 6500, 996.015936, id="Arabic digits"),
        pytest.param("consumer_metrics", 60459, 15275.1390, id="consumer with metrics"),
        pytest.param("consumer_de", 30000, 8613.2644, id="consumer with decimal comma"),
        pytest.param("consumer_ar", 30000, 8500.9918, id="consumer with Arabic digits"),
        pytest.param("consumer_no_header", 30105, 8425.6927, id="consumer without header"),
        pytest.param("consumer_date", 30105, 8353.2186, id="a date that holds the separator"),
    ],
)
def test_other_forms_give_the_same_figures(name: str, records: int, rate: float) -> None:
    result = read(log(name), "producer" if name.startswith("producer") else "consumer")
    assert (result.complete, result.problems) == (True, ())
    assert (result.records, result.records_per_second) == (records, rate)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(lambda text: text.removesuffix("\n"), id="no line end at the end"),
        pytest.param(lambda text: "".join(f"\x1b[32m{line}\x1b[0m\n" for line in text.splitlines()), id="ANSI colours"),
        pytest.param(lambda text: text.replace("\n", "\n\n   "), id="blanks"),
        pytest.param(lambda text: text.replace(" ms max latency.", " max latency."), id="the form of old versions"),
        pytest.param(lambda text: f"+ exec java\n{text}Done.\n# 3 of 3\n", id="text before and after"),
        pytest.param(lambda text: text.replace(".\n", ".[2026-11-23 21:52:15,806] WARN x (y)\n", 1), id="text behind"),
        pytest.param(
            lambda text: "".join(f"2026-11-23T21:52:24.46419331Z {line}\n" for line in text.splitlines()),
            id="timestamps",
        ),
    ],
)
def test_noise_changes_nothing(change: Any) -> None:
    result = read(change(PRODUCER))
    assert (result.complete, result.problems, result.records, len(result.windows)) == (True, (), 17000, 3)


def test_windows_carry_the_time_in_front_of_their_line() -> None:
    assert read(f"2026-11-23T21:52:24.464Z {WINDOW}\n").windows[0].at == "2026-11-23T21:52:24.464Z"
    assert read(WINDOW).windows[0].at is None


@pytest.mark.parametrize(
    "text, records, problems",
    [
        pytest.param("", 0, [NO_FIGURES], id="nothing"),
        pytest.param(log("producer_killed"), 4994, [NO_TOTAL], id="killed"),
        pytest.param(
            PRODUCER[:-40], 15006, [NO_TOTAL, UNKNOWN_TOTAL, damaged(5)], id="the total cut in its percentiles"
        ),
        pytest.param(PRODUCER[:-110], 15006, [NO_TOTAL, damaged(5)], id="the total cut in its rates"),
        pytest.param(WINDOW[:60], 0, [NO_FIGURES, damaged(1)], id="the only window cut"),
        pytest.param(
            log("producer_none"),
            0,
            ['The tool ended with Exception in thread "main" java.lang.ArithmeticException: / by zero.', NO_FIGURES],
            id="no records asked for",
        ),
        pytest.param(f"WARN after 50{TOTAL}", 0, [NO_FIGURES, UNKNOWN_TOTAL, damaged(1)], id="text run into the count"),
        pytest.param(
            TOTAL.replace("records sent,", "records sent, [x] WARN\n"),
            0,
            [NO_FIGURES, UNKNOWN_TOTAL, damaged(1, "2 lines")],
            id="a line in the middle of the total",
        ),
        pytest.param(log("producer_two"), 8000, [SEVERAL_TOTALS, MISFIT], id="two producers"),
        pytest.param(f"{PRODUCER}{PRODUCER}", 17000, [AFTER_TOTAL, SEVERAL_TOTALS, MISFIT], id="two runs"),
        pytest.param(f"{PRODUCER}{WINDOW}", 17000, [AFTER_TOTAL, MISFIT], id="a second run begun"),
        pytest.param(f"{WINDOW}\n{WINDOW}\n{PRODUCER}", 17000, [MISFIT], id="more windows than the total has"),
        pytest.param(
            f"{WINDOW.replace('475.0', '476.0')}\n{TOTAL}", 17000, [MISFIT], id="a window slower than the slowest"
        ),
        pytest.param(
            f"{TOTAL}\n{TOTAL.replace(' records', ' steady state records', 1)}",
            17000,
            [UNKNOWN_TOTAL, damaged(2)],
            id="the steady state of later versions",
        ),
        pytest.param(
            CONSUMER + PRODUCER, 17000, ["The log also holds lines of a consumer."], id="consumer and producer"
        ),
        pytest.param(
            TOTAL.replace("999.118425", "-999.118425"),
            17000,
            ["The total is not usable: its time is zero or negative."],
            id="a clock set back",
        ),
        pytest.param(
            TOTAL.replace("999.118425", "Infinity"),
            17000,
            ["The total is not usable: its time is zero or negative."],
            id="no time at all",
        ),
    ],
)
def test_doubtful_producer_logs_are_incomplete(text: str, records: int, problems: list[str]) -> None:
    result = read(text)
    assert (result.complete, result.records) == (False, records)
    assert list(result.problems) == problems


def test_a_damaged_window_does_not_spoil_a_whole_total() -> None:
    result = read(PRODUCER.replace("1000.4 records/sec", "1000.4 rec[x] WARN\nords/sec"))
    assert (result.complete, result.records, len(result.windows)) == (True, 17000, 2)
    assert result.problems == (damaged(3, "2 lines"),)


def test_a_partial_result_is_derived_from_the_windows() -> None:
    result = read(PRODUCER.replace(TOTAL, ""))
    assert result.records == 15006
    assert result.records_per_second == pytest.approx(1000.27, abs=0.01)
    assert result.mb_per_second == pytest.approx(0.10)
    assert result.latency == Latency(avg_ms=pytest.approx((14.8 + 1.0 + 0.9) / 3), max_ms=475.0)


def test_errors_are_counted_by_exception() -> None:
    result = read(log("producer_errors"))
    assert (result.complete, result.records) == (True, 245)
    assert result.errors == {"org.apache.kafka.common.errors.TimeoutException": 55}


def test_nothing_delivered_has_no_latency() -> None:
    result = read(log("producer_all_failed"))
    assert (result.complete, result.records, result.latency) == (True, 0, None)
    assert result.problems == ("No record was delivered.",)
    assert result.errors == {"org.apache.kafka.common.errors.TimeoutException": 3}


@pytest.mark.parametrize(
    "text, records, problems",
    [
        pytest.param("", 0, ["The log holds no figures of a consumer."], id="nothing"),
        pytest.param(
            log("consumer_killed"), 0, ["The log has a header and no total: the consumer was ended early."], id="killed"
        ),
        pytest.param(
            CONSUMER[:-4],
            0,
            ["The log has a header and no total: the consumer was ended early.", damaged(3)],
            id="the row cut in its last number",
        ),
        pytest.param(
            log("consumer_timeout"),
            37001,
            ["The consumer gave up after 4000 ms without the records that were missing."],
            id="fewer records than asked for",
        ),
        pytest.param(
            log("consumer_zero"),
            0,
            ["The consumer gave up after 4000 ms without the records that were missing.", "No record was read."],
            id="an empty topic",
        ),
        pytest.param(
            log("consumer_detailed"),
            18501,
            ["The log has no total, as in the tool's detailed mode: what was read after the last row is unknown."],
            id="detailed mode",
        ),
        pytest.param(
            f"{ROW}\n{ROW}\n",
            30105,
            [SEVERAL_TOTALS],
            id="two consumers without header",
        ),
        pytest.param(
            f"{HEADER}\n{HEADER}\n{ROW}\n",
            30105,
            ["The log holds several headers: it is of several runs or clients."],
            id="one of two consumers killed",
        ),
        pytest.param(
            f"{ROW}\n{DETAILED}\n",
            30105,
            ["The log holds totals and detailed rows: it is of several runs or clients."],
            id="a total and detailed rows without header",
        ),
        pytest.param(
            f"{DETAILED}\n{DETAILED}\n",
            18501,
            [
                "The log has no total, as in the tool's detailed mode: what was read after the last row is unknown.",
                "The count of records falls: the log is of several runs or clients.",
            ],
            id="two consumers in detailed mode",
        ),
        pytest.param(f"{CONSUMER}{WINDOW}\n", 30105, ["The log also holds lines of a producer."], id="with a producer"),
        pytest.param(f"{CONSUMER}{ROW[:70]}\n", 30105, [damaged(4)], id="the rest of another row"),
        pytest.param(
            CONSUMER.replace(" 30105,", " 130105,"),
            130105,
            ["The total is not usable: its time is zero or negative, or its figures contradict each other."],
            id="a digit too many",
        ),
        pytest.param(
            CONSUMER.replace("3934, 258", "4192, -4192").replace("0.6849", "Infinity").replace("7181.5363", "Infinity"),
            30105,
            ["The total is not usable: its time is zero or negative, or its figures contradict each other."],
            id="no time at all",
        ),
    ],
)
def test_doubtful_consumer_logs_are_incomplete(text: str, records: int, problems: list[str]) -> None:
    result = read(text, "consumer")
    assert (result.complete, result.records) == (False, records)
    assert list(result.problems) == problems


def test_detailed_rows_become_windows_of_their_own_records() -> None:
    result = read(log("consumer_detailed"), "consumer")
    assert [(w.at, w.records, w.seconds, w.records_per_second) for w in result.windows] == [
        ("2026-11-23 21:52:33:182", 1, 3.399, 0.2942),
        ("2026-11-23 21:52:33:301", 18500, 0.119, 155462.1849),
    ]
    assert result.consumption == Consumption(
        mb=1.7644,
        seconds=3.518,
        rebalance_ms=3312,
        fetch_ms=206,
        fetch_records_per_second=pytest.approx(18501 / 0.206),
        fetch_mb_per_second=pytest.approx(1.7644 / 0.206),
    )


def test_times_that_cannot_be_are_kept_as_they_are() -> None:
    """Old versions count the rebalance from 1970; what is to be believed of it is the judge's business."""
    text = CONSUMER.replace("3934, 258", "1795470744464, -1795470740272")
    result = read(text.replace("11.1280, 116686.0465", "-0.0000, NaN"), "consumer")
    assert (result.complete, result.records_per_second) == (True, 7181.5363)
    assert result.consumption == Consumption(
        mb=2.8710,
        seconds=4.192,
        rebalance_ms=1795470744464,
        fetch_ms=-1795470740272,
        fetch_records_per_second=None,
        fetch_mb_per_second=0.0,
    )


def test_the_result_is_json_without_nan() -> None:
    for name in sorted(LOGS.glob("*.log")):
        kind: Kind = "producer" if name.stem.startswith("producer") else "consumer"
        result = read(name.read_text(encoding="utf-8"), kind).as_dict()
        assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_many_windows_are_merged_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_perf_log, "MAX_WINDOWS", 10)
    result = parse((WINDOW for _ in range(1001)), "producer")
    assert len(result.windows) <= 10
    assert sum(window.records for window in result.windows) == 1001 * 5002
    assert result.records_per_second == pytest.approx(1000.2)
    assert result.latency == Latency(avg_ms=pytest.approx(14.8), max_ms=475.0)


def test_a_long_log_is_read_in_little_memory() -> None:
    error = log("producer_errors").splitlines()[7]

    def lines() -> Iterator[str]:
        for number in range(30_000):
            yield f"{error} {number}"

    tracemalloc.start()
    result = parse(lines(), "producer")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert result.errors == {"org.apache.kafka.common.errors.TimeoutException": 30_000}
    assert peak < 1_000_000


@pytest.mark.parametrize(
    "line, words",
    [
        pytest.param(WINDOW, "1,000 records/s, 0.10 MB/s, latency 15 ms on average and 475 ms at most", id="window"),
        pytest.param(
            f"2026-11-23T21:52:24.464Z {TOTAL}\r\n",
            "999 records/s, 0.10 MB/s, latency 5 ms on average and 475 ms at most",
            id="total with a timestamp",
        ),
        pytest.param(DETAILED.splitlines()[1], "18,501 records read, 155,462 records/s, 14.83 MB/s", id="detailed row"),
        pytest.param(
            log("producer_all_failed").splitlines()[-1], log("producer_all_failed").splitlines()[-1], id="NaN"
        ),
        pytest.param(HEADER, "no figures yet", id="the header of a consumer"),
        pytest.param("  starting \n", "starting", id="any other line"),
    ],
)
def test_glance_says_a_line_in_few_words(line: str, words: str) -> None:
    assert glance(line) == words
