from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab import process
from lab.host import HostError
from lab.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "lab", 29400, tmp_path / "bin", tmp_path / "cache")


@pytest.fixture
def running(place: Place):
    """A stand-in for a lab that runs: a process that holds the lock."""
    with process._lock(place) as descriptor:
        assert descriptor is not None
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    place.run.mkdir(parents=True)
    (place.run / "pid").write_text(str(child.pid))
    place.facts.write_text("{}")
    yield child
    child.kill()
    child.wait()


def test_whoever_inherits_the_lock_is_the_running_lab(place: Place, running: subprocess.Popen[bytes]) -> None:
    assert process.is_running(place)
    running.kill()
    running.wait()
    assert not process.is_running(place)


def test_a_second_start_says_that_the_lab_runs(place: Place, running: subprocess.Popen[bytes]) -> None:
    said: list[str] = []
    process.up(place, said.append)
    assert said[0].startswith("The lab runs already")


def test_down_ends_the_process_and_forgets_the_run(place: Place, running: subprocess.Popen[bytes]) -> None:
    said: list[str] = []
    process.down(place, said.append)
    assert said == ["The lab has ended; its account, cluster and volumes are gone, what was built is kept."]
    assert not process.is_running(place)
    assert not place.run.exists()
    assert not place.facts.exists()


def test_down_without_a_lab_removes_what_a_crash_left(place: Place) -> None:
    place.run.mkdir(parents=True)
    place.facts.write_text("{}")
    said: list[str] = []
    process.down(place, said.append)
    assert said == ["The lab does not run."]
    assert not place.facts.exists()


def test_status_without_a_lab_says_how_to_start_it(place: Place) -> None:
    with pytest.raises(HostError, match="The lab does not run: start it with make lab"):
        process.status(place, print)


def test_a_lab_that_dies_while_starting_is_reported_with_its_last_words(place: Place) -> None:
    (place.run / "logs").mkdir(parents=True)
    (place.run / "logs/lab.log").write_text("first\nno such thing\n")
    child = subprocess.Popen([sys.executable, "-c", "raise SystemExit(4)"])
    child.wait()
    with pytest.raises(HostError, match=r"ended while it started \(exit code 4\): first / no such thing"):
        process._wait_until_ready(place, child)


def test_tables_are_aligned() -> None:
    assert process.table(("A", "LONG"), [("xyz", "1"), ("x", "2")]) == "A    LONG\nxyz  1\nx    2"


def test_an_interrupted_start_ends_what_it_started(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start(_: Place, lock: int) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(lock,)))
        return started[0]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(process.build, "require_built", lambda _: None)
    monkeypatch.setattr(process, "_start", start)
    monkeypatch.setattr(process, "_wait_until_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        process.up(place, print)
    assert started[0].returncode is not None
    assert not process.is_running(place)
