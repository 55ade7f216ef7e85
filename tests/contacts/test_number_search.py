"""Numbers in a search, whole or in part, as people write them."""

from __future__ import annotations

import pytest

from portal.contacts.number_search import find_number_forms
from portal.contacts.phone_numbers import format_national
from portal.text import fold

US, GB, HU, PT = "+13055550178", "+442079460958", "+3612345678", "+351211234567"


@pytest.mark.parametrize(
    ("number", "region", "texts"),
    [
        (US, "US", ["(305) 555-0178", "305.555.0178", "1 305 555 0178", "555-0178", "(305)", "305\u2011555"]),
        (US, "GB", ["001 305 555 0178", "+1-305-555-0178", "0013055", "tel:+1-305-555-0178"]),
        (US, "US", ["+1 (305) 555", "３０５ ５５５", "٣٠٥ ٥٥٥", "\u202a+1 305 555 0178\u202c"]),
        (GB, "GB", ["020 7946 0958", "(020) 7946", "020 79", "+44 (0)20 7946 0958", "+44 (0)20 79", "7946 0958"]),
        (GB, "US", ["+44 20 7946 0958", "011 44 20 7946 0958", "0044 20 7946"]),
        (GB, "", ["+44 20 7946", "0044207946"]),
        (HU, "HU", ["06 1 234 5678", "1 234"]),
        (PT, "PT", ["21 123 4567", "00351 21 123", "211-234-567"]),
    ],
)  # fmt: skip
def test_a_number_is_found_in_any_form(number: str, region: str, texts: list[str]) -> None:
    for text in [*texts, format_national(number, region)]:
        forms = find_number_forms(fold(text), region)
        assert any(form in number for form in forms), (text, forms)


@pytest.mark.parametrize(
    "text", ["", "12", "+1", "()", "+-/.", "abc 123", "10.5", "99.95", "100%", "_", "305x", "Room 305", "2 of 3"]
)
def test_other_text_has_no_number_forms(text: str) -> None:
    assert find_number_forms(fold(text), "US") == ()


def test_the_number_of_forms_is_small() -> None:
    assert len(find_number_forms("00" * 100, "GB")) <= 5


def test_a_plus_sign_means_the_beginning_of_a_number() -> None:
    assert not any(form in "+442013055" for form in find_number_forms("+1305", "US"))
