"""Renders a role's template as Ansible does, with the role's defaults and what the test sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

REPO = Path(__file__).resolve().parents[3]
Variables = Callable[[str, dict[str, Any]], dict[str, Any]]


@pytest.fixture
def render(role_variables: Variables) -> Callable[..., list[dict[str, Any]]]:
    def rendered(role: str, template: str, **settings: Any) -> list[dict[str, Any]]:
        templar = Templar(loader=DataLoader(), variables=role_variables(role, settings))
        text = (REPO / "roles" / role / "templates" / template).read_text()
        return [document for document in yaml.safe_load_all(templar.template(trust_as_template(text))) if document]

    return rendered


@pytest.fixture
def evaluate(role_variables: Variables) -> Callable[..., Any]:
    def evaluated(role: str, name: str, **settings: Any) -> Any:
        values = role_variables(role, settings)
        return Templar(loader=DataLoader(), variables=values).template(values[name])

    return evaluated
