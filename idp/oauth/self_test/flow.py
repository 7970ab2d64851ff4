"""The steps that must work: from the public address to the member's key."""

import base64
from typing import Any
from urllib.parse import quote_plus

from idp.oauth.self_test.far_side import Answer
from idp.oauth.self_test.steps import Failed, Play, Step

_SETTINGS = "See the client’s settings in the panel."
_PROXY = (
    "If the settings are right, something between changes requests: look at the proxy in front "
    "of Tessera."
)
_NO_AUTHORIZATION = (
    "The proxy in front of Tessera may take the Authorization header away: let it pass."
)


def reach(play: Play) -> str:
    """OpenID Connect Discovery, 4: the public address is ours."""
    address = f"{play.far_side.issuer}/.well-known/openid-configuration"
    answer = play.far_side.get(address)
    said = answer.json
    if answer.status != 200 or not isinstance(said, dict):
        raise Failed(
            answer.shown,
            "Something else answers at this address, or the proxy in front of Tessera does not "
            "pass it on: check TESSERA_PUBLIC_URL and the proxy.",
        )
    for name, ours in {"issuer": play.far_side.issuer, **play.endpoints}.items():
        if said.get(name) != ours:
            raise Failed(
                f"It says that its {name} is {str(said.get(name))[:300]}, not {ours}.",
                "Another Tessera answers there: check TESSERA_PUBLIC_URL on every machine.",
            )
    return f"{address} answers, with the addresses of the worksheet."


def check_settings(play: Play) -> str:
    """What of the client would keep Higher Logic out."""
    facts = play.facts
    for wrong, seen, advice in (
        (not facts.active, "The client is out of use.", "Put it into use again."),
        (
            not facts.redirect_uris,
            "No callback URL is entered.",
            "Enter the one that Higher Logic gave you, on the worksheet’s page.",
        ),
        (
            facts.authentication != "client_secret",
            "The client proves itself by a key.",
            "Higher Logic has a secret: choose that under “How it proves itself”.",
        ),
        (
            facts.pkce_required,
            "PKCE is required.",
            "Higher Logic does not speak it: switch it off under “Advanced”.",
        ),
        (
            facts.pushed_required,
            "Pushed requests are required.",
            "Higher Logic does not push: switch it off under “Advanced”.",
        ),
        (
            facts.consent_required,
            "Members are asked before they go on.",
            "Your own community is trusted: choose that under “Consent”. Nobody is there to "
            "answer for this test either.",
        ),
    ):
        if wrong:
            raise Failed(seen, advice)
    return "It is in use, has a callback URL, and asks for nothing that Higher Logic cannot do."


def fetch_code(play: Play) -> str:
    """RFC 6749, 4.1.2: back at the callback with a code and the state as it was."""
    redirect_uri = play.facts.redirect_uris[0]
    play.code = _code_from(play, play.authorize(redirect_uri), redirect_uri)
    return (
        f"Sent back to {redirect_uri} with a code of {len(play.code)} characters, and the state "
        "as it was."
    )


def try_other_callbacks(play: Play) -> str:
    """RFC 9700, 2.1: each registered spelling is one of its own."""
    others = play.facts.redirect_uris[1:]
    if not others:
        return "There is one callback URL only, which is tried above."
    for redirect_uri in others:
        _code_from(play, play.authorize(redirect_uri), redirect_uri)
    return f"{', '.join(others)}: sent back there, too."


def exchange_by_basic(play: Play) -> str:
    """RFC 6749, 4.1.3 with 2.3.1: the client proves itself by HTTP Basic."""
    answer = play.far_side.post(
        play.endpoints["token_endpoint"],
        _exchange_form(play),
        {"Authorization": basic(play.facts.client_id, play.secret)},
    )
    play.access_token = _token_from(answer, _NO_AUTHORIZATION)
    return _seen_of(answer.json)


def exchange_by_post(play: Play) -> str:
    """RFC 6749, 4.1.3 with 2.3.1: the client proves itself in the body."""
    redirect_uri = play.facts.redirect_uris[0]
    code = _code_from(play, play.authorize(redirect_uri), redirect_uri)
    form = {
        **_exchange_form(play),
        "code": code,
        "client_id": play.facts.client_id,
        "client_secret": play.secret,
    }
    answer = play.far_side.post(play.endpoints["token_endpoint"], form)
    _token_from(answer, _PROXY)
    return _seen_of(answer.json)


def ask_who(play: Play) -> str:
    """RFC 6750, 2.1: userinfo with the bearer token; flat, texts only."""
    answer = userinfo(play)
    said = answer.json
    if answer.status != 200 or not isinstance(said, dict):
        raise Failed(answer.shown, _NO_AUTHORIZATION)
    odd = [name for name, value in said.items() if not isinstance(value, str)]
    if odd:
        raise Failed(
            f"{', '.join(odd)[:300]}: not a text.",
            "Higher Logic takes texts only. This is a defect of Tessera: report it.",
        )
    play.userinfo = said
    return f"It says {', '.join(said)}."


def compare_key(play: Play) -> str:
    """docs/architecture.md, decision 1: the identifier attribute is the key, byte for byte."""
    name, key = play.facts.identifier_attribute, play.facts.key
    if name not in play.userinfo:
        raise Failed(
            f"The answer has no “{name}”.",
            "The identifier attribute of the settings and of Higher Logic’s worksheet must be the "
            "same: correct the one that is wrong.",
        )
    if play.userinfo[name] != key:
        raise Failed(
            f"“{name}” is not {play.facts.member}’s key.",
            "Another server’s database answers: check that all machines share one.",
        )
    return f"“{name}” is {key}: the key that the push sends as LegacyContactKey, byte for byte."


def userinfo(play: Play) -> Answer:
    """Higher Logic's server asks who the access token speaks for."""
    return play.far_side.get(
        play.endpoints["userinfo_endpoint"], {"Authorization": f"Bearer {play.access_token}"}
    )


def basic(client_id: str, secret: str) -> str:
    """A Basic header (RFC 6749, 2.3.1: both parts are form-encoded first)."""
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _exchange_form(play: Play) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": play.code,
        "redirect_uri": play.facts.redirect_uris[0],
    }


def _code_from(play: Play, answer: Answer, redirect_uri: str) -> str:
    after = answer.location.removeprefix(redirect_uri)
    if not answer.location.startswith(redirect_uri) or after[:1] not in ("?", "&"):
        raise Failed(answer.shown, _why_no_code(play, answer))
    said = answer.parameters
    if "code" not in said:
        raise Failed(answer.shown, _SETTINGS)
    if said.get("state") != play.state:
        raise Failed("The state came back changed.", _PROXY)
    return said["code"]


def _why_no_code(play: Play, answer: Answer) -> str:
    if answer.status == 403 and play.facts.restricted:
        return (
            f"{play.facts.member} is in none of the groups that may sign in there: choose another "
            "test member, or change “Who may use it”."
        )
    if "/sign-in" in answer.location:
        return (
            "The member’s cookie did not arrive: the proxy in front of Tessera must pass cookies "
            "on, and all machines must share one TESSERA_SECRET_KEY and one database."
        )
    return f"{_SETTINGS} {_PROXY}"


def _token_from(answer: Answer, advice: str) -> str:
    said = answer.json
    if answer.status != 200 or not isinstance(said, dict):
        raise Failed(answer.shown, advice)
    token = said.get("access_token")
    if not isinstance(token, str) or str(said.get("token_type")).lower() != "bearer":
        raise Failed("The answer holds no bearer token.", _PROXY)
    # RFC 6749, 5.1: nobody on the way keeps it.
    if "no-store" not in answer.headers.get("Cache-Control", ""):
        raise Failed(
            "The answer may be kept by caches: it has no Cache-Control: no-store.",
            "Let the proxy in front of Tessera pass that header.",
        )
    return token


def _seen_of(said: Any) -> str:
    return (
        f"A bearer token of {len(said['access_token'])} characters, good for "
        f"{said.get('expires_in')} seconds."
    )


STEPS = (
    Step(
        "reach",
        "The server answers at its public address",
        "Fetched what it says of itself, from outside, as Higher Logic’s server would.",
        reach,
    ),
    Step(
        "settings",
        "The client is set for Higher Logic",
        "Looked at its settings.",
        check_settings,
    ),
    Step(
        "code",
        "A member who is signed in comes back with a code",
        "Followed the sign-in link: scope “profile”, no “openid”, a state of odd characters.",
        fetch_code,
        ("reach", "settings"),
    ),
    Step(
        "callbacks",
        "Every other callback URL is taken",
        "Followed the sign-in link with each of them.",
        try_other_callbacks,
        ("code",),
    ),
    Step(
        "token-basic",
        "The code is exchanged, by HTTP Basic",
        "Posted the code with client ID and a secret made for this test.",
        exchange_by_basic,
        ("code",),
    ),
    Step(
        "userinfo",
        "The user-info URL says who it is",
        "Asked it with the access token.",
        ask_who,
        ("token-basic",),
    ),
    Step(
        "identifier",
        "The identifier is the member’s key",
        "Compared the identifier attribute with what the push sends.",
        compare_key,
        ("userinfo",),
    ),
    Step(
        "token-post",
        "The code is exchanged, with the secret in the body",
        "Posted a second code, in the other way that Higher Logic may use.",
        exchange_by_post,
        ("code",),
    ),
)
