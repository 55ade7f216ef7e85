"""Write the software bill of materials of the portal: `make sbom`. CycloneDX 1.6, JSON, the same for the same release.

The locked requirements come from cyclonedx-py; the vendored front-end files are added with their recorded checksums.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from portal.version import ROOT, VERSION

SPECIFICATION = "1.6"
PORTAL = {"type": "application", "bom-ref": "batch-portal", "name": "batch-portal", "version": VERSION}
VENDOR = ROOT / "static" / "vendor"
LIBRARY = re.compile(r"(?P<name>[a-z-]+)-(?P<version>\d+\.\d+\.\d+)/(?P<file>[^/]+)")
NOT_CODE = re.compile(r".*(LICENSE|NOTICE)")
PACKAGES = {"htmx": "htmx.org"}  # where the package has another name


def build_sbom() -> dict[str, Any]:
    """Return the bill of materials of requirements.txt and static/vendor; find_error validates all of it."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", "requirements.txt", "--output-reproducible"]
    options = ["--spec-version", SPECIFICATION, "--output-format", "JSON", "--output-file", "-", "--no-validate"]
    done = subprocess.run(command + options, cwd=ROOT, capture_output=True, text=True, check=True)
    sbom = json.loads(done.stdout)
    sbom["metadata"]["component"] = PORTAL
    sbom["components"] += vendored_components()
    references = [component["bom-ref"] for component in sbom["components"]]
    sbom["dependencies"] = [{"ref": "batch-portal", "dependsOn": sorted(references)}]
    return sbom


def vendored_components() -> list[dict[str, Any]]:
    """Return the front-end libraries, each with its files and their SHA-256 checksums."""
    libraries: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in (VENDOR / "SHA256SUMS").read_text().splitlines():
        digest, path = line.split(maxsplit=1)
        found = LIBRARY.fullmatch(path)
        if found and not NOT_CODE.match(found["file"]):
            file = {"type": "file", "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}
            libraries.setdefault((found["name"], found["version"]), []).append(file)
    return [
        {
            "type": "library",
            "bom-ref": f"vendor-{name}",
            "name": name,
            "version": version,
            "purl": f"pkg:npm/{PACKAGES.get(name, name)}@{version}",
            "components": files,
        }
        for (name, version), files in sorted(libraries.items())
    ]


def find_error(sbom: dict[str, Any]) -> str:
    """Return the first violation of the CycloneDX schema, or ""."""
    error = JsonStrictValidator(SchemaVersion.from_version(SPECIFICATION)).validate_str(json.dumps(sbom))
    return str(error or "")


def main(path: Path) -> None:
    """Write the bill of materials. Exits with a message if it is invalid."""
    sbom = build_sbom()
    if error := find_error(sbom):
        sys.exit(f"The bill of materials is invalid: {error}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(sbom, indent=2) + "\n")
    sys.stdout.write(f"{path}: {len(sbom['components'])} components\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
