from __future__ import annotations

import datetime

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_cluster
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Role
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks_cluster import ClusterSettings
from ansible_collections.streamops.kafka_eks.plugins.module_utils._kms import Key

ROLE = "arn:aws:iam::123456789012:role/control-plane"
KEY = "arn:aws:kms:us-west-2:123456789012:key/1"


def settings(**changes):
    given = {
        "name": "demo",
        "version": "1.35",
        "role": Role(ROLE),
        "subnets": None,
        "security_groups": None,
        "public_access_cidrs": [],
        "service_cidr": None,
        "logs": ["api", "audit"],
        "deletion_protection": True,
        "support_type": "STANDARD",
        "scaling_tier": "standard",
        "zonal_shift": True,
        "encryption_key": Key(KEY),
        "tags": {},
    }
    return ClusterSettings(**{**given, **changes})


def cluster(**changes):
    """As settings() wants it."""
    network = {
        "subnetIds": ["subnet-a", "subnet-b"],
        "securityGroupIds": [],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": False,
        "publicAccessCidrs": [],
    }
    logs = [{"types": ["api", "audit"], "enabled": True}, {"types": ["scheduler"], "enabled": False}]
    found = {
        "name": "demo",
        "arn": "arn:aws:eks:us-west-2:123456789012:cluster/demo",
        "status": "ACTIVE",
        "version": "1.35",
        "roleArn": ROLE,
        "resourcesVpcConfig": network,
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16"},
        "accessConfig": {"authenticationMode": "API"},
        "logging": {"clusterLogging": logs},
        "deletionProtection": True,
        "upgradePolicy": {"supportType": "STANDARD"},
        "zonalShiftConfig": {"enabled": True},
        "encryptionConfig": [{"provider": {"keyArn": KEY}}],
        "tags": {"kafka-eks/cluster": "demo"},
    }
    return {**found, **changes}


def asked(found, wanted):
    """What one look asks of EKS."""
    return [(request.operation, request.arguments) for request in _eks_cluster.present_cluster(found, wanted).requests]


def test_a_cluster_that_is_as_wanted_is_left_alone():
    assert asked(cluster(), settings()) == []


def test_what_eks_does_not_show_is_at_its_defaults():
    hidden = cluster()
    for key in ("encryptionConfig", "zonalShiftConfig", "deletionProtection", "kubernetesNetworkConfig"):
        del hidden[key]
    plain = settings(encryption_key=None, zonal_shift=False, deletion_protection=False)
    assert asked(hidden, plain) == []


@pytest.mark.parametrize(("mode", "next_mode"), [("CONFIG_MAP", "API_AND_CONFIG_MAP"), ("API_AND_CONFIG_MAP", "API")])
def test_the_way_to_access_entries_has_two_steps(mode, next_mode):
    ((_, arguments),) = asked(cluster(accessConfig={"authenticationMode": mode}), settings())
    assert arguments["accessConfig"] == {"authenticationMode": next_mode}


def test_changes_are_made_in_order_and_a_policy_that_the_new_version_must_have_comes_last():
    found = cluster(
        version="1.34",
        resourcesVpcConfig={**cluster()["resourcesVpcConfig"], "endpointPublicAccess": True},
        upgradePolicy={"supportType": "EXTENDED"},
        zonalShiftConfig={"enabled": False},
        accessConfig={"authenticationMode": "CONFIG_MAP"},
        logging={"clusterLogging": []},
        encryptionConfig=[],
        deletionProtection=False,
        tags={},
    )
    wanted = settings(security_groups=["sg-1"], scaling_tier="tier-xl")
    now, then = _eks_cluster._found_cluster(found), _eks_cluster._wanted_cluster(wanted)
    updates = _eks_cluster._cluster_updates(found, now, {**now, **then})
    whose = {"name", "clusterName", "resourceArn"}
    assert [key for one in updates for key in one.arguments if key not in whose] == [
        "tags",
        "accessConfig",
        "resourcesVpcConfig",
        "resourcesVpcConfig",
        "logging",
        "deletionProtection",
        "zonalShiftConfig",
        "controlPlaneScalingConfig",
        "encryptionConfig",
        "version",
        "upgradePolicy",
    ]
    assert updates[3].arguments["resourcesVpcConfig"] == {"securityGroupIds": ["sg-1"]}
    assert updates[-1].arguments["upgradePolicy"] == {"supportType": "STANDARD"}
    assert len(_eks_cluster.present_cluster(found, wanted).requests) == 1


@pytest.mark.parametrize("status", ["CREATING", "UPDATING", "PENDING", "DELETING"])
def test_while_eks_is_at_work_nothing_is_asked_of_it(status):
    look = _eks_cluster.present_cluster(cluster(status=status, tags={}), settings())
    assert ([*look.requests], look.in_progress, look.progress) == ([], True, f"EKS cluster 'demo' is {status}.")


def test_an_update_is_waited_for_even_before_the_status_tells():
    look = _eks_cluster.present_cluster(cluster(deletionProtection=False), settings(), updating=True)
    assert ([*look.requests], look.in_progress) == ([], True)
    assert look.before != look.after


@pytest.mark.parametrize(
    ("status", "protected", "operation"),
    [
        pytest.param("ACTIVE", True, "update_cluster_config", id="protected"),
        pytest.param("ACTIVE", False, "delete_cluster", id="free"),
        pytest.param("FAILED", True, "delete_cluster", id="failed, where protection does not count"),
    ],
)
def test_protection_is_turned_off_where_it_holds(status, protected, operation):
    look = _eks_cluster.absent_cluster(cluster(status=status, deletionProtection=protected), "demo")
    assert [request.operation for request in look.requests] == [operation]


@pytest.mark.parametrize("updating", [True, False])
def test_what_is_being_changed_cannot_be_removed_yet(updating):
    look = _eks_cluster.absent_cluster(cluster(status="ACTIVE" if updating else "UPDATING"), "demo", updating)
    assert ([*look.requests], look.in_progress, look.after) == ([], True, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"role": Role("other")}, "has role .*, or make a new cluster", id="role"),
        pytest.param({"service_cidr": "10.5.0.0/16"}, "has service_cidr 172.20.0.0/16", id="service block"),
        pytest.param({"encryption_key": Key("other")}, "neither change it nor take it away", id="another key"),
        pytest.param({"encryption_key": None}, "and none is wanted: EKS can neither", id="no key"),
    ],
)
def test_what_eks_cannot_change_is_refused(changes, message):
    with pytest.raises(AwsError, match=message):
        _eks_cluster.present_cluster(cluster(), settings(**changes))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"version": "1.3"}, "is not a version of Kubernetes", id="a number"),
        pytest.param({"public_access_cidrs": ["0.0.0.0/1", "128.0.0.0/1"]}, "whole internet", id="open in two halves"),
        pytest.param({"public_access_cidrs": ["::/0"]}, "is not an IPv4 block", id="IPv6"),
        pytest.param({"service_cidr": "172.20.0.0"}, "service_cidr cannot be 172.20.0.0", id="an address"),
        pytest.param({"service_cidr": "10.0.0.0/8"}, "between /24 and /12", id="too large"),
        pytest.param({"service_cidr": "100.64.0.0/16"}, "within 10.0.0.0/8", id="not private"),
        pytest.param({"service_cidr": "172.20.1.0/16"}, "host bits set", id="host bits"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    given = {"name": "demo", "version": "1.35", "public_access_cidrs": [], "service_cidr": None}
    with pytest.raises(AwsError, match=message):
        _eks_cluster.check_cluster(**{**given, **arguments})


def test_good_input_is_taken():
    _eks_cluster.check_cluster("demo", "1.35", ["203.0.113.7", "198.51.100.0/24"], "172.20.0.0/16")


# Versions


def offered(version, status, standard="2026-07-29", extended="2027-07-29"):
    return {
        "clusterVersion": version,
        "versionStatus": status,
        "endOfStandardSupportDate": datetime.datetime.fromisoformat(standard),
        "endOfExtendedSupportDate": datetime.datetime.fromisoformat(extended),
    }


CALENDAR = [
    offered("1.35", "STANDARD_SUPPORT"),
    offered("1.34", "STANDARD_SUPPORT"),
    offered("1.33", "EXTENDED_SUPPORT"),
    offered("1.31", "UNSUPPORTED", "2025-11-26", "2026-11-26"),
]


@pytest.mark.parametrize(("version", "support"), [("1.35", "STANDARD"), ("1.34", "EXTENDED"), ("1.33", "EXTENDED")])
def test_a_version_that_eks_supports_is_taken(version, support):
    _eks_cluster.check_support(settings(version=version, support_type=support), CALENDAR)


@pytest.mark.parametrize(
    ("version", "support", "message"),
    [
        pytest.param("1.33", "STANDARD", "standard support on 2026-07-29.*until 2027-07-29", id="extended"),
        pytest.param("1.31", "EXTENDED", "out of support since 2026-11-26", id="out of support"),
        pytest.param("1.40", "EXTENDED", "does not offer Kubernetes 1.40", id="unknown"),
    ],
)
def test_a_version_that_eks_does_not_support_so_is_refused_with_its_dates(version, support, message):
    with pytest.raises(AwsError, match=message) as caught:
        _eks_cluster.check_support(settings(version=version, support_type=support), CALENDAR)
    assert "choose one of those in standard support (1.34, 1.35)" in str(caught.value)


@pytest.mark.parametrize(
    ("found", "changes", "needed"),
    [
        pytest.param(None, {}, True, id="new cluster"),
        pytest.param(cluster(), {}, False, id="as wanted"),
        pytest.param(cluster(version="1.34"), {}, True, id="upgrade"),
        pytest.param(cluster(upgradePolicy={"supportType": "EXTENDED"}), {}, True, id="leaves extended support"),
        pytest.param(cluster(), {"support_type": "EXTENDED"}, False, id="may stay longer"),
    ],
)
def test_the_calendar_is_read_only_where_it_matters(found, changes, needed):
    assert _eks_cluster.needs_calendar(found, settings(**changes)) is needed


@pytest.mark.parametrize(("nodes", "then"), [("1.34", "1.35"), ("1.32", "1.35")])
def test_an_upgrade_by_one_minor_version_is_made(nodes, then):
    _eks_cluster.check_upgrade("demo", "1.34", then, {"core": {"version": nodes}})


@pytest.mark.parametrize(
    ("now", "then", "nodes", "message"),
    [
        pytest.param("1.35", "1.34", "1.35", "does not go back", id="back"),
        pytest.param(
            "1.33", "1.35", "1.33", "upgrade to 1.34 first, with its add-ons and node groups", id="two at once"
        ),
        pytest.param("1.34", "1.35", "1.31", r"\(core: 1.31\): upgrade these node groups first", id="old nodes"),
    ],
)
def test_other_upgrades_are_refused(now, then, nodes, message):
    with pytest.raises(AwsError, match=message):
        _eks_cluster.check_upgrade("demo", now, then, {"core": {"version": nodes}, "new": {"version": now}})


# Subnets

SUBNETS = [
    {"SubnetId": name, "VpcId": vpc, "AvailabilityZone": zone}
    for name, vpc, zone in (
        ("a", "vpc-1", "us-west-2a"),
        ("b", "vpc-1", "us-west-2b"),
        ("b2", "vpc-1", "us-west-2b"),
        ("c", "vpc-1", "us-west-2c"),
        ("a9", "vpc-9", "us-west-2a"),
        ("b9", "vpc-9", "us-west-2b"),
    )
]


@pytest.mark.parametrize("now", [["a", "b"], ["a", "gone"]], ids=["other subnets", "from one that is gone"])
def test_a_cluster_moves_within_its_zones(now):
    _eks_cluster.check_move("demo", now, ["a", "b2"], SUBNETS)


@pytest.mark.parametrize(
    ("then", "message"),
    [
        pytest.param(["a9", "b9"], "they are in vpc-9 and a cluster stays in its VPC", id="other VPC"),
        pytest.param(["a", "c"], "keeps the very zones in which it was made, us-west-2a, us-west-2b", id="other zone"),
        pytest.param(["b", "b2"], "they are in us-west-2b", id="one zone"),
        pytest.param(["a", "z"], "there is no z;", id="missing"),
    ],
)
def test_other_moves_are_refused(then, message):
    with pytest.raises(AwsError, match=message):
        _eks_cluster.check_move("demo", ["a", "b"], then, SUBNETS)
