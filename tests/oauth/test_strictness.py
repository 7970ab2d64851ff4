"""How a request may be made, and that nothing is guessed about one that is made otherwise."""

import pytest
from flask import Flask

from tests.oauth.conftest import Member, Site, basic, is_page, parameters_of

POSTED = ["/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par"]
FORM = "application/x-www-form-urlencoded"


@pytest.mark.compliance("B14")
def test_the_order_of_parameters_and_scopes_means_nothing(site: Site, visitor: Member) -> None:
    there = site.parameters(scope="openid profile email")
    back = dict(reversed(there.items())) | {"scope": "email profile openid"}
    assert list(back) != list(there)
    answer = parameters_of(site.browser.get("/oauth/authorize", query_string=back))
    tokens = site.exchange(answer["code"]).json
    assert set(tokens["scope"].split()) == {"openid", "profile", "email"}
    assert site.userinfo(tokens["access_token"]).json["email"] == visitor.email


@pytest.mark.compliance("T09")
@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("name", ["client_id", "grant_type", "token", "code", "scope", "made_up"])
def test_a_repeated_parameter_is_an_invalid_request(site: Site, path: str, name: str) -> None:
    for again in ("x", "y"):
        answer = site.post(path, f"{name}=x&{name}={again}", content_type=FORM)
        assert answer.status_code == 400
        assert answer.json == {
            "error": "invalid_request",
            "error_description": "A parameter is given more than once.",
        }


@pytest.mark.compliance("T09")
@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "made_up"])
def test_a_repeated_parameter_is_a_page_at_the_authorization_endpoint(
    site: Site, visitor: Member, name: str
) -> None:
    query = [*site.parameters().items(), (name, site.default.get(name, "x"))]
    if name == "made_up":
        query.append((name, "x"))
    # Which of the two redirect URIs or states to answer to would be a guess.
    answer = site.browser.get("/oauth/authorize", query_string=query)
    assert answer.status_code == 400
    assert is_page(answer)


@pytest.mark.compliance("T11")
@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_a_post_is_taken(site: Site, path: str, method: str) -> None:
    header = {"Authorization": basic(site.client_id, str(site.secret))}
    answer = site.app.test_client().open(path, method=method, headers=header)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.compliance("T10")
@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""]
)
def test_only_a_form_is_taken(site: Site, path: str, kind: str) -> None:
    answer = site.post(path, "grant_type=client_credentials&token=x", content_type=kind)
    assert answer.status_code == 400
    assert answer.json["error"] == "invalid_request"


@pytest.mark.compliance("S13")
def test_what_stands_in_the_query_counts_for_nothing(
    app: Flask, site: Site, visitor: Member
) -> None:
    token = site.tokens()["access_token"]
    server = app.test_client()
    header = {"Authorization": basic(site.client_id, str(site.secret))}
    for path in ("/oauth/revoke", "/oauth/introspect"):
        answer = server.post(f"{path}?token={token}", headers=header, data={"hint": "x"})
        assert answer.json["error"] == "invalid_request", path
    credentials = f"client_id={site.client_id}&client_secret={site.secret}"
    for path in POSTED:
        form = {"token": token, "grant_type": "refresh_token", "refresh_token": "x"}
        answer = server.post(f"{path}?{credentials}", data=form)
        assert answer.json["error"] == "invalid_client", path
    for method in ("GET", "POST"):
        answer = server.open(f"/oauth/userinfo?access_token={token}", method=method)
        assert answer.status_code == 401
    assert site.userinfo(token).status_code == 200
