"""The OpenAPI document, and the page that shows it and can send requests."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, Response, current_app, make_response, render_template

from portal.api.document import build_document
from portal.api.presenter import documentation_view
from portal.web import security_headers
from portal.web.etags import conditional_response
from portal.web.strict_input import refuse_query

blueprint = Blueprint("openapi", __name__, url_prefix="/api")


@lru_cache(maxsize=1)
def read_document(app: Flask) -> dict[str, Any]:
    """Return the document of the app, which is built once: it takes a tenth of a second."""
    return build_document(app)


@blueprint.get("/openapi.json")
def openapi_json() -> Response:
    """Return the document."""
    refuse_query()
    app = current_app._get_current_object()
    return conditional_response(lambda: app.json.response(read_document(app)), "openapi")


@blueprint.get("/docs")
def docs() -> Response:
    """Return the page."""

    def page() -> Response:
        view = documentation_view(read_document(current_app._get_current_object()))
        response = make_response(render_template("api/docs.html", docs=view))
        response.headers.update(security_headers.PAGE)
        return response

    return conditional_response(page, "docs")
