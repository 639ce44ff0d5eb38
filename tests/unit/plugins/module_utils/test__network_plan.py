from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network_plan as planning
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError, Ref
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import (
    KINDS,
    Foreign,
    Observed,
    Settings,
    Zone,
)

SETTINGS = Settings(
    cluster="demo",
    region="us-west-2",
    cidr="10.1.0.0/16",
    secondary_cidr="100.64.0.0/16",
    zone_count=3,
    zone_ids=[],
    public=True,
    nat="per_zone",
    interface_endpoints=["sts", "ecr.api"],
    tags={"team": "streams"},
)
ZONES = [Zone("us-west-2b", "usw2-az1", 0), Zone("us-west-2a", "usw2-az2", 1), Zone("us-west-2c", "usw2-az3", 2)]
EMPTY = Observed({kind: {} for kind in KINDS}, {})
PLAN = planning.address_plan(SETTINGS.cidr, SETTINGS.secondary_cidr)


def settings(**changes):
    return dataclasses.replace(SETTINGS, **changes)


def zone(zone_id, **more):
    return {"ZoneId": zone_id, "ZoneName": f"name of {zone_id}", "State": "available", **more}


def subnets(*places):
    """Subnets as they are found, of zones at their places."""
    return {
        f"public-{zone_id}": {
            "cidr": PLAN["public"][place],
            "zone": f"name of {zone_id}",
            "zone_id": zone_id,
            "tags": {"kafka-eks/subnet": "public"},
        }
        for zone_id, place in places
    }


def complete(**changes):
    """The network as it should be, as if it were there."""
    then = planning.target(planning.wanted(settings(**changes), ZONES), EMPTY, "demo")
    ids = {Ref(kind, name): f"id of {name}" for kind, things in then.items() for name in things}
    return Observed(then, ids)


def target(now, **changes):
    return planning.target(planning.wanted(settings(**changes), ZONES), now, "demo")


def test_the_address_plan_has_places_that_do_not_overlap():
    assert PLAN["public"] == ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"]
    assert PLAN["intra"] == ["10.1.4.0/24", "10.1.5.0/24", "10.1.6.0/24", "10.1.7.0/24"]
    assert PLAN["private"] == ["100.64.0.0/18", "100.64.64.0/18", "100.64.128.0/18", "100.64.192.0/18"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"cidr": "10.1.2.3/16"}, "not an IPv4 block", id="host bits"),
        pytest.param({"cidr": "10.0.0.0/8"}, "wrong size", id="too large"),
        pytest.param({"cidr": "10.1.0.0/24"}, "from /16, the largest a VPC can have, to /20", id="too small"),
        pytest.param(
            {"secondary_cidr": "100.64.0.0/25"}, "from /16, the largest a VPC can have, to /24", id="too small for pods"
        ),
        pytest.param({"secondary_cidr": "52.0.0.0/16"}, "addresses of the internet", id="public"),
        pytest.param({"cidr": "169.254.0.0/16"}, "reserved and no VPC can have", id="link-local"),
        pytest.param({"secondary_cidr": "10.1.64.0/18"}, "overlap", id="overlap"),
        pytest.param({"secondary_cidr": "172.16.0.0/16"}, "associates no block of 172.16.0.0/12", id="10 and 172.16"),
        pytest.param(
            {"secondary_cidr": "192.168.0.0/16"}, "associates no block of 192.168.0.0/16", id="10 and 192.168"
        ),
        pytest.param(
            {"cidr": "172.20.0.0/16", "secondary_cidr": "10.2.0.0/16"},
            "associates no block of 10.0.0.0/8",
            id="172.16 and 10",
        ),
        pytest.param(
            {"cidr": "100.65.0.0/16", "secondary_cidr": "10.2.0.0/16"},
            "associates no block of 10.0.0.0/8, such as secondary_cidr 10.2.0.0/16, with a VPC whose first block is 100.65.0.0/16",
            id="shared and 10",
        ),
        pytest.param({"secondary_cidr": "10.0.0.0/18"}, "AWS keeps 10.0.0.0/16 for itself", id="10.1 and 10.0"),
        pytest.param(
            {"cidr": "172.20.0.0/16", "secondary_cidr": "172.31.0.0/16"},
            "AWS keeps 172.31.0.0/16 for itself",
            id="172.20 and 172.31",
        ),
        pytest.param({"zone_count": 1}, "zone_count 1 is not possible; EKS needs two zones", id="one zone"),
        pytest.param({"zone_count": 5}, "has places for 4", id="five zones"),
        pytest.param({"zone_ids": ["usw2-az1"]}, "zone_ids with 1 is not possible", id="one zone by id"),
        pytest.param({"zone_ids": ["usw2-az1", "usw2-az1"]}, "names a zone twice", id="a zone twice"),
        pytest.param({"public": False}, "nat per_zone needs the public subnets", id="nat without public subnets"),
        pytest.param({"interface_endpoints": ["s3"]}, "leave it out", id="S3 as an interface"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes, message):
    with pytest.raises(AwsError) as caught:
        planning.check(settings(**changes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"secondary_cidr": "10.2.0.0/16"}, id="two of 10"),
        pytest.param({"cidr": "10.2.0.0/16", "secondary_cidr": "10.0.0.0/16"}, id="10.0 after 10.2"),
        pytest.param({"cidr": "172.20.0.0/16", "secondary_cidr": "172.21.0.0/16"}, id="two of 172.16"),
        pytest.param({"cidr": "100.65.0.0/16"}, id="two shared ones"),
        pytest.param({"secondary_cidr": "198.19.0.0/16"}, id="what AWS may judge"),
        pytest.param({"cidr": "10.1.0.0/20", "secondary_cidr": "100.64.0.0/24"}, id="the smallest"),
        pytest.param({"public": False, "nat": "none"}, id="private"),
        pytest.param({"zone_count": 1, "zone_ids": ["a", "b"]}, id="the count is not looked at beside ids"),
    ],
)
def test_settings_that_can_work_are_not(changes):
    planning.check(settings(**changes))


@pytest.mark.parametrize(
    ("available", "found", "count", "chosen"),
    [
        pytest.param(
            [zone("z-az3"), zone("z-az1"), zone("z-az2")], [], 2, [("z-az1", 0), ("z-az2", 1)], id="first by id"
        ),
        pytest.param(
            [zone("use1-az1"), zone("use1-az2"), zone("use1-az3"), zone("use1-az4")],
            [],
            3,
            [("use1-az1", 0), ("use1-az2", 1), ("use1-az4", 2)],
            id="not where EKS cannot run",
        ),
        pytest.param(
            [
                zone("z-az1", ZoneType="local-zone"),
                zone("z-az2"),
                zone("z-az3", OptInStatus="not-opted-in"),
                zone("z-az4"),
            ],
            [],
            2,
            [("z-az2", 0), ("z-az4", 1)],
            id="no local zone, none that is not opted in",
        ),
        pytest.param(
            [zone("z-az1"), zone("z-az2"), zone("z-az3"), zone("z-az4")],
            [("z-az2", 0), ("z-az4", 1)],
            3,
            [("z-az2", 0), ("z-az4", 1), ("z-az1", 2)],
            id="those it has are kept in their places",
        ),
        pytest.param(
            [zone("z-az1"), zone("z-az2"), zone("z-az3")],
            [("z-az3", 2)],
            2,
            [("z-az1", 0), ("z-az3", 2)],
            id="a free place is taken",
        ),
        pytest.param([zone("z-az1")], [("z-az9", 0)], 2, [("z-az9", 0), ("z-az1", 1)], id="one that closed is kept"),
        pytest.param(
            [zone("z-az1"), zone("z-az2"), zone("z-az3"), zone("z-az4")],
            [],
            ["z-az4", "z-az2"],
            [("z-az4", 0), ("z-az2", 1)],
            id="those that are named",
        ),
        pytest.param(
            [zone("z-az1"), zone("z-az2"), zone("z-az3")],
            [("z-az2", 1)],
            ["z-az3", "z-az2"],
            [("z-az3", 0), ("z-az2", 1)],
            id="one that is named and there keeps its place",
        ),
    ],
)
def test_zones_are_chosen_by_id(available, found, count, chosen):
    wish = {"zone_ids": count} if isinstance(count, list) else {"zone_count": count}
    zones = planning.choose_zones(settings(**wish), available, {**EMPTY.network, "subnet": subnets(*found)})
    assert [(one.id, one.place) for one in zones] == chosen
    assert all(one.name == f"name of {one.id}" for one in zones)


@pytest.mark.parametrize(
    ("available", "found", "changes", "message"),
    [
        pytest.param([zone("z-az1"), zone("usw1-az2")], [], {}, "has 1 zones in which EKS can run", id="too few"),
        pytest.param(
            [zone("z-az1")], [("z-az1", 0), ("z-az2", 1), ("z-az3", 2)], {}, "set zone_count to 3", id="too many"
        ),
        pytest.param(
            [zone("usw1-az1"), zone("usw1-az2"), zone("usw1-az3")],
            [],
            {"zone_ids": ["usw1-az1", "usw1-az2"]},
            "zone_ids names usw1-az2, in which EKS cannot run in us-west-2; choose among usw1-az1, usw1-az3",
            id="named, but not for EKS",
        ),
        pytest.param(
            [zone("z-az1"), zone("z-az2"), zone("z-az3")],
            [("z-az3", 0)],
            {"zone_ids": ["z-az1", "z-az2"]},
            "zone_ids does not name z-az3: a zone cannot be taken away in place",
            id="there, but not named",
        ),
    ],
)
def test_zones_that_cannot_be_had_are_refused(available, found, changes, message):
    with pytest.raises(AwsError) as caught:
        planning.choose_zones(
            settings(**{"zone_count": 2, **changes}), available, {**EMPTY.network, "subnet": subnets(*found)}
        )
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("nat", "gateways", "ways"),
    [
        pytest.param("per_zone", 3, {"usw2-az1", "usw2-az2", "usw2-az3"}, id="one a zone"),
        pytest.param("single", 1, {"usw2-az1"}, id="one in all"),
        pytest.param("none", 0, set(), id="none"),
    ],
)
def test_private_subnets_have_the_ways_out_that_were_asked_for(nat, gateways, ways):
    network = planning.wanted(settings(nat=nat), ZONES)
    assert len(network["nat_gateway"]) == len(network["address"]) == gateways
    routes = {
        table["routes"]["0.0.0.0/0"]
        for name, table in network["route_table"].items()
        if name.startswith("demo-private")
    }
    assert routes == ({f"nat_gateway demo-nat-{way}" for way in ways} or {""})
    assert network["route_table"]["demo-intra"]["routes"]["0.0.0.0/0"] == ""


def test_a_network_that_is_not_public_has_nothing_that_reaches_the_internet():
    network = planning.wanted(settings(nat="none", public=False), ZONES)
    assert network["internet_gateway"] == {}
    assert {name.split("-")[1] for name in network["subnet"]} == {"private", "intra"}
    assert "demo-public" not in network["route_table"]


def test_every_thing_has_its_name_its_owner_and_the_tags_of_the_user():
    for things in planning.wanted(SETTINGS, ZONES).values():
        for name, properties in things.items():
            tags = properties["tags"]
            assert (tags["Name"], tags["kafka-eks/cluster"], tags["team"]) == (name, "demo", "streams")


def test_only_subnets_carry_what_load_balancers_and_karpenter_look_for():
    """A second security group with Karpenter's tag would be put on each node."""
    network = planning.wanted(SETTINGS, ZONES)
    looked_for = {
        (kind, name.removesuffix("-usw2-az1"), key, value)
        for kind, things in network.items()
        for name, properties in things.items()
        if name.endswith("usw2-az1") or kind != "subnet"
        for key, value in properties["tags"].items()
        if key.startswith(("kubernetes.io/", "karpenter.sh/"))
    }
    assert looked_for == {
        ("subnet", "demo-public", "kubernetes.io/role/elb", "1"),
        ("subnet", "demo-private", "kubernetes.io/role/internal-elb", "1"),
        ("subnet", "demo-private", "karpenter.sh/discovery", "demo"),
    }


def test_the_blocks_of_the_vpc_may_use_the_endpoints_whoever_added_them():
    now = complete()
    now.network["vpc"]["demo"]["secondary_cidrs"].append("100.70.0.0/16")
    assert target(now)["security_group"]["demo-endpoints"]["ingress"] == [
        "tcp 443 from 10.1.0.0/16",
        "tcp 443 from 100.64.0.0/16",
        "tcp 443 from 100.70.0.0/16",
    ]


def test_a_network_that_is_as_it_should_be_is_the_target():
    now = complete()
    assert target(now) == now.network


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        pytest.param(
            {"nat": "single"},
            {
                "address": ["demo-nat-usw2-az2", "demo-nat-usw2-az3"],
                "nat_gateway": ["demo-nat-usw2-az2", "demo-nat-usw2-az3"],
            },
            id="fewer ways out",
        ),
        pytest.param(
            {"interface_endpoints": ["sts"]}, {"interface_endpoint": ["demo-ecr.api"]}, id="one endpoint less"
        ),
        pytest.param(
            {"interface_endpoints": []},
            {"interface_endpoint": ["demo-ecr.api", "demo-sts"], "security_group": ["demo-endpoints"]},
            id="no endpoints",
        ),
    ],
)
def test_what_earlier_settings_made_goes(changes, gone):
    now = complete()
    then = target(now, **changes)
    lost = {kind: sorted({*now.network[kind]} - {*then[kind]}) for kind in KINDS}
    assert {kind: names for kind, names in lost.items() if names} == gone


@pytest.mark.parametrize("kind", ["nat_gateway", "address", "interface_endpoint", "security_group"])
def test_what_somebody_tagged_to_go_with_the_cluster_stays_with_it(kind):
    now = complete()
    thing = dict(next(iter(now.network[kind].values())))
    now.network[kind]["theirs"] = {**thing, "tags": {"Name": "theirs", "kafka-eks/cluster": "demo"}}
    then = target(now, nat="none", interface_endpoints=[])
    assert list(then[kind]) == ["theirs"]


@pytest.mark.parametrize(
    ("foreign", "changes", "message"),
    [
        pytest.param(
            Foreign(subnets={"subnet-9": "10.1.3.0/26"}),
            {"zones": 4},
            "subnet subnet-9 of the same VPC, which this collection did not make, lies there with 10.1.3.0/26",
            id="subnet",
        ),
        pytest.param(
            Foreign(security_groups={"sg-9": "demo-endpoints"}),
            {"without": "security_group"},
            "Security group 'demo-endpoints' is in the VPC already as sg-9, but was not made by this collection",
            id="name of the security group",
        ),
        pytest.param(
            Foreign(
                endpoints=[
                    {
                        "VpcEndpointId": "vpce-9",
                        "VpcEndpointType": "Interface",
                        "ServiceName": "com.amazonaws.us-west-2.sts",
                        "PrivateDnsEnabled": True,
                    }
                ]
            ),
            {"without": "interface_endpoint"},
            "Interface endpoint 'demo-sts' is not possible beside endpoint vpce-9",
            id="private name of a service",
        ),
        pytest.param(
            Foreign(
                endpoints=[
                    {
                        "VpcEndpointId": "vpce-9",
                        "VpcEndpointType": "Gateway",
                        "ServiceName": "com.amazonaws.us-west-2.s3",
                        "RouteTableIds": ["id of demo-intra"],
                    }
                ]
            ),
            {"without": "gateway_endpoint"},
            "Gateway endpoint 'demo-s3' is not possible beside endpoint vpce-9",
            id="route to S3",
        ),
    ],
)
def test_what_others_have_taken_is_refused(foreign, changes, message):
    now = complete()
    network = {kind: {} if kind == changes.get("without") else things for kind, things in now.network.items()}
    zones = [*ZONES, Zone("us-west-2d", "usw2-az4", 3)][: changes.get("zones", 3)]
    with pytest.raises(AwsError) as caught:
        planning.target(planning.wanted(SETTINGS, zones), Observed(network, now.ids, foreign=foreign), "demo")
    assert message in str(caught.value)


def test_a_block_that_somebody_added_and_the_settings_want_too_is_refused():
    now = complete()
    now.network["vpc"]["demo"]["secondary_cidrs"] = ["100.64.0.0/17"]
    with pytest.raises(AwsError, match=r"is to have 100\.64\.0\.0/16, but has 100\.64\.0\.0/17 already"):
        target(now)


@pytest.mark.parametrize(
    ("way", "kept"),
    [
        pytest.param("nat_gateway demo-nat-usw2-az1", False, id="to our NAT gateway"),
        pytest.param("internet_gateway demo", False, id="to our internet gateway"),
        pytest.param("nat-9 (gone)", False, id="to a NAT gateway that is gone"),
        pytest.param("tgw-9", True, id="to somebody's transit gateway"),
    ],
)
def test_of_a_default_route_where_none_is_wanted_only_that_of_others_is_kept(way, kept):
    now = complete()
    now.network["route_table"]["demo-intra"]["routes"] = {"0.0.0.0/0": way, "192.168.0.0/16": "pcx-9"}
    expected = {"192.168.0.0/16": "pcx-9", **({"0.0.0.0/0": way} if kept else {})}
    assert target(now)["route_table"]["demo-intra"]["routes"] == expected
