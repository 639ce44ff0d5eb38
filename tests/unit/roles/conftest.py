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
INVENTORY = {"kafka_eks_cluster_name": "kafka-on-eks", "kafka_eks_region": "us-west-2"}


def trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def variables(role: str, settings: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = dict(INVENTORY)
    for name in ("defaults", "vars"):
        file = REPO / "roles" / role / name / "main.yml"
        if file.exists():
            values |= yaml.safe_load(file.read_text())
    return trusted(values | settings)


@pytest.fixture
def render() -> Callable[..., list[dict[str, Any]]]:
    def rendered(role: str, template: str, **settings: Any) -> list[dict[str, Any]]:
        templar = Templar(loader=DataLoader(), variables=variables(role, settings))
        text = (REPO / "roles" / role / "templates" / template).read_text()
        return [document for document in yaml.safe_load_all(templar.template(trust_as_template(text))) if document]

    return rendered


@pytest.fixture
def evaluate() -> Callable[..., Any]:
    def evaluated(role: str, name: str, **settings: Any) -> Any:
        values = variables(role, settings)
        return Templar(loader=DataLoader(), variables=values).template(values[name])

    return evaluated
