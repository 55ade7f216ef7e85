"""The settings of the OpenID Connect provider: complete, with a URL that no parser reads as another host's."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.config import SettingError, load
from portal.provider_settings import is_secure_url

COMPLETE = {
    "OIDC_ISSUER": "https://id.example",
    "OIDC_CLIENT_ID": "a",
    "OIDC_CLIENT_SECRET": "b",
    "TRUSTED_HOSTS": "portal.example",
}


@pytest.mark.parametrize(("changes", "message"), [
    ({"OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID is required too"),
    ({"OIDC_ISSUER": ""}, "OIDC_ISSUER is required too"),
    ({"OIDC_ISSUER": "ftp://id.example"}, "OIDC_ISSUER must be an https:// URL"),
    ({"OIDC_ISSUER": "https://id.example/?a=b"}, "query"),
    ({"OIDC_ISSUER": "https://id.example/#"}, "fragment"),
    ({"TRUSTED_HOSTS": ""}, "TRUSTED_HOSTS is required with OIDC_ISSUER"),
    ({"OIDC_CREATE": "true"}, "OIDC_DOMAINS is required with OIDC_CREATE"),
    ({"OIDC_DOMAINS": "@example.com"}, "OIDC_DOMAINS must be domain names"),
    ({"OIDC_DOMAINS": "*.example.com"}, "OIDC_DOMAINS must be domain names"),
    ({"OIDC_DOMAINS": "\u212aelvin.example"}, "OIDC_DOMAINS must be domain names"),
])  # fmt: skip
def test_inconsistent_settings_are_refused(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        load(COMPLETE | changes, tmp_path)


def test_complete_settings_are_read(tmp_path: Path) -> None:
    domains = {
        "OIDC_CREATE": "true",
        "OIDC_DOMAINS": "Example.com, other.example",
        "OIDC_ISSUER": "https://id.example/",
    }
    settings = load(COMPLETE | domains, tmp_path)
    assert settings["OIDC_DOMAINS"] == ("example.com", "other.example")
    assert settings["OIDC_ISSUER"] == "https://id.example/"


@pytest.mark.parametrize("url", [
    "https://id.example.com", "https://id.example.com:8443/realm/", "HTTPS://ID.example", "http://localhost:5000",
    "http://127.0.0.1:9", "http://127.9.9.9", "http://[::1]:5000/a", "https://[2001:db8::1]/",
])  # fmt: skip
def test_encrypted_and_local_urls_are_accepted(url: str) -> None:
    assert is_secure_url(url)


@pytest.mark.parametrize("url", [
    "http://id.example.com", "http://127.0.0.1.evil.example", "http://localhost.evil.example", "http://localhost.",
    "http://127.0.0.1@evil.example", "http://127.0.0.1:80@evil.example", "https://user@id.example",
    "http://[::1].evil.example", "http://[::1]@evil.example", "http://[::1%25lo]", "http://localhost\\@evil.example",
    "http://0.0.0.0", "http://127.1", "http://2130706433", "http://0x7f.0.0.1", "http://127.0.0.1\t.evil.example",
    "http://loca\u017fhost", "https://", "https:///path", "https:id.example", "https://id.example:", "//id.example",
    "https://id.example:99999", "https://id.example:0443", "https://id .example", "javascript:alert(1)", "",
])  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    assert not is_secure_url(url)
