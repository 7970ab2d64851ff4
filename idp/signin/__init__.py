"""How members prove who they are: passwords, sessions, recovery, and their own pages."""

from flask import Flask

from idp.settings import Settings


def init_app(app: Flask, settings: Settings) -> None:
    """Give an app the sign-in pages and the member's own pages."""
    from idp.signin import confirmation, hashing, own_photo, pages, profile, recovery, sessions

    hashing.init_app(app, settings)
    sessions.init_app(app)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(confirmation.blueprint)
    app.register_blueprint(profile.blueprint)
    app.register_blueprint(own_photo.blueprint)
    app.register_blueprint(recovery.blueprint)
