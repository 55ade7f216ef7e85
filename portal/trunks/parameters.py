"""Parameters, bodies and forms of trunks and caller numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from portal.ids import parse_id
from portal.models import TrunkKind
from portal.models.trunk import ADDRESS_LENGTH, LABEL_LENGTH, MIN_RING_SECONDS
from portal.web.field_types import PhoneNumber, name_type
from portal.web.parameters import (
    InvalidParameter,
    PageNumber,
    PageSize,
    Parameters,
    ParsedParameters,
    decimal_number,
    parse_form,
    text_type,
    whole_number,
)

MAX_SEED = 2_147_483_647
NO_TRUNK = "none"  # in trunkId: null means "not given" in every body


def validate_address(value: str) -> str:
    """Return the URL of an engine, or "". Raises ValueError."""
    if not value:
        return value
    try:
        parts = urlsplit(value)
        is_valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or any(map(str.isspace, value)):
        raise ValueError("must be a URL, such as http://127.0.0.1:8088")
    if parts.username or parts.password:
        raise ValueError("must not hold a user name or password; send them in secret")
    return value


def parse_trunk_id(value: str) -> str:
    """Return the id of a trunk, or "" for none. Raises ValueError."""
    if value in ("", NO_TRUNK):
        return ""
    parsed = parse_id(value)
    if parsed is None:
        raise ValueError(f"must be the id of a trunk, 24 hexadecimal characters, or {NO_TRUNK}")
    return parsed


class PageParameters(Parameters):
    """A page of a list in the API."""

    page: PageNumber = 1
    limit: PageSize = 10


class SettingsPageParameters(PageParameters):
    """A page of a list below Settings."""

    limit: PageSize = 25


class SimulatorSettings(Parameters):
    """How a simulator answers: the share of calls that are answered, how fast time passes, and a seed to repeat it."""

    answer: decimal_number(0, 1, "The share of calls that are answered.") = 0.6
    speed: decimal_number(1, 1000, "How many times faster than real time calls are.") = 1
    seed: whole_number(0, MAX_SEED, "The seed of the random outcomes.") = 0


TrunkName = name_type(LABEL_LENGTH, minimum=1, description="The name of the trunk.")
Lines = whole_number(1, 1000, "The maximum number of calls at one time.")
PerSecond = decimal_number(0.1, 100, "The maximum number of calls placed per second.")
RingSeconds = whole_number(MIN_RING_SECONDS, 120, "Seconds until an unanswered call ends.")
Address = Annotated[
    text_type(ADDRESS_LENGTH, description="The URL of the engine's API; asterisk and http only."),
    AfterValidator(validate_address),
]
Secret = text_type(
    500, description="The user name and password of the engine's API, as user:password. It is never returned."
)


class TrunkFields(Parameters):
    """The fields of a new trunk that its form and its body share."""

    name: TrunkName
    kind: TrunkKind
    lines: Lines = 10
    per_second: Annotated[PerSecond, Field(alias="perSecond")] = 1
    ring_seconds: Annotated[RingSeconds, Field(alias="ringSeconds")] = 30
    address: Address = ""
    secret: Secret = ""


class NewTrunk(TrunkFields):
    """The body that creates a trunk."""

    settings: Annotated[SimulatorSettings | None, Field(description="simulator only.")] = None


class TrunkForm(SimulatorSettings, TrunkFields):
    """The form of a trunk, whose settings are beside the other fields."""

    def values(self) -> dict[str, Any]:
        """Return the values as the bodies take them, without an empty secret, which means the present one."""
        shared = self.model_dump(include=set(TrunkFields.model_fields))
        if self.kind.is_remote:
            return {name: value for name, value in shared.items() if name != "secret" or value}
        settings = self.model_dump(include=set(SimulatorSettings.model_fields))
        return {name: shared[name] for name in shared.keys() - {"address", "secret"}} | {"settings": settings}


def read_trunk_form(form: Mapping[str, str]) -> ParsedParameters[TrunkForm]:
    """Parse the form of a trunk. Without JavaScript it holds the fields of all kinds; those of others are ignored."""
    others = ("address", "secret") if form.get("kind") == TrunkKind.SIMULATOR else SimulatorSettings.model_fields
    return parse_form({name: value for name, value in form.items() if value and name not in others}, TrunkForm)


class TrunkChanges(Parameters):
    """The body that changes a trunk; null and missing fields do not change."""

    name: TrunkName | None = None
    kind: TrunkKind | None = None
    lines: Lines | None = None
    per_second: Annotated[PerSecond | None, Field(alias="perSecond")] = None
    ring_seconds: Annotated[RingSeconds | None, Field(alias="ringSeconds")] = None
    address: Address | None = None
    secret: Secret | None = None
    settings: Annotated[SimulatorSettings | None, Field(description="simulator only.")] = None
    held: Annotated[bool | None, Field(strict=True, description="true: no call is placed over this trunk.")] = None


def require_engine_fields(kind: TrunkKind, values: Mapping[str, Any]) -> None:
    """Check that the address, secret and settings of a trunk are those that its kind needs. Raises InvalidParameter."""
    for name in ("address", "secret"):
        if kind.is_remote and not values[name]:
            raise InvalidParameter({name: f"{name} is required for the kind {kind}"})
        if not kind.is_remote and values[name]:
            raise InvalidParameter({name: f"{name} does not apply to the kind {kind}; remove it"})
    if kind.is_remote and values["settings"]:
        raise InvalidParameter({"settings": f"settings do not apply to the kind {kind}; remove them"})


TrunkId = Annotated[
    text_type(24),
    AfterValidator(parse_trunk_id),
    Field(
        description=f"The id of the trunk over which the portal calls from this number; `{NO_TRUNK}`: another dialer"
        " calls from it.",
    ),
]
Label = name_type(LABEL_LENGTH, description="A name for the number.")


class NewCallerNumber(Parameters):
    """The body that adds a caller number."""

    phone_number: Annotated[PhoneNumber, Field(alias="phoneNumber")]
    label: Label = ""
    trunk_id: Annotated[TrunkId, Field(alias="trunkId")] = ""


class CallerNumberChanges(Parameters):
    """The body that changes a caller number; null and missing fields do not change."""

    label: Label | None = None
    trunk_id: Annotated[TrunkId | None, Field(alias="trunkId")] = None


class TestCall(Parameters):
    """The form of a test call."""

    phone_number: Annotated[PhoneNumber, Field(alias="phoneNumber")]
