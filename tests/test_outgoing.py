"""Requests to addresses that others chose: where they never go, and how long they never take."""

import asyncio
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from idp import outgoing
from idp.networks import is_internal
from idp.oauth.backchannel import OF_ONE_CLIENT
from idp.outgoing import Answer, InternalAddress, NoAnswer
from tests import certificates
from tests.receiver import Receiver, receiving

NAME = "site.example.org"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Has every name resolve to these addresses, the first time; the list it gives is of the names
    that were asked for. The second time every name is the machine's own, as a rebinder's is."""

    def answer(*addresses: str) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            found = addresses if len(asked) == 1 else ("127.0.0.1",)
            return [
                (
                    socket.AF_INET6 if ":" in address else socket.AF_INET,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (address, port),
                )
                for address in found
            ]

        monkeypatch.setattr(outgoing.socket, "getaddrinfo", getaddrinfo)
        return asked

    return answer


def post(url: str, *, loopback: bool = True, deadline: float = 10.0) -> Answer:
    return asyncio.run(
        outgoing.post_form(url, {"a": "b & c"}, loopback=loopback, deadline=deadline)
    )


@pytest.mark.compliance("BC6")
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",  # carrier-grade NAT
        "100.100.100.200",  # metadata
        "127.0.0.1",
        "127.8.8.8",
        "168.63.129.16",  # Azure's
        "169.254.169.254",  # metadata
        "172.16.0.1",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",  # 127.0.0.1, the way before ::ffff:
        "::ffff:0:a00:1",  # 10.0.0.1 behind a stateless translator
        "4000::1",  # nobody's
        "5f00::1",  # segment routing
        "3fff::1",  # documentation
        "192.88.99.1",  # where 6to4 began
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",  # 10.0.0.1 behind NAT64
        "2001:0:53aa:64c::1",  # Teredo
        "2002:a00:1::1",  # 10.0.0.1 by 6to4
        "fc00::1",
        "fd00:ec2::254",  # metadata
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_internal_address_is_known_in_any_dress(address: str) -> None:
    assert is_internal(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111"])
def test_a_public_address_is_none(address: str) -> None:
    assert not is_internal(ipaddress.ip_address(address))


def test_a_form_is_posted_under_the_names_own_host_header(
    receiver: Receiver, resolves: Callable[..., list[str]]
) -> None:
    asked = resolves("127.0.0.1")
    receiver.status, receiver.body = 400, b'{"error":\n"invalid_request"}'
    answer = post(f"http://{NAME}:{receiver.port}/told?x=1")
    assert answer == Answer(400, '{"error": "invalid_request"}')
    assert receiver.forms == [{"a": "b & c"}]
    assert receiver.seen[0]["path"] == "/told?x=1"
    assert receiver.seen[0]["Host"] == f"{NAME}:{receiver.port}"
    assert asked == [NAME], "resolved once: what was judged is what is connected to"


@pytest.mark.compliance("BC6")
@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["93.184.215.14", "10.0.0.1"],
        ["::ffff:192.168.0.1"],
        ["fe80::1%eth0"],
    ],
)
@pytest.mark.parametrize("loopback", [True, False])
def test_a_name_that_leads_to_an_internal_address_is_not_connected_to(
    resolves: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
    addresses: list[str],
    loopback: bool,
) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("connected")

    monkeypatch.setattr(outgoing, "_post", never)
    resolves(*addresses)
    with pytest.raises(InternalAddress, match="an internal address"):
        post(f"https://{NAME}/told", loopback=loopback)


@pytest.mark.compliance("BC6")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_our_own_machine_is_for_deployments_on_it_alone(receiver: Receiver, host: str) -> None:
    with pytest.raises(InternalAddress):
        post(f"http://{host}:{receiver.port}/told", loopback=False)
    assert receiver.forms == []


def test_the_next_address_is_tried_when_one_cannot_be_reached(
    receiver: Receiver, resolves: Callable[..., list[str]]
) -> None:
    resolves("127.0.0.2", "127.0.0.1")  # nobody listens at the first
    assert post(f"http://{NAME}:{receiver.port}/told").status == 200
    assert len(receiver.forms) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://site.example.org/",
        "file:///etc/passwd",
        "https://user:secret@site.example.org/",
        "https:///path",
        "http://[::1/",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        post(url)
    assert "secret" not in str(caught.value)


def test_a_name_that_does_not_resolve_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(NoAnswer, match="cannot be resolved: gaierror"):
        post(f"https://{NAME}/told")


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(outgoing.socket, "getaddrinfo", lambda *_, **__: let_go.wait(30))
    try:
        with pytest.raises(NoAnswer, match="no answer within"):
            post(f"https://{NAME}/told", deadline=0.2)
    finally:
        let_go.set()


def test_a_name_whose_resolver_hangs_delays_no_other(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, known = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host: str, *rest: Any, **more: Any) -> Any:
        if host == NAME:
            let_go.wait(30)
        return known(host, *rest, **more)

    async def all_of_them() -> list[Any]:
        there = (f"https://{NAME}/told",) * OF_ONE_CLIENT
        urls = (*there, receiver.url)
        posts = (outgoing.post_form(url, {}, loopback=True, deadline=1.0) for url in urls)
        return await asyncio.gather(*posts, return_exceptions=True)

    monkeypatch.setattr(outgoing.socket, "getaddrinfo", getaddrinfo)
    try:
        for _again in range(3):
            *hung, answer = asyncio.run(all_of_them())
            assert all(isinstance(one, NoAnswer) for one in hung)
            assert isinstance(answer, Answer), answer
    finally:
        let_go.set()


def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(receiver.url).status == 200


@contextmanager
def speaking(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what it likes; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                try:
                    speak(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join()


def test_a_server_that_drips_is_cut_off() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    with speaking(drip) as url, pytest.raises(NoAnswer, match="no answer within"):
        post(url, deadline=0.5)


def test_of_an_endless_answer_the_beginning_is_read() -> None:
    def pour(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 500 Broken\r\nContent-Encoding: gzip\r\n\r\n")
        while True:
            connection.sendall(b"flood " * 1000)

    with speaking(pour) as url:
        answer = post(url)
    assert answer.status == 500
    assert len(answer.words) <= 200


def test_what_is_no_http_is_no_answer() -> None:
    def babble(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example.org ESMTP\r\n")

    with speaking(babble) as url, pytest.raises(NoAnswer, match=r"RemoteProtocolError|ReadError"):
        post(url)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ssl.SSLContext]:
    """Makes a TLS server's context with a certificate for a name, which we trust."""

    def certified(name: str) -> ssl.SSLContext:
        context, pem = certificates.certified(name, tmp_path)
        trusting = ssl.create_default_context(cadata=pem)
        monkeypatch.setattr(outgoing, "_tls", lambda: trusting)
        return context

    return certified


@pytest.mark.compliance("BC6")
def test_the_certificate_is_the_names_though_the_connection_is_the_addresss(
    authority: Callable[[str], ssl.SSLContext], resolves: Callable[..., list[str]]
) -> None:
    context = authority(NAME)
    asked_for: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    resolves("127.0.0.1")
    with receiving(context) as receiver:
        assert post(f"https://{NAME}:{receiver.port}/told").status == 200
        assert receiver.seen[0]["Host"] == f"{NAME}:{receiver.port}"
    assert asked_for == [NAME]


@pytest.mark.compliance("BC6")
def test_anothers_certificate_is_not_taken(
    authority: Callable[[str], ssl.SSLContext], resolves: Callable[..., list[str]]
) -> None:
    context = authority("other.example.org")
    resolves("127.0.0.1")
    with receiving(context) as receiver:
        with pytest.raises(NoAnswer, match="certificate"):
            post(f"https://{NAME}:{receiver.port}/told")
        assert receiver.forms == []


def test_an_unknown_authoritys_certificate_is_not_taken(
    authority: Callable[[str], ssl.SSLContext],
    resolves: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = authority(NAME)
    monkeypatch.setattr(outgoing, "_tls", ssl.create_default_context)
    resolves("127.0.0.1")
    with receiving(context) as receiver, pytest.raises(NoAnswer, match="certificate"):
        post(f"https://{NAME}:{receiver.port}/told")
