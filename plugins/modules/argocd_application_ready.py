#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: argocd_application_ready
short_description: Wait until Argo CD has applied an Application and it is healthy, or until it is gone
version_added: 0.1.0
description:
  - Judges the present specification of an Application. Right after a change its status still speaks of the one before, often well - C(Synced),
    C(Healthy), C(Succeeded) - and its generation rises with every status, so that neither tells.
  - The Application is ready when Argo CD runs, when the last comparison was to the present source and destination and found everything C(Synced), when
    no operation is asked for, under way or failed, when no error is among the conditions, and when its health is C(Healthy).
  - What is known to get stuck is nudged - an Application that does not come on gets a refresh, one that was found with errors a hard refresh, one whose
    last operation had failed before a new one, and an operation that still retries a specification which is not wanted any more is terminated.
  - What will not heal by waiting ends it early, with the words of Argo CD and of the pods that do not start.
  - While it waits, a line at most every 15 seconds says what is missing.
author:
  - streamops.kafka_eks contributors (@streamops)
extends_documentation_fragment:
  - streamops.kafka_eks.kubernetes
notes:
  - The work is done by an action plugin of the same name, by the Python that runs Ansible.
  - Neither the API of Argo CD nor its command line is needed.
options:
  name:
    description: Name of the Application.
    type: str
    required: true
  namespace:
    description: Namespace of the Application, which must be that of Argo CD.
    type: str
    default: argocd
  state:
    description:
      - V(ready) waits until the Application is ready.
      - V(absent) waits until an Application whose deletion was asked for is gone and, if it has the finalizer for it, everything that it made.
    type: str
    choices: [ready, absent]
    default: ready
  timeout:
    description: Seconds after which it gives up.
    type: int
    default: 600
attributes:
  check_mode:
    support: full
    description:
      - Looks once and nudges nothing.
      - Where the cluster or the Application does not exist yet, it says that it would wait.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Wait until Argo CD has applied the operator's chart
  streamops.kafka_eks.argocd_application_ready:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: strimzi-kafka-operator

- name: Wait until the Application and what it made are gone
  streamops.kafka_eks.argocd_application_ready:
    kubeconfig: ~/.kube/kafka-on-eks.yaml
    context: kafka-on-eks
    name: strimzi-kafka-operator
    state: absent
    timeout: 300
"""

RETURN = r"""
ready:
  description: Whether O(state) is reached. Outside check mode, V(false) comes with a failure.
  returned: always
  type: bool
  sample: true
checks:
  description: What was looked at last.
  returned: when the cluster could be asked
  type: list
  elements: dict
  sample:
    - name: health
      verdict: pass
      evidence: Healthy
  contains:
    name:
      description: What the check is about.
      returned: always
      type: str
      sample: health
    verdict:
      description: V(pass) or V(fail).
      returned: always
      type: str
      sample: pass
    evidence:
      description: What was seen.
      returned: always
      type: str
      sample: Healthy
revision:
  description: The revision that was compared last - the version of a chart, the digest of an OCI artifact, the commit of a Git repository.
  returned: when the cluster could be asked
  type: str
  sample: 0.47.0
nudges:
  description: What was done about an Application that did not come on by itself.
  returned: when the cluster could be asked
  type: list
  elements: str
  sample: ["refresh: nothing about it has changed for a while"]
seconds:
  description: How long it took.
  returned: when the cluster could be asked
  type: float
  sample: 4.1
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._argocd_look import ARGUMENT_SPEC, Watch, wanted_from
from ..module_utils._kubernetes import KubernetesError, connect


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wanted = wanted_from(module.params, write=not module.check_mode)
    began = time.monotonic()
    try:
        with connect(module.params["kubeconfig"], module.params["context"]) as cluster:
            look = Watch(cluster, wanted).look()
    except KubernetesError as error:
        module.fail_json(msg=str(error), ready=False)
    result = {**look.as_result(), "seconds": round(time.monotonic() - began, 1), "changed": False}
    if not look.ready:
        module.fail_json(msg=f"{wanted} is not {wanted.state}: {look.missing}.", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
