# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The kubeconfig that reaches the cluster.
      - There is no default, neither an environment variable nor a file of the user, so nothing is done to a cluster that was not named.
    type: path
    required: true
  context:
    description:
      - The context of O(kubeconfig) to use. The current context of the file is never used.
    type: str
    required: true
requirements:
  - kubernetes >= 36.0.3
"""
