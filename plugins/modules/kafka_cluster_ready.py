#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_cluster_ready
short_description: Wait until a Kafka cluster of Strimzi is proved usable, and say what is missing until then
version_added: 0.1.0
description:
  - Looks at the Kubernetes side (operator, resource, node pools, nodes, exact pods, placement, claims, components, endpoints) and
    at Kafka itself (brokers, metadata quorum, replicas in sync, a record written through each broker and read back).
  - Strimzi's condition C(Ready) is only one of these facts. It may be that of an earlier generation, it stays C(True) while pods are
    replaced, and it says nothing of replicas that are behind.
  - The cluster is ready when two looks in a row, one second apart, find everything well with the very same pods.
  - What cannot heal by waiting, such as a resource that the operator calls invalid, ends the waiting at once.
  - Kafka is reached through port-forwards of the Kubernetes API server; neither Java nor a pod of its own is needed. That proves the brokers
    but not the way of other clients to them, which is through Services, DNS and network policies.
  - While it waits, a line at most every 15 seconds says what is missing.
author:
  - streamops.kafka_eks contributors (@streamops)
extends_documentation_fragment:
  - streamops.kafka_eks.kubernetes
requirements:
  - kafka-python >= 3.0.12
notes:
  - The work is done by an action plugin of the same name, by the Python that runs Ansible.
  - Where Kafka authorizes its users, the one of O(user_secret) needs Describe and DescribeConfigs on the cluster and on all topics, and
    Read and Write on O(canary_topic).
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
    description: Which side to look at.
    type: str
    choices: [all, kubernetes, kafka]
    default: all
  listener:
    description:
      - Name of the listener to talk to, as in the Kafka resource. It must be an internal one.
      - Required unless O(scope=kubernetes).
    type: str
  ca_secret:
    description:
      - Name of the Secret with the C(ca.crt) that signed the certificates of the brokers.
      - The default is the one that Strimzi makes, V(<name>-cluster-ca-cert). Only used when O(listener) has TLS.
    type: str
  user_secret:
    description:
      - Name of the Secret of the KafkaUser to log in as, as Strimzi writes it. Required when O(listener) asks for authentication by
        SCRAM-SHA-512 or by certificate.
    type: str
  canary_topic:
    description:
      - Name of the KafkaTopic to write a record to and read it back from, by way of each broker that leads one of its partitions.
      - Without it nothing is written.
    type: str
  timeout:
    description: Seconds after which it gives up.
    type: int
    default: 900
attributes:
  check_mode:
    support: full
    description:
      - Looks once and writes no record.
      - Where the cluster or the Kafka resource does not exist yet, it says that it would wait.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Wait until the brokers run
  streamops.kafka_eks.kafka_cluster_ready:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: data-on-eks
    namespace: kafka
    scope: kubernetes

- name: Prove that Kafka can be used
  streamops.kafka_eks.kafka_cluster_ready:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: data-on-eks
    namespace: kafka
    listener: scram
    user_secret: kafka-eks-probe
    canary_topic: kafka-eks-canary
    timeout: 600
"""

RETURN = r"""
ready:
  description: Whether the cluster is proved usable. Outside check mode, V(false) comes with a failure.
  returned: always
  type: bool
  sample: true
checks:
  description: What was looked at last.
  returned: when the cluster could be asked
  type: list
  elements: dict
  sample:
    - name: quorum
      verdict: pass
      evidence: "4 leads 3 voters; behind it: 3 by 0 ms and 0 records, 4 by 0 ms and 0 records, 5 by 12 ms and 0 records"
  contains:
    name:
      description: What the check is about.
      returned: always
      type: str
      sample: quorum
    verdict:
      description: V(pass), V(warn) (does not hinder), V(fail), or V(unknown) (could not be looked at).
      returned: always
      type: str
      sample: pass
    evidence:
      description: What was seen.
      returned: always
      type: str
      sample: 0, 1, 2 are registered
bootstrap_servers:
  description: Address of O(listener) inside the cluster, empty when it is not known.
  returned: when the cluster could be asked
  type: str
  sample: data-on-eks-kafka-bootstrap.kafka.svc:9093
path:
  description: How Kafka was reached. V(tunnel) is port-forwards of the API server.
  returned: when the cluster could be asked
  type: str
  sample: tunnel
seconds:
  description: How long it took.
  returned: when the cluster could be asked
  type: float
  sample: 2.9
"""

import time
from collections.abc import Callable

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._kubernetes import KubernetesError, connect
from ..module_utils._readiness_look import (
    ARGUMENT_SPEC,
    REQUIRED_IF,
    SECONDS_BETWEEN_GOOD_LOOKS,
    Look,
    Watch,
    wanted_from,
)


def verdict(watch: Watch, sleep: Callable[[float], object] = time.sleep) -> Look:
    """One verdict without waiting: a second look only when the first was good."""
    look = watch.look()
    if not look.good:
        return look
    sleep(SECONDS_BETWEEN_GOOD_LOOKS)
    return watch.look()


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    wanted = wanted_from(module.params, write=not module.check_mode)
    began = time.monotonic()
    try:
        with connect(module.params["kubeconfig"], module.params["context"]) as cluster, Watch(cluster, wanted) as watch:
            look = verdict(watch)
    except KubernetesError as error:
        module.fail_json(msg=str(error), ready=False)
    result = {**look.as_result(), "seconds": round(time.monotonic() - began, 1), "changed": False}
    if not look.ready:
        module.fail_json(msg=f"{wanted} is not ready: {look.missing}.", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
