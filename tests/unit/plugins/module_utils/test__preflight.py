from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _preflight
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._cost import Volumes
from ansible_collections.streamops.kafka_eks.plugins.module_utils._groups import Group
from ansible_collections.streamops.kafka_eks.plugins.module_utils._network import Settings
from ansible_collections.streamops.kafka_eks.plugins.module_utils._preflight import Wanted
from ansible_collections.streamops.kafka_eks.plugins.module_utils._quotas import Limit

NETWORK = Settings("demo", "us-west-2", "10.1.0.0/16", "100.64.0.0/16", 3, (), True, "per_zone", (), {})
GROUPS = [
    Group("core", ("m8g.large",), 2, root_size=20),
    Group("broker", ("r8g.4xlarge", "m8g.large"), 3, root_size=20, pool="broker"),
]
WANTED = Wanted("demo", NETWORK, GROUPS, [Volumes("broker", "gp3", 3, 1000), Volumes("old", "st1", 1, 500)])
LIMITS = {name: Limit(100.0) for name in _preflight.COUNTED}
DENIED = AwsError("Denied.", "AccessDenied")


def instance(instance_type, lifecycle=None, **tags):
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"InstanceType": instance_type, "Tags": pairs, **({"InstanceLifecycle": lifecycle} if lifecycle else {})}


def types(**vcpus):
    return [
        {"InstanceType": name.replace("_", "."), "VCpuInfo": {"DefaultVCpus": number}} for name, number in vcpus.items()
    ]


ANSWERS = {
    "instances": [],
    "types": types(m8g_large=2, r8g_4xlarge=16),
    "gp3": [],
    "clusters": ["other"],
    "cluster": AwsError("Not there.", "ResourceNotFoundException"),
}


def judged(wanted=WANTED, limits=LIMITS, **answers):
    found = _preflight.quotas({**ANSWERS, **answers}, wanted, limits)
    return {check.check: (check.status, check.sentence) for check in found}


def test_an_empty_account_needs_everything():
    assert {check: sentence.split(":")[1] for check, (_, sentence) in judged().items()} == {
        "quota_vcpus": " 52 more vCPUs are needed, 0 of 100 are in use.",
        "quota_gp3_storage": " 3.03 more TiB are needed, 0 of 100 are in use.",
        "quota_clusters": " 1 more cluster is needed, 1 of 100 are in use.",
        "quota_nodegroups": " 2 more node groups are needed, 0 of 100 are in use.",
    }


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        pytest.param(
            {"instances": [{"Instances": [instance("m8g.large"), instance("m8g.large")]}]},
            "52 more vCPUs are needed, 4 of 100 are in use",
            id="those of others",
        ),
        pytest.param(
            {"instances": [{"Instances": [instance("r8g.4xlarge", **{"eks:cluster-name": "demo"})]}]},
            "36 more vCPUs are needed, 16 of 100 are in use",
            id="the cluster's own",
        ),
        pytest.param(
            {"instances": [{"Instances": [instance("m8g.large", "spot")]}]},
            "52 more vCPUs are needed, 0 of 100 are in use",
            id="spot is counted elsewhere",
        ),
        pytest.param(
            {
                "instances": [{"Instances": [instance("p5.4xlarge"), instance("im4gn.large")]}],
                "other types": types(p5_4xlarge=16, im4gn_large=2),
            },
            "52 more vCPUs are needed, 2 of 100 are in use",
            id="families of another quota",
        ),
        pytest.param(
            {"instances": DENIED}, "100, but what is in use is not known (Denied): compare them", id="not to be seen"
        ),
    ],
)
def test_vcpus_are_those_of_running_instances(answers, words):
    assert words in judged(**answers)["quota_vcpus"][1]


def test_a_cluster_that_is_there_needs_only_what_it_lacks():
    own = [{"Key": "kafka-eks/cluster", "Value": "demo"}]
    found = judged(
        cluster={"version": "1.35"},
        nodegroups=["core", "another"],
        gp3=[{"Size": 3000, "Tags": own}, {"Size": 1024, "Tags": []}],
    )
    assert found["quota_clusters"][1].endswith("no more clusters are needed, 1 of 100 are in use.")
    assert found["quota_nodegroups"][1].endswith("1 more node group is needed, 2 of 100 are in use.")
    assert found["quota_gp3_storage"][1].endswith("0.1 more TiB are needed, 3.93 of 100 are in use.")


def test_exhausted_and_unknown_limits_are_told():
    found = judged(limits={**LIMITS, "vcpus": Limit(32.0), "clusters": Limit(None, "Denied.")})
    assert found["quota_vcpus"][0] == "failed"
    assert found["quota_clusters"][0] == "unknown"


def test_nodes_of_karpenter_count_with_those_that_come_and_go():
    pools = [
        Group("broker", ("r8g.4xlarge",), 3, root_size=20, is_pool=True),
        Group("load", ("m8g.large",), 0, root_size=100, is_pool=True, temporary=2),
        Group("controller", (), 3, root_size=0, is_pool=True),
    ]
    found = judged(Wanted("demo", NETWORK, pools, []))
    assert found["quota_vcpus"][1].endswith("52 more vCPUs are needed, 0 of 100 are in use.")
    assert found["quota_gp3_storage"][1].endswith("0.25 more TiB are needed, 0 of 100 are in use.")
    assert found["quota_nodegroups"][1].endswith("no more node groups are needed, 0 of 100 are in use.")


def test_spot_and_other_families_are_judged_for_themselves():
    groups = [
        Group("spot", ("m8g.large",), 4, spot=True),
        Group("memory", ("x8g.large",), 1),
    ]
    found = judged(Wanted("demo", NETWORK, groups, []), types=types(m8g_large=2, x8g_large=2))
    assert found["quota_spot_vcpus"][1].endswith("8 more vCPUs are needed, 0 of 100 are in use.")
    assert found["quota_vcpus"][1].endswith("no more vCPUs are needed, 0 of 100 are in use.")
    assert found["quota_other"] == (
        "unknown",
        "x8g.large counts against a quota of its own: look it up in Service Quotas.",
    )


@pytest.mark.parametrize(
    ("arn", "status"),
    [
        ("arn:aws:sts::1:assumed-role/deployer/me", "ok"),
        ("arn:aws:iam::1:user/people/me", "ok"),
        ("arn:aws:iam::1:root", "failed"),
        ("arn:aws:sts::1:federated-user/me", "failed"),
    ],
)
def test_callers_must_be_able_to_have_an_access_entry(arn, status):
    assert _preflight.identity("1", arn, "us-west-2").status == status


def test_a_refusal_leaves_the_plan_unknown():
    assert _preflight.impossible(DENIED).status == "unknown"
    assert _preflight.impossible(AwsError("Overlaps.")).status == "failed"
