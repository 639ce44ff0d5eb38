from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab import build
from lab.build import BuildError, Step


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(build, "REPO", tmp_path)
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "main.go").write_text("one")
    return folder


def step(source: Path, made: list[str], fail: bool = False) -> Step:
    def make(note: build.Say) -> None:
        if fail:
            raise BuildError("no")
        made.append(source.joinpath("main.go").read_text())

    return Step("thing", "a thing", source, lambda: (source, "1.0"), make)


def test_a_thing_is_made_once_and_again_when_its_source_changes(source: Path, tmp_path: Path) -> None:
    made: list[str] = []
    steps, stamps = (step(source, made),), tmp_path / "stamps"
    assert build.make(steps, stamps, print) == 1
    assert build.make(steps, stamps, print) == 0
    (source / "main.go").write_text("two")
    assert build.make(steps, stamps, print) == 1
    (source / "new.go").write_text("")
    assert not build.is_made(steps[0], stamps)
    assert made == ["one", "two"]


def test_a_step_that_failed_is_made_again(source: Path, tmp_path: Path) -> None:
    made: list[str] = []
    stamps = tmp_path / "stamps"
    build.make((step(source, made),), stamps, print)
    (source / "main.go").write_text("two")
    with pytest.raises(BuildError):
        build.make((step(source, made, fail=True),), stamps, print)
    (source / "main.go").write_text("one")
    assert not build.is_made(step(source, made), stamps), "what was half remade must not pass for made"


def test_a_failed_command_shows_its_last_lines() -> None:
    with pytest.raises(BuildError, match=r"ended with 3: run make setup again.*\n  the reason"):
        build.run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], lambda _: None)


def test_progress_is_taken_from_the_output() -> None:
    notes: list[str] = []
    build.run([sys.executable, "-c", "print('a'); print('b')"], notes.append, line=lambda text: text.strip().upper())
    assert notes == ["A", "B"]


@pytest.mark.parametrize(
    ("version", "new_enough"),
    [
        pytest.param("go1.27.0", True, id="newer"),
        pytest.param("go1.26.3", True, id="the oldest that will do"),
        pytest.param("go1.26", False, id="without a patch"),
        pytest.param("go1.25.9", False, id="older"),
        pytest.param("devel", False, id="unknown"),
    ],
)
def test_a_go_that_is_new_enough_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, new_enough: bool
) -> None:
    (tmp_path / "go").write_text(f"#!/bin/sh\necho go version {version} linux/amd64\n")
    (tmp_path / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build, "VENV", tmp_path / "none")
    monkeypatch.setattr(build, "GO_OLDEST", (1, 26, 3))
    if new_enough:
        assert build.go_program() == str(tmp_path / "go")
    else:
        with pytest.raises(FileNotFoundError):
            build.go_program()
