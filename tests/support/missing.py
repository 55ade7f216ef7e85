"""A service that the tests need and that is missing on this machine."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


class ServiceMissing(Exception):
    """A service is unavailable here; the message names it and gives the reason."""


def is_build_machine() -> bool:
    """Return whether a missing service is a failure: with CI=true, the list of skipped tests is not read."""
    return os.environ.get("CI") == "true"


def skip_or_fail(missing: ServiceMissing) -> NoReturn:
    """End a test that needs the missing service."""
    message = f"{missing}. `make test` tries to install it."
    pytest.fail(message, pytrace=False) if is_build_machine() else pytest.skip(message)
