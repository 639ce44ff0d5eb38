from __future__ import annotations

import pytest

from lab import place


def test_the_environment_names_a_lab(monkeypatch, tmp_path):
    for name, value in {"LAB_DIR": str(tmp_path), "LAB_PORT": "19000", "LAB_AWS_TIME_SCALE": "0.1"}.items():
        monkeypatch.setenv(name, value)
    found = place.place()
    assert (found.root, found.port, found.time_scale) == (tmp_path, 19000, 0.1)
    assert found.environment["LAB_AWS_TIME_SCALE"] == "0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("LAB_PORT", "80", id="port of the system"),
        pytest.param("LAB_PORT", "many", id="port that is none"),
        pytest.param("LAB_AWS_TIME_SCALE", "2", id="slower than AWS"),
        pytest.param("LAB_AWS_TIME_SCALE", "fast", id="scale that is none"),
    ],
)
def test_what_cannot_be_is_told(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"{name} is '{value}'"):
        place.place()
