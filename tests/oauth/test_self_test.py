"""The self-test plays Higher Logic's part against a running server, finds what is wrong with it,
and leaves nothing behind."""

import datetime as dt
import io
import json
import logging
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
import structlog
from click.testing import CliRunner
from flask import Flask
from joserfc.jwk import ECKey
from sqlalchemy import func, select
from werkzeug.wrappers import Request, Response

from idp.audit import AuditEvent
from idp.database import db, now
from idp.oauth import clients, codes, commands, registration, self_test, tokens
from idp.oauth.client_secrets import ClientSecret
from idp.oauth.grants import Grant
from idp.oauth.logout_notices import LogoutNotice
from idp.oauth.self_test import far_side
from idp.oauth.self_test.far_side import FarSide
from idp.oauth.self_test.steps import Result
from idp.signin import sessions
from idp.signin.sessions import SignInSession
from tests import factories
from tests.oauth.conftest import HL_CALLBACK, Site, site_in

PUBLIC = ECKey.generate_key("P-256").as_dict(private=False)
NAMES = [step.name for step in self_test.STEPS]
Change = Callable[[Request, Response], None]


@pytest.fixture
def community(live: Flask) -> Site:
    """A Higher Logic community of the running server."""
    return site_in(live, "higher-logic")


def play(live: Flask, community: Site, **member: Any) -> dict[str, Result]:
    """Play it, with a new member; the results by name."""
    with live.app_context():
        account = factories.account(password=None, **{"key": "K/1-ü", **member})
        results = self_test.run(clients.find(community.client_id), account)
        db.session.remove()
    return {result.name: result for result in results}


def change(live: Flask, community: Site, **values: Any) -> None:
    """Change the client as its page would."""
    with live.app_context():
        registration.change(clients.find(community.client_id), **values)
        db.session.commit()


def between(live: Flask, path: str, change: Change, drop: str = "") -> None:
    """Put something between the server and who asks, as a proxy is: it takes a header away and
    changes answers."""
    inner = live.wsgi_app

    def outer(environ: Any, start_response: Any) -> Any:
        if not environ["PATH_INFO"].startswith(path):
            return inner(environ, start_response)
        environ.pop(drop, None)
        request = Request(environ)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        response = Response.from_app(inner, environ)
        change(request, response)
        return response(environ, start_response)

    live.wsgi_app = outer  # type: ignore[method-assign]


def nothing(_request: Request, _response: Response) -> None:
    """Change nothing."""


def left_behind(live: Flask) -> dict[str, int]:
    """What a test made and did not delete."""
    with live.app_context():
        found = {
            model.__tablename__: db.session.scalar(select(func.count()).select_from(model)) or 0
            for model in (SignInSession, Grant, tokens.Token, LogoutNotice)
        }
        found["secrets"] = len(
            db.session.scalars(
                select(ClientSecret).where(ClientSecret.expires_at.is_not(None))
            ).all()
        )
        db.session.remove()
    return found


NOTHING_LEFT = dict.fromkeys(
    ("sign_in_session", "oauth_grant", "token", "logout_notice", "secrets"), 0
)


def test_all_of_it_works(live: Flask, community: Site) -> None:
    change(
        live, community,
        redirect_uris=[HL_CALLBACK, HL_CALLBACK.lower() + "?a=1"],
        identifier_attribute="ams_id",
        backchannel_logout_uri="https://community.example.org/told",
    )  # fmt: skip
    results = play(live, community)
    assert list(results) == NAMES
    assert {name: result.state for name, result in results.items()} == dict.fromkeys(NAMES, "ok")
    assert "“ams_id” is K/1-ü" in results["identifier"].seen
    assert HL_CALLBACK.lower() in results["callbacks"].seen
    assert left_behind(live) == NOTHING_LEFT
    with live.app_context():
        client = clients.find(community.client_id)
        assert client.check_client_secret(community.secret), "the client's own secret stays"
        events = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        names = [
            event.name for event in events if event.name.startswith(("staff:client", "client"))
        ]
        assert names[-3:] == [
            "staff:client:self-test-started",
            "client:code:reused",
            "staff:client:self-tested",
        ]
        assert events[-1].detail["result"] == "passed"
        db.session.remove()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"active": False}, "Put it into use again."),
        ({"pkce_required": True}, "Higher Logic does not speak it"),
        ({"pushed_required": True}, "Higher Logic does not push"),
        ({"consent_required": True}, "Your own community is trusted"),
        (
            {"authentication": "private_key_jwt", "jwks": {"keys": [PUBLIC]}},
            "Higher Logic has a secret",
        ),
    ],
)
def test_a_setting_that_keeps_higher_logic_out_is_named(
    live: Flask, community: Site, values: dict[str, Any], words: str
) -> None:
    change(live, community, **values)
    results = play(live, community)
    assert results["settings"].state == "failed"
    assert words in results["settings"].advice
    assert {results[name].state for name in ("code", "userinfo", "logout")} == {"skipped"}
    assert "The client is set for Higher Logic" in results["code"].seen
    assert results["traces"].state == "ok"
    assert left_behind(live) == NOTHING_LEFT


def test_a_client_that_waits_for_its_callback_says_so(live: Flask) -> None:
    with live.app_context():
        made, secret = registration.create("HL", "higher-logic")
        db.session.commit()
        client_id = made.client_id
    site = Site(live, 0, client_id, secret, "", live.test_client(), {})
    results = play(live, site)
    assert results["settings"].seen == "No callback URL is entered."
    assert not self_test.passed(list(results.values()))


def test_a_member_whom_the_site_is_not_for_is_named(live: Flask, community: Site) -> None:
    with live.app_context():
        group = factories.group({"field": "member_status", "op": "is", "value": "Board"})
        registration.change(clients.find(community.client_id), permitted_groups=[group])
        db.session.commit()
    results = play(live, community, first_name="Mary", last_name="Somerville")
    assert "Mary Somerville is in none of the groups" in results["code"].advice
    assert {"code"} == {name for name, one in results.items() if one.state == "failed"}


def _answer(status: int, body: Any, response: Response) -> None:
    response.status_code = status
    response.headers.pop("Location", None)
    response.set_data(json.dumps(body))
    response.mimetype = "application/json"


def _spoil_state(_request: Request, response: Response) -> None:
    if "state=" in response.headers.get("Location", ""):
        response.headers["Location"] = response.headers["Location"].replace("state=", "state=+")


def _send_anywhere(request: Request, response: Response) -> None:
    if response.status_code == 400:
        response.status_code = 303
        response.headers["Location"] = request.args["redirect_uri"] + "?code=x"


def _send_to_a_stranger(request: Request, response: Response) -> None:
    if "Cookie" not in request.headers:
        response.headers["Location"] = "https://elsewhere.example.org/sign-in"


def _return_anywhere(request: Request, response: Response) -> None:
    if wanted := request.args.get("returnUrl"):
        response.status_code = 302
        response.headers["Location"] = wanted


def _take_codes_twice(_request: Request, response: Response) -> None:
    if response.status_code == 400:
        _answer(200, {"access_token": "x", "token_type": "Bearer"}, response)


def _take_any_secret(request: Request, response: Response) -> None:
    form = parse_qs(request.get_data(as_text=True))
    if response.status_code == 401 and form["code"] == ["no-code"]:
        _answer(400, {"error": "invalid_grant"}, response)


def _say_somebody_else(_request: Request, response: Response) -> None:
    if response.status_code == 200:
        _answer(200, {"sub": "somebody else"}, response)


def _say_numbers(_request: Request, response: Response) -> None:
    if response.status_code == 200:
        _answer(200, {"sub": "K/1-ü", "updated_at": 7}, response)


def _let_caches_keep(_request: Request, response: Response) -> None:
    response.headers["Cache-Control"] = "public"


def _be_another(_request: Request, response: Response) -> None:
    _answer(200, {"issuer": "https://other.example.org"}, response)


def _be_something_else(_request: Request, response: Response) -> None:
    response.set_data("It works!")
    response.mimetype = "text/html"


def _let_everybody_in(_request: Request, response: Response) -> None:
    _answer(200, {}, response)


WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("path", "spoil", "drop", "failing", "words"),
    [
        ("/oauth/authorize", nothing, "HTTP_COOKIE", "code", "must pass cookies"),
        ("/oauth/token", nothing, "HTTP_AUTHORIZATION", "token-basic", "Authorization header"),
        ("/oauth/userinfo", nothing, "HTTP_AUTHORIZATION", "userinfo", "Authorization header"),
        ("/oauth/authorize", _spoil_state, "", "code", "the proxy in front of Tessera"),
        ("/oauth/authorize", _send_anywhere, "", "wrong-callback", "This must never be"),
        ("/oauth/authorize", _send_to_a_stranger, "", "not-signed-in", "This must never be"),
        ("/oauth/logout", _return_anywhere, "", "logout", "This must never be"),
        ("/oauth/token", _take_codes_twice, "", "code-reuse", "This must never be"),
        ("/oauth/token", _take_any_secret, "", "wrong-secret", "This must never be"),
        ("/oauth/userinfo", _say_somebody_else, "", "identifier", "share one"),
        ("/oauth/userinfo", _say_numbers, "", "userinfo", "texts only"),
        ("/oauth/token", _let_caches_keep, "", "token-basic", "pass that header"),
        (WELL_KNOWN, _be_another, "", "reach", "Another Tessera answers"),
        (WELL_KNOWN, _be_something_else, "", "reach", "Something else answers"),
        ("/profile", _let_everybody_in, "", "traces", "end by themselves"),
    ],
)
def test_what_is_wrong_with_a_server_is_found(
    live: Flask, community: Site, path: str, spoil: Change, drop: str, failing: str, words: str
) -> None:
    between(live, path, spoil, drop)
    results = play(live, community)
    first = next(result for result in results.values() if result.state == "failed")
    assert (first.name, first.seen != "") == (failing, True)
    assert words in first.advice
    # What can no longer be played is left out, and says why.
    if failing == "reach":
        assert {one.state for one in results.values()} == {"failed", "ok", "skipped"}
        assert "The server answers at its public address" in results["traces"].seen
    assert left_behind(live) == NOTHING_LEFT


def test_a_server_that_is_away_or_answers_without_end(
    live: Flask, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flood(_request: Request, response: Response) -> None:
        response.set_data(b"x" * (far_side.LARGEST_ANSWER + 1))

    between(live, WELL_KNOWN, flood)
    assert "far too large" in play(live, community)["reach"].seen
    monkeypatch.setattr(far_side, "WHOLE_TEST_SECONDS", 0.0)
    assert "took too long" in play(live, community, key="K2")["reach"].seen
    monkeypatch.undo()
    settings = live.config["TESSERA"]
    # Port 9 is of the discard service, which no machine runs any more.
    live.config["TESSERA"] = settings.model_copy(update={"public_url": "http://127.0.0.1:9"})
    results = play(live, community, key="K3")
    live.config["TESSERA"] = settings
    assert "cannot be reached at its own public address" in results["reach"].seen
    assert "TESSERA_PUBLIC_URL" in results["reach"].advice
    assert left_behind(live) == NOTHING_LEFT


def test_no_secret_is_shown_logged_or_audited(
    live: Flask,
    community: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made: list[str] = []

    def spied(module: Any, name: str) -> None:
        real = getattr(module, name)

        def spy(*arguments: Any) -> Any:
            value = real(*arguments)
            made.append(value[1].partition("=")[2] if isinstance(value, tuple) else value)
            return value

        monkeypatch.setattr(module, name, spy)

    spied(registration, "temporary_secret")
    spied(sessions, "lend")
    spied(codes, "new")
    spied(tokens, "new")
    between(live, "/oauth/token", _take_codes_twice)
    caplog.set_level(logging.DEBUG)  # urllib3 says each request then
    with structlog.testing.capture_logs() as events:
        results = play(live, community)
    assert len(made) >= 5
    with live.app_context():
        audited = str([(row.name, row.detail) for row in db.session.scalars(select(AuditEvent))])
        db.session.remove()
    shown = "".join([*map(str, results.values()), audited, str(events), caplog.text])
    assert "protocol request refused" in shown
    for secret in made:
        assert secret not in shown


def test_a_step_that_breaks_ends_the_test_in_order(
    live: Flask, community: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("a defect of ours")

    monkeypatch.setattr(FarSide, "get", broken)
    results = play(live, community)
    assert results["reach"].seen == "The test itself broke here."
    assert left_behind(live) == NOTHING_LEFT


def test_what_a_killed_test_leaves_ends_by_itself(live: Flask, community: Site) -> None:
    with live.app_context():
        client, account = clients.find(community.client_id), factories.account()
        self_test._borrow(client, account, None)
        soon = now() + dt.timedelta(minutes=2)
        [session] = db.session.scalars(select(SignInSession))
        assert session.expires_at <= soon
        [lasting, borrowed] = sorted(client.secrets, key=lambda secret: secret.id)
        assert lasting.expires_at is None
        assert borrowed.expires_at <= soon
        db.session.remove()


def test_it_speaks_to_its_own_server_alone() -> None:
    with FarSide("https://id.example.org", "cookie=x") as side:
        for address in (
            "https://id.example.org.evil.example/",
            "http://id.example.org/",
            "file:///x",
        ):
            with pytest.raises(ValueError, match="not an address of this server"):
                side.browse(address)


def test_on_the_command_line(live: Flask, community: Site) -> None:
    run = CliRunner()
    with live.app_context():
        email = factories.account(key="K9").person.email
        arguments = ["self-test", community.client_id, "--member", email]
        good = run.invoke(commands.client, arguments)
        assert good.exit_code == 0, good.output
        assert len(good.output.splitlines()) == len(NAMES)
        db.session.remove()
        registration.change(clients.find(community.client_id), pkce_required=True)
        db.session.commit()
        bad = run.invoke(commands.client, arguments)
        assert bad.exit_code == 1
        assert "FAILS     The client is set for Higher Logic: PKCE is required." in bad.output
        bad = run.invoke(commands.client, [*arguments, "--json"])
        assert bad.exit_code == 1
        assert [step["name"] for step in json.loads(bad.output)] == NAMES
        db.session.remove()
