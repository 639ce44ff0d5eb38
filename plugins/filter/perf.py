# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The logs of Kafka's performance tools as data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils._perf_log import Kind, parse


def _reading(kind: Kind) -> Callable[[object], dict[str, Any]]:
    def read(log: object) -> dict[str, Any]:
        if not isinstance(log, str):
            raise AnsibleFilterError(
                f"{kind}_perf cannot read a {type(log).__name__}: give it the text of one {kind}'s log."
            )
        return parse(log.splitlines(), kind).as_dict()

    return read


class FilterModule:
    def filters(self) -> dict[str, Callable[[object], dict[str, Any]]]:
        return {"producer_perf": _reading("producer"), "consumer_perf": _reading("consumer")}
