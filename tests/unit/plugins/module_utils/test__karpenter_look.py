from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._karpenter import Said
from ansible_collections.streamops.kafka_eks.plugins.module_utils._karpenter_look import what_karpenter_said
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kubernetes import KubernetesError


def event(name: str, namespace: str) -> dict[str, Any]:
    return {"kind": "Event", "metadata": {"name": name, "namespace": namespace}, "reason": "Nominated"}


EVENTS = [event("pod", "kafka"), event("machine", "default"), event("stranger", "argocd")]
CLAIM = {"kind": "NodeClaim", "metadata": {"name": "broker-1"}}


def names(objects: Any) -> set[str]:
    return {one["metadata"]["name"] for one in objects}


def test_events_of_pods_and_of_machines(fake_cluster: Any) -> None:
    said = what_karpenter_said(fake_cluster(*EVENTS, CLAIM), "kafka")
    assert (names(said.events), names(said.claims)) == ({"pod", "machine"}, {"broker-1"})


def test_each_is_read_once(fake_cluster: Any) -> None:
    said = what_karpenter_said(fake_cluster(*EVENTS, CLAIM), "default")
    assert len(said.events) == 1


def test_without_karpenter_nothing_is_asked(fake_cluster: Any) -> None:
    assert what_karpenter_said(fake_cluster(*EVENTS, unserved=("NodeClaim",)), "kafka") == Said()


@pytest.fixture
def closed(fake_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Any]:
    """A cluster that answers lists with this status."""

    def close(status: int) -> Any:
        def refuse(*_: Any, **__: Any) -> Any:
            raise KubernetesError("no", status)

        monkeypatch.setattr(fake_cluster, "list", refuse)
        return fake_cluster()

    return close


def test_who_may_not_ask_is_told_nothing(closed: Callable[[int], Any]) -> None:
    said = what_karpenter_said(closed(403), "kafka")
    assert [*said.events, *said.claims] == []


def test_a_broken_api_server_is_told(closed: Callable[[int], Any]) -> None:
    with pytest.raises(KubernetesError):
        what_karpenter_said(closed(500), "kafka")
