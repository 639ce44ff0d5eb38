# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a cluster costs a month: what is billed of it, and what that amounts to with given prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._aws_data import AwsError, listed
from ._groups import Group, gib, group_of, pool_of
from ._prices import UNITS, Rate
from ._quotas import number

HOURS = 730  # a month, as AWS reckons
SECONDS = HOURS * 3600
MIB_IN_GIB = 1024
CURRENCY = "USD"
# What a gp3 volume has without being billed for it.
GP3_IOPS = 3000
GP3_THROUGHPUT = 125
VOLUME_TYPES = ("gp3", "io2", "st1")


@dataclass(frozen=True)
class Volumes:
    name: str
    type: str
    count: int
    size_gib: float
    iops: int | None = None
    throughput: int | None = None  # MiB/s


@dataclass(frozen=True)
class Load:
    """Records that are written and read all the time, by clients in all zones alike."""

    produced: float  # MiB/s
    consumed: float  # MiB/s, all consumers together
    replication_factor: int
    zones: int
    rack_aware: bool  # consumers read from a replica in their own zone


@dataclass(frozen=True)
class Plan:
    extended_support: bool
    groups: Sequence[Group]
    volumes: Sequence[Volumes]
    nat_gateways: int
    nat_data_gib: float
    interface_endpoints: int  # in all zones together
    endpoint_data_gib: float
    public_addresses: int
    load: Load | None
    kms_keys: int
    logs_gib: float
    logs_stored_gib: float
    metric_series: int
    scrape_seconds: int


@dataclass(frozen=True)
class Need:
    """So many units of what has a price of its own; the price is found by its key."""

    item: str
    price: str
    quantity: float


@dataclass(frozen=True)
class Estimate:
    items: list[dict[str, Any]]
    unknown: list[dict[str, Any]]
    total: float
    prices_of: str


def plan_of(options: Mapping[str, Any]) -> Plan:
    """A plan from the options of the module."""
    load, metrics = options["load"], options["metrics"] or {"series": 0, "scrape_interval": 30}
    for name, value in {**options, **metrics}.items():
        if isinstance(value, (int, float)) and value < 0:
            raise AwsError(f"{name} is {value}, and nothing is billed less than none times: give 0 or more.")
    if options["zones"] < 1 or metrics["scrape_interval"] < 1 or (load and load["replication_factor"] < 1):
        raise AwsError("Zones, the replication factor and the scrape interval cannot be below 1: give 1 or more.")
    return Plan(
        extended_support=options["extended_support"],
        groups=[*map(group_of, options["nodegroups"]), *map(pool_of, options["node_pools"])],
        volumes=volumes_of(options["volumes"]),
        nat_gateways=options["nat_gateways"],
        nat_data_gib=options["nat_data"] if options["nat_gateways"] else 0,
        interface_endpoints=options["interface_endpoints"] * options["zones"],
        endpoint_data_gib=options["endpoint_data"] if options["interface_endpoints"] else 0,
        public_addresses=options["nat_gateways"],
        load=Load(load["produced"], load["consumed"], load["replication_factor"], options["zones"], load["rack_aware"])
        if load
        else None,
        kms_keys=options["kms_keys"],
        logs_gib=options["logs"],
        logs_stored_gib=options["logs_stored"],
        metric_series=metrics["series"],
        scrape_seconds=metrics["scrape_interval"],
    )


def volumes_of(options: Sequence[Mapping[str, Any]]) -> list[Volumes]:
    return [
        Volumes(one["name"], one["type"], one["count"], gib(one["size"]), one["iops"], one["throughput"])
        for one in options
    ]


def needs(plan: Plan) -> list[Need]:
    """What is billed of a cluster."""
    found = [
        Need("EKS control plane", "control_plane", HOURS),
        Need("EKS extended support", "extended_support", HOURS if plan.extended_support else 0),
    ]
    for group in plan.groups:
        found += _group_needs(group)
    for volumes in plan.volumes:
        found += _volume_needs(volumes)
    found += [
        Need(f"NAT gateways: {plan.nat_gateways}", "nat_hour", plan.nat_gateways * HOURS),
        Need("Data through NAT gateways", "nat_data", plan.nat_data_gib),
        Need(f"Public IPv4 addresses: {plan.public_addresses}", "address_hour", plan.public_addresses * HOURS),
        Need(
            f"Interface endpoints in all zones: {plan.interface_endpoints}",
            "endpoint_hour",
            plan.interface_endpoints * HOURS,
        ),
        Need("Data through interface endpoints", "endpoint_data", plan.endpoint_data_gib),
    ]
    if plan.load:
        found += _load_needs(plan.load)
    found += [
        Need(f"KMS keys: {plan.kms_keys}", "kms_key", plan.kms_keys),
        Need("Logs ingested by CloudWatch", "logs", plan.logs_gib),
        Need("Logs stored by CloudWatch", "logs_stored", plan.logs_stored_gib),
        Need(
            "Samples ingested by Amazon Managed Prometheus",
            "metrics",
            plan.metric_series * SECONDS / plan.scrape_seconds / 1e6,
        ),
    ]
    return [need for need in found if need.quantity]


def _group_needs(group: Group) -> Iterable[Need]:
    instance_type = group.instance_types[0] if group.instance_types else "of any type"
    # Nothing has the price of what is not known yet.
    price = f"{'spot' if group.spot else 'instance'} {instance_type}" if group.instance_types else ""
    about = f"Nodes '{group.name}': {group.size} {instance_type}{' on spot' if group.spot else ''}"
    yield Need(about, price, group.size * HOURS)
    yield Need(f"Root volumes of '{group.name}'", "gp3", group.size * group.root_size)
    yield from _gp3_needs(f"root volumes of '{group.name}'", group.size, group.root_iops, group.root_throughput)


def _volume_needs(volumes: Volumes) -> Iterable[Need]:
    about = f"Volumes '{volumes.name}': {volumes.count} {volumes.type} of {number(volumes.size_gib)} GiB"
    yield Need(about, volumes.type, volumes.count * volumes.size_gib)
    iops, throughput = volumes.iops or 0, volumes.throughput or 0
    if volumes.type == "gp3":
        yield from _gp3_needs(f"'{volumes.name}'", volumes.count, iops, throughput)
    elif volumes.type == "io2":
        # The tiers are those of one volume.
        for index in range(1, volumes.count + 1):
            yield Need(f"IOPS of '{volumes.name}', volume {index}", "io2_iops", iops)


def _gp3_needs(about: str, count: int, iops: int, throughput: int) -> Iterable[Need]:
    yield Need(
        f"Throughput of {about} over the baseline", "gp3_throughput", count * max(0, throughput - GP3_THROUGHPUT)
    )
    yield Need(f"IOPS of {about} over the baseline", "gp3_iops", count * max(0, iops - GP3_IOPS))


def _load_needs(load: Load) -> Iterable[Need]:
    """What crosses zones is billed on its way out of the one and into the other."""
    produced, consumed = _gib_a_month(load.produced), _gib_a_month(load.consumed)
    elsewhere = (load.zones - 1) / load.zones
    shares = {
        f"Producers' {number(load.produced)} MiB/s to leaders in other zones": produced * elsewhere,
        f"Replication of {number(load.produced)} MiB/s to other zones": produced * replicated_across(load),
        f"Consumers' {number(load.consumed)} MiB/s from other zones": consumed * _read_across(load),
    }
    return [Need(item, "cross_zone", 2 * quantity) for item, quantity in shares.items()]


def replicated_across(load: Load) -> float:
    """How many copies of a record cross zones: replicas are spread as evenly as they can be, leaders are any of them."""
    fewest, more = divmod(load.replication_factor, load.zones)
    in_zones = [fewest + (zone < more) for zone in range(load.zones)]
    return load.replication_factor - sum(count * count for count in in_zones) / load.replication_factor


def _read_across(load: Load) -> float:
    if load.rack_aware:
        return max(0, load.zones - load.replication_factor) / load.zones
    return (load.zones - 1) / load.zones


def _gib_a_month(mib_a_second: float) -> float:
    return mib_a_second * SECONDS / MIB_IN_GIB


def estimate(wanted: Sequence[Need], prices: Mapping[str, Rate]) -> Estimate:
    """What the needs amount to; what has no price is named, and not in the total."""
    items: list[dict[str, Any]] = []
    unknown: list[dict[str, Any]] = []
    dates: set[str] = set()
    total = 0.0
    for need in wanted:
        rate = prices.get(need.price)
        monthly = rate.cost(need.quantity) if rate else None
        if rate is None or monthly is None:
            unit = UNITS.get(need.price, "hour")
            unknown.append({"item": need.item, "quantity": round(need.quantity, 2), "unit": unit})
            continue
        total += monthly
        dates |= {rate.date} - {""}
        items.append(
            {
                "item": need.item,
                "quantity": round(need.quantity, 2),
                "unit": rate.unit,
                "unit_price": round(monthly / need.quantity, 6),
                "monthly": round(monthly, 2),
                "currency": CURRENCY,
                "source": f"{rate.source}, {rate.date}" if rate.date else rate.source,
            }
        )
    first, last = min(dates, default=""), max(dates, default="")
    return Estimate(items, unknown, round(total, 2), first if first == last else f"{first} to {last}")


def lines(found: Estimate, region: str, refreshed: bool) -> list[str]:
    """An estimate as a table for people."""
    rows = [("a month", "quantity", "each", CURRENCY)]
    rows += [(*_named(item), _price(item["unit_price"]), f"{item['monthly']:,.2f}") for item in found.items]
    rows += [(*_named(item), "not known", "") for item in found.unknown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        *(
            f"{item:<{widths[0]}}  {quantity:>{widths[1]}}  {price:>{widths[2]}}  {monthly:>{widths[3]}}".rstrip()
            for item, quantity, price, monthly in rows
        ),
        *_remarks(found, region, refreshed),
    ]


def _named(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["item"], f"{number(item['quantity'])} {item['unit']}"


def _price(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _remarks(found: Estimate, region: str, refreshed: bool) -> list[str]:
    """The total, and what is to be known of it."""
    whose = "the collection's table and of AWS's Pricing API" if refreshed else "the collection's table"
    unknown = listed(item["item"] for item in found.unknown)
    remedy = (
        "look it up" if refreshed else "refresh: true (preflight_refresh_prices of the role) asks AWS's Pricing API"
    )
    if not found.items:
        return [f"No price of {region} is in {whose}, so that nothing can be estimated: {remedy}."]
    return [
        f"Total a month in {region}: {found.total:,.2f} {CURRENCY}" + (f", without {unknown}." if unknown else "."),
        f"On demand, without taxes and discounts, for {HOURS} hours, by prices of {whose} ({found.prices_of}).",
        *([f"What has no price in {region} is left out of the total: {remedy}."] if unknown else []),
    ]
