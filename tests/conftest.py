"""Lets the tests import the collection by its name and the lab by its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO / ".ansible/collections"), str(REPO)]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-write", action="store_true", help="kill after every write, not after a sample (make soak)"
    )
