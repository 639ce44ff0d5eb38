from __future__ import annotations

import pytest
from ansible_collections.streamops.kafka_eks.plugins.module_utils import _eks_access
from ansible_collections.streamops.kafka_eks.plugins.module_utils._aws_data import AwsError
from ansible_collections.streamops.kafka_eks.plugins.module_utils._eks_access import Principal


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        pytest.param("arn:aws:sts::1:assumed-role/deploy/me", Principal(None, "deploy"), id="role"),
        pytest.param(
            "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0123/me@example.com",
            Principal(None, "AWSReservedSSO_Admin_0123"),
            id="SSO role",
        ),
        pytest.param(
            "arn:aws:iam::1:user/ops/alice", Principal("arn:aws:iam::1:user/ops/alice"), id="user with a path"
        ),
        pytest.param("arn:aws-cn:iam::1:user/alice", Principal("arn:aws-cn:iam::1:user/alice"), id="China"),
    ],
)
def test_the_principal_is_derived_from_the_caller(caller, principal):
    assert _eks_access.principal_of(caller) == principal


@pytest.mark.parametrize(
    ("caller", "message"),
    [
        pytest.param("arn:aws:iam::1:root", "is the root user of the account", id="root"),
        pytest.param("arn:aws:sts::1:federated-user/bob", "is a federated-user", id="federated user"),
    ],
)
def test_who_cannot_have_an_entry_is_told_so(caller, message):
    with pytest.raises(AwsError, match=message):
        _eks_access.principal_of(caller)


def test_the_policies_of_an_entry_are_named_in_the_partition_of_the_account():
    entry = {
        "principal": "caller",
        "groups": [],
        "policies": [
            {"policy": "AmazonEKSViewPolicy", "scope": "namespace", "namespaces": ["b", "a"]},
            {"policy": "arn:aws-cn:eks::aws:cluster-access-policy/Own", "scope": "cluster", "namespaces": []},
        ],
    }
    assert _eks_access.wanted_entry(entry, "aws-cn")["policies"] == {
        "arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy": {
            "type": "namespace",
            "namespaces": ["a", "b"],
        },
        "arn:aws-cn:eks::aws:cluster-access-policy/Own": {"type": "cluster", "namespaces": []},
    }
