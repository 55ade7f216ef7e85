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


COUNTRIES = {
    "GB": ["GB", "gb", "UK", "GBR", "44", "+44", "0044", "44.0", "United Kingdom", "England"],
    "DE": ["de", "DEU", "+49", "0049", "49.0", "Deutschland", " Germany "],
    "US": ["usa", "U.S.A.", "1", "United States of America"],
    "CZ": ["Czechia", "Czech Republic"],
    "CI": ["Côte d'Ivoire", "Cote d’Ivoire"],
    "TR": ["Turkey", "Türkiye", "Tu\u0308rkiye"],
    "RU": ["+7", "Россия"],
    "PT": ["351"],
    "BA": ["Bosnia & Herzegovina"],
    "LC": ["St. Lucia"],
    "ES": ["España"],
    "JP": ["日本"],
    "MX": ["México"],
    "KR": ["Korea, Republic of"],
    "VN": ["Viet Nam"],
    "XK": ["Kosovo"],
    "SZ": ["swaziland"],
    "MK": ["Macedonia"],
    None: ["", "Atlantis", "999", "800", "0", "x" * 5000],
}


@pytest.mark.parametrize("code", COUNTRIES)
def test_a_country_is_found_by_code_name_or_dialing_code(code: str | None) -> None:
    for text in COUNTRIES[code]:
        assert parse_country(text) == code, text
