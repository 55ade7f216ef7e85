"""The software bill of materials is valid CycloneDX and complete."""

from __future__ import annotations

import re

from portal.version import ROOT, VERSION
from tests.support import sbom


def test_the_bill_of_materials_lists_every_pin_and_every_vendored_library() -> None:
    built = sbom.build_sbom()
    assert sbom.find_error(built) == ""
    assert sbom.find_error(built | {"components": [{"name": "a"}]})
    assert built["metadata"]["component"]["version"] == VERSION
    listed = {(component["name"].lower(), component["version"]) for component in built["components"]}
    pins = re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    folders = [path.name.rpartition("-") for path in sbom.VENDOR.iterdir() if path.is_dir()]
    assert listed == {(name.lower(), version) for name, version in pins} | {
        (name, number) for name, _, number in folders
    }
    assert all(one.get("hashes") for library in built["components"] for one in library.get("components", ()))
