from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.streamops.kafka_eks.plugins.filter.deployer import FilterModule

deployer_policies = FilterModule().filters()["deployer_policies"]


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("eu-west-1", "arn:aws:eks:eu-west-1:"),
        ("us-gov-east-1", "arn:aws-us-gov:eks:us-gov-east-1:"),
        ("cn-north-1", "arn:aws-cn:eks:cn-north-1:"),
    ],
)
def test_the_partition_is_that_of_the_region(region: str, arn: str) -> None:
    found = deployer_policies("demo", region=region, account_id="111122223333")
    assert arn in str(found[f"demo-{region}-deployer-cluster"])


def test_another_name_is_another_cluster() -> None:
    one, other = (deployer_policies(name, "us-west-2", "111122223333") for name in ("one", "other"))
    assert "kafka-eks/us-west-2/other/" not in str(one)
    assert not one.keys() & other.keys()


@pytest.mark.parametrize(
    ("cluster", "account_id", "message"),
    [
        pytest.param("demo", "1111", "the account_id '1111': give all twelve digits", id="account"),
        # What YAML makes of an account without quotes that begins with zeros.
        pytest.param("demo", 11122223333, "the account_id '11122223333': give all twelve digits", id="number"),
        pytest.param("de mo", "111122223333", "cannot use 'de mo': give it the name of an EKS cluster", id="cluster"),
        pytest.param(["demo"], "111122223333", "give it the name of an EKS cluster", id="list"),
    ],
)
def test_bad_input_is_refused(cluster: object, account_id: object, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        deployer_policies(cluster, "us-west-2", account_id)
