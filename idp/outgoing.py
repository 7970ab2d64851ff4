"""Requests of ours to addresses that others chose: never to our own network, never for long.

The name is resolved here, every address that it has is judged, and the connection goes to one that
was judged: nobody can answer the check with one address and the connection with another (DNS
rebinding). Host header, SNI and certificate stay the name's. No redirect is followed, no proxy of
the environment is used, and of an answer no more is read than its beginning.
"""

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from idp.networks import Address, is_internal, is_loopback

# Seconds for all of it: name, connection, TLS, request and answer. A far side that sends a byte
# now and then is cut off as well.
DEADLINE = 5.0
_CONNECT = 2.0
# Of the addresses that a name has.
_MOST_ADDRESSES = 3
_LONGEST_WORDS, _LONGEST_WORD = 200, 60
# Resolvers can hang, for half a minute; what hangs is left behind in a thread of these, so they
# are many more than one site's requests can hold.
_resolvers = ThreadPoolExecutor(64, thread_name_prefix="resolver")


@dataclass(frozen=True)
class Answer:
    """A far side's answer: its status, and the beginning of its body, printable, for the log."""

    status: int
    words: str


class NoAnswer(Exception):
    """Nobody answered in time, or nobody whose certificate holds. The text is for the log."""


class InternalAddress(NoAnswer):
    """The name leads to an address that we do not go to."""


async def post_form(
    url: str, form: Mapping[str, str], *, loopback: bool, deadline: float = DEADLINE
) -> Answer:
    """POST a form to an http(s) address; ``loopback`` says whether this machine may be meant.

    Raises ``NoAnswer``, ``InternalAddress``.
    """
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise NoAnswer(_told(error)) from None
    if target.scheme not in ("http", "https") or target.userinfo or not target.raw_host:
        raise NoAnswer("the address is none that can be posted to")
    _tls()  # the first time takes longer than a request; it counts for nobody's deadline
    try:
        async with asyncio.timeout(deadline):
            addresses = await _resolved(target)
            _judge(addresses, loopback=loopback)
            return await _first_answer(target, form, addresses)
    except TimeoutError:
        raise NoAnswer(f"no answer within {deadline:g} seconds") from None


async def _resolved(target: httpx.URL) -> list[Address]:
    port = target.port or (443 if target.scheme == "https" else 80)
    ask = functools.partial(socket.getaddrinfo, _host(target), port, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(_resolvers, ask)
        # Of a link-local address the zone is cut off; it is internal with or without.
        texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found)
        return [ipaddress.ip_address(text) for text in texts]
    except (OSError, UnicodeError, ValueError) as error:
        raise NoAnswer(f"the name cannot be resolved: {_told(error)}") from None


def _judge(addresses: list[Address], *, loopback: bool) -> None:
    # One bad address is enough: a name that has both kinds was made for no good.
    for address in addresses:
        if is_internal(address) and not (loopback and is_loopback(address)):
            raise InternalAddress(f"the name leads to {address}, an internal address")


async def _first_answer(
    target: httpx.URL, form: Mapping[str, str], addresses: list[Address]
) -> Answer:
    failure = NoAnswer("the name has no address")
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            return await _post(target, form, address)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            # Nothing was sent yet: the next address may be reachable.
            failure = NoAnswer(_told(error))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, ValueError) as error:
            raise NoAnswer(_told(error)) from None
    raise failure


async def _post(target: httpx.URL, form: Mapping[str, str], address: Address) -> Answer:
    # A client for each request: a kept connection would be shared by all names of an address.
    async with (
        httpx.AsyncClient(
            verify=_tls(), trust_env=False, timeout=httpx.Timeout(DEADLINE, connect=_CONNECT)
        ) as client,
        client.stream(
            "POST",
            target.copy_with(host=str(address)),
            data=dict(form),
            headers={"Host": target.netloc.decode("ascii"), "User-Agent": "Tessera"},
            extensions={"sni_hostname": _host(target)},
            follow_redirects=False,
        ) as response,
    ):
        return Answer(response.status_code, await _beginning(response))


def _host(target: httpx.URL) -> str:
    return target.raw_host.decode("ascii")  # as DNS has it, not as people read it


async def _beginning(response: httpx.Response) -> str:
    # As it comes over the wire: what is packed is not unpacked, however small it is.
    body = b""
    async for part in response.aiter_raw(_LONGEST_WORDS):
        body += part
        if len(body) >= _LONGEST_WORDS:
            break
    return printable(body[:_LONGEST_WORDS].decode("utf-8", "replace"))


def printable(text: str) -> str:
    """A stranger's text on one line, without what could play tricks on who reads a log, and
    without long words: one may be what we sent."""
    shown = "".join(
        character if character.isprintable() else " " for character in text[:_LONGEST_WORDS]
    )
    return " ".join(word if len(word) <= _LONGEST_WORD else "…" for word in shown.split())


def _told(error: Exception) -> str:
    return printable(f"{type(error).__name__}: {error}")


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the authorities' certificates takes longer than a request.
    return httpx.create_ssl_context(trust_env=False)
