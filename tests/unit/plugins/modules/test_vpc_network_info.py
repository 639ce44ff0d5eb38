from __future__ import annotations


def test_where_there_is_no_network_nothing_is_found(aws):
    result = aws.run("vpc_network_info", cluster_name="demo")
    assert result["vpc_id"] is None
    assert result["subnets"] == {"public": [], "private": [], "intra": []}
    assert not result["changed"]


def test_another_cluster_s_network_is_not_found(aws):
    aws.run("vpc_network", cluster_name="other", nat="none")
    assert aws.run("vpc_network_info", cluster_name="demo")["vpc_id"] is None
    assert aws.run("vpc_network_info", cluster_name="other")["vpc_id"].startswith("vpc-")
