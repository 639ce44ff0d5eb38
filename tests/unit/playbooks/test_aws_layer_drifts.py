"""Drifts of the AWS layer: each is found where it is and nowhere else, repaired, and then nothing is left to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

CLUSTER = "kafka-on-eks"


@pytest.fixture(scope="module")
def built(new_layer: Callable[..., Any], emulated: Any) -> Iterator[Any]:
    """One account for all drifts: each leaves it as it should be, or its test fails."""
    with emulated() as account:
        layer = new_layer(account)
        layer.build()
        yield layer


def changed(results: dict[str, Any]) -> dict[str, Any]:
    return {task: result["diff"] for task, result in results.items() if result["changed"]}


def test_a_second_run_changes_nothing(built: Any) -> None:
    built.account.all_writes.clear()
    assert changed(built.build()) == {}
    assert changed(built.build(check=True)) == {}
    assert built.account.all_writes == []


# Each takes the account and spoils one thing; beside it the task that finds it.


def table(account: Any, name: str) -> Any:
    filters = [{"Name": "tag:Name", "Values": [f"{CLUSTER}-{name}"]}]
    return account.ec2.describe_route_tables(Filters=filters)["RouteTables"][0]


def private_table(account: Any) -> Any:
    tables = account.ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [f"{CLUSTER}-private-*"]}])
    return tables["RouteTables"][0]


def vpc(account: Any) -> str:
    return str(account.ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": [CLUSTER]}])["Vpcs"][0]["VpcId"])


def drop_nat_route(account: Any) -> None:
    account.ec2.delete_route(RouteTableId=private_table(account)["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")


def bend_nat_route(account: Any) -> None:
    gateway = account.ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    account.ec2.replace_route(
        RouteTableId=private_table(account)["RouteTableId"],
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=gateway,
    )


def move_subnet(account: Any) -> None:
    found = private_table(account)
    account.ec2.replace_route_table_association(
        AssociationId=found["Associations"][0]["RouteTableAssociationId"],
        RouteTableId=table(account, "public")["RouteTableId"],
    )


def turn_dns_names_off(account: Any) -> None:
    account.ec2.modify_vpc_attribute(VpcId=vpc(account), EnableDnsHostnames={"Value": False})


def drop_subnet_tag(account: Any) -> None:
    filters = [{"Name": "tag:kafka-eks/subnet", "Values": ["private"]}]
    subnet = account.ec2.describe_subnets(Filters=filters)["Subnets"][0]["SubnetId"]
    account.ec2.delete_tags(Resources=[subnet], Tags=[{"Key": "karpenter.sh/discovery"}])


def detach_endpoint(account: Any) -> None:
    (endpoint,) = account.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    account.ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint["VpcEndpointId"], RemoveRouteTableIds=endpoint["RouteTableIds"][:1]
    )


def delete_nat_gateway(account: Any) -> None:
    filters = [{"Name": "state", "Values": ["available"]}]
    gateway = account.ec2.describe_nat_gateways(Filters=filters)["NatGateways"][0]
    account.ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])


def key_id(account: Any, name: str) -> str:
    return str(account.kms.describe_key(KeyId=f"alias/kafka-eks/{CLUSTER}/{name}")["KeyMetadata"]["KeyId"])


def stop_rotation(account: Any) -> None:
    account.kms.disable_key_rotation(KeyId=key_id(account, "volumes"))


def open_key_policy(account: Any) -> None:
    policy = account.kms.get_key_policy(KeyId=key_id(account, "volumes"), PolicyName="default")["Policy"]
    document = json.loads(policy)
    document["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
    )
    account.kms.put_key_policy(KeyId=key_id(account, "volumes"), PolicyName="default", Policy=json.dumps(document))


def disable_key(account: Any) -> None:
    account.kms.disable_key(KeyId=key_id(account, "cluster"))


def role(name: str) -> str:
    return f"{CLUSTER}-us-west-2-{name}"


def detach_policy(account: Any) -> None:
    account.iam.detach_role_policy(RoleName=role("node"), PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy")


def attach_administrator(account: Any) -> None:
    account.iam.attach_role_policy(RoleName=role("node"), PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


def trust_everybody(account: Any) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.iam.update_assume_role_policy(RoleName=role("cluster"), PolicyDocument=document)


def add_inline_policy(account: Any) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    account.iam.put_role_policy(RoleName=role("node"), PolicyName="more", PolicyDocument=document)


def drop_inline_policy(account: Any) -> None:
    account.iam.delete_role_policy(RoleName=role("ebs-csi"), PolicyName="volumes-key")


LOG_GROUP = f"/aws/eks/{CLUSTER}/cluster"


def keep_logs_longer(account: Any) -> None:
    account.logs.put_retention_policy(logGroupName=LOG_GROUP, retentionInDays=365)


def drop_log_key(account: Any) -> None:
    account.logs.disassociate_kms_key(logGroupName=LOG_GROUP)


def delete_log_group(account: Any) -> None:
    account.logs.delete_log_group(logGroupName=LOG_GROUP)


def update_cluster(account: Any, **change: Any) -> None:
    account.eks.update_cluster_config(name=CLUSTER, **change)
    account.eks.get_waiter("cluster_active").wait(name=CLUSTER, WaiterConfig={"Delay": 0})


def open_endpoint(account: Any) -> None:
    update_cluster(account, resourcesVpcConfig={"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]})


def close_private_endpoint(account: Any) -> None:
    update_cluster(account, resourcesVpcConfig={"endpointPrivateAccess": False})


def stop_logs(account: Any) -> None:
    update_cluster(account, logging={"clusterLogging": [{"types": ["audit"], "enabled": False}]})


def drop_protection(account: Any) -> None:
    update_cluster(account, deletionProtection=False)


def pay_for_support(account: Any) -> None:
    update_cluster(account, upgradePolicy={"supportType": "EXTENDED"})


def drop_cluster_tag(account: Any) -> None:
    arn = account.eks.describe_cluster(name=CLUSTER)["cluster"]["arn"]
    account.eks.untag_resource(resourceArn=arn, tagKeys=["team"])


ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def take_policy(account: Any) -> None:
    account.eks.disassociate_access_policy(clusterName=CLUSTER, principalArn=account.deployer, policyArn=ADMIN)


def add_policy(account: Any) -> None:
    account.eks.associate_access_policy(
        clusterName=CLUSTER, principalArn=account.deployer, policyArn=VIEW, accessScope={"type": "cluster"}
    )


def delete_entry(account: Any) -> None:
    account.eks.delete_access_entry(clusterName=CLUSTER, principalArn=account.deployer)


def add_group(account: Any) -> None:
    account.eks.update_access_entry(clusterName=CLUSTER, principalArn=account.deployer, kubernetesGroups=["strangers"])


def change_addon(account: Any) -> None:
    account.eks.update_addon(clusterName=CLUSTER, addonName="vpc-cni", configurationValues="{}")
    account.eks.get_waiter("addon_active").wait(clusterName=CLUSTER, addonName="vpc-cni", WaiterConfig={"Delay": 0})


def delete_addon(account: Any) -> None:
    account.eks.delete_addon(clusterName=CLUSTER, addonName="metrics-server")
    account.eks.get_waiter("addon_deleted").wait(
        clusterName=CLUSTER, addonName="metrics-server", WaiterConfig={"Delay": 0}
    )


def change_association(account: Any) -> None:
    found = account.eks.list_pod_identity_associations(clusterName=CLUSTER, serviceAccount="ebs-csi-controller-sa")
    account.eks.update_pod_identity_association(
        clusterName=CLUSTER,
        associationId=found["associations"][0]["associationId"],
        roleArn=account.iam.get_role(RoleName=role("node"))["Role"]["Arn"],
    )


def update_nodegroup(account: Any, **change: Any) -> None:
    account.eks.update_nodegroup_config(clusterName=CLUSTER, nodegroupName="core", **change)
    account.eks.get_waiter("nodegroup_active").wait(
        clusterName=CLUSTER, nodegroupName="core", WaiterConfig={"Delay": 0}
    )


def scale(account: Any) -> None:
    update_nodegroup(account, scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 3})


def relabel(account: Any) -> None:
    update_nodegroup(account, labels={"addOrUpdateLabels": {"kafka-eks.streamops.io/pool": "broker"}})


def add_taint(account: Any) -> None:
    taint = {"key": "kafka-eks.streamops.io/pool", "value": "broker", "effect": "NO_SCHEDULE"}
    update_nodegroup(account, taints={"addOrUpdateTaints": [taint]})


def drop_nodegroup_tag(account: Any) -> None:
    group = account.eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName="core")["nodegroup"]
    account.eks.untag_resource(resourceArn=group["nodegroupArn"], tagKeys=["team"])


def allow_old_metadata(account: Any) -> None:
    template = {"LaunchTemplateName": f"{CLUSTER}-core"}
    made = account.ec2.create_launch_template_version(
        **template,
        SourceVersion="$Default",
        LaunchTemplateData={"MetadataOptions": {"HttpTokens": "optional"}},
    )
    account.ec2.modify_launch_template(**template, DefaultVersion=str(made["LaunchTemplateVersion"]["VersionNumber"]))


def queue(account: Any) -> str:
    return str(account.sqs.get_queue_url(QueueName=f"{CLUSTER}-karpenter")["QueueUrl"])


def open_queue(account: Any) -> None:
    found = account.sqs.get_queue_attributes(QueueUrl=queue(account), AttributeNames=["Policy"])["Attributes"]
    document = json.loads(found["Policy"])
    document["Statement"].append({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})
    account.sqs.set_queue_attributes(QueueUrl=queue(account), Attributes={"Policy": json.dumps(document)})


def keep_messages_longer(account: Any) -> None:
    account.sqs.set_queue_attributes(QueueUrl=queue(account), Attributes={"MessageRetentionPeriod": "1209600"})


def leave_queue_unencrypted(account: Any) -> None:
    account.sqs.set_queue_attributes(QueueUrl=queue(account), Attributes={"SqsManagedSseEnabled": "false"})


def drop_queue_tag(account: Any) -> None:
    account.sqs.untag_queue(QueueUrl=queue(account), TagKeys=["team"])


def rule(name: str) -> str:
    return f"{CLUSTER}-karpenter-{name}"


def disable_rule(account: Any) -> None:
    account.events.disable_rule(Name=rule("spot"))


def bend_rule(account: Any) -> None:
    account.events.put_rule(Name=rule("state"), EventPattern=json.dumps({"source": ["aws.s3"]}))


def aim_elsewhere(account: Any) -> None:
    target = {"Id": "karpenter", "Arn": f"arn:aws:sqs:us-west-2:{account.id}:another"}
    account.events.put_targets(Rule=rule("health"), Targets=[target])


def drop_target(account: Any) -> None:
    account.events.remove_targets(Rule=rule("rebalance"), Ids=["karpenter"])


def delete_rule(account: Any) -> None:
    account.events.remove_targets(Rule=rule("reservation"), Ids=["karpenter"])
    account.events.delete_rule(Name=rule("reservation"))


def widen_controller(account: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    name = account.iam.list_role_policies(RoleName=role("karpenter"))["PolicyNames"][0]
    account.iam.put_role_policy(RoleName=role("karpenter"), PolicyName=name, PolicyDocument=json.dumps(document))


def drop_controller_policy(account: Any) -> None:
    account.iam.delete_role_policy(RoleName=role("karpenter"), PolicyName="interruption")


def detach_from_machines(account: Any) -> None:
    account.iam.detach_role_policy(
        RoleName=role("karpenter-node"), PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    )


def keep_machines_out(account: Any) -> None:
    arn = account.iam.get_role(RoleName=role("karpenter-node"))["Role"]["Arn"]
    account.eks.delete_access_entry(clusterName=CLUSTER, principalArn=arn)


def controller_association(account: Any) -> str:
    found = account.eks.list_pod_identity_associations(clusterName=CLUSTER, serviceAccount="karpenter")
    return str(found["associations"][0]["associationId"])


def give_controller_another_role(account: Any) -> None:
    account.eks.update_pod_identity_association(
        clusterName=CLUSTER,
        associationId=controller_association(account),
        roleArn=account.iam.get_role(RoleName=role("node"))["Role"]["Arn"],
    )


def take_role_from_controller(account: Any) -> None:
    account.eks.delete_pod_identity_association(clusterName=CLUSTER, associationId=controller_association(account))


NETWORK, KEYS, IAM = "Create the network", "Create the keys of secrets, logs and volumes", "Create the IAM roles"
LOGS, EKS = "Create the log group of the control plane", "Start the EKS cluster"
ACCESS, ADDONS, NODES = "Let the deployer and others use the cluster", "Install the add-ons", "Create the node groups"
QUEUE, RULES = "Create the queue of interruptions", "Create the rules that fill it"
CONTROLLER, MACHINES = "Create the IAM roles of the controller and of its nodes", "Let its nodes join the cluster"
ASSOCIATION = "Let the controller act as its role"
DRIFTS = [
    (drop_nat_route, NETWORK),
    (bend_nat_route, NETWORK),
    (move_subnet, NETWORK),
    (turn_dns_names_off, NETWORK),
    (drop_subnet_tag, NETWORK),
    (detach_endpoint, NETWORK),
    (delete_nat_gateway, NETWORK),
    (stop_rotation, KEYS),
    (open_key_policy, KEYS),
    (disable_key, KEYS),
    (detach_policy, IAM),
    (attach_administrator, IAM),
    (trust_everybody, IAM),
    (add_inline_policy, IAM),
    (drop_inline_policy, IAM),
    (keep_logs_longer, LOGS),
    (drop_log_key, LOGS),
    (delete_log_group, LOGS),
    (open_endpoint, EKS),
    (close_private_endpoint, EKS),
    (stop_logs, EKS),
    (drop_protection, EKS),
    (pay_for_support, EKS),
    (drop_cluster_tag, EKS),
    (take_policy, ACCESS),
    (add_policy, ACCESS),
    (delete_entry, ACCESS),
    (add_group, ACCESS),
    (change_addon, ADDONS),
    (delete_addon, ADDONS),
    (change_association, ADDONS),
    (scale, NODES),
    (relabel, NODES),
    (add_taint, NODES),
    (drop_nodegroup_tag, NODES),
    (allow_old_metadata, NODES),
    (open_queue, QUEUE),
    (keep_messages_longer, QUEUE),
    (leave_queue_unencrypted, QUEUE),
    (drop_queue_tag, QUEUE),
    (disable_rule, RULES),
    (bend_rule, RULES),
    (aim_elsewhere, RULES),
    (drop_target, RULES),
    (delete_rule, RULES),
    (widen_controller, CONTROLLER),
    (drop_controller_policy, CONTROLLER),
    (detach_from_machines, CONTROLLER),
    (keep_machines_out, MACHINES),
    (give_controller_another_role, ASSOCIATION),
    (take_role_from_controller, ASSOCIATION),
]


@pytest.mark.parametrize(("drift", "task"), DRIFTS, ids=[drift.__name__ for drift, _ in DRIFTS])
def test_a_drift_is_found_and_repaired(built: Any, drift: Callable[[Any], None], task: str) -> None:
    drift(built.account)
    built.account.all_writes.clear()
    found = changed(built.build(check=True))
    assert list(found) == [task]
    assert found[task]["before"] != found[task]["after"]
    assert built.account.all_writes == []
    repaired = changed(built.build())
    assert task in repaired
    assert changed(built.build()) == {}
