"""The files of deploy/ speak of settings that there are, and of limits that fit the portal's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file())
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
GUIDE = ROOT / "docs" / "deployment.md"


def named(path: Path) -> str:
    return path.name


def test_every_setting_that_is_set_exists() -> None:
    lines = re.findall(
        r"^(?:Environment=)?([A-Z][A-Z_]+)=", "\n".join(path.read_text() for path in DEPLOY), re.MULTILINE
    )
    assert len(lines) > 5
    assert set(lines) <= set(DEFAULTS)


def test_every_setting_that_is_spoken_of_exists() -> None:
    """In capitals with an underscore, in the guide and in what is commented."""
    text = "\n".join(path.read_text() for path in (GUIDE, *DEPLOY))
    spoken = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text)) - {"AF_INET", "AF_UNIX"}  # systemd's own
    assert spoken <= set(DEFAULTS)


@pytest.mark.parametrize("path", DEPLOY, ids=named)
def test_the_guide_names_every_file(path: Path) -> None:
    assert f"deploy/{path.name}" in GUIDE.read_text()


def test_the_proxy_lets_the_portal_itself_say_what_is_too_large() -> None:
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy" / "nginx.conf").read_text())
    assert int(megabytes) * 1_000_000 > max(int(str(DEFAULTS[name])) for name in ("UPLOAD_BYTES", "BODY_BYTES"))


def test_every_header_that_is_believed_is_set_by_the_proxy() -> None:
    """What it does not set it hands on as somebody has sent it."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"):
        assert f"proxy_set_header {header} $" in text


def of_server(name: str) -> int:
    """A number that gunicorn.conf.py sets."""
    (number,) = re.findall(rf"^{name} = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    return int(number)


def test_the_server_has_time_to_stop() -> None:
    (seconds,) = re.findall(
        r"^TimeoutStopSec=(\d+)$", (ROOT / "deploy" / "batch-portal.service").read_text(), re.MULTILINE
    )
    assert int(seconds) > of_server("graceful_timeout")


def test_the_proxy_lets_go_of_a_connection_before_the_server_does() -> None:
    """Otherwise it sends into one that is just being closed, and whoever asked gets no answer."""
    (seconds,) = re.findall(r"^ +keepalive_timeout (\d+)s;", (ROOT / "deploy" / "nginx.conf").read_text(), re.MULTILINE)
    assert of_server("keepalive") > int(seconds)
