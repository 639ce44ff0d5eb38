# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Kafka's performance tools print, read without guessing: what is missing, damaged or mixed is said.

Everywhere MB is the tools' own MB: 1,048,576 bytes of payload.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["producer", "consumer"]

# A day of windows is 17,280. Beyond this, neighbours are merged: a log of any length is read in the same memory.
MAX_WINDOWS = 20_000

# The tools print in the language of their JVM, without grouping: a comma or an Arabic separator is always the decimal
# point, and float() and int() know the digits of all scripts.
_NUMBER = r"-?(?:\d+(?:[.,٫]\d+)?|NaN|Infinity)"
_DECIMALS = r"-?(?:\d+[.,٫]\d{4}|NaN|Infinity)"
_WHOLE = r"-?\d+"

_FIGURES = re.compile(
    rf"(?P<records>\d+) records sent, (?P<rate>{_NUMBER}) records/sec \((?P<mb>{_NUMBER}) MB/sec\), "
    # Old versions end without the unit.
    rf"(?P<avg>{_NUMBER}) ms avg latency, (?P<max>{_NUMBER})(?: ms)? max latency"
    r"(?:\.|, (?P<p50>\d+) ms 50th, (?P<p95>\d+) ms 95th, (?P<p99>\d+) ms 99th, (?P<p99_9>\d+) ms 99\.9th\.)"
)
_LIKE_TOTAL = re.compile(r"\d ms \d\d(?:\.\d)?th")
_LIKE_FIGURES = re.compile(rf"records sent|records/sec|ms avg latency|max latency|{_LIKE_TOTAL.pattern}")

# From the right: the format of the dates is an option of the tool and may hold the separator.
_ROW = re.compile(
    rf"(?P<when>.+), (?P<mb>{_DECIMALS}), (?P<mb_rate>{_DECIMALS}), (?P<records>{_WHOLE}), (?P<rate>{_DECIMALS}), "
    rf"(?P<rebalance>{_WHOLE}), (?P<fetch>{_WHOLE}), (?P<fetch_mb_rate>{_DECIMALS}), (?P<fetch_rate>{_DECIMALS})"
)
_LIKE_ROW = re.compile(rf"{_DECIMALS}, ")
_COLUMNS = (
    ", data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, "
    "rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec"
)
_TOTAL_HEADER = f"start.time, end.time{_COLUMNS}"
_DETAILED_HEADER = f"time, threadId{_COLUMNS}"
_GAVE_UP = re.compile(
    r"WARNING: Exiting before consuming the expected number of \w+: timeout \((?P<ms>\d+) ms\) exceeded"
)

_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# kubectl logs --timestamps and kubernetes_job write it.
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?", re.ASCII)
_EXCEPTION = re.compile(
    r"(?P<thread>Exception in thread \"[^\"]*\" )?(?P<name>(?:[a-z]\w*\.)+[A-Z][\w$]*(?:Exception|Error))(?::|$)"
)


@dataclass(frozen=True, kw_only=True)
class Window:
    """What the tool measured between two of its lines."""

    at: str | None
    records: int
    seconds: float | None
    records_per_second: float | None
    mb_per_second: float | None
    avg_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, kw_only=True)
class Latency:
    """From the moment the tool hands over a record to its acknowledgement: waiting before that is not in it."""

    avg_ms: float | None
    max_ms: float | None
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    p99_9_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class Consumption:
    """What only a consumer tells: how long it took, and how much of that went into joining the group."""

    mb: float
    seconds: float
    rebalance_ms: int
    fetch_ms: int
    fetch_records_per_second: float | None
    fetch_mb_per_second: float | None


@dataclass(frozen=True, kw_only=True)
class PerfLog:
    """The figures of one client. Complete means: exactly one whole total, and no sign of another client's lines."""

    kind: Kind
    complete: bool
    problems: tuple[str, ...]
    records: int
    records_per_second: float | None
    mb_per_second: float | None
    latency: Latency | None
    consumption: Consumption | None
    windows: tuple[Window, ...]
    errors: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON knows it."""
        return {
            **asdict(self),
            "problems": list(self.problems),
            "windows": [asdict(window) for window in self.windows],
        }


def parse(lines: Iterable[str], kind: Kind) -> PerfLog:
    """Read the log of one run of one client, line by line."""
    reader: _Reader = _Producer() if kind == "producer" else _Consumer()
    errors: Counter[str] = Counter()
    problems: list[str] = []
    for number, (at, text) in enumerate(_clean(lines), start=1):
        if error := _EXCEPTION.match(text):
            errors[error["name"]] += 1
            if error["thread"]:
                problems.append(f"The tool ended with {text}.")
        reader.read(number, at, text)
    return reader.result(problems, dict(errors))


def glance(line: str) -> str:
    """The figures of a line in a few words for people, or the line itself when it holds none."""
    time, text = next(_clean([line]))
    if figures := _FIGURES.search(text):
        rate, mb, avg, longest = (_number(figures[name]) for name in ("rate", "mb", "avg", "max"))
        if None not in (rate, mb, avg, longest):
            return (
                f"{rate:,.0f} records/s, {mb:,.2f} MB/s, latency {avg:,.0f} ms on average and {longest:,.0f} ms at most"
            )
    if row := _ROW.fullmatch(text):
        rate, mb = _number(row["rate"]), _number(row["mb_rate"])
        if None not in (rate, mb):
            return f"{int(row['records']):,} records read, {rate:,.0f} records/s, {mb:,.2f} MB/s"
    # A consumer says nothing between its header and its total.
    return "no figures yet" if text in (_TOTAL_HEADER, _DETAILED_HEADER) else text


def _clean(lines: Iterable[str]) -> Iterator[tuple[str | None, str]]:
    for line in lines:
        text = _TERMINAL_CODES.sub("", line).strip()
        at = _TIMESTAMP.match(text)
        yield (at[1], text[at.end() :].strip()) if at else (None, text)


def _number(text: str) -> float | None:
    number = float(text.replace(",", ".").replace("٫", "."))
    return number if math.isfinite(number) else None


class _Windows:
    """All windows in bounded memory, and what can be derived from them."""

    def __init__(self) -> None:
        self.kept: list[Window] = []

    def add(self, window: Window) -> None:
        self.kept.append(window)
        if len(self.kept) > MAX_WINDOWS:
            pairs = zip(self.kept[::2], self.kept[1::2], strict=False)
            # An odd number of windows leaves the newest alone.
            self.kept = [_merged(pair) for pair in pairs] + self.kept[len(self.kept) // 2 * 2 :]

    def whole(self) -> Window:
        return _merged(self.kept)


def _merged(windows: Iterable[Window]) -> Window:
    windows = list(windows)
    records = sum(window.records for window in windows)
    lengths = [window.seconds for window in windows if window.seconds is not None]
    # One window of unknown length makes the length of all unknown.
    seconds = sum(lengths) if windows and len(lengths) == len(windows) else None
    timed = [(w.mb_per_second, w.seconds) for w in windows if w.mb_per_second is not None and w.seconds is not None]
    weighed = [(window.avg_ms, window.records) for window in windows if window.avg_ms is not None]
    weight = sum(count for value, count in weighed)
    return Window(
        at=windows[-1].at if windows else None,
        records=records,
        seconds=seconds,
        records_per_second=records / seconds if seconds else None,
        mb_per_second=sum(rate * length for rate, length in timed) / seconds if seconds else None,
        avg_ms=sum(avg * count for avg, count in weighed) / weight if weight else None,
        max_ms=max((window.max_ms for window in windows if window.max_ms is not None), default=None),
    )


class _Reader(ABC):
    """What both tools' logs have in common: windows, at most one total, and lines that are not to be believed."""

    def __init__(self) -> None:
        self.windows = _Windows()
        self.total: re.Match[str] | None = None
        self.doubts: dict[str, None] = {}  # each sentence once, in the order found
        self.damaged = 0
        self.first_damaged = 0

    @abstractmethod
    def read(self, number: int, at: str | None, text: str) -> None:
        """Take in one line."""

    @abstractmethod
    def result(self, problems: list[str], errors: dict[str, int]) -> PerfLog:
        """What the lines so far say, beside the problems that are known already."""

    def doubt(self, sentence: str) -> None:
        """Note a sign that the log is not that of one run of one client."""
        self.doubts[sentence] = None

    def damage(self, number: int) -> None:
        self.damaged += 1
        self.first_damaged = self.first_damaged or number

    def keep_total(self, total: re.Match[str]) -> None:
        if self.total:
            self.doubt("The log holds several totals: it is of several runs or clients, and only the first is shown.")
        self.total = self.total or total

    def told(self) -> list[str]:
        if not self.damaged:
            return list(self.doubts)
        lines = "a line" if self.damaged == 1 else f"{self.damaged} lines"
        damage = f"Figures in {lines} are cut, mixed with other text or unknown, and not used (first: line {self.first_damaged})."
        return [*self.doubts, damage]


class _Producer(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.window_records = 0
        self.window_seconds = 0.0

    def read(self, number: int, at: str | None, text: str) -> None:
        if text in (_TOTAL_HEADER, _DETAILED_HEADER):
            self.doubt("The log also holds lines of a consumer.")
        end = 0
        for figures in _FIGURES.finditer(text):
            # Text in front may have run into the first number.
            if text[end : figures.start()].strip():
                break
            end = figures.end()
            if figures["p50"]:
                self.keep_total(figures)
            else:
                self._window(at, figures)
        if rest := _LIKE_FIGURES.search(text, end):
            self.damage(number)
            if _LIKE_TOTAL.search(text, rest.start()):
                self.doubt("The log holds a total that is damaged or of an unknown form.")

    def _window(self, at: str | None, figures: re.Match[str]) -> None:
        if self.total:
            self.doubt("The log goes on after its total: it holds several runs or clients.")
        records, rate = int(figures["records"]), _number(figures["rate"])
        self.window_records += records
        # The rate is rounded to a tenth: no window was shorter than this.
        self.window_seconds += records / (rate + 0.05) if rate is not None and rate >= 0 else 0
        self.windows.add(
            Window(
                at=at,
                records=records,
                seconds=records / rate if rate else None,
                records_per_second=rate,
                mb_per_second=_number(figures["mb"]),
                avg_ms=_number(figures["avg"]),
                max_ms=_number(figures["max"]),
            )
        )

    def result(self, problems: list[str], errors: dict[str, int]) -> PerfLog:
        if not self.total:
            return self._partial(problems, errors)
        records, rate = int(self.total["records"]), _number(self.total["rate"])
        longest, window_longest = _number(self.total["max"]), self.windows.whole().max_ms
        if (
            self.window_records > records
            or (rate is not None and self.window_seconds * rate > 1.01 * records)
            or (longest is not None and window_longest is not None and window_longest > longest)
        ):
            self.doubt("The windows do not fit the total: the log is of several runs or clients.")
        if not records:
            problems.append("No record was delivered.")
        usable = rate is not None and rate >= 0
        if not usable:
            problems.append("The total is not usable: its time is zero or negative.")
        return PerfLog(
            kind="producer",
            complete=usable and not self.doubts,
            problems=(*problems, *self.told()),
            records=records,
            records_per_second=rate,
            mb_per_second=_number(self.total["mb"]),
            # With nothing delivered the tool prints zeros, which nobody measured.
            latency=Latency(
                avg_ms=_number(self.total["avg"]),
                max_ms=longest,
                p50_ms=int(self.total["p50"]),
                p95_ms=int(self.total["p95"]),
                p99_ms=int(self.total["p99"]),
                p99_9_ms=int(self.total["p99_9"]),
            )
            if records
            else None,
            consumption=None,
            windows=tuple(self.windows.kept),
            errors=errors,
        )

    def _partial(self, problems: list[str], errors: dict[str, int]) -> PerfLog:
        whole = self.windows.whole()
        if self.windows.kept:
            problems.append(
                "The log has no total: the producer was ended early, and the figures are those of its windows."
            )
        else:
            problems.append("The log holds no figures of a producer.")
        return PerfLog(
            kind="producer",
            complete=False,
            problems=(*problems, *self.told()),
            records=whole.records,
            records_per_second=whole.records_per_second,
            mb_per_second=whole.mb_per_second,
            latency=Latency(avg_ms=whole.avg_ms, max_ms=whole.max_ms) if self.windows.kept else None,
            consumption=None,
            windows=tuple(self.windows.kept),
            errors=errors,
        )


class _Consumer(_Reader):
    def __init__(self) -> None:
        super().__init__()
        self.header: str | None = None
        self.newest: re.Match[str] | None = None  # of the detailed mode: counts are those since the start
        self.rebalance_ms = 0
        self.fetch_ms = 0
        self.gave_up: str | None = None

    def read(self, number: int, at: str | None, text: str) -> None:
        if text in (_TOTAL_HEADER, _DETAILED_HEADER):
            if self.header or self.total or self.newest:
                self.doubt("The log holds several headers: it is of several runs or clients.")
            self.header = text
        elif row := _ROW.fullmatch(text):
            # Without a header only the second column tells: a date, or the number of the only thread.
            detailed = row["when"].endswith((", 0", ", ٠")) if self.header is None else self.header == _DETAILED_HEADER
            if detailed:
                self._window(at, row)
            else:
                self.keep_total(row)
        elif warning := _GAVE_UP.search(text):
            self.gave_up = warning["ms"]
        elif _FIGURES.search(text):
            self.doubt("The log also holds lines of a producer.")
        elif _LIKE_ROW.search(text):
            self.damage(number)

    def _window(self, at: str | None, row: re.Match[str]) -> None:
        before, records = int(self.newest["records"]) if self.newest else 0, int(row["records"])
        if records < before:
            self.doubt("The count of records falls: the log is of several runs or clients.")
        self.rebalance_ms += int(row["rebalance"])
        self.fetch_ms += int(row["fetch"])
        seconds = (int(row["rebalance"]) + int(row["fetch"])) / 1000
        self.newest = row
        self.windows.add(
            Window(
                at=at or row["when"].rpartition(", ")[0],
                records=records - before,
                seconds=seconds if seconds > 0 else None,
                records_per_second=_number(row["rate"]),
                mb_per_second=_number(row["mb_rate"]),
                avg_ms=None,
                max_ms=None,
            )
        )

    def result(self, problems: list[str], errors: dict[str, int]) -> PerfLog:
        if self.gave_up:
            problems.append(f"The consumer gave up after {int(self.gave_up)} ms without the records that were missing.")
        if self.total and self.newest:
            self.doubt("The log holds totals and detailed rows: it is of several runs or clients.")
        if self.total:
            return self._complete(self.total, problems, errors)
        return self._partial(problems, errors)

    def _complete(self, row: re.Match[str], problems: list[str], errors: dict[str, int]) -> PerfLog:
        rate, records = _number(row["rate"]), int(row["records"])
        # The tool has fetch = end - start - rebalance, whatever either of the two is worth.
        rebalance, fetch = int(row["rebalance"]), int(row["fetch"])
        seconds = (rebalance + fetch) / 1000
        usable = rate is not None and seconds > 0 and math.isclose(rate, records / seconds, rel_tol=1e-3, abs_tol=1e-3)
        if not usable:
            problems.append(
                "The total is not usable: its time is zero or negative, or its figures contradict each other."
            )
        if not records:
            problems.append("No record was read.")
        return PerfLog(
            kind="consumer",
            complete=usable and not (self.gave_up or self.doubts or self.damaged),
            problems=(*problems, *self.told()),
            records=records,
            records_per_second=rate,
            mb_per_second=_number(row["mb_rate"]),
            latency=None,
            consumption=Consumption(
                mb=_number(row["mb"]) or 0.0,
                seconds=seconds,
                rebalance_ms=rebalance,
                fetch_ms=fetch,
                fetch_records_per_second=_number(row["fetch_rate"]),
                fetch_mb_per_second=_number(row["fetch_mb_rate"]),
            ),
            windows=tuple(self.windows.kept),
            errors=errors,
        )

    def _partial(self, problems: list[str], errors: dict[str, int]) -> PerfLog:
        seconds, fetch_seconds = (self.rebalance_ms + self.fetch_ms) / 1000, self.fetch_ms / 1000
        records = int(self.newest["records"]) if self.newest else 0
        mb = (_number(self.newest["mb"]) or 0.0) if self.newest else 0.0
        if self.newest:
            problems.append(
                "The log has no total, as in the tool's detailed mode: what was read after the last row is unknown."
            )
        elif self.header:
            problems.append("The log has a header and no total: the consumer was ended early.")
        else:
            problems.append("The log holds no figures of a consumer.")
        return PerfLog(
            kind="consumer",
            complete=False,
            problems=(*problems, *self.told()),
            records=records,
            records_per_second=records / seconds if seconds > 0 else None,
            mb_per_second=mb / seconds if seconds > 0 else None,
            latency=None,
            consumption=Consumption(
                mb=mb,
                seconds=seconds,
                rebalance_ms=self.rebalance_ms,
                fetch_ms=self.fetch_ms,
                fetch_records_per_second=records / fetch_seconds if fetch_seconds > 0 else None,
                fetch_mb_per_second=mb / fetch_seconds if fetch_seconds > 0 else None,
            )
            if self.newest
            else None,
            windows=tuple(self.windows.kept),
            errors=errors,
        )
