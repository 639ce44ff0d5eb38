# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Merges what the clients of a load test measured and judges it. The document is that of docs/schemas/perf_result-1.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ._perf_log import Kind, Latency, PerfLog

SCHEMA = "streamops.kafka_eks/perf_result/1"

# The consumer tool waits up to 100 ms for records: a shorter time of fetching is the wait, not the fetching.
SHORTEST_FETCH_MS = 100
# The tools count whole milliseconds.
LATENCY_RESOLUTION_MS = 1

Verdict = Literal["pass", "fail", "incomplete"]


class PerfResultError(Exception):
    """Its text is the sentence the user reads."""


@dataclass(frozen=True, kw_only=True)
class Requested:
    """What each client was asked for."""

    records: int | None = None
    throughput: float | None = None
    record_size: int | None = None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """All clients together. Percentiles cannot be merged: the highest of any client is an upper bound of the true one."""

    records: int
    records_per_second: float | None
    mb_per_second: float | None
    throughput_basis: Literal["total", "fetch"]
    avg_ms: float | None
    max_ms: float | None
    worst_client_p50_ms: int | None
    worst_client_p95_ms: int | None
    worst_client_p99_ms: int | None
    worst_client_p99_9_ms: int | None
    errors: int


@dataclass(frozen=True)
class Limit:
    """A threshold: the figure it is for, whether it is the lowest or the highest allowed, and how to name both."""

    figure: str
    lowest: bool
    words: str
    unit: str


THRESHOLDS = {
    "min_records_per_second": Limit("records_per_second", True, "The throughput", "records/s"),
    "min_mb_per_second": Limit("mb_per_second", True, "The throughput", "MB/s"),
    "max_avg_ms": Limit("avg_ms", False, "The average latency", "ms"),
    "max_ms": Limit("max_ms", False, "The longest latency", "ms"),
    "max_p50_ms": Limit("worst_client_p50_ms", False, "The 50th percentile of latency", "ms"),
    "max_p95_ms": Limit("worst_client_p95_ms", False, "The 95th percentile of latency", "ms"),
    "max_p99_ms": Limit("worst_client_p99_ms", False, "The 99th percentile of latency", "ms"),
    "max_p99_9_ms": Limit("worst_client_p99_9_ms", False, "The 99.9th percentile of latency", "ms"),
    "max_errors": Limit("errors", False, "The loss", "records"),
}
# The extremes are left out: one pause of a JVM decides them.
BASELINE_THRESHOLDS = ("min_records_per_second", "min_mb_per_second", "max_avg_ms", "max_p99_ms")


def judge(
    name: str,
    kind: Kind,
    logs: Mapping[str, PerfLog],
    requested: Requested,
    thresholds: Mapping[str, float],
    baseline: Mapping[str, Any] | None = None,
    tolerance_percent: float = 10,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Merge the logs, one of each client, compare with the limits, and return the whole document."""
    _refuse_unmeasured(kind, thresholds)
    clients = {log: _against_request(client, requested) for log, client in logs.items()}
    if baseline is not None:
        _refuse_other_test(baseline, kind, requested, len(clients))
    figures = merge(list(clients.values()), requested)
    problems = [f"{log}: {problem}" for log, client in clients.items() for problem in client.problems]
    if not clients:
        problems.append("No client has written a log.")
    complete = bool(clients) and all(client.complete for client in clients.values())
    violations = _violations(figures, thresholds, baseline, tolerance_percent) if complete else []
    verdict: Verdict = "incomplete" if not complete else "fail" if violations else "pass"
    return {
        "schema": SCHEMA,
        "name": name,
        "kind": kind,
        "verdict": verdict,
        "summary": summary(name, kind, len(clients), figures, requested, verdict),
        "violations": violations,
        "problems": problems,
        "requested": asdict(requested),
        "thresholds": dict(thresholds),
        "baseline": None
        if baseline is None
        else {"tolerance_percent": tolerance_percent, "result": dict(baseline["result"])},
        "parameters": dict(parameters or {}),
        "result": asdict(figures),
        "clients": [{"log": log, **client.as_dict()} for log, client in clients.items()],
    }


def merge(clients: Sequence[PerfLog], requested: Requested) -> Figures:
    """Add up rates and counts; an average is weighed by what was delivered; of extremes the highest counts."""
    basis: Literal["total", "fetch"] = "fetch" if clients and all(map(_fetch_is_plausible, clients)) else "total"
    rates = [_rates(client, basis) for client in clients]
    delays = [(client.latency, client.records) for client in clients if client.latency]
    averages = [(latency.avg_ms, records) for latency, records in delays if latency.avg_ms is not None]
    weight = sum(records for latency, records in averages)

    def highest(figure: Callable[[Latency], Any]) -> Any:
        return max((value for latency, count in delays if (value := figure(latency)) is not None), default=None)

    return Figures(
        records=sum(client.records for client in clients),
        records_per_second=_sum([rate for rate, mb in rates]),
        mb_per_second=_sum([mb for rate, mb in rates]),
        throughput_basis=basis,
        avg_ms=sum(avg * records for avg, records in averages) / weight if weight else None,
        max_ms=highest(lambda latency: latency.max_ms),
        worst_client_p50_ms=highest(lambda latency: latency.p50_ms),
        worst_client_p95_ms=highest(lambda latency: latency.p95_ms),
        worst_client_p99_ms=highest(lambda latency: latency.p99_ms),
        worst_client_p99_9_ms=highest(lambda latency: latency.p99_9_ms),
        errors=sum(_failed(client, requested) for client in clients),
    )


def summary(name: str, kind: Kind, clients: int, figures: Figures, requested: Requested, verdict: Verdict) -> str:
    """One line for people."""
    who = name if clients == 1 else f"{name} ({clients} clients)"
    size = f" of {requested.record_size:,} B" if requested.record_size else ""
    parts = [
        f"{figures.records:,} records{size}",
        f"{_shown(figures.records_per_second)} records/s",
        f"{_shown(figures.mb_per_second)} MB/s",
    ]
    if kind == "consumer":
        joining = "without" if figures.throughput_basis == "fetch" else "with"
        parts.append(f"{joining} the time of joining the group")
    elif figures.avg_ms is not None:
        parts.append(f"latency {_shown(figures.avg_ms)} ms on average")
        if figures.worst_client_p99_ms is not None:
            worst = " of the worst client" if clients > 1 else ""
            parts.append(f"{_shown(figures.worst_client_p99_ms)} ms at the 99th percentile{worst}")
        parts.append(f"{_shown(figures.max_ms)} ms at most")
    if figures.errors:
        parts.append(f"{figures.errors:,} records failed or missing")
    return f"{who}: {verdict}; {', '.join(parts)}"


def _shown(figure: float | None) -> str:
    if figure is None:
        return "unknown"
    return f"{figure:,.0f}" if figure == int(figure) or figure >= 100 else f"{figure:,.2f}"


def _sum(figures: list[float | None]) -> float | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known and len(known) == len(figures) else None


def _failed(client: PerfLog, requested: Requested) -> int:
    # The tools print an exception for each record that failed, but their libraries print others too.
    if requested.records is not None:
        return max(0, requested.records - client.records)
    return sum(client.errors.values())


def _fetch_is_plausible(client: PerfLog) -> bool:
    spent = client.consumption
    return spent is not None and spent.rebalance_ms >= 0 and spent.fetch_ms >= SHORTEST_FETCH_MS


def _rates(client: PerfLog, basis: str) -> tuple[float | None, float | None]:
    if basis == "fetch" and client.consumption:
        seconds = client.consumption.fetch_ms / 1000
        return client.records / seconds, client.consumption.mb / seconds
    return client.records_per_second, client.mb_per_second


def _against_request(client: PerfLog, requested: Requested) -> PerfLog:
    """A producer sends what it is asked for, never more. A consumer counts whole polls, so it may."""
    if client.kind == "consumer" or requested.records is None or client.records <= requested.records:
        return client
    problem = f"The log has {client.records:,} records of the {requested.records:,} asked for, so it is of several runs or clients."
    return replace(client, complete=False, problems=(*client.problems, problem))


def _violations(
    figures: Figures, thresholds: Mapping[str, float], baseline: Mapping[str, Any] | None, tolerance_percent: float
) -> list[str]:
    if not figures.records:
        return ["Not one record was delivered."]
    found = []
    for threshold, bound in {"max_errors": 0, **thresholds}.items():
        limit = THRESHOLDS[threshold]
        value = getattr(figures, limit.figure)
        if value is None:
            found.append(
                f"{limit.words} was not measured, so that it cannot be held against {threshold} {_shown(bound)}."
            )
        elif value < bound if limit.lowest else value > bound:
            side = "under" if limit.lowest else "over"
            found.append(f"{limit.words} is {_shown(value)} {limit.unit}, {side} the {_shown(bound)} of {threshold}.")
    return found + (_regressions(figures, baseline["result"], tolerance_percent) if baseline else [])


def _regressions(figures: Figures, before: Mapping[str, Any], tolerance_percent: float) -> list[str]:
    found = []
    for threshold in BASELINE_THRESHOLDS:
        limit = THRESHOLDS[threshold]
        was, value = before[limit.figure], getattr(figures, limit.figure)
        if was is None or value is None:
            continue
        if limit.lowest:
            worse = value < was * (1 - tolerance_percent / 100)
        else:
            worse = value > was * (1 + tolerance_percent / 100) + LATENCY_RESOLUTION_MS
        if worse:
            found.append(
                f"{limit.words} is {_shown(value)} {limit.unit}, more than {_shown(tolerance_percent)} % worse than the "
                f"{_shown(was)} of the baseline."
            )
    return found


def _refuse_unmeasured(kind: Kind, thresholds: Mapping[str, float]) -> None:
    latencies = [name for name in thresholds if THRESHOLDS[name].unit == "ms"]
    if kind == "consumer" and latencies:
        raise PerfResultError(
            f"The threshold {latencies[0]} cannot be judged: Kafka's consumer tool measures no latency; remove it."
        )


def _refuse_other_test(baseline: Mapping[str, Any], kind: Kind, requested: Requested, clients: int) -> None:
    if baseline.get("schema") != SCHEMA:
        raise PerfResultError(
            f"The baseline is not a document of {SCHEMA}, it says {baseline.get('schema')}: name a file that this module wrote."
        )
    if baseline["verdict"] == "incomplete":
        raise PerfResultError(
            "The baseline cannot be compared with: its own verdict is incomplete; name a complete one."
        )
    before = {"kind": baseline["kind"], "clients": len(baseline["clients"]), **baseline["requested"]}
    # Without any log the limits are only tried before the test.
    now = {"kind": kind, "clients": clients or before["clients"], **asdict(requested)}
    other = [name for name in now if now[name] != before[name]]
    if other:
        differences = ", ".join(f"{name} {before[name]} instead of {now[name]}" for name in other)
        raise PerfResultError(
            f"The baseline is of another test ({differences}): name a result of the same one, or measure a new baseline."
        )
