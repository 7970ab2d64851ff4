"""Pushed authorization requests (RFC 9126)."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from idp.database import db, now
from idp.oauth import registration
from idp.oauth.clients import Client
from idp.oauth.pushed import PREFIX, PushedRequest
from tests.oauth.conftest import Member, Site, is_page, next_of, parameters_of, sign_in
from tests.oauth.test_apps import consent_form

NewSite = Callable[..., Site]


def pushed(site: Site, **changes: str | None) -> str:
    """A site pushes its request; gives the request_uri."""
    answer = site.post("/oauth/par", site.parameters(**changes))
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["expires_in"] == 600
    return str(answer.json["request_uri"])


def follow(site: Site, request_uri: str, **more: str) -> TestResponse:
    """The browser follows the short link."""
    query = {"client_id": site.client_id, "request_uri": request_uri, **more}
    return site.browser.get("/oauth/authorize", query_string=query)


@pytest.mark.compliance("P1", "S09")
def test_a_pushed_request_gives_one_code(site: Site, visitor: Member) -> None:
    request_uri = pushed(site)
    answer = parameters_of(follow(site, request_uri))
    assert answer["state"] == site.default["state"]
    assert site.exchange(answer["code"]).status_code == 200
    again = follow(site, request_uri)
    assert again.status_code == 400
    assert is_page(again)


@pytest.mark.compliance("P1")
def test_of_two_browsers_one_gets_the_code(
    app: Flask, site: Site, visitor: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_uri = pushed(site)
    # The other browser is as far as this one, and writes first.
    from idp.oauth import pushed as module

    use = module.use

    def second(reference: str) -> None:
        use(reference)
        use(reference)

    monkeypatch.setattr(module, "use", second)
    refused = parameters_of(follow(site, request_uri))
    assert refused["error"] == "invalid_request_uri"


def test_it_survives_the_way_over_the_sign_in_page(app: Flask, site: Site) -> None:
    onward = next_of(follow(site, pushed(site, prompt="login")))
    assert "code_challenge" not in onward
    sign_in(app, site.browser)
    assert "code" in parameters_of(site.browser.get(onward))


@pytest.mark.parametrize("prompt", [None, "consent"])
def test_it_survives_the_consent_page(app: Flask, new_site: NewSite, prompt: str | None) -> None:
    phone = new_site("app")
    sign_in(app, phone.browser)
    request_uri = pushed(phone, prompt=prompt)
    page = follow(phone, request_uri)
    form = {**consent_form(page.text), "answer": "allow"}
    onward = phone.browser.post("/oauth/consent", data=form).location
    code = parameters_of(phone.browser.get(onward))["code"]
    assert phone.exchange(code).status_code == 200


def test_only_what_is_understood_is_kept(app: Flask, site: Site, visitor: Member) -> None:
    odd = {"x" * 2000: "y" * 2000, "tessera_asked": "x"}
    request_uri = pushed(site, **odd)
    with app.app_context():
        newest = select(PushedRequest.parameters).order_by(PushedRequest.id.desc()).limit(1)
        kept = db.session.scalars(newest).one()
        assert kept.keys() == site.parameters().keys() | {"client_id"}
        db.session.remove()
    assert "code" in parameters_of(follow(site, request_uri))


@pytest.mark.compliance("P2")
def test_an_expired_one_gives_nothing(app: Flask, site: Site, visitor: Member) -> None:
    request_uri = pushed(site)
    with app.app_context():
        db.session.execute(update(PushedRequest).values(expires_at=now() - dt.timedelta(seconds=1)))
        db.session.commit()
    assert is_page(follow(site, request_uri))


@pytest.mark.compliance("P3")
def test_another_clients_gives_nothing(site: Site, visitor: Member, new_site: NewSite) -> None:
    request_uri = pushed(new_site())
    assert is_page(follow(site, request_uri))
    assert is_page(follow(site, PREFIX + "unknown"))


@pytest.mark.compliance("P4")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "https://evil.example.org/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "x"}, "invalid_request"),
        ({"request": "x.y.z"}, "request_not_supported"),
    ],
)
def test_it_is_judged_when_it_is_pushed(site: Site, changes: Any, error: str) -> None:
    answer = site.post("/oauth/par", site.parameters(**changes))
    assert answer.status_code == 400
    assert answer.json["error"] == error


@pytest.mark.compliance("P5")
def test_a_client_may_be_held_to_pushing(app: Flask, site: Site, visitor: Member) -> None:
    with app.app_context():
        registration.change(db.session.get(Client, site.row_id), pushed_required=True)
        db.session.commit()
    assert parameters_of(site.authorize())["error"] == "invalid_request"
    assert "code" in parameters_of(follow(site, pushed(site)))


@pytest.mark.compliance("P6", "B33")
def test_a_reference_is_not_pushed_nor_is_anybody_elses_taken(site: Site, visitor: Member) -> None:
    request_uri = pushed(site)
    answer = site.post("/oauth/par", site.parameters(request_uri=request_uri))
    assert answer.json["error"] == "invalid_request"
    other = site.authorize(request_uri="https://site.example.org/request")
    assert parameters_of(other)["error"] == "request_uri_not_supported"


@pytest.mark.compliance("B36")
def test_what_stands_beside_it_counts_for_nothing(site: Site, visitor: Member) -> None:
    request_uri = pushed(site)
    answer = follow(site, request_uri, state="another", redirect_uri="https://evil.example.org/")
    assert parameters_of(answer)["state"] == site.default["state"]


@pytest.mark.compliance("T06", "T25")
def test_only_the_client_pushes_and_its_secret_is_not_kept(app: Flask, site: Site) -> None:
    refused = app.test_client().post("/oauth/par", data=site.parameters())
    assert refused.status_code == 401
    assert site.secret is not None
    form = {**site.parameters(), "client_secret": site.secret}
    assert app.test_client().post("/oauth/par", data=form).status_code == 201
    with app.app_context():
        kept = db.session.scalars(select(PushedRequest).order_by(PushedRequest.id)).all()[-1]
        assert site.secret not in str(kept.parameters)
        assert not kept.uri_hash.startswith(PREFIX)
