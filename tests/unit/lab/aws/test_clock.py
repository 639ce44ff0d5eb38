from __future__ import annotations

import pytest

from lab.aws import clock, faults, settings
from lab.aws.clock import Transition
from lab.aws.plane import PlaneError


@pytest.fixture
def now(monkeypatch):
    """A clock that stands still until the test moves it."""
    settings.reset()
    time = [1000.0]
    monkeypatch.setattr(clock.current, "now", lambda: time[0])
    yield time
    settings.reset()


def begin(action="cluster create", resource="cluster kafka", **options):
    return Transition(action, resource, "CREATING", "ACTIVE", **options)


def test_without_a_scale_a_look_moves_a_state(now):
    happened = []
    transition = begin(then=lambda: happened.append("then"))
    assert (transition.status, transition.look(), transition.look()) == ("CREATING", "ACTIVE", "ACTIVE")
    assert happened == ["then"]


def test_with_a_scale_time_moves_it(now):
    settings.change(time_scale=0.1)
    transition = begin()
    now[0] += 47
    assert transition.look() == "CREATING"
    now[0] += 1
    assert transition.look() == "ACTIVE"


def test_it_does_not_move_before_what_stands_behind_it_is_done(now):
    done = []
    transition = begin(done=lambda: bool(done))
    assert transition.look() == "CREATING"
    done.append(True)
    assert transition.look() == "ACTIVE"


def test_what_cannot_be_done_fails(now):
    def broken():
        raise PlaneError("etcd has failed")

    happened = []
    transition = begin(done=broken, otherwise=lambda: happened.append("otherwise"))
    assert transition.look() == "FAILED"
    assert transition.failure == faults.Failure("InternalFailure", "etcd has failed")
    assert (happened, transition.is_over) == (["otherwise"], True)


def test_what_is_told_to_fail_does_so_when_its_time_has_come(now):
    settings.change(
        time_scale=0.1, failures=[{"action": "cluster create", "code": "C", "message": "m", "resource": "*kafka"}]
    )
    other, doomed, next_one = begin(resource="cluster other"), begin(), begin()
    assert doomed.look() == "CREATING"
    now[0] += 48
    assert [transition.look() for transition in (other, doomed, next_one)] == ["ACTIVE", "FAILED", "ACTIVE"]


def test_what_moves_by_itself_is_moved_at_any_request(now):
    transition = begin("NAT gateway create", "nat-1")
    clock.current.moves_by_itself(transition)
    clock.current.tick()
    assert transition.status == "CREATING"  # without a scale, looks move it
    settings.change(time_scale=0.1)
    now[0] += 11
    clock.current.tick()
    assert transition.status == "ACTIVE"


def test_the_critical_path_is_the_longest_chain(now):
    settings.change(time_scale=0.5)
    cluster = begin()
    begin("NAT gateway create", "nat-1")
    nodegroup = begin("node group create", "node group core", needs=[cluster.span])
    begin("add-on create", "add-on vpc-cni", needs=[cluster.span])
    now[0] += 240
    cluster.look()
    timeline = clock.current.timeline()
    assert timeline["critical_path"] == (480 + 150) * 0.5
    assert [(span["resource"], span["ended"]) for span in timeline["spans"]] == [
        ("cluster kafka", 1240.0),
        ("nat-1", None),
        ("node group core", None),
        ("add-on vpc-cni", None),
    ]
    assert nodegroup.span.needs == [cluster.span]


def test_the_chain_of_eks_is_found(account):
    account.make_cluster()
    account.make_nodegroup()
    account.eks.create_addon(clusterName="kafka", addonName="vpc-cni")
    settings.change(time_scale=1)
    assert clock.current.timeline()["critical_path"] == 480 + 150
