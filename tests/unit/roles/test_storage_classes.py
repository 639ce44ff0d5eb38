from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_volumes_are_encrypted_kept_and_carry_the_cluster_tag(render: Callable[..., list[dict[str, Any]]]) -> None:
    (gp3,) = render("storage_classes", "storage_classes.yml.j2")
    assert gp3["parameters"] == {
        "type": "gp3",
        "encrypted": "true",
        "kmsKeyId": "arn:aws:kms:us-west-2:123456789012:alias/kafka-eks/kafka-on-eks/volumes",
        "csi.storage.k8s.io/fstype": "xfs",
        "tagSpecification_1": "kafka-eks/cluster=kafka-on-eks",
    }
    assert gp3["reclaimPolicy"] == "Retain"
    assert gp3["volumeBindingMode"] == "WaitForFirstConsumer"
    assert gp3["allowVolumeExpansion"] is True


def test_without_a_key_of_ours_ebs_takes_its_own(render: Callable[..., list[dict[str, Any]]]) -> None:
    (gp3,) = render("storage_classes", "storage_classes.yml.j2", storage_classes_kms_key="")
    assert gp3["parameters"]["encrypted"] == "true"
    assert "kmsKeyId" not in gp3["parameters"]
