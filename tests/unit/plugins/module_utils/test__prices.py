from __future__ import annotations

import re

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _prices
from ansible_collections.streamops.kafka_eks.plugins.module_utils._prices import Rate

TIERED = Rate("IOPS-month", ((0.0, 0.074), (32_000.0, 0.0518), (64_000.0, None)), "a list", "2026-01-01")


@pytest.mark.parametrize(
    ("instance_type", "region", "price"),
    [
        # Of the default inventory
        ("m8g.large", "us-west-2", 0.08976),
        ("r8g.4xlarge", "us-west-2", 0.94256),
        ("c8g.2xlarge", "us-west-2", 0.31904),
        # Figures that other lists have of them
        ("r8g.4xlarge", "us-east-1", 0.94256),
        ("m7g.large", "ap-south-1", 0.0583),
        ("r7g.xlarge", "ap-southeast-1", 0.2584),
        ("m7i.large", "ap-south-1", 0.10605),
        ("c7g.16xlarge", "ap-northeast-1", 2.9107),
        ("m8g.medium", "us-east-1", 0.04488),
        ("r8g.48xlarge", "us-west-2", 11.31072),
    ],
)
def test_sizes_are_priced_in_proportion(instance_type, region, price):
    assert _prices.instance_rate(region, instance_type).tiers == ((0.0, pytest.approx(price, abs=6e-5)),)


@pytest.mark.parametrize(
    ("region", "instance_type"),
    [
        ("us-west-2", "r9g.4xlarge"),
        ("us-west-2", "r8g.3xlarge"),
        ("us-west-2", "r8g.metal-24xl"),
        ("us-west-2", "r8g"),
        ("eu-west-9", "m7g.large"),
        ("eu-central-2", "r8g.large"),
    ],
)
def test_what_is_not_in_the_table_is_not_known(region, instance_type):
    assert _prices.instance_rate(region, instance_type) is None


def test_regions_have_what_is_known_of_them():
    assert set(_prices.rates("us-west-2")) == set(_prices.UNITS) - {"io2", "io2_iops", "st1"}
    assert set(_prices.rates("us-east-1")) == set(_prices.UNITS)
    assert "gp3" not in _prices.rates("eu-west-1")
    assert _prices.rates("eu-west-9") == {}


def test_every_figure_has_a_unit_a_source_and_where_it_is_known_a_date():
    for region in _prices.regions():
        for name, rate in _prices.rates(region).items():
            assert rate.unit == _prices.UNITS[name]
            assert rate.source
            assert re.fullmatch(r"(202\d-\d\d-\d\d)?", rate.date)
            assert all(price is None or price >= 0 for _, price in rate.tiers)


def test_prices_are_found_by_name():
    found = _prices.of("us-west-2", ["gp3", "st1", "instance m8g.large", "instance m9g.large", "spot m8g.large"])
    assert list(found) == ["gp3", "instance m8g.large"]


@pytest.mark.parametrize(
    ("quantity", "cost"),
    [(0, 0), (1000, 74), (32_000, 2368), (33_000, 2368 + 51.8), (64_000, 2368 + 1657.6), (64_001, None)],
)
def test_tiers_are_priced_one_after_the_other(quantity, cost):
    assert TIERED.cost(quantity) == (None if cost is None else pytest.approx(cost))
