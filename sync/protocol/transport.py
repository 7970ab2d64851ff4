"""HTTP to Higher Logic: the only module that speaks it.

Certificates are checked, redirects are not followed, proxies and passwords of the environment are
not used, cookies are not kept; a request ends after a time, whatever the far side does
(``deadline``), and an answer after a size. What is sent and received is never logged: the API key
is in it.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy

import requests
import urllib3

from sync.protocol.deadline import Adapter, within

# Both together are the longest that a request takes: less than what is left of a lease when it
# begins, and than a probe may take.
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
LARGEST_ANSWER = 1024 * 1024
_CHUNK = 64 * 1024

_own = threading.local()


class NoAnswer(Exception):
    """No answer that could be read; whether the push was taken is not known. The text is a
    sentence for the staff."""


@dataclass(frozen=True)
class Response:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def post(url: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Post a body. Raises ``NoAnswer``."""
    with within(CONNECT_SECONDS + READ_SECONDS) as deadline:
        try:
            answer = _posted(url, headers, body)
        except NoAnswer:
            if not deadline.over:
                raise
    # What was cut off may look whole: its end is what tells where headers or a body end.
    if deadline.over:
        raise NoAnswer("Higher Logic did not finish its answer in time.")
    return answer


def _posted(url: str, headers: Mapping[str, str], body: bytes) -> Response:
    try:
        with _session().post(
            url,
            data=body,
            headers=dict(headers),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as answer:
            return Response(answer.status_code, answer.headers, _content(answer))
    except requests.exceptions.SSLError:
        raise NoAnswer(
            "The certificate of Higher Logic's address does not hold: check the base URL."
        ) from None
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise NoAnswer("Higher Logic did not answer in time.") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        raise NoAnswer("Higher Logic cannot be reached at this address.") from None


def _content(answer: requests.Response) -> bytes:
    parts, size = [], 0
    while part := answer.raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER:
            raise NoAnswer("Higher Logic's answer is far too large to be one.")
    return b"".join(parts)


def _session() -> requests.Session:
    """This thread's session: connections are kept, and shared with no other thread and, after a
    fork, with no other process."""
    if getattr(_own, "process", None) != os.getpid():
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            session.mount(scheme, Adapter())
        _own.session, _own.process = session, os.getpid()
    kept: requests.Session = _own.session
    return kept
