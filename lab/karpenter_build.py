"""Makes the lab's Karpenter: the real controller, its real charts and definitions, all of them out of its Go module."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from lab.build import Say, compile_go, have_go, module_folder, run
from lab.place import REPO, Place
from lab.strimzi_build import replacing

SOURCE = REPO / "lab/karpenter"
MODULE = "github.com/aws/karpenter-provider-aws"
CHARTS = ("karpenter-crd", "karpenter")


def copy_definitions(place: Place, note: Say) -> None:
    """The custom resource definitions, in <cache>/karpenter-crds."""
    module, _ = module_folder(have_go(note), SOURCE, MODULE, note)
    with replacing(place.cache / "karpenter-crds") as folder:
        for definition in (module / "pkg/apis/crds").glob("*.yaml"):
            shutil.copyfile(definition, folder / definition.name)


def make(place: Place, note: Say) -> None:
    """The program at <bin>/karpenter, the charts in <cache>/karpenter."""
    go = compile_go(SOURCE, {"karpenter": f"{MODULE}/cmd/controller"}, place, note)
    module, version = module_folder(go, SOURCE, MODULE, note)
    with replacing(place.cache / "karpenter") as folder, tempfile.TemporaryDirectory() as temporary:
        for name in CHARTS:
            note(name)
            chart = Path(temporary) / name
            shutil.copytree(module / "charts" / name, chart, copy_function=shutil.copyfile)
            stamp(chart, version)
            package = ["package", str(chart), "--version", version, "--app-version", version]
            run([str(place.bin / "helm"), *package, "--destination", str(folder)], note)


def stamp(chart: Path, version: str) -> None:
    """As a release does it: in the module the chart still names the image of an older one."""
    file = chart / "values.yaml"
    values = yaml.safe_load(file.read_text())
    if "controller" in values:
        values["controller"]["image"].update(tag=version, digest="")
    file.write_text(yaml.safe_dump(values, sort_keys=False))
