from __future__ import annotations

import importlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[4] / "plugins/filter"


def test_each_filter_has_its_documentation() -> None:
    modules = [
        importlib.import_module(f"ansible_collections.streamops.kafka_eks.plugins.filter.{path.stem}")
        for path in FOLDER.glob("*.py")
    ]
    filters = {name for module in modules for name in module.FilterModule().filters()}
    assert {path.stem for path in FOLDER.glob("*.yml")} == filters
