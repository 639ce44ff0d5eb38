"""Lets the tests import the collection by its name and the lab by its own."""

from __future__ import annotations

import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO / ".ansible/collections"), str(REPO)]
