"""The OpenAPI document, and the page that shows it and can send requests."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, render_template

from portal.api.document import build_document
from portal.api.presenter import documentation_view
from portal.web import security_headers
from portal.web.etags import conditional_response
from portal.web.strict_input import refuse_query

blueprint = Blueprint("openapi", __name__, url_prefix="/api")


@blueprint.get("/openapi.json")
def openapi_json() -> Response:
    """Return the document."""
    refuse_query()
    return conditional_response(lambda: current_app.json.response(build_document(current_app)), "openapi")


@blueprint.get("/docs")
def docs() -> Response:
    """Return the page."""

    def page() -> Response:
        view = documentation_view(build_document(current_app))
        response = make_response(render_template("api/docs.html", docs=view))
        response.headers.update(security_headers.PAGE)
        return response

    return conditional_response(page, "docs")
