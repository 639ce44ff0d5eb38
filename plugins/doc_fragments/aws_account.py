# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option that every AWS module of this collection has beside those of amazon.aws."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  account_id:
    description:
      - The AWS account to work in. Before anything else the module asks whose credentials it was given, and refuses to go on
        when they belong to another account.
    type: str
"""
