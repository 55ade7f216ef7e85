"""The names of countries and other regions, from the data of the phonenumbers library."""

from __future__ import annotations

from functools import lru_cache

from phonenumbers.geodata.locale import LOCALE_DATA

from portal.text import fold

# Regions of the library that its table of names lacks.
OTHER_NAMES = {"AC": "Ascension Island", "TA": "Tristan da Cunha", "XK": "Kosovo"}


def region_name(code: str) -> str:
    """Return the English name of a region; its ISO code if it has none."""
    names = LOCALE_DATA.get(code, {})
    name = names.get("en", OTHER_NAMES.get(code, code))
    return names[name[1:]] if name.startswith("*") else name  # "*de" means: as in German


@lru_cache(maxsize=8)
def region_options(codes: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the codes and labels of regions for a select, sorted by name: ("DE", "Germany (DE)")."""
    options = [(code, f"{region_name(code)} ({code})") for code in codes]
    return tuple(sorted(options, key=lambda option: fold(option[1])))
