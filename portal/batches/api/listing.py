"""The API that lists batches, as the contract defines it."""

from __future__ import annotations

from flask import Response

from portal.accounts.bearer import require_caller
from portal.api.openapi import (
    CONDITIONAL_HEADERS,
    NOT_MODIFIED,
    Operation,
    SuccessAnswer,
    document_operation,
)
from portal.api.schema import ErrorBody
from portal.batches import query
from portal.batches.api.blueprint import blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import list_json
from portal.batches.schema import BatchListBody, NoBatchesBody
from portal.models import Scope
from portal.models.list_state import ListState
from portal.web.envelope import success_response
from portal.web.errors import ApiError
from portal.web.etags import revalidated_response
from portal.web.pagination import link_header
from portal.web.strict_input import read_query

GET_ALL_BATCHES = Operation(
    summary="Get All Batches",
    description="A page of the batches of the token's user, by default of those that are not deleted, newest first. New"
    " batches move the others to later pages: to read all pages while batches are created, use sortOrder=asc, or the"
    " same createdTo on every page.",
    scope=Scope.READ,
    query=BatchListParameters,
    successes={
        200: SuccessAnswer("The page.", BatchListBody, (*CONDITIONAL_HEADERS, "Link")),
        304: NOT_MODIFIED,
    },
    errors={
        400: (
            ErrorBody,
            "userId is not an id, or a parameter is unknown, repeated or out of range.",
            "limit must be between 1 and 100",
        ),
        404: (
            NoBatchesBody,
            "The user has no live batches, and no deleted ones that match if these are asked for.",
            "This user has no batches yet",
        ),
    },
)


@blueprint.get("/batches/<user_id>")
@document_operation(GET_ALL_BATCHES)
def list_batches(user_id: str) -> Response:
    """Return a page of the caller's batches."""
    state = require_caller(Scope.READ, userId=user_id).list_state
    parameters = read_query(BatchListParameters)
    return revalidated_response(lambda: list_response(state, parameters), "json", state.version)


def list_response(state: ListState, parameters: BatchListParameters) -> Response:
    """Return a page of the list with its Link header. Raises ApiError 404 without live batches and matches."""
    page = query.fetch_page(parameters.to_list_query(state))
    data = list_json(page)
    if not (state.total or page.total):
        raise ApiError(404, "This user has no batches yet", data)
    response = success_response(data, "Batches fetched successfully")
    response.headers["Link"] = link_header(parameters, page)
    return response
