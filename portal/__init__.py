"""Batch Portal: a self-hosted web app and JSON API for outbound call campaigns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, redirect, url_for
from sqlalchemy.engine import make_url

from portal import cli, config, instance_folder
from portal.accounts import openid_connect
from portal.api import pages as api_pages
from portal.db import engine
from portal.extensions import csrf, db, htmx, login_manager, migrate
from portal.limits import file_slots, rate_limits, request_sizes
from portal.telemetry import logs
from portal.version import ROOT
from portal.web import compression, cors, errors, rendering, request_hooks
from portal.web.sessions import PageSessionInterface


def create_app(settings: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ) -> Flask:
    """Return the WSGI app. `settings` override the configuration from `environ` (portal/config.py)."""
    instance_folder.make_new_files_private()
    instance = Path(environ.get("INSTANCE_DIR") or ROOT / "instance").absolute()
    app = Flask(
        __name__,
        instance_path=str(instance),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.update(config.load(environ, instance))
    app.config.update(settings or {})
    app.json.sort_keys = False
    app.session_interface = PageSessionInterface()
    app.url_map.merge_slashes = False  # a redirect to the merged path would repeat the client's Host header

    logs.init_app(app)
    warn_of_exposed_files(app)
    request_hooks.init_app(app)  # first, so that every error response has a request id
    compression.init_app(app)
    cors.init_app(app)
    rate_limits.init_app(app)
    request_sizes.init_app(app)
    file_slots.init_app(app, app.config["WEB_THREADS"])
    htmx.init_app(app)
    engine.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    login_manager.init_app(app, add_context_processor=False)  # templates use `reader`, not `current_user`
    csrf.init_app(app)
    openid_connect.init_app(app)
    rendering.init_app(app)
    errors.init_app(app)
    register_blueprints(app)
    return app


def warn_of_exposed_files(app: Flask) -> None:
    """Log a warning for files of the portal that other users of the machine can read."""
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    database = url.database if url.get_backend_name() == "sqlite" else None
    for warning in instance_folder.find_exposed_files(Path(app.instance_path), database):
        app.logger.warning("%s", warning)


def register_blueprints(app: Flask) -> None:
    """Register pages, the API and commands."""
    register_pages(app)
    register_api(app)
    register_commands(app)


def register_pages(app: Flask) -> None:
    """Register the pages, the health checks, and the redirect of the first page."""
    from portal.accounts import pages as accounts_pages
    from portal.admin import audit_pages, stop_pages
    from portal.admin import pages as admin_pages
    from portal.batches import pages as batches_pages
    from portal.dialing.stops import pages as stops_pages
    from portal.server import health
    from portal.suppressions import pages as suppressions_pages
    from portal.trunks import pages as trunks_pages
    from portal.uploads import pages as uploads_pages

    for pages in (
        accounts_pages,
        batches_pages,
        uploads_pages,
        trunks_pages,
        suppressions_pages,
        stops_pages,
        admin_pages,
        audit_pages,
        stop_pages,
        api_pages,
        health,
    ):
        app.register_blueprint(pages.blueprint)

    @app.get("/")
    def home() -> Any:
        return redirect(url_for("batches.list_batches"))


def register_api(app: Flask) -> None:
    """Register the API, which ignores cookies and so needs no CSRF protection."""
    from portal.attempts import api as attempts_api
    from portal.batches import api as batches_api
    from portal.calls import api as calls_api
    from portal.dialing.dialers import api as dialer_api
    from portal.dialing.leases import api as leases_api
    from portal.dialing.stops import api as stops_api
    from portal.dialing.webhooks import api as webhooks_api
    from portal.suppressions import api as suppressions_api
    from portal.trunks import api as trunks_api
    from portal.uploads import api as uploads_api

    for api in (
        batches_api,
        calls_api,
        attempts_api,
        uploads_api,
        trunks_api,
        suppressions_api,
        stops_api,
        dialer_api,
        leases_api,
        webhooks_api,
    ):
        app.register_blueprint(api.blueprint)
        csrf.exempt(api.blueprint)


def register_commands(app: Flask) -> None:
    """Register the commands of `flask --app wsgi`."""
    from portal.admin import commands as admin_commands
    from portal.admin import stop_commands, token_commands
    from portal.backups import commands as backups_commands
    from portal.batches import commands as batches_commands
    from portal.demo import commands as demo_commands
    from portal.dialing.dialers import commands as dialer_commands

    for command in (
        admin_commands.user,
        token_commands.token,
        stop_commands.emergency_stop,
        stop_commands.emergency_resume,
        batches_commands.batch,
        backups_commands.backup,
        backups_commands.restore,
        demo_commands.demo,
        dialer_commands.dial,
        cli.version,
    ):
        app.cli.add_command(command)
