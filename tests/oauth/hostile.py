"""What Hypothesis makes hostile requests of: values, headers, forms, and a way to send them."""

import base64
import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes

from flask import Flask
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

FORM = "application/x-www-form-urlencoded"

HOSTILE = st.one_of(
    st.sampled_from(
        [
            *(
                b"",
                b"\x00",
                b"a\x00b",
                b"\xff\xfe",
                b"\xed\xa0\x80",
                b"\xc0\xaf",
                b"\xf4\x90\x80\x80",
            ),
            *(b"%", b"%zz", b"+", b"&", b"=", b"\r\nSet-Cookie: x=1", b"\x1b[2J", b"\xe2\x80\xae"),
            *(b"-1", b"1e999", b"9" * 400, b"NaN", b"true", b"null", b"[]", b"{}", b"e30.e30.e30"),
            *(b"'; DROP TABLE token; --", b"<script>alert(1)</script>", b"${jndi:ldap://x}"),
            *(b"//evil.example.com", b"https://evil.example.com/", b"javascript:alert(1)"),
            *(b"http://[::1", b"https://a@b:c", b"https://site.example.org:99999/", b"\\\\evil"),
            *("\u0130\u0131\u00df\ufb00".encode(), "\U0001f9ff".encode() * 50, b"x" * 1_000_000),
            *(
                b"urn:ietf:params:oauth:request_uri:x",
                b"openid " * 300,
                b'{"userinfo":{"name":null}}',
            ),
            *(b'{"id_token":' + b"[" * 500, b'{"userinfo":{"sub":{"value":{}}}}'),
        ]
    ),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=60),
)
# What a web server hands on of a header: latin-1 without control characters.
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80)
CONTENT_TYPES = st.sampled_from(
    [
        *(
            FORM,
            FORM + "; charset=utf-16",
            FORM + "; charset=\xff",
            "application/json",
            "text/plain",
        ),
        *(
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ),
        *("", "\xe9/\xe9", "x" * 5000, "application/x-www-form-urlencoded;;;=;"),
    ]
)
AUTHORIZATIONS = st.one_of(
    st.sampled_from(
        [
            *(
                "Basic",
                "Basic ",
                "Basic !!!",
                "basic " + "A" * 60_000,
                "Bearer",
                "Bearer  ",
                "Bearer x",
            ),
            *("Basic " + base64.b64encode(raw).decode() for raw in (b"", b":", b"a", b"\xff:\xff")),
            *("Basic " + base64.b64encode(raw).decode() for raw in (b"%:%", b"%00:x", b"a\x00:b")),
            *("Digest username=x", "Negotiate abc", "DPoP x", "Basic é", "Bearer " + "é" * 9000),
        ]
    ),
    HEADER,
    HEADER.map("Bearer {}".format),
    st.binary(max_size=40).map(lambda raw: "Basic " + base64.b64encode(raw).decode()),
)
OTHER_HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("HTTP_ORIGIN", "HTTP_COOKIE", "HTTP_HOST", "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"),
            *(
                "HTTP_USER_AGENT",
                "HTTP_ACCEPT",
                "HTTP_ACCEPT_LANGUAGE",
                "HTTP_RANGE",
                "HTTP_EXPECT",
            ),
            *("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_IF_MODIFIED_SINCE", "HTTP_X_CSRFTOKEN"),
            *("HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH", "HTTP_CONTENT_ENCODING", "HTTP_DPOP"),
        ]
    ),
    HEADER,
    max_size=3,
)
# Most requests are made as they should be: an odd value is met after the first checks.
SELDOM = st.sampled_from([False] * 9 + [True])
METHODS = st.sampled_from(["POST"] * 12 + ["GET", "GET", "OPTIONS", "HEAD", "PUT", "DELETE"])


@st.composite
def changed(draw: Any, wellformed: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """A form's pairs, some of them hostile, missing or repeated, in any order."""
    pairs = [(name.encode(), value.encode()) for name, value in wellformed.items()]
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3, 0]))):
        how = draw(st.sampled_from(["change"] * 6 + ["drop", "repeat", "add"]))
        at = draw(st.integers(0, max(len(pairs) - 1, 0)))
        if how == "add" or not pairs:
            pairs.append((draw(HOSTILE), draw(HOSTILE)))
        elif how == "change":
            pairs[at] = (pairs[at][0], draw(HOSTILE))
        elif how == "drop":
            del pairs[at]
        else:
            pairs.append((pairs[at][0], draw(HOSTILE)))
    return list(draw(st.permutations(pairs)))


def encoded(pairs: list[tuple[bytes, bytes]], *, raw: bool) -> bytes:
    """A form's body; ``raw`` leaves out the percent signs that hide what is odd."""
    quoted: Callable[[bytes], str | bytes] = (lambda part: part) if raw else quote_from_bytes
    parts = []
    for name, value in pairs:
        left, right = quoted(name), quoted(value)
        left = left.encode() if isinstance(left, str) else left
        right = right.encode() if isinstance(right, str) else right
        parts.append(left + b"=" + right)
    return b"&".join(parts)


def send(app: Flask, environ: dict[str, Any]) -> tuple[int, str, bytes]:
    """Status, content type and body of the app's answer to a WSGI environment."""
    body, status, headers = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    return int(status.split()[0]), headers.get("Content-Type", ""), b"".join(body)


def environment(path: str, method: str, query: bytes, body: bytes, kind: str) -> dict[str, Any]:
    """A WSGI environment, with what a test client would refuse to send."""
    environ = EnvironBuilder(path=path, method=method).get_environ()
    environ["REMOTE_ADDR"] = "127.0.0.1"
    environ["QUERY_STRING"] = query.decode("latin-1")
    environ["CONTENT_TYPE"] = kind
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = io.BytesIO(body)
    return environ
