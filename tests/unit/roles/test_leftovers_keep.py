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


@pytest.mark.parametrize(
    ("lines", "check_mode", "report"),
    [
        pytest.param([], False, ["Nothing is left."], id="nothing"),
        pytest.param([], True, ["Nothing is left."], id="nothing, in a dry run"),
        pytest.param(["vpc x"], False, ["vpc x"], id="something"),
        pytest.param(
            ["vpc x"],
            True,
            ["This is there now, since a dry run removes nothing:", "vpc x"],
            id="something, in a dry run",
        ),
    ],
)
def test_a_dry_run_says_that_it_has_removed_nothing(evaluate, lines, check_mode, report):
    found = evaluate("leftovers", "__leftovers_report", __leftovers={"lines": lines}, ansible_check_mode=check_mode)
    assert found == report
