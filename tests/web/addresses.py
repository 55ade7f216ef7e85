"""Addresses of all pages and of error pages, and the routes that give no page."""

from __future__ import annotations

# Every page by its rule. {id} is a batch of the owner, {user} is another user, {trunk}
# and {number} are a trunk and a caller number of the owner. Add new pages here.
PAGES = {
    "/": "/",
    "/login": "/login?next=/settings/tokens",
    "/login/code": "/login/code",
    "/login/provider": "/login/provider",
    "/login/provider/back": "/login/provider/back?error=access_denied",
    "/login/provider/confirm": "/login/provider/confirm",
    "/login/provider/link": "/login/provider/link",
    "/batches": "/batches?search=round&status=active&limit=5",
    "/batches/<batch_id>": "/batches/{id}",
    "/batches/<batch_id>/changes": "/batches/{id}/changes",
    "/batches/<batch_id>/rename": "/batches/{id}/rename",
    "/batches/<batch_id>/settings": "/batches/{id}/settings",
    "/batches/<batch_id>/duplicate": "/batches/{id}/duplicate",
    "/batches/confirm": "/batches/confirm?do=delete&id={id}",
    "/batches/trash": "/batches/trash",
    "/batches/new": "/batches/new",
    "/batches/new/<upload_id>": "/batches/new/{upload}",
    "/settings/tokens": "/settings/tokens",
    "/settings/account": "/settings/account",
    "/settings/confirm": "/settings/confirm",
    "/settings/password": "/settings/password",
    "/settings/second-factor": "/settings/second-factor",
    "/settings/trunks": "/settings/trunks",
    "/settings/trunks/new": "/settings/trunks/new",
    "/settings/trunks/<trunk_id>": "/settings/trunks/{trunk}",
    "/settings/caller-numbers": "/settings/caller-numbers",
    "/settings/caller-numbers/<number_id>": "/settings/caller-numbers/{number}",
    "/settings/suppressions": "/settings/suppressions?search=+1&limit=5",
    "/admin": "/admin",
    "/admin/users": "/admin/users?search=e&show=active&limit=5",
    "/admin/users/new": "/admin/users/new",
    "/admin/users/<user_id>": "/admin/users/{user}",
    "/admin/trail": "/admin/trail?user={user}&what=added",
    "/api/docs": "/api/docs",
}

OTHER_ROUTES = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/<path:filename>",
    "/api/openapi.json",
    "/api/call/batches/<user_id>",
    "/api/call/batch/<batch_id>",
    "/api/call/batch-details/<batch_id>",
    "/api/call/attempts/<batch_id>",
    "/api/call/attempts/<batch_id>/csv",
    "/api/call/trunks",
    "/api/call/caller-numbers",
    "/api/call/suppressions",
    "/api/call/export/csv",
    "/batches/export.<any(csv, xlsx):kind>",
    "/batches/<batch_id>/calls.<any(csv, xlsx):kind>",
    "/batches/new/<upload_id>/wrong.<any(csv, xlsx):kind>",
    "/admin/trail/export.csv",
}

ERROR_PAGES = (
    "/batches?limit=0",
    "/batches/nonsense",
    "/batches/{id}?page=x",
    "/nowhere",
    "/logout",
    "/admin/trail?what=x",
)
