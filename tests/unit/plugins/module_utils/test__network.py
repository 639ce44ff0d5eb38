from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _network
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError, Ref, Wait
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import Observed, Settings, Zone

SETTINGS = Settings(
    cluster="demo",
    region="us-west-2",
    cidr="10.1.0.0/16",
    secondary_cidr="100.64.0.0/16",
    zone_count=3,
    nat="per_zone",
    tags={"team": "streams"},
)
ZONES = [Zone("us-west-2b", "usw2-az1", 0), Zone("us-west-2a", "usw2-az2", 1), Zone("us-west-2c", "usw2-az3", 2)]
EMPTY = Observed({kind: {} for kind in _network.KINDS}, {}, [], [], {})
PLAN = _network.address_plan(SETTINGS.cidr, SETTINGS.secondary_cidr)


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


def used(value):
    """The ids that a request refers to."""
    if isinstance(value, Ref):
        return {value}
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return set().union(*map(used, items))


def test_the_address_plan_has_places_that_do_not_overlap():
    assert PLAN["public"] == ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"]
    assert PLAN["intra"] == ["10.1.4.0/24", "10.1.5.0/24", "10.1.6.0/24", "10.1.7.0/24"]
    assert PLAN["private"] == ["100.64.0.0/18", "100.64.64.0/18", "100.64.128.0/18", "100.64.192.0/18"]


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
    ],
)
def test_zones_are_chosen_by_id(available, found, count, chosen):
    network = {**EMPTY.network, "subnet": subnets(*found)}
    zones = _network.choose_zones(available, count, PLAN, network)
    assert [(one.id, one.place) for one in zones] == chosen
    assert all(one.name == f"name of {one.id}" for one in zones)


@pytest.mark.parametrize(
    ("available", "found", "message"),
    [
        pytest.param([zone("z-az1"), zone("usw1-az2")], [], "has 1 zones in which EKS can run", id="too few"),
        pytest.param([zone("z-az1")], [("z-az1", 0), ("z-az2", 1), ("z-az3", 2)], "set zone_count to 3", id="too many"),
    ],
)
def test_a_number_of_zones_that_cannot_be_had_is_refused(available, found, message):
    with pytest.raises(AwsError) as caught:
        _network.choose_zones(available, 2, PLAN, {**EMPTY.network, "subnet": subnets(*found)})
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
    network = _network.wanted(Settings(**{**vars(SETTINGS), "nat": nat}), ZONES)
    assert len(network["nat_gateway"]) == len(network["address"]) == gateways
    routes = {
        table["routes"]["0.0.0.0/0"]
        for name, table in network["route_table"].items()
        if name.startswith("demo-private")
    }
    assert routes == ({f"nat_gateway demo-nat-{way}" for way in ways} or {""})
    assert network["route_table"]["demo-intra"]["routes"]["0.0.0.0/0"] == ""


def test_every_thing_has_its_name_its_owner_and_the_tags_of_the_user():
    for things in _network.wanted(SETTINGS, ZONES).values():
        for name, properties in things.items():
            tags = properties["tags"]
            assert (tags["Name"], tags["kafka-eks/cluster"], tags["team"]) == (name, "demo", "streams")


def test_nothing_is_referred_to_before_it_is_made():
    then = _network.target(_network.wanted(SETTINGS, ZONES), EMPTY, "demo")
    known: set[Ref] = set()
    for step in _network.steps(EMPTY, then):
        assert used(step.arguments) <= known
        if not isinstance(step, Wait) and step.makes:
            known.add(step.makes)
    assert {ref.kind for ref in known} == set(_network.KINDS)


def test_a_route_is_made_only_when_its_nat_gateway_is_there():
    then = _network.target(_network.wanted(SETTINGS, ZONES), EMPTY, "demo")
    plan = _network.steps(EMPTY, then)
    waited = next(place for place, step in enumerate(plan) if isinstance(step, Wait))
    made = [place for place, step in enumerate(plan) if getattr(step, "operation", "") == "create_nat_gateway"]
    routed = [place for place, step in enumerate(plan) if getattr(step, "operation", "") == "create_route"]
    assert max(made) < waited < min(routed)


def complete():
    """The network as it should be, as if it were there."""
    then = _network.target(_network.wanted(SETTINGS, ZONES), EMPTY, "demo")
    ids = {Ref(kind, name): f"id of {name}" for kind, things in then.items() for name in things}
    ids |= {Ref("association", name): f"association of {name}" for name in then["subnet"]}
    return Observed(then, ids, [], [], {})


def test_a_network_that_is_as_it_should_be_needs_nothing():
    now = complete()
    then = _network.target(_network.wanted(SETTINGS, ZONES), now, "demo")
    assert then == now.network
    assert _network.steps(now, then) == []


def test_nat_gateways_on_their_way_are_waited_for_first():
    now = complete()
    leaving = Observed(now.network, now.ids, ["nat-1"], ["nat-2"], {})
    gone, made = _network.steps(leaving, now.network)
    assert (gone.waiter, gone.arguments) == ("nat_gateway_deleted", {"NatGatewayIds": ["nat-2"]})
    assert (made.waiter, made.arguments) == ("nat_gateway_available", {"NatGatewayIds": ["nat-1"]})


def test_what_is_one_too_many_goes_last_and_in_order():
    now = complete()
    single = Settings(**{**vars(SETTINGS), "nat": "single"})
    then = _network.target(_network.wanted(single, ZONES), now, "demo")
    names = [getattr(step, "operation", getattr(step, "waiter", "")) for step in _network.steps(now, then)]
    assert names == [
        *["replace_route"] * 2,
        *["delete_nat_gateway"] * 2,
        "nat_gateway_deleted",
        *["release_address"] * 2,
    ]


def test_a_removal_takes_away_first_what_uses_others():
    names = [getattr(step, "operation", getattr(step, "waiter", "")) for step in _network.removal(complete(), "demo")]
    assert list(dict.fromkeys(names)) == [
        "delete_vpc_endpoints",
        "delete_nat_gateway",
        "nat_gateway_deleted",
        "release_address",
        "disassociate_route_table",
        "delete_subnet",
        "delete_route_table",
        "detach_internet_gateway",
        "delete_internet_gateway",
        "delete_vpc",
    ]


def test_two_networks_of_one_name_are_refused():
    tags = [{"Key": "Name", "Value": "demo"}, {"Key": "kafka-eks/cluster", "Value": "demo"}]
    vpcs = [{"VpcId": "vpc-1", "Tags": tags}, {"VpcId": "vpc-2", "Tags": tags}]
    with pytest.raises(AwsError, match=r"exists 2 times \(vpc-1, vpc-2\)"):
        _network.vpc_of({"vpc": vpcs}, "demo")


def test_a_route_to_a_gateway_that_is_gone_is_not_taken_for_ours():
    refs = {"nat-1": Ref("nat_gateway", "demo-nat-usw2-az1")}
    assert _network._target({"NatGatewayId": "nat-1"}, refs) == "nat_gateway demo-nat-usw2-az1"
    assert _network._target({"NatGatewayId": "nat-2", "State": "blackhole"}, refs) == "nat-2"
    assert _network._target({"TransitGatewayId": "tgw-1"}, refs) == "tgw-1"
