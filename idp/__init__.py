"""The identity provider: who the members are, how they prove it, what other sites are told."""

from flask import Flask

from idp import (
    database,
    encryption,
    jobs,
    limits,
    logo,
    logs,
    mail,
    oauth,
    photo_files,
    prepared,
    signin,
    web,
)
from idp.directory import companies, group_references, import_runs, importing, membership
from idp.settings import Settings

# What has tables is imported, so that the models are whole.
__all__ = ["companies", "group_references", "import_runs", "importing", "init_app", "membership"]


def init_app(app: Flask, settings: Settings) -> None:
    """Make an app an identity provider."""
    app.config["TESSERA"] = settings
    logs.init_app(app)
    database.init_app(app, settings)
    prepared.init_app(app, settings)
    encryption.init_app(app, settings)
    web.init_app(app, settings)
    limits.init_app(app, settings)
    jobs.init_app(app, settings)
    mail.init_app(app, settings)
    signin.init_app(app, settings)
    oauth.init_app(app)
    app.register_blueprint(photo_files.blueprint)
    app.register_blueprint(logo.blueprint)
