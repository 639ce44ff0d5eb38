#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

# This is only the documentation: the work is done by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: kubernetes_job
short_description: Wait for a Job and keep the logs of its pods
version_added: 0.1.0
description:
  - Waits until a Job has succeeded, shows how far it is every 15 seconds, and writes what its pods print to files while they
    print it. So whatever ends the waiting, the logs up to there are on disk, and waiting again appends what is missing.
  - Each line of the files has the time in front, as with C(kubectl logs --timestamps).
  - It runs on the controller, whatever the host.
  - What cannot heal ends the waiting at once, which is a Job that has failed and a container that cannot be made because of its
    image or its configuration. A Job that cannot go on for another reason, such as a pod that no node takes, is given
    O(start_timeout).
  - The Job is never changed. When the waiting ends early the Job goes on.
author:
  - streamops.kafka_eks contributors (@streamops)
extends_documentation_fragment:
  - streamops.kafka_eks.kubernetes
options:
  name:
    description: Name of the Job.
    type: str
    required: true
  namespace:
    description: Its namespace.
    type: str
    required: true
  dest:
    description: Folder of the logs, on the controller. It is made when it is missing. The file of a pod is named for it.
    type: path
    required: true
  timeout:
    description: Seconds after which waiting is given up.
    type: int
    default: 3600
  start_timeout:
    description: Seconds that pods may stay without a node, or that the Job may stay without pods or suspended.
    type: int
    default: 300
attributes:
  check_mode:
    description: Waits for nothing and says so.
    support: full
  diff_mode:
    description: Nothing that could be shown is changed.
    support: none
seealso:
  - module: streamops.kafka_eks.kubernetes_objects
  - module: streamops.kafka_eks.kafka_perf_result
"""

EXAMPLES = r"""
- name: Wait for the producers
  streamops.kafka_eks.kubernetes_job:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: load-test-producer
    namespace: kafka
    dest: results/nightly/logs
    timeout: 1800
  register: producers

- name: Judge what they measured
  streamops.kafka_eks.kafka_perf_result:
    kind: producer
    logs: "{{ producers.logs }}"
"""

RETURN = r"""
logs:
  description: The files, one for each pod of the Job that has run. When the Job failed they are what there was until then.
  returned: always
  type: list
  elements: str
  sample: [results/nightly/logs/load-test-producer-0-7xk2p.log]
seconds:
  description: How long it was waited.
  returned: always
  type: int
  sample: 341
succeeded:
  description: Whether the Job has succeeded.
  returned: always
  type: bool
  sample: true
msg:
  description: Why the Job did not succeed, with the pod, its exit code or reason and its last lines.
  returned: when it did not, and in check mode
  type: str
  sample: >-
    Job kafka/load-test-producer failed: pod load-test-producer-0-7xk2p ended with exit code 137 (OOMKilled); its last lines:
    5002 records sent, 1000.2 records/sec (0.10 MB/sec), 14.8 ms avg latency, 475.0 ms max latency.; raise its memory limit or
    lower the heap of what runs in it (the whole log: results/nightly/logs/load-test-producer-0-7xk2p.log).
"""
