"""What a removal leaves on purpose follows from whether data is to be deleted."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        pytest.param({}, ["volume", "kms_key"], id="not said"),
        pytest.param({"kafka_eks_delete_data": False}, ["volume", "kms_key"], id="kept"),
        pytest.param({"kafka_eks_delete_data": "false"}, ["volume", "kms_key"], id="kept, said on the command line"),
        pytest.param({"kafka_eks_delete_data": True}, [], id="deleted"),
        pytest.param({"kafka_eks_delete_data": "true"}, [], id="deleted, said on the command line"),
    ],
)
def test_data_is_kept_unless_it_is_to_be_deleted(evaluate, settings, kept):
    assert evaluate("leftovers", "leftovers_keep", **settings) == kept
