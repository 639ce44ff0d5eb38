from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml


@pytest.fixture
def demo(tmp_path):
    return {"cluster_name": "demo", "path": str(tmp_path / "kube" / "demo.yaml"), "environment": {"AWS_PROFILE": "lab"}}


def test_the_file_reaches_one_cluster_and_holds_no_secret(aws, demo):
    aws.make_cluster()
    result = aws.run("eks_kubeconfig", account_id=aws.id, **demo)
    assert result["changed"]
    path = Path(demo["path"])
    assert path.stat().st_mode & 0o777 == 0o600
    content = yaml.safe_load(path.read_text())
    assert content["current-context"] == content["contexts"][0]["name"] == "demo"
    cluster = aws.eks.describe_cluster(name="demo")["cluster"]
    assert content["clusters"][0]["cluster"] == {
        "server": cluster["endpoint"],
        "certificate-authority-data": cluster["certificateAuthority"]["data"],
    }
    plugin = content["users"][0]["user"]["exec"]
    assert plugin["command"] == str(Path(sys.executable).with_name("aws"))
    assert plugin["args"][:2] == ["--region", "us-west-2"]
    assert plugin["env"] == [{"name": "AWS_PROFILE", "value": "lab"}]
    again = aws.run("eks_kubeconfig", **demo)
    assert not again["changed"]
    assert aws.requests == ["GetCallerIdentity", "DescribeCluster"]


def test_an_empty_account_is_planned_and_nothing_is_written(aws, demo):
    result = aws.run("eks_kubeconfig", check=True, **demo)
    assert result["changed"]
    assert result["diff"]["after"]["server"] is None
    assert not Path(demo["path"]).parent.exists()


def test_a_cluster_that_is_needed_and_not_there_is_an_error(aws, demo):
    result = aws.run("eks_kubeconfig", **demo)
    assert "EKS cluster 'demo' is not there" in result["msg"]


def test_a_cluster_that_is_not_there_has_no_file_when_none_is_needed(aws, demo):
    assert not aws.run("eks_kubeconfig", cluster_required=False, **demo)["changed"]
    aws.make_cluster()
    aws.run("eks_kubeconfig", cluster_required=False, **demo)
    aws.eks.delete_cluster(name="demo")
    aws.eks.get_waiter("cluster_deleted").wait(name="demo", WaiterConfig={"Delay": 0})
    assert aws.run("eks_kubeconfig", cluster_required=False, **demo)["changed"]
    assert not Path(demo["path"]).exists()


@pytest.mark.parametrize("spoil", ["mode", "content"])
def test_a_file_that_was_changed_is_written_anew(aws, demo, spoil):
    aws.make_cluster()
    aws.run("eks_kubeconfig", **demo)
    path = Path(demo["path"])
    good = path.read_text()
    if spoil == "mode":
        path.chmod(0o644)
    else:
        path.write_text(good.replace("current-context: demo", "current-context: other"))
    assert aws.run("eks_kubeconfig", **demo)["changed"]
    assert path.read_text() == good
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("contexts: [{name: production}]", "holds more than cluster 'demo' (production)", id="another"),
        pytest.param("contexts: [{name: demo}, {name: own}]", "holds more than cluster 'demo' (own)", id="two"),
        pytest.param("hello", "something that is no kubeconfig", id="no kubeconfig"),
        pytest.param("a: [", "something that is no kubeconfig", id="no YAML"),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_with_anything_else_in_it_is_left_alone(aws, demo, content, message, state):
    path = Path(demo["path"])
    path.parent.mkdir()
    path.write_text(content)
    result = aws.run("eks_kubeconfig", state=state, **demo)
    assert message in result["msg"]
    assert path.read_text() == content


def test_a_token_in_a_changed_file_is_not_shown(aws, demo):
    path = Path(demo["path"])
    path.parent.mkdir()
    path.write_text("contexts: [{name: demo}]\nusers: [{name: demo, user: {token: s3cr3t}}]\n")
    aws.make_cluster()
    assert "s3cr3t" not in str(aws.run("eks_kubeconfig", **demo))


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
def test_a_secret_is_refused(aws, demo, name):
    result = aws.run("eks_kubeconfig", **{**demo, "environment": {name: "x"}})
    assert f"would write the secret {name}" in result["msg"]


def test_it_is_removed_without_asking_aws(aws, demo):
    aws.make_cluster()
    aws.run("eks_kubeconfig", **demo)
    assert aws.run("eks_kubeconfig", state="absent", check=True, **demo)["changed"]
    assert Path(demo["path"]).exists()
    assert aws.run("eks_kubeconfig", state="absent", **demo)["changed"]
    assert aws.requests == []
    assert not aws.run("eks_kubeconfig", state="absent", **demo)["changed"]
