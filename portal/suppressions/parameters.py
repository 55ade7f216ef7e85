"""Parameters, bodies and forms of do-not-call lists."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from portal.models.suppression import OWN_SOURCE, SOURCE_LENGTH
from portal.times import now_ms
from portal.uploads.parameters import ReadingFields
from portal.web.field_types import DateBound, MomentRange, PhoneNumber, name_type
from portal.web.parameters import InvalidParameter, PageNumber, PageSize, Parameters, text_type, whole_number

MAX_NUMBERS = 10_000  # in one body; a file holds more
MAX_VALID_DAYS = 3650


def require_future(value: MomentRange) -> MomentRange:
    """Return a time that is not over. Raises ValueError."""
    if value.last_ms < now_ms():
        raise ValueError("must be in the future")
    return value


Source = name_type(
    SOURCE_LENGTH,
    minimum=1,
    description=f"The list: `{OWN_SOURCE}` for the account's own opt-outs, or a name such as that of a registry.",
)
Until = Annotated[
    DateBound,
    AfterValidator(require_future),
    Field(description="The numbers may be called again after this time; a date means its end. Default: never."),
]
ValidDays = whole_number(1, MAX_VALID_DAYS, "The list must be loaded again after these days.")


class SuppressionListParameters(Parameters):
    """A page of suppressed numbers."""

    page: PageNumber = 1
    limit: PageSize = 10
    search: Annotated[
        text_type(200, description="Part of the phone number in any form."), Field(examples=["(202) 555-0101"])
    ] = ""
    source: Annotated[
        name_type(SOURCE_LENGTH, description="Only numbers of this list."), Field(examples=[OWN_SOURCE])
    ] = ""


class SuppressionPageParameters(SuppressionListParameters):
    """The page of do-not-call lists."""

    limit: PageSize = 25


class Additions(Parameters):
    """The list that numbers are added to, and until when."""

    source: Source = OWN_SOURCE
    until: Until | None = None

    @property
    def until_ms(self) -> int | None:
        """The first millisecond in which the numbers may be called again; None = never."""
        return self.until.last_ms + 1 if self.until else None


class SuppressionsBody(Additions):
    """The body that adds numbers to a list."""

    phone_numbers: Annotated[list[PhoneNumber], Field(alias="phoneNumbers", min_length=1, max_length=MAX_NUMBERS)]


class ListLoad(Additions):
    """How a file is added to a list."""

    valid_days: Annotated[ValidDays | None, Field(alias="validDays")] = None
    replace: Annotated[bool, Field(description="true: numbers of the list that are not in the file are removed.")] = (
        False
    )
    type: Annotated[bool, Field(description="true: skip invalid rows and count them in skipped.")] = False

    def require_registry(self) -> None:
        """Check that opt-outs are neither replaced nor out of date. Raises InvalidParameter."""
        if self.source != OWN_SOURCE:
            return
        if self.replace:
            raise InvalidParameter({"replace": f"replace does not apply to the source {OWN_SOURCE}; opt-outs stay"})
        if self.valid_days:
            raise InvalidParameter({"validDays": f"validDays does not apply to the source {OWN_SOURCE}"})


class SuppressionFileFields(ReadingFields, ListLoad):
    """The form that adds the numbers of a file to a list."""

    file: Annotated[
        Any,
        WithJsonSchema(
            {"type": "string", "format": "binary", "description": "The numbers: .csv, .tsv, .txt, .xls or .xlsx."}
        ),
    ]


class RemovalParameters(Parameters):
    """The list from which a number is removed."""

    source: Annotated[
        name_type(SOURCE_LENGTH, description="Remove the number from this list only; default: from all."),
        Field(examples=[OWN_SOURCE]),
    ] = ""
