"""Higher Logic's side of a test: its server and a member's browser, over HTTP.

They speak to this server's own public address and to nothing else. Certificates are checked,
redirects are looked at and not followed, proxies and passwords of the environment are not used,
cookies are not kept; a request ends after a time and an answer after a size.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
WHOLE_TEST_SECONDS = 60.0
LARGEST_ANSWER = 256 * 1024
AGENT = "Tessera self-test"
_CHUNK = 16 * 1024


class NoAnswer(Exception):
    """No answer that could be read. The text is a sentence, ``advice`` what to do."""

    def __init__(self, text: str, advice: str) -> None:
        self.advice = advice
        super().__init__(text)


@dataclass(frozen=True)
class Answer:
    """A whole answer. ``location`` is where it sends a browser, empty when it does not."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def location(self) -> str:
        """The address of the redirect."""
        return self.headers.get("Location", "")

    @property
    def parameters(self) -> dict[str, str]:
        """What the redirect carries."""
        return dict(parse_qsl(urlsplit(self.location).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body's value, ``None`` when it is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def is_page(self) -> bool:
        """Whether a person gets to see it, and is sent nowhere."""
        return not self.location and self.headers.get("Content-Type", "").startswith("text/html")

    @property
    def shown(self) -> str:
        """The answer in a few words, without anything that is secret: neither the values of
        parameters nor a body, but for what the protocol's errors say."""
        error, description = self._error()
        if self.location:
            parts = urlsplit(self.location)
            target = f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.netloc else parts.path
            names = ", ".join(name[:40] for name in list(self.parameters)[:12])
            words = f"{self.status}, sent on to {target[:300]}"
            words += f" with {names}" if names else ""
        else:
            kind = self.headers.get("Content-Type", "").partition(";")[0][:60] or "nothing"
            words = f"{self.status}, {kind}"
        if error:
            words += f"; error {error}" + (f": {description}" if description else "")
        return words

    def _error(self) -> tuple[str, str]:
        said = self.parameters if self.location else self.json
        if not isinstance(said, dict) or not isinstance(said.get("error"), str):
            return "", ""
        return said["error"][:60], str(said.get("error_description", ""))[:300]


class FarSide:
    """A session with the server at ``issuer``; ``cookie`` is the member's, as a header holds it."""

    def __init__(self, issuer: str, cookie: str) -> None:
        self.issuer = issuer
        self._cookie = cookie
        self._deadline = time.monotonic() + WHOLE_TEST_SECONDS
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._http.headers["User-Agent"] = AGENT

    def __enter__(self) -> "FarSide":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def browse(self, address: str, *, signed_in: bool = True, **parameters: str) -> Answer:
        """The member's browser follows a link. Raises ``NoAnswer``."""
        headers = {"Cookie": self._cookie} if signed_in else {}
        return self._send("GET", address, headers, params=parameters)

    def get(self, address: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Higher Logic's server fetches something. Raises ``NoAnswer``."""
        return self._send("GET", address, headers or {})

    def post(
        self, address: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Higher Logic's server posts a form. Raises ``NoAnswer``."""
        return self._send("POST", address, headers or {}, data=form)

    def _send(self, method: str, address: str, headers: Mapping[str, str], **more: Any) -> Answer:
        if not address.startswith(self.issuer + "/"):
            raise ValueError(f"{address[:100]} is not an address of this server")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise NoAnswer("The whole test took too long.", _SLOW)
        try:
            with self._http.request(
                method,
                address,
                headers=dict(headers),
                timeout=(min(left, CONNECT_SECONDS), min(left, READ_SECONDS)),
                allow_redirects=False,
                stream=True,
                **more,
            ) as answer:
                content = self._content(answer)
                return Answer(answer.status_code, answer.headers, content)
        except requests.exceptions.SSLError:
            raise NoAnswer(
                "The certificate of this server’s public address does not hold.",
                "Install a certificate that browsers trust, with its whole chain, at the proxy "
                "in front of Tessera.",
            ) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise NoAnswer("The server did not answer in time.", _SLOW) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise NoAnswer(
                "The server cannot be reached at its own public address.",
                "Check that TESSERA_PUBLIC_URL is the address that browsers use, that its name "
                "leads to the proxy in front of Tessera, and that this machine may call it.",
            ) from None

    def _content(self, answer: requests.Response) -> bytes:
        parts, size = [], 0
        while part := answer.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                raise NoAnswer(
                    "An answer is far too large to be Tessera’s.",
                    "Another program answers at the public address: check the proxy.",
                )
            if time.monotonic() > self._deadline:
                raise NoAnswer("The server did not finish its answer in time.", _SLOW)
        return b"".join(parts)


_SLOW = "Try again; if it stays so, look at how busy the server and the proxy in front of it are."
