"""Whatever is sent: a 4xx, never a 500 (T26)."""

from typing import Any

import pytest
from flask import Flask

from tests.oauth.conftest import Member, Site, basic, is_page

BAD_QUERIES = {
    "duplicate": "client_id=a&client_id=a",
    "nul": "client_id=%00",
    "nul in a name": "%00=1",
    "invalid utf-8": "client_id=%FF%FE",
    "surrogate": "client_id=%ED%A0%80",
    "raw bytes": b"client_id=\xff\xfe",
    "long": "state=" + "x" * 2049,
    "many": "&".join(f"a{number}=1" for number in range(100)),
    "nothing": "",
    "signs": "&&==&%&%zz=%",
}


@pytest.mark.compliance("T26", "T09")
@pytest.mark.parametrize("name", BAD_QUERIES)
def test_pages(app: Flask, name: str) -> None:
    query = BAD_QUERIES[name]
    browser = app.test_client()
    for path in ("/oauth/authorize", "/oauth/logout"):
        line = query.decode("latin-1") if isinstance(query, bytes) else query
        posted = browser.post(path, data=query, content_type="application/x-www-form-urlencoded")
        for response in (browser.get(f"{path}?{line}"), posted):
            assert response.status_code < 500
            assert is_page(response) or response.location.startswith("/oauth/logout")


@pytest.mark.compliance("T26", "T09")
@pytest.mark.parametrize("name", BAD_QUERIES)
def test_endpoints_for_machines(app: Flask, site: Site, name: str) -> None:
    for path in (
        "/oauth/token",
        "/oauth/revoke",
        "/oauth/introspect",
        "/oauth/par",
        "/oauth/userinfo",
    ):
        response = app.test_client().post(
            path,
            data=BAD_QUERIES[name],
            content_type="application/x-www-form-urlencoded",
            headers={"Authorization": basic(site.client_id, site.secret)},
        )
        assert 400 <= response.status_code < 500, path
        assert response.json.keys() == {"error", "error_description"}


@pytest.mark.compliance("T10", "T26")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{}", "application/json"),
        ("grant_type=authorization_code", "text/plain"),
        ("grant_type=authorization_code", ""),
        (b"\x00" * 100, "application/octet-stream"),
        ("--x--", "multipart/form-data; boundary=x"),
        ("a=" + "x" * 1_000_000, "application/x-www-form-urlencoded"),
        ("a=" + "x" * 3_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_wrong_and_large_bodies(app: Flask, site: Site, body: Any, kind: str) -> None:
    for path in ("/oauth/token", "/oauth/revoke"):
        response = site.post(path, body, content_type=kind)
        assert response.status_code in {400, 413}, path
        assert response.json["error"] == "invalid_request"
    for path in ("/oauth/authorize", "/oauth/logout", "/oauth/userinfo"):
        response = app.test_client().post(path, data=body, content_type=kind)
        assert response.status_code < 500, path


@pytest.mark.compliance("T26")
@pytest.mark.parametrize("value", ["x" * 2048, "\N{SNOWMAN}" * 200, "'\"><script>", "%0d%0aX: y"])
def test_odd_but_legal_values(site: Site, visitor: Member, value: str) -> None:
    for name in ("state", "nonce"):
        answer = site.authorize(**{name: value})
        assert answer.status_code == 303
        assert "\n" not in answer.location
    assert site.exchange(site.code(nonce=value)).status_code == 200
    for name in ("client_id", "redirect_uri", "scope", "prompt", "max_age", "id_token_hint"):
        assert site.authorize(**{name: value}).status_code in {303, 400}
    assert site.exchange(value).status_code == 400
    assert site.exchange("x", redirect_uri=value).status_code == 400


def test_a_request_too_long_for_the_way_over_sign_in_is_refused(site: Site) -> None:
    long = "x" * 2040
    response = site.authorize(state=long, nonce=long, login_hint=long)
    assert response.status_code == 400
    assert is_page(response)
