"""The names of countries, for a select and for cells."""

from __future__ import annotations

import pytest

from portal.contacts.countries import country_name, country_options, parse_country
from portal.contacts.phone_numbers import list_regions


def test_every_country_has_a_name_and_is_found_by_it() -> None:
    options = dict(country_options())
    assert sorted(options) == list(list_regions())
    assert options["DE"] == "Germany (+49)"
    for code in options:
        name = country_name(code)
        assert name != code
        assert " And " not in name
        assert parse_country(name) == code
    assert len(set(map(country_name, options))) == len(options)
    assert list(options)[:4] == ["AF", "AX", "AL", "DZ"]  # by name, without accents


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("de", "DE"),
        ("DEU", "DE"),
        ("+49", "DE"),
        ("0049", "DE"),
        ("49.0", "DE"),
        ("Deutschland", "DE"),
        ("Turkey", "TR"),
        ("Czech Republic", "CZ"),
        ("swaziland", "SZ"),
        ("Macedonia", "MK"),
        ("Atlantis", None),
        ("", None),
        ("0", None),
    ],
)
def test_a_country_is_found_by_code_former_name_or_dialing_code(text: str, code: str | None) -> None:
    assert parse_country(text) == code
