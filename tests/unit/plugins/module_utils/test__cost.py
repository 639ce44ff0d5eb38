from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _cost, _prices
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._cost import Load, Need, Plan, Volumes
from ansible_collections.streamops.kafka_eks.plugins.module_utils._groups import Group, pool_of
from ansible_collections.streamops.kafka_eks.plugins.module_utils._prices import Rate

NOTHING = Plan(
    extended_support=False,
    groups=[],
    volumes=[],
    nat_gateways=0,
    nat_data_gib=0,
    interface_endpoints=0,
    endpoint_data_gib=0,
    public_addresses=0,
    load=None,
    kms_keys=0,
    logs_gib=0,
    logs_stored_gib=0,
    metric_series=0,
    scrape_seconds=30,
)
POOL = {
    "name": "broker",
    "instance_types": ["r8g.4xlarge"],
    "size": 3,
    "temporary": 2,
    "spot": False,
    "zones": [],
    "root_size": "50Gi",
    "root_iops": 3000,
    "root_throughput": 125,
}
OPTIONS = {
    "extended_support": False,
    "nodegroups": [],
    "node_pools": [],
    "volumes": [],
    "zones": 3,
    "nat_gateways": 0,
    "nat_data": 0,
    "interface_endpoints": 0,
    "endpoint_data": 0,
    "load": None,
    "kms_keys": 0,
    "logs": 0,
    "logs_stored": 0,
    "metrics": None,
}
LOAD = Load(produced=10, consumed=30, replication_factor=3, zones=3, rack_aware=False)
MONTH = 730 * 3600


def needed(**settings):
    found = _cost.needs(dataclasses.replace(NOTHING, **settings))
    return {need.item: (need.price, need.quantity) for need in found if need.item != "EKS control plane"}


def test_a_cluster_alone_is_its_control_plane():
    assert _cost.needs(NOTHING) == [Need("EKS control plane", "control_plane", 730)]


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        pytest.param(
            {"extended_support": True}, {"EKS extended support": ("extended_support", 730)}, id="extended support"
        ),
        pytest.param(
            {
                "groups": [
                    Group("broker", ("r8g.4xlarge", "r7g.4xlarge"), 3, root_size=20),
                    Group("load", ("c8g.large",), 0),
                ]
            },
            {
                "Nodes 'broker': 3 r8g.4xlarge": ("instance r8g.4xlarge", 2190),
                "Root volumes of 'broker'": ("gp3", 60),
            },
            id="nodes",
        ),
        pytest.param(
            {"groups": [Group("load", ("c8g.large",), 1, spot=True, root_throughput=225)]},
            {
                "Nodes 'load': 1 c8g.large on spot": ("spot c8g.large", 730),
                "Root volumes of 'load'": ("gp3", 50),
                "Throughput of root volumes of 'load' over the baseline": ("gp3_throughput", 100),
            },
            id="spot has a price of its own",
        ),
        pytest.param(
            {"volumes": [Volumes("broker", "gp3", 3, 1000, iops=3000, throughput=125)]},
            {"Volumes 'broker': 3 gp3 of 1,000 GiB": ("gp3", 3000)},
            id="the baseline of gp3 is not billed",
        ),
        pytest.param(
            {"volumes": [Volumes("broker", "gp3", 3, 1000, iops=6000, throughput=500)]},
            {
                "Volumes 'broker': 3 gp3 of 1,000 GiB": ("gp3", 3000),
                "Throughput of 'broker' over the baseline": ("gp3_throughput", 3 * 375),
                "IOPS of 'broker' over the baseline": ("gp3_iops", 9000),
            },
            id="what is over it is",
        ),
        pytest.param(
            {"volumes": [Volumes("broker", "io2", 2, 100, iops=40000)]},
            {
                "Volumes 'broker': 2 io2 of 100 GiB": ("io2", 200),
                "IOPS of 'broker', volume 1": ("io2_iops", 40000),
                "IOPS of 'broker', volume 2": ("io2_iops", 40000),
            },
            id="each io2 volume has its own tiers",
        ),
        pytest.param(
            {"nat_gateways": 3, "nat_data_gib": 100, "public_addresses": 3},
            {
                "NAT gateways: 3": ("nat_hour", 2190),
                "Data through NAT gateways": ("nat_data", 100),
                "Public IPv4 addresses: 3": ("address_hour", 2190),
            },
            id="NAT",
        ),
        pytest.param(
            {"interface_endpoints": 18, "endpoint_data_gib": 5},
            {
                "Interface endpoints in all zones: 18": ("endpoint_hour", 18 * 730),
                "Data through interface endpoints": ("endpoint_data", 5),
            },
            id="endpoints",
        ),
        pytest.param(
            {"kms_keys": 2, "logs_gib": 10, "logs_stored_gib": 20, "metric_series": 1000, "scrape_seconds": 15},
            {
                "KMS keys: 2": ("kms_key", 2),
                "Logs ingested by CloudWatch": ("logs", 10),
                "Logs stored by CloudWatch": ("logs_stored", 20),
                "Samples ingested by Amazon Managed Prometheus": ("metrics", 1000 * MONTH / 15 / 1e6),
            },
            id="the rest",
        ),
    ],
)
def test_what_is_billed_is_listed(settings, needs):
    assert needed(**settings) == needs


@pytest.mark.parametrize(
    ("load", "produced", "replicated", "consumed"),
    [
        pytest.param({}, 2 / 3, 2, 2 / 3, id="three copies in three zones"),
        pytest.param({"rack_aware": True}, 2 / 3, 2, 0, id="readers stay in their zone"),
        pytest.param({"replication_factor": 1}, 2 / 3, 0, 2 / 3, id="no copies"),
        pytest.param({"zones": 1}, 0, 0, 0, id="one zone"),
        pytest.param({"zones": 2}, 1 / 2, 4 / 3, 1 / 2, id="three copies in two zones"),
        pytest.param({"zones": 4, "rack_aware": True}, 3 / 4, 2, 1 / 4, id="a zone without a copy"),
        pytest.param({"replication_factor": 2, "rack_aware": True}, 2 / 3, 1, 1 / 3, id="two copies in three zones"),
    ],
)
def test_traffic_between_zones_follows_from_the_load(load, produced, replicated, consumed):
    """It is billed in both directions."""
    gib = 2 * MONTH / 1024
    found = [quantity for _, quantity in needed(load=dataclasses.replace(LOAD, **load)).values()]
    expected = [10 * produced * gib, 10 * replicated * gib, 30 * consumed * gib]
    assert found == pytest.approx([quantity for quantity in expected if quantity])


def test_a_plan_comes_from_the_options():
    plan = _cost.plan_of(
        OPTIONS
        | {
            "nodegroups": [
                {"name": "b", "instance_types": ["m8g.large", "m7g.large"], "desired_size": 2, "labels": {}}
            ],
            "node_pools": [POOL],
            "volumes": [{"name": "b", "type": "gp3", "count": 1, "size": "1Ti", "iops": None, "throughput": None}],
            "interface_endpoints": 6,
            "nat_gateways": 2,
            "load": {"produced": 1.0, "consumed": 2.0, "replication_factor": 2, "rack_aware": True},
        }
    )
    assert plan == dataclasses.replace(
        NOTHING,
        groups=[Group("b", ("m8g.large", "m7g.large"), 2), pool_of(POOL)],
        volumes=[Volumes("b", "gp3", 1, 1024)],
        interface_endpoints=18,
        nat_gateways=2,
        public_addresses=2,
        load=Load(1.0, 2.0, 2, 3, True),
    )


def test_nothing_goes_through_what_is_not_there():
    plan = _cost.plan_of(OPTIONS | {"nat_data": 100, "endpoint_data": 100})
    assert (plan.nat_data_gib, plan.endpoint_data_gib) == (0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"nat_gateways": -1}, "nat_gateways is -1"),
        ({"zones": 0}, "cannot be below 1"),
        ({"metrics": {"series": 1, "scrape_interval": 0}}, "cannot be below 1"),
        ({"nodegroups": [{"name": "b", "desired_size": 1}]}, "Node group 'b' cannot be read"),
        (
            {"volumes": [{"name": "b", "type": "gp3", "count": 1, "size": "1 TB", "iops": None, "throughput": None}]},
            "The size '1 TB'",
        ),
    ],
)
def test_options_without_a_price_are_refused(options, words):
    with pytest.raises(AwsError, match=words):
        _cost.plan_of(OPTIONS | options)


PRICES = {
    "control_plane": Rate("hour", ((0.0, 0.1),), "a list", "2026-01-01"),
    "gp3": Rate("GiB-month", ((0.0, 0.08),), "another list", "2025-05-05"),
    "nat_data": Rate("GiB", ((0.0, 0.045),), "an undated list", ""),
}
WANTED = [
    Need("Control plane", "control_plane", 730),
    Need("Volumes", "gp3", 3000),
    Need("Data", "nat_data", 10),
    Need("Fast", "st1", 5),
]


def test_what_has_no_price_is_named_and_left_out():
    found = _cost.estimate(WANTED, PRICES)
    assert found.items[0] == {
        "item": "Control plane",
        "quantity": 730,
        "unit": "hour",
        "unit_price": 0.1,
        "monthly": 73.0,
        "currency": "USD",
        "source": "a list, 2026-01-01",
    }
    assert found.items[2]["source"] == "an undated list"
    assert found.unknown == [{"item": "Fast", "quantity": 5, "unit": "GiB-month"}]
    assert (found.total, found.prices_of) == (313.45, "2025-05-05 to 2026-01-01")


def test_an_estimate_is_a_table():
    assert _cost.lines(_cost.estimate(WANTED, PRICES), "us-west-2", refreshed=False) == [
        "a month               quantity       each     USD",
        "Control plane         730 hour        0.1   73.00",
        "Volumes        3,000 GiB-month       0.08  240.00",
        "Data                    10 GiB      0.045    0.45",
        "Fast               5 GiB-month  not known",
        "Total a month in us-west-2: 313.45 USD, without Fast.",
        "On demand, without taxes and discounts, for 730 hours, by prices of the collection's table (2025-05-05 to 2026-01-01).",
        "What has no price in us-west-2 is left out of the total: refresh: true (preflight_refresh_prices of the role) asks AWS's "
        "Pricing API.",
    ]


def test_an_unknown_region_has_no_total():
    last = _cost.lines(_cost.estimate(WANTED, _prices.of("eu-west-9", ["gp3"])), "eu-west-9", refreshed=False)[-1]
    assert last == (
        "No price of eu-west-9 is in the collection's table, so that nothing can be estimated: refresh: true "
        "(preflight_refresh_prices of the role) asks AWS's Pricing API."
    )
