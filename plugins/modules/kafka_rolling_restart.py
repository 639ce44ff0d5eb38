#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_rolling_restart
short_description: Renew the nodes of a Kafka cluster of Strimzi, or restart its pods, one after the other
version_added: 0.1.0
description:
  - Takes one member at a time, controllers before brokers and the active controller after the other controllers. The cluster is proved
    usable before the first, and after each, as M(streamops.kafka_eks.kafka_cluster_ready) proves it.
  - A node is renewed by having Karpenter launch another one in the same zone first. Then the old one takes no more pods, the operator is
    asked to restart the member, and when that runs on the new node and the cluster is proved usable, the old machine is ended.
  - It stops at the first member that does not come back, says why, and leaves the others alone. What was there at the start is written
    down at the Kafka resource, so that the next run goes on where it stopped.
  - This is the way to a newer machine image, as Karpenter does not disturb Kafka's nodes of its own accord.
author:
  - streamops.kafka_eks contributors (@streamops)
extends_documentation_fragment:
  - streamops.kafka_eks.kubernetes
requirements:
  - kafka-python >= 3.0.12
notes:
  - The work is done by an action plugin of the same name, by the Python that runs Ansible.
  - The operator looks for what it is asked every two minutes, so that each member takes at least as long.
options:
  name:
    description: Name of the Kafka resource.
    type: str
    required: true
  namespace:
    description: Namespace of the Kafka resource.
    type: str
    required: true
  scope:
    description:
      - V(nodes) renews the nodes, which must have been launched by Karpenter, and with them the pods.
      - V(pods) restarts the pods where they are.
    type: str
    choices: [nodes, pods]
    default: nodes
  only_drifted:
    description:
      - Whether only nodes are renewed that are no longer as their pool would make them, such as those of an older machine image, and
        those that Karpenter is to end, because EC2 takes the machine back or somebody has deleted its NodeClaim.
    type: bool
    default: false
  listener:
    description: Name of the listener by which Kafka is asked, as in the Kafka resource. It must be an internal one.
    type: str
    required: true
  ca_secret:
    description: See O(streamops.kafka_eks.kafka_cluster_ready#module:ca_secret).
    type: str
  user_secret:
    description: See O(streamops.kafka_eks.kafka_cluster_ready#module:user_secret).
    type: str
  canary_topic:
    description: See O(streamops.kafka_eks.kafka_cluster_ready#module:canary_topic).
    type: str
  timeout:
    description: Seconds for a member to be renewed, and then for the cluster to be ready.
    type: int
    default: 900
attributes:
  check_mode:
    support: full
    description: Says which members are due, and does nothing.
  diff_mode:
    support: none
    description: What it changes comes back as it was.
seealso:
  - module: streamops.kafka_eks.kafka_cluster_ready
"""

EXAMPLES = r"""
- name: Renew the nodes whose pool has another machine image now
  streamops.kafka_eks.kafka_rolling_restart:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: data-on-eks
    namespace: kafka
    only_drifted: true
    listener: scram
    user_secret: kafka-eks-probe
    canary_topic: kafka-eks-canary

- name: Restart all pods where they are
  streamops.kafka_eks.kafka_rolling_restart:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: data-on-eks
    namespace: kafka
    scope: pods
    listener: plain
"""

RETURN = r"""
due:
  description: The members that were due at the start of this run, in their order.
  returned: always
  type: list
  elements: str
  sample: [data-on-eks-controller-3, data-on-eks-broker-0]
renewed:
  description: The members that this run has renewed. With O(scope=nodes) from where to where, with O(scope=pods) where they are.
  returned: always
  type: dict
  sample:
    data-on-eks-broker-0: ip-100-64-0-5.us-west-2.compute.internal to ip-100-64-0-9.us-west-2.compute.internal
msg:
  description: Why it stopped.
  returned: when it did
  type: str
  sample: >-
    The rolling restart stopped: data-on-eks-broker-0 was not renewed within 900 s: a new node is launched for it; Karpenter: no instance type
    had enough resources or had a required offering (type r8g.4xlarge, zone us-west-2b); mend what is named, or raise timeout, and run it
    again: it goes on with this one. (nothing was renewed yet)
"""
