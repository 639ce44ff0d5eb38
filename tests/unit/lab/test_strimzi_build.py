from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from lab import strimzi_build
from lab.build import BuildError
from lab.place import place
from lab.strimzi.__main__ import main

LAB = Path(strimzi_build.__file__).parent
IMAGES = LAB / "images"
CHART = LAB / "charts/strimzi-kafka-operator"
# Tools that people call by habit, in the distribution's names.
USUAL = (
    "kafka-acls", "kafka-broker-api-versions", "kafka-configs", "kafka-console-consumer", "kafka-console-producer", "kafka-consumer-groups",
    "kafka-consumer-perf-test", "kafka-e2e-latency", "kafka-features", "kafka-get-offsets", "kafka-leader-election", "kafka-log-dirs",
    "kafka-metadata-quorum", "kafka-producer-perf-test", "kafka-reassign-partitions", "kafka-storage", "kafka-topics",
)  # fmt: skip


def test_the_usual_tools_are_there() -> None:
    scripts = strimzi_build.tool_scripts()
    assert [name for name in USUAL if f"{name}.sh" not in scripts] == []
    assert (
        scripts["kafka-topics.sh"]
        == '#!/bin/sh\nexec /opt/kafka/bin/kafka-run-class.sh org.apache.kafka.tools.TopicCommand "$@"\n'
    )


@pytest.mark.parametrize(
    ("version", "served"),
    [
        pytest.param("0.47.0", {"Kafka": "v1beta2", "KafkaTopic": "v1beta2,v1beta1,v1alpha1"}, id="the old line"),
        pytest.param("1.2.0", {"Kafka": "v1", "KafkaTopic": "v1"}, id="the new line"),
    ],
)
def test_api_versions(version: str, served: dict[str, str]) -> None:
    found = {kind: versions for versions, kinds in strimzi_build.api_versions(version).items() for kind in kinds}
    assert set(found) == set(strimzi_build.CRDS)
    assert found.items() >= served.items()


def test_a_tool_that_kafka_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        BuildError, match=r"^Kafka 3.9.0 has no kafka.admin.AclCommand, .*: correct TOOLS in lab/strimzi_build.py\.$"
    ):
        strimzi_build.require_tools(tmp_path)


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    for text in ("old", "new"):
        with strimzi_build.replacing(target) as folder:
            (folder / text).write_text(text)
    assert [path.name for path in target.iterdir()] == ["new"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    target.mkdir()
    (target / "old").write_text("old")

    def fail() -> None:
        with strimzi_build.replacing(target) as folder:
            (folder / "new").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [path.name for path in target.iterdir()] == ["old"]


@pytest.mark.parametrize("name", ["kafka", "strimzi-operator"])
def test_images_are_whole(name: str) -> None:
    image = json.loads((IMAGES / name / "image.json").read_text())
    assert set(image) <= {"match", "root", "host", "workdir", "path", "env", "command"}
    variables = set(re.findall(r"\$(\w+)", json.dumps(image)))
    assert variables <= {*place().environment, "LAB_JAVA_HOME"}
    for source in image["root"].values():
        assert source.startswith("$") or (IMAGES / name / source).is_dir()


def test_scripts_can_be_run() -> None:
    scripts = sorted(IMAGES.rglob("*.sh"))
    assert len(scripts) == 8
    for script in scripts:
        assert script.stat().st_mode & 0o111, script
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0, script


def test_every_script_of_the_operators_image_runs_a_program_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    called = [script.read_text().split()[-1] for script in (IMAGES / "strimzi-operator/bin").iterdir()]
    assert sorted(called) == ["cluster-operator", "kafka-init", "topic-operator", "user-operator"]
    with pytest.raises(
        SystemExit,
        match=r"^x is no program of this image: cluster-operator, topic-operator, user-operator, kafka-init are\.$",
    ):
        main("x")


@pytest.mark.parametrize("name", strimzi_build.CHARTS)
def test_a_chart_reads_its_values_and_no_others(name: str) -> None:
    chart = LAB / "charts" / name
    templates = "".join(path.read_text() for path in (chart / "templates").iterdir())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert set(re.findall(r"\.Values\.(\w+)", templates)) == set(values)


def test_the_operators_chart_carries_the_definitions_of_its_version() -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    assert strimzi_build.CHARTS["strimzi-kafka-operator"].definitions == f"crds/{version}"


def test_every_chart_is_packaged() -> None:
    assert set(strimzi_build.CHARTS) == {path.parent.name for path in (LAB / "charts").glob("*/Chart.yaml")}
