from __future__ import annotations

import json
import os
import sys
import threading

import pytest

from lab.components import Components


@pytest.fixture
def components(tmp_path):
    made = Components(tmp_path, tmp_path / "status.json")
    yield made
    made.close()


def states(tmp_path):
    return {c["name"]: c["state"] for c in json.loads((tmp_path / "status.json").read_text())["components"]}


def wait_for_watchers():
    for thread in threading.enumerate():
        if thread.name.startswith("watch "):
            thread.join(10)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_the_status_says_what_runs_and_where_its_log_is(components, tmp_path):
    components.note("aws", "lab.log", 1)
    components.start("etcd", ["sleep", "60"])
    shown = json.loads((tmp_path / "status.json").read_text())["components"]
    assert [(c["name"], c["state"]) for c in shown] == [("aws", "running"), ("etcd", "running")]
    assert [c["log"] for c in shown] == [str(tmp_path / "lab.log"), str(tmp_path / "etcd.log")]
    assert shown[1]["pid"] > 0
    assert components.failure("aws", "etcd") is None


def test_one_that_ends_by_itself_is_reported(components, tmp_path):
    components.start("etcd", python("import sys; print('no disk'); sys.exit(3)"))
    wait_for_watchers()
    assert states(tmp_path) == {"etcd": "failed (exit code 3)"}
    assert (
        components.failure("kube-apiserver", "etcd") == f"etcd has failed (exit code 3): its log is {tmp_path}/etcd.log"
    )
    assert (tmp_path / "etcd.log").read_text() == "no disk\n"


def test_one_that_is_ended_is_stopped(components, tmp_path):
    components.start("etcd", ["sleep", "60"])
    components.stop("etcd", "unknown")
    wait_for_watchers()
    assert states(tmp_path) == {"etcd": "stopped"}
    assert components.failure("etcd") is None


def test_one_that_does_not_listen_is_killed(components, tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    components.start("deaf", ["sh", "-c", f"trap '' TERM; echo > {ready}; read _ < {ready}"])
    ready.read_text()
    components.stop("deaf", patience=0.0)
    wait_for_watchers()
    assert states(tmp_path) == {"deaf": "stopped"}


def test_logs_of_an_earlier_cluster_are_kept(components, tmp_path):
    for word in ("first", "second"):
        components.start("etcd", ["echo", word])
        wait_for_watchers()
    assert (tmp_path / "etcd.log").read_text() == "first\nsecond\n"
