"""The OpenAPI schemas of the API's answers about attempts."""

from __future__ import annotations

from typing import Literal

from pydantic import create_model

from portal.api.fields import model_fields
from portal.api.schema import AnswerModel, SuccessBody
from portal.attempts.fields import ATTEMPT_FIELDS
from portal.batches.schema import Pagination

AttemptBody = create_model(
    "AttemptBody",
    __base__=AnswerModel,
    __doc__="One attempt to reach the contact of a call; `number` counts those of the call from 1.",
    **model_fields(ATTEMPT_FIELDS),
)


class AttemptPage(AnswerModel):
    """One page of a batch's attempts, by call and number. A page past the end is empty, with the true total."""

    attempts: list[AttemptBody]  # type: ignore[valid-type]
    pagination: Pagination


class AttemptPageBody(SuccessBody):
    """The answer of attempts."""

    message: Literal["Attempts fetched successfully"]
    code: Literal[200]
    data: AttemptPage
