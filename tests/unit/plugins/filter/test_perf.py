from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.streamops.kafka_eks.plugins.filter.perf import FilterModule

LOGS = Path(__file__).resolve().parents[2] / "fixtures/perf"
FILTERS = FilterModule().filters()


def test_each_filter_reads_its_own_tool() -> None:
    for kind, records in (("producer", 17000), ("consumer", 30105)):
        result = FILTERS[f"{kind}_perf"]((LOGS / f"{kind}.log").read_text(encoding="utf-8"))
        assert (result["kind"], result["complete"], result["records"]) == (kind, True, records)


def test_anything_but_text_is_refused() -> None:
    with pytest.raises(
        AnsibleFilterError, match="producer_perf cannot read a list: give it the text of one producer's"
    ):
        FILTERS["producer_perf"](["a", "b"])
