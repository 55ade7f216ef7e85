"""The OpenAPI schemas and examples of the API's answers about emergency stops."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import AnswerModel, Count, SuccessBody


class HungUp(AnswerModel):
    """The calls that were open at the time of the stop and are being hung up."""

    hung_up: Annotated[Count, Field(alias="hungUp", examples=[12])]


class StopBody(SuccessBody):
    """The answer of emergency-stop and emergency-resume."""

    message: Annotated[str, Field(examples=["All calls stopped"])]
    code: Literal[200]
    data: HungUp
