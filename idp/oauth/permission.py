"""The page for a member whom a site is not for: it has permitted groups, and they are in none."""

from flask import Response, render_template

from idp import audit, database
from idp.database import db
from idp.oauth.checks import Authorization
from idp.oauth.responses import answer_address
from idp.signin import sessions


def refuse(asked: Authorization, sign_in_address: str) -> Response:
    """Say so in plain words, and record it: somebody was turned away.

    Nobody is sent back at once: at many sites the error would only lead here again. Which groups
    they are is the association's to tell.
    """
    database.start_writing()  # a GET that writes
    audit.record(audit.Event.ACCESS_REFUSED, asked.client.client_id)
    account = sessions.current_account()
    email = account.person.email if account is not None else ""
    db.session.commit()
    database.start_reading()
    answer = {
        "error": "access_denied",
        "error_description": "The member is in none of the groups that may sign in here.",
    }
    if "state" in asked.parameters:
        answer["state"] = asked.parameters["state"]
    return Response(
        render_template(
            "oauth/not_permitted.html",
            client=asked.client,
            email=email,
            back=answer_address(asked.redirect_uri, answer),
            sign_in=sign_in_address,
        ),
        status=403,
        mimetype="text/html",
    )
