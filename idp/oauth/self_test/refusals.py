"""The steps that must be refused, the way out, and that nothing of the test is left."""

from urllib.parse import urlsplit

from idp.oauth.logout import RETURN_NAMES
from idp.oauth.self_test.far_side import Answer
from idp.oauth.self_test.flow import basic, userinfo
from idp.oauth.self_test.steps import Failed, Play, Step

# A name that is nobody's, for good (RFC 2606, 2).
STRANGER = "https://self-test.invalid/"
_DEFECT = "This must never be: put the client out of use, and report it as a defect of Tessera."


def reuse_code(play: Play) -> str:
    """RFC 6749, 4.1.2: a code is good for once; a second use ends what the first one gave."""
    answer = _try_exchange(play, play.secret, play.code)
    if answer.status != 400 or _error(answer) != "invalid_grant":
        raise Failed(answer.shown, _DEFECT)
    after = userinfo(play)
    if after.status != 401:
        raise Failed(f"The access token of its first use still works: {after.shown}", _DEFECT)
    return "Refused, and the access token of its first use has ended."


def try_wrong_secret(play: Play) -> str:
    """RFC 6749, 5.2: invalid_client."""
    answer = _try_exchange(play, "no-secret", "no-code")
    if answer.status != 401 or _error(answer) != "invalid_client":
        raise Failed(answer.shown, _DEFECT)
    return "Refused: 401, invalid_client."


def try_wrong_callback(play: Play) -> str:
    """RFC 9700, 2.1 and 4.11: an address that is not on the list is never redirected to."""
    for redirect_uri in (play.facts.redirect_uris[0] + "/other", STRANGER):
        answer = play.authorize(redirect_uri)
        if not answer.is_page or answer.status < 400:
            raise Failed(f"{redirect_uri}: {answer.shown}", _DEFECT)
    return "A page says that the link does not work; nobody is sent there."


def try_not_signed_in(play: Play) -> str:
    """Who is not signed in gets the sign-in page, and no code."""
    answer = play.authorize(play.facts.redirect_uris[0], signed_in=False)
    target = urlsplit(answer.location)
    here = not target.netloc or answer.location.startswith(play.far_side.issuer + "/")
    if answer.status not in (302, 303) or not here or target.path != "/sign-in":
        raise Failed(answer.shown, _DEFECT)
    return "Sent to the sign-in page, and from there back to Higher Logic."


def sign_out(play: Play) -> str:
    """RP-Initiated Logout, 6: a plain link asks first; strangers' addresses are not gone to."""
    address = play.endpoints["end_session_endpoint"]
    asks = play.far_side.browse(address)
    if not asks.is_page or asks.status != 200:
        raise Failed(asks.shown, "The logout URL must answer with a page that asks the member.")
    for signed_in in (True, False):
        for name in RETURN_NAMES:
            answer = play.far_side.browse(address, signed_in=signed_in, **{name: STRANGER})
            if answer.location:
                raise Failed(f"{name}: {answer.shown}", _DEFECT)
    redirect_uri = play.facts.redirect_uris[0]
    if not play.authorize(redirect_uri).location.startswith(redirect_uri):
        raise Failed("The link alone signed the member out.", _DEFECT)
    words = "It asks the member first; the link alone signs nobody out, and sends nobody to a "
    words += "stranger’s address."
    if not play.facts.post_logout_redirect_uris:
        words += " No address after logout is entered, so members stay here."
    return words


def look_for_traces(play: Play) -> str:
    """The test's own sign-in and secret work no more."""
    answer = _try_exchange(play, play.secret, "no-code")
    if _error(answer) != "invalid_client":
        raise Failed(f"The test’s secret still works: {answer.shown}", _ENDING)
    answer = play.far_side.browse(f"{play.far_side.issuer}/profile")
    if "/sign-in" not in answer.location:
        raise Failed(f"The test’s sign-in still works: {answer.shown}", _ENDING)
    return "The sign-in and the secret that were made for this test work no more."


_ENDING = "They end by themselves within two minutes. Report this as a defect of Tessera."


def _try_exchange(play: Play, secret: str, code: str) -> Answer:
    form = {"grant_type": "authorization_code", "code": code}
    form["redirect_uri"] = (*play.facts.redirect_uris, STRANGER)[0]
    return play.far_side.post(
        play.endpoints["token_endpoint"],
        form,
        {"Authorization": basic(play.facts.client_id, secret)},
    )


def _error(answer: Answer) -> str:
    said = answer.json
    return str(said.get("error", "")) if isinstance(said, dict) else ""


STEPS = (
    Step(
        "code-reuse",
        "A code works only once",
        "Posted the first code again.",
        reuse_code,
        ("token-basic",),
    ),
    Step(
        "wrong-secret",
        "A wrong secret is refused",
        "Posted with a secret that is none.",
        try_wrong_secret,
        ("reach", "settings"),
    ),
    Step(
        "wrong-callback",
        "A wrong callback URL is refused",
        "Followed the sign-in link with addresses that are not on the list.",
        try_wrong_callback,
        ("reach", "settings"),
    ),
    Step(
        "not-signed-in",
        "Who is not signed in gets the sign-in page",
        "Followed the sign-in link without the member’s cookie.",
        try_not_signed_in,
        ("reach", "settings"),
    ),
    Step(
        "logout",
        "The logout URL is safe",
        "Opened it as Higher Logic does, and with a stranger’s address to return to.",
        sign_out,
        ("code",),
    ),
)
TRACES = Step(
    "traces",
    "Nothing of the test is left",
    "Tried the test’s sign-in and secret once more.",
    look_for_traces,
    ("reach",),
)
