"""The web server: Granian, threads in a few processes, on the address of the settings."""

import gc
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.common import AbstractServer

from idp.settings import Settings
from launch.checks import check_start

if TYPE_CHECKING:
    from idp.web import App

# Requests that one process takes in at a time; what comes on top waits in the kernel's queue.
_AT_ONCE = 64
# A browser that opened a connection has so long to say what it wants (milliseconds).
_HEADERS_WITHIN = 15_000
# Python looks for garbage in circles after so many new objects (its own: 700). A request leaves
# few circles behind and makes many objects: looking as often took a tenth of its CPU time.
_GARBAGE_AFTER = 20_000


def serve(settings: Settings) -> None:
    """Serve until a signal ends it.

    Raises ``ConfigurationError`` on an old schema, or with signing keys that cannot be read.
    """
    from wsgi import create_app

    with create_app(settings).app_context():
        check_start()
        from idp.database import db

        db.engine.dispose()  # no connection is shared with the processes that serve
    server("launch.web:application", settings).serve()


def application() -> "App":
    """The app of a process that serves."""
    from wsgi import create_app

    app = create_app()
    # What is there now is there for good: not to be looked through again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_AFTER, *gc.get_threshold()[1:])
    return app


def server(application: str, settings: Settings) -> AbstractServer[Any]:
    """The server for an application's factory, ``module:function``."""
    return Granian(
        application,
        factory=True,  # each process makes its own app, from the same environment
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        backpressure=_AT_ONCE,
        # 8 KB for the request line and as much for the headers (OWASP ASVS 5, 4.2).
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEADERS_WITHIN, keep_alive=True, max_buffer_size=16_384
        ),
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        # Its warning of more threads than cores would stand between the lines of `tessera run`.
        log_level=LogLevels.error,
    )
