"""Renders a role's template as Ansible does, with the role's defaults and what the test sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from lab import build
from lab.place import Place, place

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


@pytest.fixture(scope="session")
def crd_validator() -> Callable[[str, str], Callable[[dict[str, Any]], list[str]]]:
    """Takes a step of the lab's set-up and the folder below its cache where that puts CRDs; makes what checks an object's spec against the
    one of its version, unknown fields included."""
    import jsonschema

    def made(step: str, folder: str) -> Callable[[dict[str, Any]], list[str]]:
        lab: Place = place()
        build.make(tuple(one for one in build.steps(lab) if one.name == step), lab.cache / "stamps", print)
        schemas: dict[tuple[str, str], Any] = {}
        for file in (lab.cache / folder).glob("*.yaml"):
            crd = yaml.safe_load(file.read_text())
            for version in crd["spec"]["versions"]:
                key = f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]
                schemas[key] = closed(version["schema"]["openAPIV3Schema"])

        def problems(obj: dict[str, Any]) -> list[str]:
            schema = schemas[obj["apiVersion"], obj["kind"]]
            spec = {"type": "object", "properties": {"spec": schema["properties"]["spec"]}}
            return [error.message for error in jsonschema.Draft202012Validator(spec).iter_errors({"spec": obj["spec"]})]

        return problems

    return made


def closed(schema: Any) -> Any:
    """The API server prunes unknown fields silently: here they are errors."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if (
        "properties" in schema
        and isinstance(schema["properties"], dict)
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    ):
        result.setdefault("additionalProperties", False)
    return result
