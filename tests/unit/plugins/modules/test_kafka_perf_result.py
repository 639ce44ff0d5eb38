from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.streamops.kafka_eks.plugins.modules import kafka_perf_result

LOGS = Path(__file__).resolve().parents[2] / "fixtures/perf"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def ran(check_mode: bool = False, **options: Any) -> dict[str, Any]:
        options = {"kind": "producer", "logs": [str(LOGS / "producer.log")], **options}
        controls = {"_ansible_check_mode": check_mode, "_ansible_remote_tmp": str(tmp_path)}
        with patch_module_args({**options, **controls}), pytest.raises(SystemExit):
            kafka_perf_result.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return ran


def test_the_document_is_written_once(run: Run, tmp_path: Path) -> None:
    dest = tmp_path / "producer.json"
    first = run(dest=str(dest), parameters={"acks": "all"})
    assert (first["changed"], first["verdict"], first["dest"]) == (True, "pass", str(dest))
    assert first["diff"]["before"] == "" and "windows" not in first["diff"]["after"]
    document = json.loads(dest.read_text(encoding="utf-8"))
    assert (document["name"], document["parameters"]) == ("producer", {"acks": "all"})
    assert len(document["clients"][0]["windows"]) == 3
    assert run(dest=str(dest), parameters={"acks": "all"})["changed"] is False
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["producer.json"]


def test_logs_beside_the_document_are_named_from_there(run: Run, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    log = Path(shutil.copy(LOGS / "producer.log", tmp_path / "logs"))
    run(logs=[str(log)], dest=str(tmp_path / "producer.json"))
    document = json.loads((tmp_path / "producer.json").read_text(encoding="utf-8"))
    assert document["clients"][0]["log"] == "logs/producer.log"


def test_check_mode_judges_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run(check_mode=True, dest=str(tmp_path / "producer.json"))
    assert (result["changed"], result["verdict"]) == (True, "pass")
    assert not (tmp_path / "producer.json").exists()


def test_check_mode_without_logs_is_no_failure(run: Run, tmp_path: Path) -> None:
    result = run(check_mode=True, logs=[], dest=str(tmp_path / "producer.json"))
    assert (result.get("failed"), result["verdict"]) == (None, "incomplete")
    assert run(logs=[])["failed"] is True


def test_a_violation_fails_after_writing(run: Run, tmp_path: Path) -> None:
    dest = tmp_path / "producer.json"
    result = run(dest=str(dest), thresholds={"max_p99_ms": 100})
    assert result["failed"] is True
    assert result["msg"].startswith("producer: fail; 17,000 records")
    assert result["msg"].endswith(": The 99th percentile of latency is 147 ms, over the 100 of max_p99_ms.")
    assert json.loads(dest.read_text(encoding="utf-8"))["verdict"] == "fail"


def test_a_violation_may_be_left_to_the_caller(run: Run) -> None:
    result = run(thresholds={"max_p99_ms": 100}, fail_on_violation=False)
    assert (result.get("failed"), result["verdict"]) == (None, "fail")


def test_an_earlier_document_is_a_baseline(run: Run, tmp_path: Path) -> None:
    baseline = tmp_path / "before.json"
    run(dest=str(baseline), requested={"records": 17000})
    assert run(baseline=str(baseline), requested={"records": 17000}, tolerance_percent=0)["verdict"] == "pass"


@pytest.mark.parametrize(
    "options, sentence",
    [
        pytest.param(
            {"logs": ["/nowhere/a.log"]},
            "The log /nowhere/a.log cannot be read: No such file or directory; correct the option logs.",
            id="no log",
        ),
        pytest.param(
            {"dest": "/nowhere/a.json"},
            "The result cannot be written to /nowhere/a.json: No such file or directory; "
            "create its folder, or name another file with dest.",
            id="no folder",
        ),
        pytest.param(
            {"baseline": "/nowhere/b.json"},
            "The baseline /nowhere/b.json cannot be read: No such file or directory; "
            "name an earlier result, or none for a first one.",
            id="no baseline",
        ),
        pytest.param(
            {"baseline": str(LOGS / "producer.log")},
            f"The baseline {LOGS / 'producer.log'} is not JSON (Expecting value: line 1 column 1 (char 0)): "
            "name a file that this module wrote.",
            id="a baseline that is none",
        ),
        pytest.param(
            {"thresholds": {"max_p98_ms": 1}},
            "Unsupported parameters for (basic.py) module: thresholds.max_p98_ms.",
            id="an unknown threshold",
        ),
    ],
)
def test_bad_input_is_refused(run: Run, options: dict[str, Any], sentence: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert result["msg"].startswith(sentence)
