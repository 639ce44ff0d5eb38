# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waits where its progress can be seen."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..module_utils._argocd_look import ARGUMENT_SPEC, Wanted, Watch, wanted_from
from ..module_utils._kubernetes import Cluster
from ..plugin_utils._watching import WatchingActionBase


class ActionModule(WatchingActionBase):
    argument_spec = ARGUMENT_SPEC

    def wanted(self, arguments: dict[str, Any], write: bool) -> Wanted:
        return wanted_from(arguments, write)

    def watch(self, cluster: Cluster, wanted: Wanted) -> AbstractContextManager[Watch]:
        return nullcontext(Watch(cluster, wanted))

    def goal(self, wanted: Wanted) -> str:
        return wanted.state
