"""What the role asks for by default is possible, and its handler asks for the same as its task."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_plan
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import Settings

ROLE = Path(__file__).resolve().parents[3] / "roles/network"
OPTIONS = ("cidr", "secondary_cidr", "zone_count", "zone_ids", "public", "nat", "interface_endpoints", "tags")
MODULE = "streamops.kafka_eks.vpc_network"


def settings(evaluate, **given):
    options = {name: evaluate("network", f"network_{name}", **given) for name in OPTIONS}
    return Settings(cluster=evaluate("network", "network_cluster_name"), region="us-west-2", **options)


@pytest.mark.parametrize("nat", ["per_zone", "single", "none"])
def test_the_default_network_is_possible(evaluate, nat):
    _network_plan.check(settings(evaluate, network_nat=nat))


def test_with_a_way_out_there_are_no_endpoints_that_cost(evaluate):
    default = settings(evaluate)
    assert default.public
    assert default.interface_endpoints == []


def test_without_a_way_out_there_is_all_that_a_cluster_calls(evaluate):
    private = settings(evaluate, network_nat="none")
    assert not private.public
    assert set(private.interface_endpoints) == {
        *(
            "ec2",
            "ecr.api",
            "ecr.dkr",
            "eks",
            "eks-auth",
            "elasticloadbalancing",
            "logs",
            "route53",
            "ssm",
            "sts",
            "xray",
        ),
        "sqs",  # Karpenter
        "aps-workspaces",  # Amazon Managed Prometheus
    }
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
    described = " ".join(specs["main"]["options"]["network_interface_endpoints"]["description"])
    assert all(f"V({name})" in described for name in private.interface_endpoints)


def test_the_handler_waits_for_what_the_task_has_begun():
    (task,) = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
    (handler,) = yaml.safe_load((ROLE / "handlers/main.yml").read_text())
    assert task["notify"] == handler["name"]
    waiting = ("wait", "wait_timeout", "poll_interval")
    begun, waited_for = (
        {name: value for name, value in one[MODULE].items() if name not in waiting} for one in (task, handler)
    )
    assert begun == waited_for
    assert (task[MODULE]["wait"], handler[MODULE]["wait"]) == (False, True)
