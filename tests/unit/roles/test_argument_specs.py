"""The argument spec is the one source of a role's interface."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[3]
ROLES = sorted((REPO / "roles").iterdir())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_are_those_of_the_argument_spec(role: Path) -> None:
    options: dict[str, Any] = {}
    for entry in load(role / "meta/argument_specs.yml")["argument_specs"].values():
        options |= entry["options"]
    assert load(role / "defaults/main.yml") == {
        name: option["default"] for name, option in options.items() if "default" in option
    }


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_variable_carries_its_role(role: Path) -> None:
    defaults = load(role / "defaults/main.yml")
    assert all(name.startswith(role.name) for name in defaults)
    values = role / "vars/main.yml"
    assert not values.exists() or all(name.startswith(f"__{role.name}_") for name in load(values))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_entry_point_has_its_spec(role: Path) -> None:
    specs = load(role / "meta/argument_specs.yml")["argument_specs"]
    for name in ("main", "absent"):
        assert (role / f"tasks/{name}.yml").exists() == (name in specs)
