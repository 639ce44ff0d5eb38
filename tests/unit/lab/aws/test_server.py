from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.aws import server


@pytest.fixture
def served(tmp_path):
    running = server.serve(server.Endpoint(tmp_path / "requests.log"), 0)

    def client(service):
        return boto3.client(
            service,
            "us-west-2",
            endpoint_url=f"http://127.0.0.1:{running.port}",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 0}),
        )

    yield client, tmp_path / "requests.log"
    running.shutdown()


def test_requests_are_logged_by_service_and_action(served):
    client, log = served
    client("sts").get_caller_identity()
    client("eks").list_clusters()
    client("kms").list_keys()
    client("ec2").describe_vpcs()
    assert log.read_text().splitlines() == [
        "sts\tGetCallerIdentity",
        "eks\tListClusters",
        "kms\tListKeys",
        "ec2\tDescribeVpcs",
    ]


@pytest.mark.parametrize(
    ("service", "call", "named"),
    [
        pytest.param("eks", lambda c: c.list_insights(clusterName="k"), "eks ListInsights", id="operation of REST"),
        pytest.param(
            "iam",
            lambda c: c.simulate_principal_policy(PolicySourceArn="arn:aws:iam::1:role/r", ActionNames=["a:b"]),
            "iam SimulatePrincipalPolicy",
            id="operation of query",
        ),
        pytest.param(
            "ec2",
            lambda c: c.describe_vpc_endpoint_associations(),
            "ec2 DescribeVpcEndpointAssociations",
            id="operation of EC2",
        ),
        pytest.param("pricing", lambda c: c.get_products(ServiceCode="x"), "pricing GetProducts", id="service"),
        pytest.param(
            "eks",
            lambda c: c.describe_cluster_versions(clusterType="eks"),
            "eks DescribeClusterVersions with the parameters clusterType",
            id="parameter",
        ),
    ],
)
def test_what_is_not_implemented_says_so(served, service, call, named):
    client, _ = served
    with pytest.raises(ClientError) as refused:
        call(client(service))
    assert refused.value.response["Error"] == {
        **refused.value.response["Error"],
        "Code": "NotImplemented",
        "Message": f"{named} is not implemented on the lab.",
    }


def test_errors_of_aws_stay_what_they_are(served):
    client, _ = served
    eks = client("eks")
    with pytest.raises(eks.exceptions.ResourceNotFoundException, match="No cluster found for name: none"):
        eks.describe_cluster(name="none")


def test_a_defect_of_the_lab_is_told_as_one(served, monkeypatch):
    from lab.aws.eks import EKSResponse

    monkeypatch.setattr(EKSResponse, "list_clusters", lambda self: {}["oops"])
    client, _ = served
    with pytest.raises(ClientError, match="The lab's eks ListClusters failed: KeyError"):
        client("eks").list_clusters()
