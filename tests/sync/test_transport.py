"""HTTP to Higher Logic, at a far side that never comes to an end."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sync.delivery import gate, leases, pushing
from sync.protocol import transport
from tests.certificates import certified

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b"{}"
# Long after a request's time is up, and no test waits for it.
DROPS = 400

Speak = Callable[[socket.socket], None]


@contextmanager
def far_side(*speakers: Speak, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server whose connections are spoken to by one speaker after the other; its address."""
    failed: list[Exception] = []

    def serve(listening: socket.socket) -> None:
        try:
            for speak in speakers:
                taken, _ = listening.accept()
                with tls.wrap_socket(taken, server_side=True) if tls else taken as connection:
                    speak(connection)
        except Exception as error:  # noqa: BLE001 - raised where the server is ended
            failed.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening])
        thread.start()
        yield f"{'https' if tls else 'http'}://localhost:{listening.getsockname()[1]}"
        thread.join()
    assert failed == []


def drips(beginning: bytes, drop: bytes) -> Speak:
    """A few bytes now and then, each in time, until nobody listens any more."""

    def speak(connection: socket.socket) -> None:
        hears(connection)
        with contextlib.suppress(OSError):
            connection.sendall(beginning)
            for _ in range(DROPS):
                time.sleep(0.05)
                connection.sendall(drop)
            pytest.fail("it was never cut off")

    return speak


def hears(connection: socket.socket) -> None:
    """A whole request."""
    heard = b""
    while not heard.endswith(BODY):
        part = connection.recv(65536)
        assert part, "nobody asks"
        heard += part


def answers(connection: socket.socket) -> None:
    """Two whole answers, over one connection."""
    for _ in range(2):
        hears(connection)
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n" + BODY)


def post(address: str) -> transport.Response:
    return transport.post(address + "/push", {"x-api-key": "k"}, BODY)


def never_ends(address: str) -> None:
    with pytest.raises(transport.NoAnswer, match="did not finish its answer in time"):
        post(address)


def be_hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on a request may take half a second, and each of its pieces nearly as long."""
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(transport, "READ_SECONDS", 0.4)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


@pytest.mark.compliance("Y21", "Y22")
@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"HTTP/1.1 200 O", b"K"),
        (HEAD + b"X-Slow: ", b"a"),
        (HEAD, b"X-More: a\r\n"),
        (HEAD + b"Content-Length: 900000\r\n\r\n", b"{"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"),
        (HEAD + b"\r\n", b"{"),
    ],
    ids=["status", "header", "headers", "body", "chunks", "no length"],
)
def test_an_answer_that_never_ends_is_cut_off(hasty: None, beginning: bytes, drop: bytes) -> None:
    with far_side(drips(beginning, drop), answers) as address:
        never_ends(address)
        # The next one has a connection, and a time, of its own.
        assert [post(address).content for _ in range(2)] == [BODY, BODY]


def test_an_answer_over_tls_and_a_kept_connections_are_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_then_drips(connection: socket.socket) -> None:
        answers(connection)
        drips(HEAD, b"X-More: a\r\n")(connection)

    context, trusted = certified("localhost", tmp_path)
    (tmp_path / "trusted.pem").write_text(trusted)
    monkeypatch.setattr(transport._session(), "verify", str(tmp_path / "trusted.pem"))
    with far_side(answers_then_drips, tls=context) as address:
        assert [post(address).status for _ in range(2)] == [200, 200]
        be_hasty(monkeypatch)
        never_ends(address)


def test_the_longest_request_ends_before_a_lease_and_a_probe_do() -> None:
    longest = dt.timedelta(seconds=transport.CONNECT_SECONDS + transport.READ_SECONDS)
    assert longest < leases.LEASE - pushing.WAITED
    assert longest < gate.PROBE
