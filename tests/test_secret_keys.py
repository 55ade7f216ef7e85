"""Secret keys: a key that can be guessed is refused, and a key can be replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal import create_app
from portal.secret_keys import find_weakness
from portal.settings_error import SettingError
from tests.support.sessions import csrf_token

STRONG, EARLIER = "d41d8cd98f00b204e9800998ecf8427e", "a-different-key-of-the-last-year!!"


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "only for tests",
        "x" * 64,
        "0123456789abcdef" * 4,
        "abc12345" * 8,
        "please-changeme-before-you-deploy-this",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
    ],
)
def test_a_secret_key_that_can_be_guessed_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingError) as refused:
        create_app(environ={"SECRET_KEY": key, "INSTANCE_DIR": str(tmp_path)})
    assert str(refused.value).startswith("SECRET_KEY must ")
    assert "openssl rand -hex 32" in str(refused.value)
    assert key not in str(refused.value) or len(key) < 2


@pytest.mark.parametrize("key", [STRONG, EARLIER, "kurze Wörter, aber genügend viele davon"])
def test_a_long_random_key_is_accepted(key: str) -> None:
    assert find_weakness(key) == ""


def test_sessions_and_forms_survive_a_change_of_the_key(tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db", "INSTANCE_DIR": str(tmp_path)}
    before = create_app(environ=environ | {"SECRET_KEY": EARLIER})
    after = create_app(environ=environ | {"SECRET_KEY": STRONG, "SECRET_KEY_FALLBACKS": f"x, {EARLIER}"})
    without = create_app(environ=environ | {"SECRET_KEY": STRONG})
    for app in (before, after, without):
        app.add_url_rule("/form", "form", lambda: "accepted", methods=["POST"])
    page = before.test_client().get("/login")
    sent = {
        "headers": {"Cookie": page.headers["Set-Cookie"].partition(";")[0]},
        "data": {"csrf_token": csrf_token(page.text)},
    }
    answers = [app.test_client(use_cookies=False).post("/form", **sent) for app in (before, after, without)]
    assert [answer.status_code for answer in answers] == [200, 200, 400]


def test_a_key_that_can_be_guessed_signs_nothing_after_it_was_replaced(tmp_path: Path) -> None:
    app = create_app(environ={"SECRET_KEY": STRONG, "SECRET_KEY_FALLBACKS": "x", "INSTANCE_DIR": str(tmp_path)})
    assert app.config["SECRET_KEY_FALLBACKS"] == []
    assert app.config["SIGNING_KEYS"] == [STRONG]
    assert app.config["DECRYPTION_KEYS"] == (STRONG, "x")
