from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_pod_identity
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks import Role

ROLE = "arn:aws:iam::123456789012:role/kafka-eks/us-west-2/demo/demo-kafka"


def association(**more):
    return {
        "namespace": "kafka",
        "service_account": "broker",
        "role": "demo-kafka",
        "target_role": None,
        "disable_session_tags": None,
        **more,
    }


def found(**more):
    return {
        "namespace": "kafka",
        "serviceAccount": "broker",
        "roleArn": ROLE,
        "associationId": "a-1",
        "associationArn": "arn:a-1",
        "tags": {"kafka-eks/cluster": "demo"},
        **more,
    }


@pytest.mark.parametrize(
    ("given", "arn", "same"),
    [
        pytest.param(ROLE, ROLE, True, id="ARN"),
        pytest.param("demo-kafka", ROLE, True, id="name, whatever the path"),
        pytest.param("kafka", ROLE, False, id="end of a name"),
        pytest.param("demo-kafka", ROLE.replace("123456789012", "210987654321"), False, id="another account"),
        pytest.param(ROLE.replace("kafka-eks/", ""), ROLE, False, id="ARN with another path"),
        pytest.param("demo-kafka", None, False, id="none"),
    ],
)
def test_a_role_is_recognised_without_asking_for_it(given, arn, same):
    assert _eks_pod_identity.is_role(given, arn, "123456789012") is same


@pytest.mark.parametrize(
    ("option", "had", "changes"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({}, {"roleArn": "arn:other"}, {"roleArn": ROLE}, id="role"),
        pytest.param(
            {}, {"targetRoleArn": "arn:target", "disableSessionTags": True}, {}, id="what is not given is left"
        ),
        pytest.param(
            {"target_role": ""}, {"targetRoleArn": "arn:target"}, {"targetRoleArn": ""}, id="target taken away"
        ),
        pytest.param({"target_role": ""}, {}, {}, id="no target to take away"),
        pytest.param(
            {"disable_session_tags": False}, {"disableSessionTags": True}, {"disableSessionTags": False}, id="tags"
        ),
    ],
)
def test_only_what_differs_is_changed(option, had, changes):
    want = _eks_pod_identity.wanted_association(
        association(**option), Role(ROLE), None, _eks_pod_identity.owner_tags({}, "demo")
    )
    look = _eks_pod_identity.present_associations(
        {"kafka/broker": found(**had)}, {"kafka/broker": want}, {"kafka/broker": ()}, "demo"
    )
    assert [request.arguments for request in look.requests] == (
        [{"clusterName": "demo", "associationId": "a-1", **changes}] if changes else []
    )
    assert (look.before != look.after) is bool(changes)


def test_a_new_association_has_no_empty_target_and_waits_for_its_new_role():
    want = _eks_pod_identity.wanted_association(association(target_role=""), Role(ROLE, is_new=True), None, {"a": "b"})
    look = _eks_pod_identity.present_associations(
        {}, {"kafka/broker": want}, {"kafka/broker": Role(ROLE, is_new=True).patience}, "demo"
    )
    (request,) = look.requests
    assert request.arguments == {
        "clusterName": "demo",
        "namespace": "kafka",
        "serviceAccount": "broker",
        "roleArn": ROLE,
        "tags": {"a": "b"},
    }
    assert request.patience == ("InvalidParameterException",)


@pytest.mark.parametrize(
    ("associations", "message"),
    [
        pytest.param(
            [association(), association(role="other")], "'kafka/broker' .* is in the list more than once", id="twice"
        ),
        pytest.param([association(role=None)], "'kafka/broker' .* has no role, without which", id="no role"),
    ],
)
def test_bad_lists_are_refused(associations, message):
    with pytest.raises(AwsError, match=message):
        _eks_pod_identity.check_associations(associations, "present", "demo")


def test_what_belongs_to_an_add_on_is_named_with_it():
    owner = "arn:aws:eks:us-west-2:123456789012:addon/demo/aws-ebs-csi-driver/0123"
    with pytest.raises(AwsError, match="belongs to the add-on 'aws-ebs-csi-driver', so it is left alone"):
        _eks_pod_identity.refuse_those_of_addons({"kafka/broker": {"ownerArn": owner}}, ["kafka/broker"], "demo")
