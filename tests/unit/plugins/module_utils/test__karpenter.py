"""The messages are those of Karpenter 1.14.1."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._karpenter import Said, why_unplaced

POD = {"metadata": {"name": "broker-1", "uid": "p"}}
LABELS = (
    "kafka-eks.streamops.io/pool In [broker], karpenter.k8s.aws/ec2nodeclass In [kafka], karpenter.sh/capacity-type In [on-demand], "
    "karpenter.sh/initialized In [true], karpenter.sh/nodepool In [broker], karpenter.sh/registered In [true], kubernetes.io/os In "
    "[linux], node.kubernetes.io/instance-type In [r8g.4xlarge], topology.kubernetes.io/zone In [us-west-2b], "
    'resources={"cpu":"12","memory":"100Gi","pods":"1"}'
)
OTHER_POOL = (
    "incompatible requirements, key kafka-eks.streamops.io/pool, kafka-eks.streamops.io/pool In [broker] not in "
    "kafka-eks.streamops.io/pool In [general]"
)
TAINTED = "did not tolerate taint (taint=kafka-eks.streamops.io/pool=load:NoSchedule)"
NO_CAPACITY = f"Failed to schedule pod, {TAINTED}; no instance type had enough resources or had a required offering, requirements={LABELS}; {OTHER_POOL}"
NO_OFFERING = "Karpenter: no instance type had enough resources or had a required offering (type r8g.4xlarge, zone us-west-2b, cpu 12, memory 100Gi)"
SEVERAL = "no instance type which met the scheduling requirements and had enough resources, had a required offering"
LIMITED = "all available instance types exceed limits for nodepool (NodePool=broker)"
REFUSED = "NodeClaim broker-dlx79 event: creating instance, insufficient capacity, with fleet error(s), "
SHORTAGE = (
    f"{REFUSED}InsufficientInstanceCapacity: We currently do not have sufficient r8g.4xlarge capacity in the Availability Zone you requested "
    "(us-west-2b). Our system will be working on provisioning additional capacity. (aws-error-code=UnfulfillableCapa..."
)
QUOTA = (
    f"{REFUSED}VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 10 allows for the instance bucket "
    "that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request ..."
)
OVER_QUOTA = (
    "EC2 refuses it: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 10 allows for the instance "
    "bucket that the specified instance type belongs to"
)
EC2_HAS_NONE = "EC2 has no r8g.4xlarge in us-west-2b just now (InsufficientInstanceCapacity)"
BARREN = "NodePool requirements filtered out all compatible available instance types"
NOMINATED = "Pod should schedule on: nodeclaim/broker-dlx79"


def event(reason: str, message: str, time: str = "1", of: str = "p", **rest: Any) -> dict[str, Any]:
    return {
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-11-22T16:40:0{time}Z",
        "involvedObject": {"uid": of, "name": rest.pop("name", "")},
        "source": {"component": "karpenter"},
        **rest,
    }


def refused(message: str, name: str = "broker-dlx79") -> dict[str, Any]:
    return event("InsufficientCapacityError", message, of="c", name=name)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        pytest.param([], "", id="nothing said"),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY)], NO_OFFERING, id="the clause of the pool that comes nearest"
        ),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY), refused(SHORTAGE)],
            f"{NO_OFFERING}; {EC2_HAS_NONE}",
            id="and what EC2 lacks",
        ),
        pytest.param(
            [event("FailedScheduling", f"Failed to schedule pod, {SEVERAL}, requirements={LABELS}"), refused(SHORTAGE)],
            f"Karpenter: {SEVERAL} (type r8g.4xlarge, zone us-west-2b, cpu 12, memory 100Gi); {EC2_HAS_NONE}",
            id="in a pool of several types",
        ),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY), refused(SHORTAGE.replace("us-west-2b", "us-west-2c"))],
            NO_OFFERING,
            id="it lacks it elsewhere",
        ),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY), refused(QUOTA)], f"{NO_OFFERING}; {OVER_QUOTA}", id="a quota"
        ),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY), refused(QUOTA, "broker-two-dlx79")],
            NO_OFFERING,
            id="a quota met by another pool",
        ),
        pytest.param(
            [
                event("FailedScheduling", f"Failed to schedule pod, {TAINTED}; {OTHER_POOL}; {LIMITED}"),
                refused(SHORTAGE),
            ],
            f"Karpenter: {LIMITED}",
            id="the limit of its pool, whatever EC2 said before",
        ),
        pytest.param(
            [event("FailedScheduling", f"Failed to schedule pod, {TAINTED}")],
            f"Karpenter: {TAINTED}",
            id="only a taint",
        ),
        pytest.param(
            [
                event("FailedScheduling", f"Failed to schedule pod, {TAINTED}; {OTHER_POOL}"),
                event("NoCompatibleInstanceTypes", BARREN, of="n", name="broker"),
                event("NoCompatibleInstanceTypes", BARREN, of="m", name="another"),
            ],
            f"Karpenter: {TAINTED}; NodePool broker: {BARREN}",
            id="its own pool has no machine at all",
        ),
        pytest.param(
            [
                event("FailedScheduling", "Failed to schedule pod, older", time="1"),
                event("FailedScheduling", "Failed to schedule pod, newer", time="2"),
            ],
            "Karpenter: newer",
            id="the last word counts",
        ),
        pytest.param([event("FailedScheduling", NO_CAPACITY, of="another")], "", id="another pod"),
        pytest.param(
            [event("FailedScheduling", "0/6 nodes", source={"component": "default-scheduler"})], "", id="the scheduler"
        ),
        pytest.param(
            [event("FailedScheduling", "Failed to schedule pod, x", source={}, reportingComponent="karpenter")],
            "Karpenter: x",
            id="events of the newer API",
        ),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY), event("Nominated", NOMINATED, time="2"), refused(SHORTAGE)],
            EC2_HAS_NONE,
            id="EC2 refuses the machine that was meant for it",
        ),
        pytest.param(
            [event("Nominated", NOMINATED), refused("NodeClaim broker-dlx79 event: something new")],
            "NodeClaim broker-dlx79 event: something new",
            id="for a reason of which nothing is known",
        ),
        pytest.param([event("Nominated", NOMINATED)], "", id="the machine has gone"),
        pytest.param(
            [event("Nominated", "Pod should schedule on: node/ip-1", time="2"), event("FailedScheduling", NO_CAPACITY)],
            "",
            id="there is a node for it",
        ),
    ],
)
def test_what_keeps_a_pod_from_a_node(events: list[Any], words: str) -> None:
    assert why_unplaced(POD, Said(events)) == words


def claim(launched: Any = True, registered: Any = True, initialized: Any = True) -> dict[str, Any]:
    states = {"Launched": launched, "Registered": registered, "Initialized": initialized}
    conditions = [
        {
            "type": name,
            "status": "True" if state is True else "Unknown",
            "reason": "" if state is True else state[0],
            "message": "" if state is True else state[1],
            "lastTransitionTime": "2026-11-22T16:40:02Z",
        }
        for name, state in states.items()
    ]
    return {
        "metadata": {"name": "broker-dlx79"},
        "status": {"conditions": conditions, **({"providerID": "aws:///us-west-2b/i-1"} if launched is True else {})},
    }


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        pytest.param(
            claim(launched=("LaunchFailed", "creating instance, UnauthorizedOperation"), registered=("x", "y")),
            "NodeClaim broker-dlx79 is not launched (LaunchFailed: creating instance, UnauthorizedOperation)",
            id="not launched",
        ),
        pytest.param(
            claim(registered=("NodeNotFound", "Node not registered with cluster"), initialized=("x", "y")),
            "machine i-1 (NodeClaim broker-dlx79), launched at 2026-11-22T16:40:02Z, has not joined the cluster; if it never does, see the "
            "access entry of its role, its way to the API server and its console output",
            id="not joined",
        ),
        pytest.param(
            claim(initialized=("StartupTaintsExist", 'StartupTaint "ebs.csi.aws.com/agent-not-ready" still exists')),
            "machine i-1 (NodeClaim broker-dlx79) is not ready for pods (StartupTaintsExist: StartupTaint "
            '"ebs.csi.aws.com/agent-not-ready" still exists)',
            id="not ready for pods",
        ),
        pytest.param(claim(), "", id="ready"),
    ],
)
def test_what_becomes_of_the_machine_that_is_meant_for_a_pod(machine: dict[str, Any], words: str) -> None:
    another = {**claim(launched=("x", "y")), "metadata": {"name": "broker-aaaaa"}}
    assert why_unplaced(POD, Said([event("Nominated", NOMINATED)], [another, machine])) == words


def test_of_the_next_machine_the_pod_is_not_told_at_once() -> None:
    old, new, other = claim(), claim(registered=("NodeNotFound", "x")), claim(registered=("NodeNotFound", "x"))
    old["metadata"], new["metadata"], other["metadata"] = (
        {"name": name} for name in ("broker-aaaaa", "broker-bbbbb", "controller-ccccc")
    )
    words = why_unplaced(POD, Said([event("Nominated", NOMINATED)], [other, old, new]))
    assert words.startswith("machine i-1 (NodeClaim broker-bbbbb), launched at")
    assert why_unplaced(POD, Said([event("Nominated", NOMINATED)], [other, old])) == ""
