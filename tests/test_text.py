"""Text rules: folding for search, and the names that people can see and compare."""

from __future__ import annotations

import re

import pytest

from portal.models.batch import FOLDED_LENGTH, fold_name
from portal.text import check_name, fold, fold_email

# Pairs of texts that mean the same to people who search: contract, section 1.
SAME = (
    ("été", "ÉTÉ"),
    ("e\u0301te\u0301", "été"),  # combining and precomposed letters
    ("ＡＢＣ １２３", "abc 123"),
    ("istanbul", "İstanbul"),
    ("ISTANBUL", "i\u0307stanbul"),
    ("Straße", "STRASSE"),
    ("ß", "SS"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("a\u00a0b", "a b"),
    ("  two \u2003  blanks\u3000", "Two blanks"),
    ("\u2764\ufe0f May", "\u2764 may"),  # variation selector
    ("co\u00adop\u200beration", "Cooperation"),  # soft hyphen, zero-width space
    ("ﬁrst №5 ㎏", "FIRST no5 KG"),  # compatibility forms
    ("\u1e9e", "ss"),
)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_that_people_read_alike_are_folded_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other) == fold(fold(one))


@pytest.mark.parametrize(
    ("one", "other"), [("a", "á"), ("ı", "i"), ("50%", "50"), ("a_b", "a b"), ("no-answer", "no answer")]
)
def test_other_texts_stay_different(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_a_folded_name_has_a_bounded_length() -> None:
    longest = "\ufdfa" * 200  # one character that folds to 18
    assert len(fold_name(longest)) == FOLDED_LENGTH
    assert fold_name(longest).startswith(fold("\ufdfa"))


def test_addresses_keep_their_own_folding() -> None:
    assert fold_email("Name@Example.com") == "name@example.com"
    assert fold_email("ｎame@example.com") != fold_email("name@example.com")


@pytest.mark.parametrize(
    "name",
    [
        "May",
        "5",
        "№",
        "?",
        "\u2764\ufe0f",
        "👩\u200d🚀",
        "שלום",
        "مرحبا",
        "\U0001f3f4\U000e0067\U000e007f",
        "a\u200db",
        "é",
        "",
    ],
)
def test_visible_names_are_accepted(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        *(
            (name, "must have a visible character")
            for name in ("\u200b", "\u2800", "\u3164", "\u00ad\ufe0f", "\u2003", "\U0001d159")
        ),
        *(
            (f"open {control}name", "changes the direction of text; remove it")
            for control in "\u202e\u2066\u200f\u061c"
        ),
        *((f"two{separator}lines", "starts a new line; remove it") for separator in "\u2028\u2029"),
    ],
)
def test_other_names_are_refused_with_what_to_change(name: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        check_name(name)
