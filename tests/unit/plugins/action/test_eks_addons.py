from __future__ import annotations

from unittest.mock import Mock

import pytest
from ansible_collections.streamops.kafka_eks.plugins.action import eks_addons
from ansible_collections.streamops.kafka_eks.plugins.plugin_utils import _polling


@pytest.mark.parametrize(
    ("wait_for", "pending", "done"),
    [
        pytest.param(None, [], True, id="all: done"),
        pytest.param(None, ["coredns"], False, id="all: one is on its way"),
        pytest.param(["vpc-cni"], ["coredns"], True, id="some: another one is on its way"),
        pytest.param(["vpc-cni"], ["coredns", "vpc-cni"], False, id="some: one of them is on its way"),
        pytest.param([], ["coredns"], True, id="none"),
    ],
)
def test_only_what_is_to_be_waited_for_is_waited_for(monkeypatch, wait_for, pending, done):
    looks = []
    arguments = {"wait": True, "wait_timeout": 100, "poll_interval": 10, "wait_for": wait_for}

    def execute(module_args, **_):
        looks.append(module_args)
        left = pending if len(looks) == 1 else []
        return {
            "changed": False,
            "in_progress": bool(left),
            "pending": left,
            "progress": "So it is.",
            "asked": {"vpc-cni": "0123"},
            "invocation": {"module_args": arguments},
        }

    action = eks_addons.ActionModule(
        task=Mock(args={"cluster_name": "demo"}, async_val=0, check_mode=False, diff=True),
        connection=Mock(),
        play_context=Mock(),
        loader=Mock(),
        templar=Mock(),
        shared_loader_obj=Mock(),
    )
    monkeypatch.setattr(action, "_execute_module", execute)
    monkeypatch.setattr(_polling, "DISPLAY", Mock())
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    waiting = _polling.wait_for
    monkeypatch.setattr(
        _polling, "wait_for", lambda look, timeout, say: waiting(look, timeout, say, sleep=lambda seconds: None)
    )
    result = action.run(task_vars={})
    assert result["in_progress"] is (done and bool(pending))
    assert looks == [{"cluster_name": "demo"}] + (
        [] if done else [{"cluster_name": "demo", "asked": {"vpc-cni": "0123"}}]
    )
