#!/usr/bin/python
# Copyright: streamops.kafka_eks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kafka_perf_result
short_description: Judge what Kafka's performance tools measured
version_added: 0.1.0
description:
  - Reads the logs of C(kafka-producer-perf-test.sh) or C(kafka-consumer-perf-test.sh), one of each client, merges them, holds them
    against thresholds and against an earlier result, and writes one JSON document.
  - Nothing is guessed. A log without its total, with damaged figures, or of several runs makes the verdict V(incomplete), and
    the figures it does hold are kept and marked.
  - Rates and counts of several clients are added up. Percentiles cannot be merged, so that of the worst client is judged, which
    is never lower than that of all clients together.
  - Consumers are judged by the time of fetching, without that of joining their group, where the tool's times are plausible.
    C(throughput_basis) of RV(result) says which it was.
  - MB is the tools' own MB, which is 1,048,576 bytes of payload. Latency is counted by the tool from when it hands over a record,
    so waiting before that is not in it.
author:
  - streamops.kafka_eks contributors (@streamops)
options:
  name:
    description: What the result is called, such as the name of a profile. The default is O(kind).
    type: str
  kind:
    description: Which of the two tools wrote the logs.
    type: str
    choices: [producer, consumer]
    required: true
  logs:
    description:
      - Paths of the logs. Standard output and standard error may both be in them, and so may a timestamp in front of each line.
      - None at all is a result too, an V(incomplete) one.
    type: list
    elements: path
    required: true
  requested:
    description: What each client was asked for. It decides whether something is missing and which results are comparable.
    type: dict
    default: {}
    suboptions:
      records:
        description: Number of records.
        type: int
      throughput:
        description: Records a second, V(-1) for as many as possible.
        type: float
      record_size:
        description: Bytes of a record.
        type: int
  thresholds:
    description:
      - Limits of the merged figures. The verdict is V(fail) when one is not kept.
      - Consumers measure no latency, so limits of it are refused for them.
    type: dict
    default: {}
    suboptions:
      min_records_per_second:
        description: Lowest throughput in records.
        type: float
      min_mb_per_second:
        description: Lowest throughput in MB.
        type: float
      max_avg_ms:
        description: Highest average latency.
        type: float
      max_p50_ms:
        description: Highest 50th percentile of latency.
        type: float
      max_p95_ms:
        description: Highest 95th percentile of latency.
        type: float
      max_p99_ms:
        description: Highest 99th percentile of latency.
        type: float
      max_p99_9_ms:
        description: Highest 99.9th percentile of latency.
        type: float
      max_ms:
        description: Highest latency of any record.
        type: float
      max_errors:
        description: Highest number of records that failed or are missing. Unless it is set, none may.
        type: float
  baseline:
    description:
      - Path of an earlier document of this module. Throughput, average latency and the 99th percentile are compared with it.
      - One of another kind, request or number of clients is refused.
    type: path
  tolerance_percent:
    description: By how much a figure may be worse than that of O(baseline). For latencies one millisecond is added, since the tools count whole ones.
    type: float
    default: 10
  parameters:
    description: Anything that is to be kept with the figures. No secrets, the document is meant to be shown.
    type: dict
    default: {}
  dest:
    description:
      - Where to write the document. Its folder must exist.
      - Its JSON schema is C(docs/schemas/perf_result-1.json) of this collection.
    type: path
  fail_on_violation:
    description: Whether the task fails when the verdict is not V(pass). The document is written before that.
    type: bool
    default: true
attributes:
  check_mode:
    description: Reads and judges, writes nothing. Without logs it does not fail, since in check mode nobody has written any.
    support: full
  diff_mode:
    description: Shows the document without the figures of each client.
    support: full
seealso:
  - module: streamops.kafka_eks.kubernetes_job
  - plugin: streamops.kafka_eks.producer_perf
    plugin_type: filter
  - plugin: streamops.kafka_eks.consumer_perf
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Judge what two producers measured
  streamops.kafka_eks.kafka_perf_result:
    name: nightly
    kind: producer
    logs:
      - results/nightly/logs/producer-0.log
      - results/nightly/logs/producer-1.log
    requested:
      records: 50000000
      throughput: -1
      record_size: 100
    thresholds:
      min_records_per_second: 300000
      max_p99_ms: 800
    baseline: results/last-week/producer.json
    dest: results/nightly/producer.json

- name: Read a consumer's log without judging it
  streamops.kafka_eks.kafka_perf_result:
    kind: consumer
    logs: [consumer.log]
    fail_on_violation: false
  register: consumed
"""

RETURN = r"""
verdict:
  description:
    - V(pass), V(fail), or V(incomplete) when a log is not that of one whole, undisturbed run.
  returned: always, unless the input is refused
  type: str
  sample: pass
summary:
  description: The result in one line.
  returned: always, unless the input is refused
  type: str
  sample: "producer: pass; 17,000 records of 100 B, 999 records/s, 0.10 MB/s, latency 4.99 ms on average, 147 ms at the 99th percentile, 475 ms at most"
violations:
  description: Why the verdict is V(fail).
  returned: always, unless the input is refused
  type: list
  elements: str
  sample: ["The throughput is 999 records/s, under the 300,000 of min_records_per_second."]
problems:
  description: What is wrong with the logs.
  returned: always, unless the input is refused
  type: list
  elements: str
  sample: ["logs/producer-1.log: The log has no total: the producer was ended early, and the figures are those of its windows."]
result:
  description: The figures of all clients together. A figure that was not measured is null.
  returned: always, unless the input is refused
  type: dict
  sample:
    records: 17000
    records_per_second: 999.118425
    mb_per_second: 0.1
    throughput_basis: total
    avg_ms: 4.99
    max_ms: 475.0
    worst_client_p50_ms: 1
    worst_client_p95_ms: 8
    worst_client_p99_ms: 147
    worst_client_p99_9_ms: 152
    errors: 0
dest:
  description: Where the document is.
  returned: when O(dest) is set
  type: str
  sample: /home/me/results/nightly/producer.json
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._perf_log import Kind, PerfLog, parse
from ..module_utils._perf_result import THRESHOLDS, PerfResultError, Requested, judge


def read_log(path: Path, kind: Kind) -> PerfLog:
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return parse(lines, kind)
    except OSError as error:
        raise PerfResultError(f"The log {path} cannot be read: {error.strerror}; correct the option logs.") from None


def read_baseline(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PerfResultError(
            f"The baseline {path} cannot be read: {error.strerror}; name an earlier result, or none for a first one."
        ) from None
    except ValueError as error:
        raise PerfResultError(
            f"The baseline {path} is not JSON ({error}): name a file that this module wrote."
        ) from None
    return document if isinstance(document, dict) else {}


def shown_name(log: Path, dest: Path | None) -> str:
    """The document and its logs may move together."""
    return str(log.relative_to(dest.parent)) if dest and log.is_relative_to(dest.parent) else str(log)


def save(module: AnsibleModule, dest: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Write the document whole or not at all; returns what that changed."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        before = dest.read_text(encoding="utf-8") if dest.exists() else ""
        if text != before and not module.check_mode:
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=dest.parent, delete=False) as draft:
                draft.write(text)
            module.atomic_move(draft.name, str(dest))
    except OSError as error:
        raise PerfResultError(
            f"The result cannot be written to {dest}: {error.strerror}; create its folder, or name another file with dest."
        ) from None
    diff = {"before_header": str(dest), "before": overview(before), "after_header": str(dest), "after": overview(text)}
    return {"changed": text != before, "diff": diff, "dest": str(dest)}


def overview(text: str) -> str:
    """The document without the clients, each of which may have thousands of windows."""
    try:
        document = json.loads(text)
        del document["clients"]
    except (ValueError, LookupError, TypeError):
        return text
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def run(module: AnsibleModule) -> dict[str, Any]:
    params = module.params
    kind, dest = params["kind"], Path(params["dest"]) if params["dest"] else None
    document = judge(
        params["name"] or kind,
        kind,
        {shown_name(Path(log), dest): read_log(Path(log), kind) for log in params["logs"]},
        Requested(**params["requested"]),
        {name: limit for name, limit in params["thresholds"].items() if limit is not None},
        read_baseline(Path(params["baseline"])) if params["baseline"] else None,
        params["tolerance_percent"],
        params["parameters"],
    )
    result = {key: document[key] for key in ("verdict", "summary", "violations", "problems", "result")}
    return {"changed": False, **result, **(save(module, dest, document) if dest else {})}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "kind": {"type": "str", "choices": ["producer", "consumer"], "required": True},
            "logs": {"type": "list", "elements": "path", "required": True},
            "requested": {
                "type": "dict",
                "default": {},
                "options": {
                    "records": {"type": "int"},
                    "throughput": {"type": "float"},
                    "record_size": {"type": "int"},
                },
            },
            "thresholds": {"type": "dict", "default": {}, "options": {name: {"type": "float"} for name in THRESHOLDS}},
            "baseline": {"type": "path"},
            "tolerance_percent": {"type": "float", "default": 10},
            "parameters": {"type": "dict", "default": {}},
            "dest": {"type": "path"},
            "fail_on_violation": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module)
    except PerfResultError as error:
        module.fail_json(msg=str(error))
    nothing_ran = module.check_mode and not module.params["logs"]
    if module.params["fail_on_violation"] and result["verdict"] != "pass" and not nothing_ran:
        reasons = " ".join(result["violations"] + result["problems"])
        module.fail_json(msg=f"{result['summary']}: {reasons}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
