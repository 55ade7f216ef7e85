"""A running Asterisk with its callees, started once for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.asterisk import Telephony, run_telephony
from tests.support.missing import ServiceMissing, skip_or_fail


@pytest.fixture(scope="session")
def telephony(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telephony]:
    try:
        with run_telephony(tmp_path_factory.mktemp("telephony")) as running:
            yield running
    except ServiceMissing as missing:
        skip_or_fail(missing)
