from __future__ import annotations

import json

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks, _eks_addons
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Role
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks_addons import Addon, Offer

OWNED = {"kafka-eks/cluster": "demo", "kafka-eks/kubernetes": "1.35"}
OFFERS = {
    "kube-proxy": Offer(["v1.35.1-eksbuild.2", "v1.35.0-eksbuild.2", "v1.34.0-eksbuild.2"], "v1.35.0-eksbuild.2"),
    "vpc-cni": Offer(["v1.21.1-eksbuild.3", "v1.20.4-eksbuild.2"], "v1.20.4-eksbuild.2"),
}


def listing(name="vpc-cni", **more):
    return {"name": name, "configuration": None, "pod_identity": None, **more}


def wanted(**more):
    values = {
        "name": "vpc-cni",
        "version": "v1.20.4-eksbuild.2",
        "configuration": None,
        "roles": None,
        "tags": OWNED,
        "resolve_conflicts": None,
    }
    return Addon(**{**values, **more})


def found(**more):
    return {
        "addonName": "vpc-cni",
        "addonVersion": "v1.20.4-eksbuild.2",
        "addonArn": "arn:addon",
        "status": "ACTIVE",
        "health": {"issues": []},
        "tags": OWNED,
        **more,
    }


def looked(want, addon, identities=(), tried=()):
    return _eks_addons.present_addons({"vpc-cni": addon}, {"vpc-cni": dict(identities)}, [want], dict(tried), "demo")


def ailing(status, *codes):
    issues = [{"code": code, "message": "It is so."} for code in codes]
    return found(status=status, health={"issues": issues})


@pytest.mark.parametrize(
    ("name", "installed", "named", "chosen"),
    [
        pytest.param("vpc-cni", None, None, "v1.20.4-eksbuild.2", id="default of a new one"),
        pytest.param("vpc-cni", None, "v1.21.1-eksbuild.3", "v1.21.1-eksbuild.3", id="named"),
        pytest.param("vpc-cni", "v1.21.1-eksbuild.3", None, "v1.21.1-eksbuild.3", id="installed one that fits is kept"),
        pytest.param("vpc-cni", "v1.19.0-eksbuild.1", None, "v1.20.4-eksbuild.2", id="not offered any more"),
        pytest.param(
            "kube-proxy", "v1.34.0-eksbuild.2", None, "v1.35.0-eksbuild.2", id="kube-proxy behind the cluster"
        ),
        pytest.param("kube-proxy", "v1.35.1-eksbuild.2", None, "v1.35.1-eksbuild.2", id="kube-proxy with the cluster"),
    ],
)
def test_the_version_of_an_add_on(name, installed, named, chosen):
    assert _eks_addons.chosen_version(name, installed, named, OFFERS, "1.35") == chosen


@pytest.mark.parametrize(
    ("name", "named", "message"),
    [
        pytest.param(
            "vpc-cni",
            "v1",
            "no version v1 for Kubernetes 1.35: .* the newest are v1.21.1-eksbuild.3, v1.20.4",
            id="version",
        ),
        pytest.param(
            "cni", None, "'cni' is not offered for Kubernetes 1.35: .* name one of kube-proxy, vpc-cni", id="name"
        ),
    ],
)
def test_what_is_not_offered_is_refused_with_what_is(name, named, message):
    with pytest.raises(AwsError, match=message):
        _eks_addons.chosen_version(name, None, named, OFFERS, "1.35")


def test_offers_are_those_of_one_version_of_kubernetes_newest_first():
    def version(name, **compatible):
        compatibilities = [
            {"clusterVersion": kubernetes.replace("_", "."), "defaultVersion": default}
            for kubernetes, default in compatible.items()
        ]
        return {"addonVersion": name, "compatibilities": compatibilities}

    document = {
        "addonName": "coredns",
        "addonVersions": [
            version("v1.9.3-eksbuild.2", **{"1_35": True, "1_34": False}),
            version("v1.10.1-eksbuild.13", **{"1_35": False}),
            version("v1.10.1-eksbuild.2", **{"1_35": False}),
            version("v1.8.0-eksbuild.1", **{"1_34": True}),
        ],
    }
    assert _eks_addons.offers_of([document], "1.35") == {
        "coredns": Offer(["v1.10.1-eksbuild.13", "v1.10.1-eksbuild.2", "v1.9.3-eksbuild.2"], "v1.9.3-eksbuild.2")
    }
    assert _eks_addons.offers_of([document], "1.33") == {}


@pytest.mark.parametrize(
    ("addon", "version", "must"),
    [
        pytest.param(None, None, True, id="new"),
        pytest.param(found(), None, False, id="installed"),
        pytest.param(found(), "v1.20.4-eksbuild.2", False, id="installed as named"),
        pytest.param(found(), "v1.21.1-eksbuild.3", True, id="another is named"),
        pytest.param(found(tags={**OWNED, "kafka-eks/kubernetes": "1.34"}), None, True, id="cluster upgraded"),
        pytest.param(found(tags={}), None, True, id="somebody else's"),
        pytest.param(found(status="UPDATE_FAILED"), None, True, id="failed"),
    ],
)
def test_offers_are_asked_for_only_when_something_depends_on_them(addon, version, must):
    assert _eks_addons.must_choose(addon, version, "1.35") is must


@pytest.mark.parametrize(
    ("cluster", "given", "planned", "version"),
    [
        pytest.param(None, "1.35", True, "1.35", id="no cluster"),
        pytest.param(None, None, True, None, id="nothing known"),
        pytest.param("1.33", "1.35", True, "1.34", id="the run would upgrade by one"),
        pytest.param("1.35", "1.34", True, "1.35", id="never back"),
        pytest.param("1.33", "1.35", False, "1.33", id="what is counts"),
    ],
)
def test_the_version_of_kubernetes(cluster, given, planned, version):
    found_cluster = {"version": cluster} if cluster else None
    assert _eks_addons.kubernetes_version(found_cluster, given, planned) == version


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param('{"env": {"A": "1"}}', {"env": {"A": "1"}}, id="JSON"),
        pytest.param('env:\n  A: "1"\n', {"env": {"A": "1"}}, id="YAML"),
        pytest.param("a: [", "a: [", id="neither"),
    ],
)
def test_configurations_are_compared_as_data(text, data):
    assert _eks_addons.configuration_of({"configurationValues": text}) == data


SCHEMA = json.dumps(
    {
        "$schema": "http://json-schema.org/draft-06/schema#",
        "$ref": "#/definitions/VpcCni",
        "definitions": {
            "VpcCni": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "env": {"type": "object", "additionalProperties": False, "properties": {"WARM": {"type": "string"}}}
                },
            }
        },
    }
)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        pytest.param({"env": {"WARM": 1}}, "at env.WARM: 1 is not of type 'string'; correct it", id="type"),
        pytest.param({"env": {"COLD": "1"}}, r"at env: .*'COLD' was unexpected", id="unknown key below"),
        pytest.param({"environment": {}}, "at its configuration: .*'environment' was unexpected", id="unknown key"),
    ],
)
def test_configurations_that_the_schema_does_not_allow_are_refused(configuration, message):
    with pytest.raises(AwsError, match=message):
        _eks_addons.check_configuration("vpc-cni", "v1", SCHEMA, configuration)


def test_configurations_are_taken_as_they_are_where_there_is_no_schema():
    _eks_addons.check_configuration("vpc-cni", "v1", SCHEMA, {"env": {"WARM": "1"}})
    _eks_addons.check_configuration("vpc-cni", "v1", None, {"environment": {}})
    _eks_addons.check_configuration("vpc-cni", "v1", "", {"environment": {}})


ROLE = {"aws-node": Role("arn:new")}
UPDATE = {"clusterName": "demo", "addonName": "vpc-cni"}


@pytest.mark.parametrize(
    ("want", "has", "arguments"),
    [
        pytest.param({}, {}, None, id="nothing"),
        pytest.param(
            {"version": "v2"},
            {},
            {"addonVersion": "v2", "resolveConflicts": "PRESERVE"},
            id="version: the rest is left",
        ),
        pytest.param(
            {"version": "v2"},
            {"configurationValues": "a: 1", "serviceAccountRoleArn": "arn:irsa"},
            {
                "addonVersion": "v2",
                "configurationValues": "a: 1",
                "serviceAccountRoleArn": "arn:irsa",
                "resolveConflicts": "PRESERVE",
            },
            id="version: what was set by others goes along",
        ),
        pytest.param(
            {"configuration": {"a": 1}},
            {"configurationValues": "{}"},
            {"configurationValues": '{"a": 1}', "resolveConflicts": "OVERWRITE"},
            id="configuration",
        ),
        pytest.param({"configuration": {"a": 1}}, {"configurationValues": "a: 1"}, None, id="the same in YAML"),
        pytest.param({"configuration": {}}, {}, None, id="no configuration"),
        pytest.param(
            {"configuration": {}},
            {"configurationValues": "a: 1"},
            {"configurationValues": "{}", "resolveConflicts": "OVERWRITE"},
            id="configuration taken away",
        ),
        pytest.param(
            {"version": "v2", "resolve_conflicts": "NONE"},
            {},
            {"addonVersion": "v2", "resolveConflicts": "NONE"},
            id="as asked",
        ),
        pytest.param(
            {"roles": ROLE},
            {"serviceAccountRoleArn": "arn:irsa"},
            {
                "podIdentityAssociations": [{"serviceAccount": "aws-node", "roleArn": "arn:new"}],
                "resolveConflicts": "PRESERVE",
            },
            id="role",
        ),
        pytest.param(
            {"roles": {}},
            {"identities": {"aws-node": "arn:new"}},
            {"podIdentityAssociations": [], "resolveConflicts": "PRESERVE"},
            id="role taken away",
        ),
        pytest.param({"roles": ROLE}, {"identities": {"aws-node": "arn:new"}}, None, id="role as wanted"),
        pytest.param({}, {"identities": {"aws-node": "arn:new"}}, None, id="role left"),
    ],
)
def test_only_what_differs_is_changed_in_one_request(want, has, arguments):
    has = dict(has)
    identities = has.pop("identities", {})
    look = looked(wanted(**want), found(**has), identities)
    assert [request.arguments for request in look.requests] == ([] if arguments is None else [{**UPDATE, **arguments}])
    assert (look.before != look.after) is look.in_progress is bool(arguments)


def test_tags_are_repaired_after_the_update_and_not_waited_for():
    look = looked(wanted(version="v2"), found(tags={"team": "a"}))
    assert [request.operation for request in look.requests] == ["update_addon", "tag_resource"]
    assert look.after["vpc-cni"]["tags"] == {"team": "a", **OWNED}
    look = looked(wanted(), found(tags={}))
    assert [request.operation for request in look.requests] == ["tag_resource"]
    assert not look.in_progress


def test_a_new_one_is_made_with_everything():
    roles = {"aws-node": Role("arn:role", is_new=True)}
    look = looked(wanted(configuration={"b": 1, "a": 2}, roles=roles), None)
    (request,) = look.requests
    assert request.arguments == {
        **UPDATE,
        "addonVersion": "v1.20.4-eksbuild.2",
        "resolveConflicts": "OVERWRITE",
        "tags": OWNED,
        "configurationValues": '{"a": 2, "b": 1}',
        "podIdentityAssociations": [{"serviceAccount": "aws-node", "roleArn": "arn:role"}],
    }
    assert request.patience == ("InvalidParameterException",)
    assert look.before == {}
    assert look.after["vpc-cni"]["pod_identity"] == {"aws-node": "arn:role"}
    assert look.pending == ("vpc-cni",)


@pytest.mark.parametrize("status", ["CREATING", "UPDATING", "DELETING"])
def test_what_eks_is_at_work_on_is_waited_for(status):
    look = looked(wanted(version="v2"), found(status=status))
    assert (look.requests, look.pending) == ([], ("vpc-cni",))
    assert look.progress == f"Add-ons of EKS cluster 'demo': vpc-cni is {status}."


def test_what_heals_by_waiting_is_waited_for():
    look = looked(wanted(), ailing("DEGRADED", "InsufficientNumberOfReplicas"))
    assert (look.requests, look.in_progress) == ([], True)
    assert look.progress.endswith("vpc-cni is DEGRADED (InsufficientNumberOfReplicas: It is so).")


@pytest.mark.parametrize("code", sorted(_eks_addons.HOPELESS))
def test_what_no_waiting_heals_is_told_at_once(code):
    with pytest.raises(AwsError) as error:
        looked(wanted(), ailing("DEGRADED", "InsufficientNumberOfReplicas", code))
    assert str(error.value) == (
        "Add-on 'vpc-cni' of EKS cluster 'demo' is DEGRADED (InsufficientNumberOfReplicas: It is so; "
        f"{code}: It is so): {_eks_addons.HOPELESS[code]}, and run again."
    )


def test_what_is_degraded_may_be_healed_by_the_change_that_is_wanted():
    look = looked(wanted(configuration={"a": 1}), ailing("DEGRADED", "ConfigurationConflict"))
    assert [request.operation for request in look.requests] == ["update_addon"]


@pytest.mark.parametrize(
    ("status", "operation", "arguments"),
    [
        pytest.param("UPDATE_FAILED", "update_addon", {"addonVersion": "v1.20.4-eksbuild.2"}, id="updated again"),
        pytest.param("CREATE_FAILED", "delete_addon", {"preserve": True}, id="removed, to be made anew"),
        pytest.param("DELETE_FAILED", "delete_addon", {"preserve": True}, id="removed again, to be made anew"),
    ],
)
def test_what_failed_before_is_tried_again_once(status, operation, arguments):
    addon = ailing(status, "InternalFailure")
    look = looked(wanted(), addon)
    (request,) = look.requests
    assert request.operation == operation
    assert request.arguments.items() >= arguments.items()
    assert (look.before["vpc-cni"]["status"], look.after["vpc-cni"]["status"]) == (status, "ACTIVE")
    assert "after InternalFailure: It is so" in look.progress
    with pytest.raises(
        AwsError, match=f"is {status} .*InternalFailure: It is so.*: correct what is named, and run again"
    ):
        looked(wanted(), addon, tried={"vpc-cni": ""})


def test_the_reason_of_a_failed_update_is_told():
    update = {"errors": [{"errorCode": "ConfigurationConflict", "errorMessage": "Apply failed\nwith 1 conflict."}]}
    reason = _eks.update_errors(update)
    with pytest.raises(AwsError) as error:
        looked(wanted(), found(status="UPDATE_FAILED"), tried={"vpc-cni": reason})
    assert str(error.value) == (
        "Add-on 'vpc-cni' of EKS cluster 'demo' is UPDATE_FAILED (ConfigurationConflict: Apply failed with 1 conflict): "
        f"{_eks_addons.HOPELESS['ConfigurationConflict']}, and run again: it is then tried once more."
    )


@pytest.mark.parametrize(
    ("status", "operations"),
    [
        pytest.param("ACTIVE", ["delete_addon"], id="there"),
        pytest.param("DEGRADED", ["delete_addon"], id="ailing"),
        pytest.param("CREATE_FAILED", ["delete_addon"], id="never made"),
        pytest.param("DELETE_FAILED", ["delete_addon"], id="not removed the last time"),
        pytest.param("DELETING", [], id="being removed"),
        pytest.param("CREATING", [], id="being made"),
    ],
)
def test_what_is_to_go(status, operations):
    look = _eks_addons.absent_addons({"vpc-cni": found(status=status), "coredns": None}, {}, "demo")
    assert [request.operation for request in look.requests] == operations
    assert look.pending == ("vpc-cni",)
    assert (list(look.before), look.after) == (["vpc-cni"], {})


def test_what_cannot_be_removed_is_told():
    with pytest.raises(AwsError, match="is DELETE_FAILED .InternalFailure: It is so.: correct what is named"):
        _eks_addons.absent_addons({"vpc-cni": ailing("DELETE_FAILED", "InternalFailure")}, {"vpc-cni": ""}, "demo")


def test_add_ons_wait_for_the_cluster():
    look = looked(wanted(), None)
    held = _eks_addons.held(look, {"name": "demo", "status": "UPDATING"})
    assert (held.requests, held.in_progress, held.pending) == ((), True, ("vpc-cni",))
    assert held.progress == "EKS cluster 'demo' is UPDATING, and its add-ons wait for that."
    assert _eks_addons.held(look, {"name": "demo", "status": "ACTIVE"}) == look
    unchanged = looked(wanted(), found())
    assert _eks_addons.held(unchanged, {"name": "demo", "status": "UPDATING"}) == unchanged


@pytest.mark.parametrize(
    ("addons", "version", "message"),
    [
        pytest.param([listing(), listing()], None, "'vpc-cni' is in the list more than once", id="twice"),
        pytest.param(
            [listing(pod_identity=[{"service_account": "a"}, {"service_account": "a"}])],
            None,
            "'vpc-cni' has the service account 'a' in pod_identity more than once",
            id="account twice",
        ),
        pytest.param([listing()], "1.3", "'1.3' is not a version of Kubernetes", id="number"),
    ],
)
def test_bad_lists_are_refused(addons, version, message):
    with pytest.raises(AwsError, match=message):
        _eks_addons.check_addons(addons, version)
