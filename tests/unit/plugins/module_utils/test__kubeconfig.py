from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _kubeconfig
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError

CONTENT = _kubeconfig.document("demo", "https://a", "Q0E=", "us-west-2", "/bin/aws", {"B": "2", "A": "1"})


def program(folder: Path, name: str) -> Path:
    folder.mkdir()
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def test_the_program_beside_the_interpreter_comes_first(tmp_path, monkeypatch):
    beside = program(tmp_path / "venv", "aws")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(program(tmp_path / "bin", "aws").parent))
    assert _kubeconfig.find_aws_program() == str(beside)
    beside.unlink()
    assert _kubeconfig.find_aws_program() == str(tmp_path / "bin" / "aws")


def test_a_missing_program_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AwsError, match="install awscli"):
        _kubeconfig.find_aws_program()


def test_what_is_written_is_read_back_and_is_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "folder" / "demo.yaml"
    _kubeconfig.write(path, CONTENT)
    assert _kubeconfig.read(path, "demo") == CONTENT == yaml.safe_load(path.read_text())
    assert _kubeconfig.mode_of(path) == 0o600
    assert _kubeconfig.mode_of(path.parent) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_no_file_says_nothing(tmp_path):
    assert _kubeconfig.read(tmp_path / "none", "demo") is None
    assert _kubeconfig.shown(None) == {}


def test_what_is_shown_leaves_out_certificates_and_tokens():
    users = [{"name": "demo", "user": {"token": "s3cr3t", "client-key-data": "s3cr3t"}}]
    assert "s3cr3t" not in str(_kubeconfig.shown({**CONTENT, "users": users}))
    assert "Q0E=" not in str(_kubeconfig.shown(CONTENT))
    assert _kubeconfig.shown(CONTENT)["environment"] == {"A": "1", "B": "2"}
