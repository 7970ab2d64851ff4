"""A web server in a thread of the test's process, on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class _AtWork:
    """The requests that a server is at work on. Their threads go on when the server has ended:
    whoever ends what they work with (an app's connections, say) must have waited for them."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.number = 0
        self.ended = False

    def begin(self) -> bool:
        """One more, unless the server has ended: a connection that is kept may bring one still."""
        with self.changed:
            self.number += not self.ended
            return not self.ended

    def finish(self) -> None:
        """One less."""
        with self.changed:
            self.number -= 1
            self.changed.notify_all()

    def end(self) -> None:
        """Take no more, and wait for those that are under way."""
        with self.changed:
            self.ended = True
            assert self.changed.wait_for(lambda: self.number == 0, timeout=30), "a request hangs"


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def run_wsgi(self) -> None:
        """Answer, unless the server has ended."""
        at_work: _AtWork = self.server.at_work  # type: ignore[attr-defined]
        if not at_work.begin():
            self.close_connection = True
            return
        try:
            super().run_wsgi()
        finally:
            at_work.finish()

    def log(self, type: str, message: str, *args: Any) -> None:
        """The tests' output is no access log."""


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def address_of(server: BaseWSGIServer) -> str:
    """Where a server answers."""
    return f"http://127.0.0.1:{server.server_port}"


@contextmanager
def serving(app: Any = None, port: int = 0) -> Iterator[BaseWSGIServer]:
    """A server for an app, until the block ends.

    An app that must know its address before it is made is given to ``server.app`` within the
    block.
    """
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    at_work = server.at_work = _AtWork()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        at_work.end()
        server.server_close()
