"""An end that no far side can put off: a request's connection is cut off when its time is over.

A time-out is about one piece: who sends a byte now and then begins it anew with each, in the
headers as in the body. A push must be over before the lease of its contacts is: it could otherwise
be taken after another worker's newer one (Y21).
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_own = threading.local()


class Deadline:
    """``over`` says whether the time is up."""

    def __init__(self) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._leash: socket.socket | None = None

    def bind(self, connected: socket.socket) -> None:
        """Have this connection cut off in the end. Raises ``TimeoutError`` when that has come."""
        with self._lock:
            if self.over:
                raise TimeoutError("the time is up")
            self._let_go()
            # By a handle of its own: TLS takes the connection's over, and an answer that ends with
            # its connection keeps it from whoever made it.
            self._leash = socket.socket(fileno=os.dup(connected.fileno()))

    def cut(self) -> None:
        """The time is up: who reads from the connection or writes to it fails at once."""
        with self._lock:
            self.over = True
            if self._leash is not None:
                # The far side may have been quicker.
                with contextlib.suppress(OSError):
                    self._leash.shutdown(socket.SHUT_RDWR)
            self._let_go()

    def lift(self) -> None:
        """The request is over in time."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._leash is not None:
            self._leash.close()
            self._leash = None


@contextlib.contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Cut off what this thread's request is sent over (``Adapter``) when so many seconds are over.

    Where to the address leads is asked of the system, and is waited for as long as that takes; then
    nothing is sent.
    """
    _own.deadline = deadline = Deadline()
    timer = threading.Timer(seconds, deadline.cut)
    timer.daemon = True
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        deadline.lift()
        _own.deadline = None


def _bind(connected: socket.socket) -> None:
    deadline: Deadline | None = getattr(_own, "deadline", None)
    if deadline is not None:
        deadline.bind(connected)


class _Bound:
    """A connection that the deadline at hand cuts off: from the first byte of a new one on (TLS
    comes after it), and for each request of one that was kept."""

    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        _bind(connected)
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # type: ignore[attr-defined]
            _bind(self.sock)  # type: ignore[attr-defined]
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Connection(_Bound, HTTPConnection):
    pass


class _SecureConnection(_Bound, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """What a session sends over, so that ``within`` can end it."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, of connections that a deadline cuts off."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
