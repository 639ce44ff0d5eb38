"""The module is a list of results, the clock jumps."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.streamops.kafka_eks.plugins.action import eks_cluster, eks_nodegroups, vpc_network
from ansible_collections.streamops.kafka_eks.plugins.plugin_utils import _polling

ASKED = {"wait": True, "wait_timeout": 100, "poll_interval": 10}


def result(
    in_progress: bool, changed: bool = False, asked: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    arguments = {**ASKED, **(asked or {})}
    progress = "EKS cluster 'demo' is CREATING." if in_progress else ""
    return {
        "changed": changed,
        "in_progress": in_progress,
        "progress": progress,
        "asked": {},
        "diff": {"before": {}, "after": {"changed": changed}},
        "invocation": {"module_args": arguments},
        **more,
    }


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_polling, "DISPLAY", Mock(display=clock.said.append))
    # The defaults of wait_for are bound when it is defined, so it is given a clock of its own.
    waiting = _polling.wait_for
    monkeypatch.setattr(
        _polling, "wait_for", lambda look, timeout, say: waiting(look, timeout, say, lambda: clock.now, clock.sleep)
    )
    return clock


def act(monkeypatch: pytest.MonkeyPatch, *results: dict[str, Any]) -> tuple[dict[str, Any], Mock]:
    """Run the action while the module returns these, the last one for ever."""
    left = list(results)
    execute = Mock(side_effect=lambda **_: left.pop(0) if len(left) > 1 else left[0])
    action = eks_cluster.ActionModule(
        task=Mock(args={"name": "demo"}, async_val=0, check_mode=False, diff=True),
        connection=Mock(),
        play_context=Mock(),
        loader=Mock(),
        templar=Mock(),
        shared_loader_obj=Mock(),
    )
    monkeypatch.setattr(action, "_execute_module", execute)
    return action.run(task_vars={}), execute


def test_each_action_runs_the_module_of_its_name():
    assert eks_cluster.ActionModule.module == "streamops.kafka_eks.eks_cluster"
    assert eks_nodegroups.ActionModule.module == "streamops.kafka_eks.eks_nodegroups"
    assert vpc_network.ActionModule.module == "streamops.kafka_eks.vpc_network"


def test_what_is_done_at_once_is_not_waited_for(monkeypatch, clock):
    done, execute = act(monkeypatch, result(False))
    assert execute.call_count == 1
    assert execute.call_args.kwargs["module_args"] == {"name": "demo"}
    assert (done["changed"], clock.said, clock.now) == (False, [], 0)


def test_it_looks_until_it_is_done_and_sums_up(monkeypatch, clock):
    done, execute = act(
        monkeypatch, result(True, changed=True, mark=1), result(True), result(False, cluster={"status": "ACTIVE"})
    )
    assert execute.call_count == 3
    assert done["changed"]
    assert done["diff"]["after"] == {"changed": True}
    assert done["cluster"] == {"status": "ACTIVE"}
    assert not done["in_progress"]
    assert clock.now == 20


def test_a_line_is_said_at_most_every_15_seconds(monkeypatch, clock):
    act(monkeypatch, *[result(True)] * 7, result(False))
    assert clock.said == [f"EKS cluster 'demo' is CREATING. ({second} of 100 s)" for second in (0, 20, 40, 60)]


def test_the_deadline_names_what_was_seen_last(monkeypatch, clock):
    done, _ = act(monkeypatch, result(True, changed=True))
    assert done["failed"]
    assert done["changed"]
    assert done["msg"] == (
        "EKS cluster 'demo' is CREATING. It was waited for 100 s: give wait_timeout more, or run again, which goes on."
    )


def test_who_does_not_want_to_wait_gets_the_first_look(monkeypatch, clock):
    done, execute = act(monkeypatch, result(True, changed=True, asked={"wait": False}))
    assert execute.call_count == 1
    assert (done["changed"], done["in_progress"]) == (True, True)


def test_a_failure_ends_the_waiting_and_keeps_what_was_changed(monkeypatch, clock):
    done, execute = act(monkeypatch, result(True, changed=True), {"failed": True, "msg": "It has FAILED."})
    assert execute.call_count == 2
    assert (done["failed"], done["msg"], done["changed"]) == (True, "It has FAILED.", True)


def test_a_pass_is_told_what_the_one_before_has_asked_for(monkeypatch, clock):
    first = {**result(True, changed=True), "asked": {"demo": "update-1"}}
    _, execute = act(monkeypatch, first, result(True), result(False))
    given = [call.kwargs["module_args"].get("asked") for call in execute.call_args_list]
    assert given == [None, {"demo": "update-1"}, {}]
