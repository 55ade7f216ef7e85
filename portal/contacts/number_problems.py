"""The reasons for refusing a phone number."""

from __future__ import annotations

from enum import StrEnum

from portal.contacts.rows import CellKind

FORMAT_AS_TEXT = "format the column as text and enter the number again"


class NumberProblem(StrEnum):
    """A reason, worded to continue a sentence that begins with the field or the column, and what to change."""

    EMPTY = "is empty"
    NOT_A_NUMBER = "must be a phone number, such as +12015550123"
    TOO_LONG = "is too long; it must hold one phone number"
    TOO_FEW_DIGITS = "has too few digits; enter the whole number"
    NO_AREA_CODE = "has too few digits; add the area code"
    TOO_MANY_DIGITS = "has too many digits for one phone number"
    UNUSED_LENGTH = "has a number of digits that its country does not use"
    NO_COUNTRY_CODE = "has no country code; add it, such as +1, or choose a country"
    ONLY_PLUS_MISSING = "has a country code but no +; add the +, or choose that numbers include the country code"
    UNKNOWN_COUNTRY_CODE = "has an unknown country code; correct the digits after the +"
    EXTENSION = "must not have an extension"
    SEVERAL_NUMBERS = "holds several numbers; keep one"
    SHORT_NUMBER = "is a short number, such as one for emergencies; enter a full number"
    LETTERS = "has letters; write the number in digits"
    DATE = f"is a date; {FORMAT_AS_TEXT}"
    FRACTION = f"is a number with a fraction and may have lost digits; {FORMAT_AS_TEXT}"
    SHORTENED = f"was shortened by a spreadsheet; {FORMAT_AS_TEXT}"
    FORMULA = "is a formula without a saved value; open the file in a spreadsheet program and save it again"
    SPREADSHEET_ERROR = "is a spreadsheet error, such as #N/A; correct its formula"
    UNCLOSED_QUOTE = "has a quotation mark that is never closed; remove it"


# Problems that the country of the number solves.
NEEDS_COUNTRY = (NumberProblem.NO_COUNTRY_CODE, NumberProblem.ONLY_PLUS_MISSING)

PROBLEMS_BY_KIND = {
    CellKind.FRACTION: NumberProblem.FRACTION,
    CellKind.DATE: NumberProblem.DATE,
    CellKind.FORMULA_WITHOUT_VALUE: NumberProblem.FORMULA,
    CellKind.ERROR: NumberProblem.SPREADSHEET_ERROR,
    CellKind.SHORTENED: NumberProblem.SHORTENED,
    CellKind.UNCLOSED_QUOTE: NumberProblem.UNCLOSED_QUOTE,
}


class InvalidNumber(ValueError):
    """A text that is refused as a phone number; the message is the wording of its problem."""

    def __init__(self, problem: NumberProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem
