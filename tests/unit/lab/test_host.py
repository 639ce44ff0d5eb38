from __future__ import annotations

import shutil
import socket
import subprocess
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from lab import host
from lab.host import GIB, HostError, Requirement


def test_everything_that_is_missing_is_named_at_once() -> None:
    requirements = (
        Requirement("a", lambda: "a is missing: install a"),
        Requirement("b", lambda: None),
        Requirement("c", lambda: "c is missing: install c"),
    )
    with pytest.raises(HostError) as error:
        host.check(requirements)
    assert str(error.value) == "This machine cannot run the lab: a is missing: install a; c is missing: install c."


def test_a_complete_machine_passes() -> None:
    host.check((Requirement("a", lambda: None),))


def test_a_missing_program_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    sentences = list(host.problems(tuple(r for r in host.REQUIREMENTS if r.name == "iproute2")))
    assert sentences == ["the program ip is missing: install iproute2 (Debian and Ubuntu: apt install iproute2)"]


def test_forbidden_user_namespaces_name_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "unshare: unshare failed: Operation not permitted\n")

    monkeypatch.setattr(subprocess, "run", refused)
    (sentence,) = host.problems(tuple(r for r in host.REQUIREMENTS if r.name == "user namespaces"))
    assert "Operation not permitted" in sentence
    assert "sysctl kernel.unprivileged_userns_clone=1" in sentence


def test_too_little_disk_is_refused_for_a_folder_that_does_not_exist_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10 * GIB, 9 * GIB, GIB))
    with pytest.raises(HostError, match=r"has 1\.0 GiB free, and running the lab needs 2: free some space"):
        host.require_disk(tmp_path / "not/yet", 2 * GIB, "running the lab")
    host.require_disk(tmp_path / "not/yet", GIB, "running the lab")


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(HostError, match=rf"Port {port} of 127\.0\.0\.1 cannot be used .*LAB_PORT"):
            host.require_ports((port,))
    host.require_ports((port,))
