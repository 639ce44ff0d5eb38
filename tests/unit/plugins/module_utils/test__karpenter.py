"""The messages are those of Karpenter 1.14.1."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils._karpenter import why_unplaced

POD = {"metadata": {"name": "broker-1", "uid": "p"}}
LABELS = (
    "karpenter.k8s.aws/ec2nodeclass In [kafka], karpenter.sh/capacity-type In [on-demand], kubernetes.io/arch In [arm64], "
    "node.kubernetes.io/instance-type In [r8g.4xlarge], topology.kubernetes.io/zone In [us-west-2b], "
    'kafka-eks.streamops.io/pool In [broker], resources={"cpu":"12","memory":"100Gi","pods":"1"}'
)
OTHER_POOL = (
    "incompatible requirements, key kafka-eks.streamops.io/pool, kafka-eks.streamops.io/pool In [broker] not in "
    "kafka-eks.streamops.io/pool In [general]"
)
TAINTED = "did not tolerate taint (taint=kafka-eks.streamops.io/pool=load:NoSchedule)"
NO_CAPACITY = f"Failed to schedule pod, {TAINTED}; no instance type had enough resources or had a required offering, requirements={LABELS}; {OTHER_POOL}"
SHORTAGE = (
    "NodeClaim broker-dlx79 event: creating instance, insufficient capacity, with fleet error(s), InsufficientInstanceCapacity: We currently "
    "do not have sufficient r8g.4xlarge capacity in the Availability Zone you requested (us-west-2b). Our system will be working on "
    "provisioning additional capacity. (aws-error-code=UnfulfillableCapa..."
)
BARREN = "NodePool requirements filtered out all compatible available instance types"


def event(reason: str, message: str, time: str = "1", of: str = "p", **rest: Any) -> dict[str, Any]:
    return {
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-11-22T16:40:0{time}Z",
        "involvedObject": {"uid": of, "name": rest.pop("name", "")},
        "source": {"component": "karpenter"},
        **rest,
    }


@pytest.mark.parametrize(
    ("events", "words"),
    [
        pytest.param([], "", id="nothing said"),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY)],
            "Karpenter: no instance type had enough resources or had a required offering (type r8g.4xlarge, zone us-west-2b)",
            id="the clause of the pool that comes nearest",
        ),
        pytest.param(
            [event("FailedScheduling", NO_CAPACITY), event("InsufficientCapacityError", SHORTAGE, of="c")],
            "Karpenter: no instance type had enough resources or had a required offering (type r8g.4xlarge, zone us-west-2b); EC2 has no "
            "r8g.4xlarge in us-west-2b just now (InsufficientInstanceCapacity)",
            id="and what EC2 lacks",
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
    ],
)
def test_what_keeps_a_pod_from_a_node(events: list[Any], words: str) -> None:
    assert why_unplaced(POD, events) == words
