from __future__ import annotations

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.test import Client

from lab.aws import clock, server, settings


@pytest.fixture
def served(tmp_path):
    running = server.serve(server.Endpoint(tmp_path / "requests.log"), 0)

    def client(service, region="us-west-2"):
        return boto3.client(
            service,
            region,
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
            lambda c: c.simulate_custom_policy(PolicyInputList=["{}"], ActionNames=["a:b"]),
            "iam SimulateCustomPolicy",
            id="operation of query",
        ),
        pytest.param(
            "ec2",
            lambda c: c.describe_vpc_endpoint_associations(),
            "ec2 DescribeVpcEndpointAssociations",
            id="operation of EC2",
        ),
        pytest.param("health", lambda c: c.describe_events(), "health DescribeEvents", id="service"),
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


def test_prices_are_told_over_http_too(served):
    client, _ = served
    answer = client("pricing", "us-east-1").get_products(ServiceCode="AmazonEKS")
    assert len(answer["PriceList"]) == 6


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


class TestControls:
    @pytest.fixture(autouse=True)
    def as_before(self):
        yield
        settings.reset()

    def ask(self, method, path, **changes):
        client = Client(server.Endpoint())
        return client.open(path, method=method, json=changes or None)

    def test_settings_are_shown_and_changed(self):
        assert self.ask("GET", "/lab/settings").json["time_scale"] == 0
        changed = self.ask("PATCH", "/lab/settings", time_scale=0.1, quotas={"ec2/L-0263D0A3": 1})
        assert (changed.json["time_scale"], changed.json["quotas"]) == (0.1, {"ec2/L-0263D0A3": 1.0})
        assert self.ask("GET", "/lab/settings").json == changed.json

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            pytest.param({"speed": 1}, "speed: no such setting", id="name"),
            pytest.param({"time_scale": "fast"}, "could not convert", id="value"),
            pytest.param({"refusals": [{"what": "ec2"}]}, "what", id="form"),
            pytest.param({"quotas": {"ec2/L-1": 1}}, "ec2/L-1 is not one of", id="quota"),
        ],
    )
    def test_a_setting_that_is_none_is_refused(self, changes, sentence):
        refused = self.ask("PATCH", "/lab/settings", **changes)
        assert (refused.status_code, sentence in refused.text) == (400, True)

    def test_the_timeline_is_shown_and_forgotten(self):
        clock.Transition("add-on create", "add-on coredns", "CREATING", "ACTIVE")
        (span,) = self.ask("GET", "/lab/timeline").json["spans"]
        assert (span["resource"], span["seconds_on_aws"], span["ended"]) == ("add-on coredns", 30, None)
        assert self.ask("DELETE", "/lab/timeline").json["spans"] == []

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            pytest.param({"instance": "i-1"}, "i-1: no such machine runs", id="no such machine"),
            pytest.param({"machine": "i-1"}, "unexpected keyword argument 'machine'", id="typo"),
        ],
    )
    def test_what_cannot_be_interrupted_is_told(self, asked, sentence):
        answer = self.ask("POST", "/lab/interruptions", **asked)
        assert (answer.status_code, sentence in answer.text) == (400, True)

    def test_there_is_nothing_else(self):
        assert self.ask("GET", "/lab/other").status_code == 404
