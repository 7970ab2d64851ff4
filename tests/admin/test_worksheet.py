"""The technical worksheet in the panel: what it says, what it never says, and what comes back."""

import io
import json
import re

import docx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.database import db
from idp.directory import fields
from idp.oauth import clients, registration
from tests import browsing, factories

FORM = "addresses-form"
CALLBACK = "https://hl.example.org/HigherLogic/Security/OAuth/Authentication.aspx"


@pytest.fixture
def client_id(app: Flask) -> str:
    """A Higher Logic client that waits for its callback."""
    made, _secret = registration.create("The community", "higher-logic")
    db.session.commit()
    return made.client_id


@pytest.fixture
def path(client_id: str) -> str:
    """The worksheet's page."""
    return f"/panel/clients/{client_id}/worksheet"


def words_of(content: bytes) -> str:
    """The text of a document, a line for each row of its tables."""
    document = docx.Document(io.BytesIO(content))
    lines = [paragraph.text for paragraph in document.paragraphs]
    for table in document.tables:
        lines += [" | ".join(cell.text for cell in row.cells) for row in table.rows]
    return "\n".join(lines)


def test_it_says_all_that_higher_logic_asks_for(
    app: Flask, owner: FlaskClient, path: str, client_id: str
) -> None:
    factories.account(first_name="Zoë", last_name="Łukasz", email="zoe@example.org", key="KEY-7")
    wanted = [
        "http://127.0.0.1:8000/oauth/authorize",
        "http://127.0.0.1:8000/oauth/token",
        "http://127.0.0.1:8000/oauth/userinfo",
        "http://127.0.0.1:8000/oauth/logout",
        client_id,
        "Scope",
        "profile",
        "User AMS ID Attribute",
        "HTTP Basic (client_secret_basic)",
        "zoe@example.org",
        "Zoë Łukasz",
        "KEY-7",
        "Callback URL",
    ]
    query = "?member=zoe@example.org"
    with owner.get(f"{path}/document{query}") as answer:
        assert answer.mimetype.endswith("wordprocessingml.document")
        assert answer.headers["Content-Disposition"] == (
            "attachment; filename=worksheet-the_community.docx"
        )
        written = words_of(answer.data)
    for words in wanted:
        assert words in written, words
        assert words in owner.get(f"{path}/print{query}").text, words
        if words != "Callback URL":
            assert words in owner.get(path + query).text, words


def test_the_sample_is_what_the_user_info_url_answers(
    app: Flask, owner: FlaskClient, path: str, client_id: str
) -> None:
    fields.create("Region", "text", in_members_section=True)
    client = clients.find(client_id)
    registration.change(
        client, claim_map={"region": "custom.region"}, identifier_attribute="ams_id"
    )
    factories.account(email="ada@example.org", key="K/1", first_name="<b>Ada</b>")
    page = owner.get(path + "?member=ada@example.org").text
    shown = re.search(r"<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    assert shown
    answer = json.loads(shown[1].replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">"))
    assert (answer["sub"], answer["ams_id"], answer["region"]) == ("K/1", "K/1", "")
    assert answer["given_name"] == "<b>Ada</b>"
    assert "<b>Ada" not in page


def test_a_test_member_is_somebody_who_can_sign_in(
    app: Flask, owner: FlaskClient, path: str
) -> None:
    factories.person(email="no.account@example.org", first_name="Nora")
    factories.account(email="in.use@example.org", first_name="Nora", last_name="Inuse")
    factories.account(email="gone@example.org", first_name="Nora", active=False)
    assert "Pat owner" in owner.get(path).text
    for email, words in (
        ("nobody@example.org", "“nobody@example.org” is nobody’s e-mail address."),
        ("no.account@example.org", "is nobody’s e-mail address."),
        ("gone@example.org", "cannot sign in: choose somebody else."),
    ):
        page = owner.get(path, query_string={"member": email}).text
        assert 'id="chosen-error">' in page
        assert words in page
        assert "Pat owner" in page
    assert owner.get("/panel/clients/members?q=nora").json == {
        "found": [{"value": "in.use@example.org", "label": "Nora Inuse"}]
    }
    assert owner.get("/panel/clients/members").json == {"found": []}


def test_what_higher_logic_gives_back_fills_in_the_client(
    app: Flask, owner: FlaskClient, path: str, client_id: str
) -> None:
    wrong = browsing.change(
        owner, path, FORM, redirect_uris="http://hl.example.org/", post_logout_redirect_uris="x"
    )
    assert 'id="redirect_uris-error">“http://hl.example.org/” cannot be used' in wrong.text
    assert 'id="post_logout_redirect_uris-error">“x” cannot be used' in wrong.text
    assert clients.find(client_id).redirect_uris == []
    answer = browsing.change(
        owner, path, FORM,
        redirect_uris=f"{CALLBACK}\n{CALLBACK.lower()}",
        post_logout_redirect_uris="https://hl.example.org/LoggedOut.aspx",
        frontchannel_logout_uri="https://hl.example.org/out",
        backchannel_logout_uri="https://hl.example.org/told",
    )  # fmt: skip
    assert answer.status_code == 303
    db.session.rollback()
    client = clients.find(client_id)
    assert client.redirect_uris == [CALLBACK, CALLBACK.lower()]
    assert client.post_logout_redirect_uris == ["https://hl.example.org/LoggedOut.aspx"]
    assert client.frontchannel_logout_uri == "https://hl.example.org/out"
    assert client.backchannel_logout_uri == "https://hl.example.org/told"
    written = words_of(owner.get(f"{path}/document").data)
    assert f"Callback URL | {CALLBACK}\n{CALLBACK.lower()}" in written


def test_a_secret_is_on_a_worksheet_only_when_it_was_made_for_it(
    app: Flask, owner: FlaskClient, path: str, client_id: str
) -> None:
    ask = f"/panel/clients/{client_id}/secret"
    answer = browsing.submit(owner, ask, f"{ask}/document")
    found = re.search(r"^Client secret \| (\S+)$", words_of(answer.data), re.MULTILINE)
    assert found
    db.session.rollback()
    client = clients.find(client_id)
    assert client.check_client_secret(found[1])
    assert len(client.secrets) == 2
    assert answer.headers["Cache-Control"] == "no-store"
    again = words_of(owner.get(f"{path}/document").data)
    assert "Client secret | given apart from this worksheet" in again
    for page in (again, *(owner.get(path + more).text for more in ("", "/print"))):
        assert found[1] not in page
    assert found[1] not in owner.get("/panel/audit/").text


def test_a_client_with_a_key_has_no_secret_on_its_worksheet(
    app: Flask, owner: FlaskClient, path: str, client_id: str
) -> None:
    from joserfc.jwk import ECKey

    public = ECKey.generate_key("P-256").as_dict(private=False)
    registration.change(
        clients.find(client_id), authentication="private_key_jwt", jwks={"keys": [public]}
    )
    db.session.commit()
    assert "Client secret" not in words_of(owner.get(f"{path}/document").data)
    made_for_it = f"/panel/clients/{client_id}/secret/document"
    assert browsing.submit(owner, path, made_for_it).status_code == 404


def test_other_clients_have_no_worksheet(app: Flask, owner: FlaskClient) -> None:
    made, _secret = registration.create("A shop", "oidc", ["https://shop.example.org/"])
    db.session.commit()
    for more in ("", "/print", "/document"):
        assert owner.get(f"/panel/clients/{made.client_id}/worksheet{more}").status_code == 404
    assert "Worksheet" not in owner.get(f"/panel/clients/{made.client_id}").text
