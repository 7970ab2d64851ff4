"""The load: silent sign-ons and refreshes, several at once, every answer looked at.

One process, asyncio, and no HTTP library between: what the load costs must not be what is
measured. Each member has a connection that stays open, as a browser's and a site's server's do.
"""

import asyncio
import base64
import gc
import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet

from bench import cores
from bench.sites import CALLBACK, Member, Site

# A site's server may ask only so often from one address; sites have addresses of their own.
# 127.1.0.1 and onwards, one for each connection.
_sources: Iterator[int] = count((127 << 24) + (1 << 16) + 1)


class Refused(Exception):
    """An answer that is not the one it should be."""


class Answer(NamedTuple):
    """Status, headers (names in lower case) and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body of an answer that went well. Raises ``Refused``."""
        if self.status != 200:
            raise Refused(f"{self.status}: {self.body[:200]!r}")
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class Connection:
    """An HTTP/1.1 connection that stays open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect, from a loopback address that no other connection has."""
        number = next(_sources)
        source = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
        streams = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        return cls(*streams)

    async def ask(self, method: str, path: str, headers: str, body: str = "") -> Answer:
        """Send a request and read the whole answer. ``headers`` are lines that end in CRLF.

        Raises ``Refused`` for an answer without a length.
        """
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}{length}\r\n"
        self._writer.write((head + body).encode())
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        found = dict[str, str]()
        for line in lines[:-1]:
            name, _, value = line.partition(":")
            found[name.lower()] = value.strip()
        if "content-length" not in found:
            raise Refused(f"no length: {status}")
        content = await self._reader.readexactly(int(found["content-length"]))
        return Answer(int(status.split(" ", 2)[1]), found, content)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@dataclass
class Measured:
    """What one round took: per unit of work its seconds, for the servers their CPU seconds.

    ``others`` is the share of the servers' core that other programs took.
    """

    seconds: float
    latencies: list[float]
    cpu: dict[str, float]
    own_cpu: float
    others: float

    @property
    def count(self) -> int:
        """How many units of work were done."""
        return len(self.latencies)


@dataclass
class Slot:
    """One member at their browser, and the site's server; one thing at a time."""

    site: Site
    member: Member
    connection: Connection
    refresh_token: str = ""
    id_token: str = ""
    nonce: str = ""
    _basic: str = field(init=False)

    def __post_init__(self) -> None:
        pair = f"{self.site.client_id}:{self.site.client_secret}"
        self._basic = (
            f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
        )

    async def sign_on(self) -> None:
        """One silent single sign-on: authorize, token, userinfo. Raises ``Refused``."""
        verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(12)
        self.nonce = secrets.token_urlsafe(12)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        answer = await self.connection.ask(
            "GET",
            self.site.authorization(
                state=state,
                nonce=self.nonce,
                code_challenge=challenge.decode().rstrip("="),
                code_challenge_method="S256",
            ),
            f"Cookie: {self.member.cookie}\r\n",
        )
        location = answer.headers.get("location", "")
        given = parse_qs(urlsplit(location).query)
        if (
            answer.status != 303
            or not location.startswith(f"{CALLBACK}?")
            or given.get("state") != [state]
            or given.get("iss") != [self.site.issuer]
            or "code" not in given
        ):
            raise Refused(f"authorize: {answer.status} {location or answer.body[:200]!r}")
        access_token = await self._tokens(
            grant_type="authorization_code",
            code=given["code"][0],
            redirect_uri=CALLBACK,
            code_verifier=verifier,
        )
        answer = await self.connection.ask(
            "GET", self.site.paths["userinfo"], f"Authorization: Bearer {access_token}\r\n"
        )
        who = answer.json()
        if who.get("sub") != self.member.subject or "email" not in who or "name" not in who:
            raise Refused(f"userinfo: {who}")

    async def refresh(self) -> None:
        """One refresh with rotation. Raises ``Refused``."""
        before = self.refresh_token
        await self._tokens(grant_type="refresh_token", refresh_token=before)
        if self.refresh_token == before:
            raise Refused("the refresh token was not rotated")

    async def _tokens(self, **form: str) -> str:
        path = self.site.paths["token"]
        given = (await self.connection.ask("POST", path, self._basic, urlencode(form))).json()
        self.id_token, self.refresh_token = given["id_token"], given["refresh_token"]
        said = json.loads(_unpadded(self.id_token.split(".")[1]))
        if (
            said["sub"] != self.member.subject
            or said["iss"] != self.site.issuer
            or said["aud"] not in (self.site.client_id, [self.site.client_id])
            or ("code" in form and said["nonce"] != self.nonce)
        ):
            raise Refused(f"token: {said}")
        access_token: str = given["access_token"]
        return access_token

    def check_signature(self) -> None:
        """Check the last ID token's signature against the published keys. Raises ``JoseError``."""
        jwt.decode(self.id_token, KeySet.import_key_set(self.site.keys), algorithms=["RS256"])  # type: ignore[arg-type]


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def slots(site: Site) -> list[Slot]:
    """A slot with a new connection for each of a site's members."""
    return [Slot(site, one, await Connection.open(site.port)) for one in site.members]


async def measure(
    work: list[Callable[[], Awaitable[None]]], times: int, roots: dict[str, int], core: int
) -> Measured:
    """Do each of ``work`` ``times`` times, all of them at once, and see what it costs.

    ``roots`` are the processes that are measured, which run on ``core``.
    """
    latencies: list[float] = []

    async def repeat(once: Callable[[], Awaitable[None]]) -> None:
        for _ in range(times):
            start = time.perf_counter()
            await once()
            latencies.append(time.perf_counter() - start)

    gc.collect()
    gc.disable()
    try:
        busy, cpu, own = cores.busy_seconds(core), cores.cpu_seconds(roots), time.process_time()
        start = time.perf_counter()
        await asyncio.gather(*(repeat(once) for once in work))
        seconds = time.perf_counter() - start
        own = time.process_time() - own
        after = cores.cpu_seconds(roots)
        busy = cores.busy_seconds(core) - busy
    finally:
        gc.enable()
    spent = {name: after[name] - cpu[name] for name in roots}
    return Measured(
        seconds, latencies, spent, own, max(0.0, (busy - sum(spent.values())) / seconds)
    )


async def sign_ons(site: Site, times: int, core: int) -> tuple[Measured, list[Slot]]:
    """A round of sign-ons, ``times`` for each member; the slots hold what the last ones got."""
    here = await slots(site)
    measured = await measure([slot.sign_on for slot in here], times, site.roots, core)
    here[0].check_signature()
    return measured, here


async def refreshes(here: list[Slot], times: int, core: int) -> Measured:
    """A round of refreshes, ``times`` in a row for each slot, which then hangs up."""
    measured = await measure([slot.refresh for slot in here], times, here[0].site.roots, core)
    here[0].check_signature()
    for slot in here:
        slot.connection.close()
    return measured
