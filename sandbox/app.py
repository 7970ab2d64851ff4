"""Puts one sandbox together: the database, the refresh thread and the web application."""

from __future__ import annotations

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from sandbox import community, conference, conference_logout, control, hl_admin, push, signin, web
from sandbox.database import Database
from sandbox.faults import Faults
from sandbox.refresh import Refresher
from sandbox.services import EXTENSION, Services
from sandbox.settings import Settings
from sandbox.tenant import Tenant, kept_secret

MAX_FORM = 1024 * 1024
"""Bytes of any request body but a push."""


def create_app(settings: Settings) -> Flask:
    """The application, its refresh thread running; `app.extensions["sandbox"].close()` ends it.

    Raises OSError or sqlite3.Error when the data directory cannot be used.
    """
    database = Database(settings.data_dir)
    faults = Faults()
    refresher = Refresher(database, lambda: faults.refresh_per_second)
    app = Flask("sandbox")
    app.config.update(
        SECRET_KEY=kept_secret(settings.data_dir / "cookie-key"),
        # Cookies of 127.0.0.1 are shared between all ports: the names must be ours alone.
        SESSION_COOKIE_NAME="sandbox_state",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=MAX_FORM,
        # A name of another site that resolves to this machine must not reach the API key.
        TRUSTED_HOSTS=["127.0.0.1", "localhost", "[::1]", settings.netloc.rsplit(":", 1)[0]],
        WTF_CSRF_TIME_LIMIT=None,
    )
    # Keys are in paths byte for byte.
    app.url_map.merge_slashes = False
    app.extensions[EXTENSION] = Services(
        settings=settings,
        database=database,
        tenant=Tenant(settings, database),
        faults=faults,
        refresher=refresher,
    )
    csrf = CSRFProtect(app)
    for machine in (push.blueprint, control.blueprint, conference_logout.blueprint):
        csrf.exempt(machine)
    for part in (push, control, signin, conference, conference_logout, community, hl_admin):
        app.register_blueprint(part.blueprint)
    web.install(app)
    refresher.start()
    return app
