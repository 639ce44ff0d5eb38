from __future__ import annotations

import boto3

DEMO = {"cluster_name": "demo"}
REGION = "us-west-2"


def volume(aws, key, value):
    tags = [{"Key": key, "Value": value}]
    made = aws.ec2.create_volume(
        AvailabilityZone="us-west-2a", Size=10, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}]
    )
    return made["VolumeId"]


def test_nothing_is_left_in_an_empty_account(aws):
    aws.run("vpc_network", cluster_name="other", nat="none")
    aws.make_role("theirs")
    volume(aws, "kafka-eks/cluster", "other")
    result = aws.run("aws_leftovers_info", account_id=aws.id, **DEMO)
    assert (result["changed"], result["leftovers"], result["lines"]) == (False, [], [])
    assert aws.writes == []


def test_everything_with_the_cluster_s_tags_or_names_is_listed(aws):
    aws.run("vpc_network", nat="single", **DEMO)
    aws.run("iam_roles", roles=[{"name": "demo-node", "trust_policy": {"Version": "2012-10-17"}}], **DEMO)
    aws.run("log_group", name="/aws/eks/demo/cluster", **DEMO)
    made_by_csi = volume(aws, "kubernetes.io/cluster/demo", "owned")
    kms = boto3.client("kms", REGION)
    key = kms.create_key(Tags=[{"TagKey": "kafka-eks/cluster", "TagValue": "demo"}])["KeyMetadata"]["KeyId"]
    gone = kms.create_key(Tags=[{"TagKey": "kafka-eks/cluster", "TagValue": "demo"}])["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=gone)
    untagged = kms.create_key()["KeyMetadata"]["KeyId"]
    for name in ("cluster", "volumes"):
        kms.create_alias(AliasName=f"alias/kafka-eks/demo/{name}", TargetKeyId={"cluster": key}.get(name, untagged))
    for name, tag in {
        "ours": ("kafka-eks/cluster", "demo"),
        "karpenter": ("kubernetes.io/cluster/demo", "owned"),
    }.items():
        tags = [{"ResourceType": "launch-template", "Tags": [{"Key": tag[0], "Value": tag[1]}]}]
        aws.ec2.create_launch_template(
            LaunchTemplateName=name, LaunchTemplateData={"InstanceType": "m8g.large"}, TagSpecifications=tags
        )
    result = aws.run("aws_leftovers_info", keep=["volume"], **DEMO)
    billed = [(left["type"], left["kept"]) for left in result["leftovers"] if left["billable"]]
    assert billed == [
        ("address", False),
        ("kms_key", False),
        ("kms_key", False),
        ("log_group", False),
        ("nat_gateway", False),
        ("volume", True),
    ]
    assert {left["type"] for left in result["leftovers"] if not left["billable"]} == {
        "endpoint",
        "internet_gateway",
        "launch_template",
        "role",
        "route_table",
        "subnet",
        "vpc",
    }
    assert {key, untagged, made_by_csi} <= {left["id"] for left in result["leftovers"]}
    assert {"ours", "karpenter"} <= {left["name"] for left in result["leftovers"]}
    assert f"volume {made_by_csi}, kept, is billed by its size until it is deleted" in result["lines"]


def test_a_running_cluster_with_its_machines_is_left(aws):
    aws.make_cluster()
    node = aws.make_role("node")
    aws.run("eks_nodegroups", nodegroups=[{"name": "core", "role": node, "instance_types": ["m8g.large"]}], **DEMO)
    billed = [left["type"] for left in aws.run("aws_leftovers_info", **DEMO)["leftovers"] if left["billable"]]
    assert {"eks_cluster", "instance"} <= set(billed)
