from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.filter.versions import FilterModule

refusal = FilterModule().filters()["karpenter_refusal"]


@pytest.mark.parametrize(
    ("version", "kubernetes", "sentence"),
    [
        pytest.param("1.14.1", "1.35", "", id="fits"),
        pytest.param("1.9.0", "1.35", "", id="just fits"),
        pytest.param(
            "1.8.8",
            "1.35",
            "Karpenter 1.8.8 does not support Kubernetes 1.35, which needs 1.9: choose that or a newer one.",
            id="too old",
        ),
        pytest.param("1.14.1", "1.99", "", id="not known"),
    ],
)
def test_a_version_that_does_not_go_with_kubernetes_is_refused(version: str, kubernetes: str, sentence: str) -> None:
    assert refusal(version, kubernetes) == sentence
