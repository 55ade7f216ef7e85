"""The version of the portal, and a fingerprint of its files that keeps caches from mixing releases."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

VERSION = "0.4.0"

ROOT = Path(__file__).resolve().parent.parent
FINGERPRINTED_PATHS = ("portal/**/*.py", "templates/**/*.html", "static/**/*")


def compute_fingerprint() -> str:
    """Return a checksum over every file that affects a response."""
    digest = sha256(VERSION.encode())
    for pattern in FINGERPRINTED_PATHS:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


RELEASE = compute_fingerprint()
