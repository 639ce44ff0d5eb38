from __future__ import annotations

from ansible_collections.streamops.kafka_eks.plugins.module_utils import _sqs_queue
from ansible_collections.streamops.kafka_eks.plugins.module_utils._sqs_queue import Settings

SETTINGS = Settings("q", "demo", 300, {}, {})


def test_the_name_of_a_queue_that_was_just_removed_is_waited_for():
    creation = _sqs_queue.creation(SETTINGS, _sqs_queue.target(SETTINGS, None))
    assert "QueueDeletedRecently" in creation.patience[1]


def test_without_queues_sqs_leaves_the_list_out():
    assert _sqs_queue.of_name({}, "q") is None
    assert _sqs_queue.of_name({"QueueUrls": ["https://sqs/1/q-2", "https://sqs/1/q"]}, "q") == "https://sqs/1/q"


def test_policies_that_mean_the_same_are_equal():
    one = {
        "Statement": [{"Effect": "Deny", "Action": ["sqs:*"], "Condition": {"Bool": {"aws:SecureTransport": False}}}]
    }
    other = {
        "Statement": {"Effect": "Deny", "Action": "sqs:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    }
    raw = {"attributes": {"MessageRetentionPeriod": "300", "SqsManagedSseEnabled": "true"}, "tags": {}}
    now = _sqs_queue.found({**raw, "attributes": {**raw["attributes"], "Policy": str(other).replace("'", '"')}})
    assert now["policy"] == _sqs_queue.target(Settings("q", "demo", 300, one, {}), None)["policy"]
