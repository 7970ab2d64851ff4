"""A client's own server, as far as it is told things: a real one, on a port of its own."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class _Server(ThreadingHTTPServer):
    # Five, the default, is less than come at once.
    request_queue_size = 128


class Receiver:
    """Answers with ``status``, ``body`` and ``headers``; ``forms`` is what it was told.

    While ``silent`` is set it answers nothing; ``told`` counts requests as they come in.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status, self.body, self.headers = 200, b"", {}
        self.forms: list[dict[str, str]] = []
        self.seen: list[dict[str, str]] = []
        self.told = threading.Semaphore(0)
        self.silent = threading.Event()
        self.let_go = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port: int = self.server.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/logged-out"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
        self.forms.append({name: values[0] for name, values in parse_qs(body).items()})
        self.seen.append({"path": request.path, **dict(request.headers.items())})
        self.told.release()
        if self.silent.is_set():
            self.let_go.wait(30)
            request.close_connection = True
            return
        request.send_response(self.status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(self.body)))
        request.end_headers()
        request.wfile.write(self.body)

    def one_by_one(self) -> None:
        """Take one request after the other from now on."""
        together, lock = self._take, threading.Lock()

        def alone(request: BaseHTTPRequestHandler) -> None:
            with lock:
                together(request)

        self._take = alone  # type: ignore[method-assign]

    @property
    def tokens(self) -> list[str]:
        """The logout tokens, the oldest first."""
        return [form["logout_token"] for form in self.forms]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that listens until the block ends."""
    receiver = Receiver(tls)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
