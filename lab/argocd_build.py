"""Makes the lab's Argo CD: the real controller and repository server, out of their Go module."""

from __future__ import annotations

from lab.build import Say, compile_go, module_folder
from lab.place import REPO, Place
from lab.strimzi_build import replacing

MODULE = "github.com/argoproj/argo-cd/v3"


def make(place: Place, note: Say) -> None:
    """The program at <bin>/argocd, and what the chart takes from the same module in <cache>/argocd-crds: its kinds' definitions."""
    source = REPO / "lab/argocd"
    go = compile_go(source, {"argocd": "."}, place, note)
    module, _ = module_folder(go, source, MODULE, note)
    with replacing(place.cache / "argocd-crds") as folder:
        for definition in module.glob("manifests/crds/*-crd.yaml"):
            (folder / definition.name).write_bytes(definition.read_bytes())
