"""The web server: Gunicorn, threads in a few processes, on the address of the settings."""

from typing import Any

from gunicorn.app.base import BaseApplication

from idp.settings import Settings
from launch import schema


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, app: Any, options: dict[str, Any]) -> None:
        self.app = app
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.app


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Raises ``ConfigurationError`` on an old schema."""
    from wsgi import create_app

    app = create_app(settings)
    with app.app_context():
        schema.check()
        from idp.database import db

        db.session.remove()
        db.engine.dispose()  # no connection is shared across the fork
    _Server(
        app,
        {
            "bind": f"{settings.host}:{settings.port}",
            "workers": settings.web_workers,
            "threads": settings.web_threads,
            "worker_class": "gthread",
            "keepalive": 15,
            "timeout": 60,
            "graceful_timeout": 10,
            "max_requests": 50_000,
            "max_requests_jitter": 5_000,
            "loglevel": "warning",
            "limit_request_line": 8190,
            "limit_request_fields": 60,
            "proc_name": "tessera-web",
            "control_socket_disable": True,
            # Whom a proxy's headers are believed from is the settings' to say (S20).
            "forwarded_allow_ips": "",
        },
    ).run()
