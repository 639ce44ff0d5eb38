# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a module says of check mode and of diffs: one part for those that change things, one for those that only look."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change without changing it.
    support: full
  diff_mode:
    description: Tells what has changed or would change.
    support: full
"""

    INFO = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change without changing it.
    support: full
    details: This module changes nothing.
  diff_mode:
    description: Tells what has changed or would change.
    support: N/A
    details: This module changes nothing.
"""
