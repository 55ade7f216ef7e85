"""The files in deploy/ use existing settings and limits that fit those of the portal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from portal.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = sorted(path for path in (ROOT / "deploy").iterdir() if path.is_file())
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
GUIDE = ROOT / "docs" / "deployment.md"


def file_name(path: Path) -> str:
    return path.name


def test_every_assigned_setting_exists() -> None:
    lines = re.findall(
        r"^(?:Environment=)?([A-Z][A-Z_]+)=", "\n".join(path.read_text() for path in DEPLOY), re.MULTILINE
    )
    assert len(lines) > 5
    assert set(lines) <= set(DEFAULTS)


def test_every_mentioned_setting_exists() -> None:
    """Checks every name in capitals with an underscore, in the guide and in comments."""
    text = "\n".join(path.read_text() for path in (GUIDE, *DEPLOY))
    mentioned = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text)) - {"AF_INET", "AF_UNIX"}  # systemd's own
    assert mentioned <= set(DEFAULTS)


@pytest.mark.parametrize("path", DEPLOY, ids=file_name)
def test_the_guide_names_every_file(path: Path) -> None:
    assert f"deploy/{path.name}" in GUIDE.read_text()


def test_the_proxy_accepts_larger_bodies_than_the_portal() -> None:
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy" / "nginx.conf").read_text())
    assert int(megabytes) * 1_000_000 > max(int(str(DEFAULTS[name])) for name in ("UPLOAD_BYTES", "BODY_BYTES"))


def test_the_proxy_sets_every_trusted_header() -> None:
    """The proxy passes every other header on as the client sent it."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for header in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"):
        assert f"proxy_set_header {header} $" in text


def gunicorn_setting(name: str) -> int:
    """Return a number from gunicorn.conf.py."""
    (number,) = re.findall(rf"^{name} = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)
    return int(number)


def test_the_server_has_time_to_stop() -> None:
    (seconds,) = re.findall(
        r"^TimeoutStopSec=(\d+)$", (ROOT / "deploy" / "batch-portal.service").read_text(), re.MULTILINE
    )
    assert int(seconds) > gunicorn_setting("graceful_timeout")


def test_the_proxy_closes_idle_connections_before_the_server() -> None:
    """Otherwise the proxy could send a request on a connection that the server is closing, without a response."""
    (seconds,) = re.findall(r"^ +keepalive_timeout (\d+)s;", (ROOT / "deploy" / "nginx.conf").read_text(), re.MULTILINE)
    assert gunicorn_setting("keepalive") > int(seconds)


def test_the_proxy_redirects_pages_but_refuses_the_api_without_tls() -> None:
    """A redirect would hide that a token was sent unencrypted."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    plain = text.partition("listen 80;")[2].partition("listen 443")[0]
    (body,) = re.findall(r"location /api/ \{.*?return 403 '(.*?)';", plain, re.DOTALL)
    assert set(json.loads(body)) == {"message", "status", "code", "errorMessage", "data"}
    assert "location / {\n        return 301 https://" in plain
