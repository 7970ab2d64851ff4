"""What a provider is to the load: an address, a client, and members who are signed in."""

import json
import re
import time
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

CALLBACK = "http://127.0.0.1:9/callback"  # nobody listens there: the load reads the redirect
SCOPE = "openid profile email offline_access"
_FORM_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True)
class Member:
    """A member who is signed in: the ``Cookie`` header of their browser, and their ``sub``."""

    subject: str
    cookie: str


@dataclass
class Site:
    """A provider as one client knows it.

    ``paths`` are those of its endpoints, ``roots`` the process ids whose trees are its cost.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str
    roots: dict[str, int]
    paths: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens on the loopback address."""
        port = urlsplit(self.issuer).port
        if port is None:
            raise ValueError(f"{self.issuer} names no port")
        return port

    def discover(self, seconds: float = 60) -> None:
        """Wait until it answers, and learn its endpoints and keys. Raises ``TimeoutError``."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                facts = _fetch(f"{self.issuer}/.well-known/openid-configuration")
            except requests.RequestException:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.name} does not answer.") from None
                time.sleep(0.1)
                continue
            break
        self.paths = {
            name: urlsplit(facts[f"{name}_endpoint"]).path
            for name in ("authorization", "token", "userinfo")
        }
        self.keys = _fetch(facts["jwks_uri"])

    def authorization(self, **more: str) -> str:
        """The path of an authorization request."""
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            **more,
        }
        return f"{self.paths['authorization']}?{urlencode(parameters)}"


def _fetch(address: str) -> dict[str, Any]:
    answer = requests.get(address, timeout=10)
    answer.raise_for_status()
    found: dict[str, Any] = json.loads(answer.text)
    return found


class NotSignedIn(Exception):
    """The member did not get to the callback with a code."""


def sign_in(site: Site, subject: str, email: str, password: str) -> Member:
    """Sign a member in as a browser does: from the client's link to a code. Raises ``NotSignedIn``.

    Where a page asks for e-mail and password, they are given. After it the client's link is
    answered without a page.
    """
    with requests.Session() as browser:
        browser.trust_env = False
        challenge = {"code_challenge": "0" * 43, "code_challenge_method": "S256"}
        link = site.issuer + site.authorization(state="s", login_hint=subject, **challenge)
        answer = browser.get(link, allow_redirects=False, timeout=30)
        for _ in range(10):
            if answer.is_redirect:
                onward = requests.compat.urljoin(answer.url, answer.headers["Location"])
                if onward.startswith(f"{CALLBACK}?"):
                    if "code=" not in onward:
                        raise NotSignedIn(f"{site.name}: {onward}")
                    return Member(subject, _cookie_header(browser))
                answer = browser.get(onward, allow_redirects=False, timeout=30)
                continue
            token = _FORM_TOKEN.search(answer.text)
            if token is None:
                break
            form = {"csrf_token": unescape(token.group(1)), "email": email, "password": password}
            answer = browser.post(answer.url, data=form, allow_redirects=False, timeout=30)
    raise NotSignedIn(f"{site.name}: {answer.status_code} at {urlsplit(answer.url).path}")


def _cookie_header(browser: requests.Session) -> str:
    # Those that a browser would send to the authorization endpoint.
    return "; ".join(
        f"{cookie.name}={cookie.value}" for cookie in browser.cookies if cookie.path == "/"
    )
