"""Easy passwords: common ones, and those that consist of context words, years and symbols."""

from __future__ import annotations

import time

import pytest

from portal.accounts.password_strength import is_easy_to_guess
from portal.ids import new_readable_secret
from tests.support.builders import PASSWORD

PERSONAL = ("stranger@example.com", "Stranger")

EASY = (
    *("Password2026!!", "P@ssw0rd2026!", "Welcome@2026#", "Summer2026!!!!", "January2026!!", "Changeme123!!"),
    *("Batchportal2026!", "Batch-Portal-26!", "B4tchP0rt@l!2026", "Campaign2026!!", "Callcenter2026!"),
    *("Stranger2026!!", "Str4nger!Batch!26", "Example.com2026", "stranger@example.com", "StrangerStranger1"),
    *("Winter-2026-Winter", "Berlin-2026-Berlin", "Password!Password!", "Tuesday-Stranger-26"),
    *("qwertyuiopasdfgh", "123456789012", "aaaaaaaaaaaaaaaa", "Liverpool2026!", "iloveyou2026!!"),
)
HARD = (PASSWORD, "an altogether new password", "kettle stranger garden lamp", "xK9#mQ2$vL7p", "9304718265503917")


@pytest.mark.parametrize("password", EASY)
def test_an_easy_password_is_refused(password: str) -> None:
    assert is_easy_to_guess(password, PERSONAL)


@pytest.mark.parametrize("password", [*HARD, "é" + PASSWORD * 30])
def test_a_hard_password_of_any_composition_and_length_passes(password: str) -> None:
    assert not is_easy_to_guess(password, PERSONAL)


def test_a_generated_password_passes() -> None:
    assert not any(is_easy_to_guess(new_readable_secret(), PERSONAL) for _ in range(20))


@pytest.mark.parametrize(
    "text", ["4@8({<369|!1/|0$5+7%2", "p@$$w0rd", "a1!", "1990", "!1|!1|i1l", "password", " ", "é"]
)
def test_a_long_password_is_checked_in_bounded_time(text: str) -> None:
    started = time.process_time()
    is_easy_to_guess((text * 1000)[:1000], PERSONAL)
    assert time.process_time() - started < 2  # 4 s without the bound; 0.4 s with it
