"""A web server in a thread of the test's process, on a port of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

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
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
