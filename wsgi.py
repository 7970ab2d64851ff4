"""Composition root: the identity provider, the sync and the panel become one app.

Also the ``tessera`` command. A production WSGI server is pointed at ``wsgi:create_app()``.
"""

import admin
import idp
import sync
from idp import settings as deployment
from idp.web import App


def create_app(settings: deployment.Settings | None = None) -> App:
    """The whole of Tessera as one WSGI application.

    Raises ``ConfigurationError`` when the deployment's settings do not hold.
    """
    settings = settings or deployment.load()
    app = App("idp", root_path=idp.__path__[0])
    idp.init_app(app, settings)
    sync.init_app(app)
    admin.init_app(app)
    return app


def main() -> None:
    """The ``tessera`` command."""
    from launch.command import command

    command()
