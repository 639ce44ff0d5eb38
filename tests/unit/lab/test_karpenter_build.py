from __future__ import annotations

import yaml

from lab import karpenter_build


def test_a_chart_is_stamped_as_a_release_is(tmp_path):
    (tmp_path / "values.yaml").write_text(
        "controller: {image: {repository: r, tag: 1.13.0, digest: sha256:1}}\nreplicas: 2\n"
    )
    karpenter_build.stamp(tmp_path, "1.14.1")
    assert yaml.safe_load((tmp_path / "values.yaml").read_text()) == {
        "controller": {"image": {"repository": "r", "tag": "1.14.1", "digest": ""}},
        "replicas": 2,
    }


def test_that_of_the_definitions_has_no_image(tmp_path):
    (tmp_path / "values.yaml").write_text("additionalAnnotations: {}\n")
    karpenter_build.stamp(tmp_path, "1.14.1")
    assert yaml.safe_load((tmp_path / "values.yaml").read_text()) == {"additionalAnnotations": {}}
