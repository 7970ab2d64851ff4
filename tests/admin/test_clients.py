"""Clients in the panel: made, changed, restricted, their secrets, and what is said of mistakes."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy import select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import fields, group_deletion, groups
from idp.oauth import clients, registration
from idp.oauth.clients import Client
from tests import browsing, factories

GOOD = "https://hl.example.org/a"
FORM = "client-form"


def audited() -> str:
    return str([(row.name, row.detail) for row in db.session.scalars(select(AuditEvent))])


def made(template: str = "oidc") -> str:
    """The path of a new client."""
    addresses = [] if template == "machine" else [GOOD]
    client, _secret = registration.create("The site", template, addresses)
    db.session.commit()
    return f"/panel/clients/{client.client_id}"


def at(path: str) -> Client:
    """The client whose page this is, as the database has it now."""
    db.session.rollback()
    client = clients.find(path.rpartition("/")[2])
    assert client is not None
    return client


CLIENT = {
    "name": "Community",
    "template": "higher-logic",
    "redirect_uris": "https://hl.example.org/a\nhttps://hl.example.org/b\n",
    "post_logout_redirect_uris": "",
    "frontchannel_logout_uri": "",
}


@pytest.mark.parametrize("template", ["oidc", "machine"])
@pytest.mark.parametrize("number", ["9" * 5000, "\u0663", "-1", "\u00b2", ""])
def test_a_button_that_no_page_has_does_nothing(
    app: Flask, owner: FlaskClient, template: str, number: str
) -> None:
    path = made(template)
    answer = browsing.change(owner, path, FORM, press=f"remove-claim {number}")
    assert answer.status_code in (200, 303)


def test_a_clients_secret_is_shown_once(app: Flask, owner: FlaskClient) -> None:
    answer = browsing.submit(owner, "/panel/clients/new", **CLIENT)
    assert answer.status_code == 201
    client = db.session.scalars(select(Client)).one()
    secret = answer.text.split('class="big"><code>')[1].split("</code>")[0]
    assert client.check_client_secret(secret)
    assert "Set-Cookie" not in answer.headers or secret not in answer.headers["Set-Cookie"]
    path = f"/panel/clients/{client.client_id}"
    for page in (path, "/panel/clients/", "/panel/audit/", f"{path}/secret"):
        assert secret not in owner.get(page).text
    assert secret not in audited()
    page = owner.get(path).text
    for words in ("http://127.0.0.1:8000/oauth/token", client.client_id, "Identifier attribute"):
        assert words in page
    renewed = browsing.submit(owner, f"{path}/secret")
    db.session.refresh(client)
    assert client.check_client_secret(secret)
    assert "The old secret works for another week." in renewed.text
    assert "End the old secret now" in owner.get(path).text
    browsing.submit(owner, path, f"{path}/end-old-secret")
    db.session.refresh(client)
    assert not client.check_client_secret(secret)
    assert "End the old secret now" not in owner.get(path).text


def test_loading_the_page_of_a_new_secret_again_makes_no_second_client(
    app: Flask, owner: FlaskClient
) -> None:
    assert browsing.submit(owner, "/panel/clients/new", **CLIENT).status_code == 201
    page = browsing.submit(owner, "/panel/clients/new", **CLIENT)
    assert page.status_code == 200
    assert "There is a client of this name already" in page.text
    assert db.session.scalars(select(Client)).one().name == "Community"


def test_apps_and_machines_are_made_too(app: Flask, owner: FlaskClient) -> None:
    answer = browsing.submit(owner, "/panel/clients/new", **{**CLIENT, "template": "app"})
    assert answer.status_code == 201
    assert "has no secret" in answer.text
    phone = db.session.scalars(select(Client)).one()
    page = owner.get(f"/panel/clients/{phone.client_id}").text
    assert "New secret" not in page
    assert owner.get(f"/panel/clients/{phone.client_id}/secret").status_code == 404
    fields = {**CLIENT, "template": "machine", "name": "The shop", "redirect_uris": ""}
    fields["post_logout_redirect_uris"] = ""
    answer = browsing.submit(owner, "/panel/clients/new", **fields)
    assert answer.status_code == 201
    assert "Introspection URL" in answer.text


def test_a_client_is_changed_and_put_out_of_use(app: Flask, owner: FlaskClient) -> None:
    browsing.submit(owner, "/panel/clients/new", **CLIENT)
    path = f"/panel/clients/{db.session.scalars(select(Client.client_id)).one()}"
    wrong = {**CLIENT, "redirect_uris": "http://hl.example.org/a"}
    assert "use https" in browsing.submit(owner, path, **wrong).text
    browsing.submit(owner, path, **{**CLIENT, "redirect_uris": "https://hl.example.org/c"})
    client = db.session.scalars(select(Client)).one()
    assert client.redirect_uris == ["https://hl.example.org/c"]
    # Who presses it twice, or on a page from before somebody else did, means the same.
    for _ in range(2):
        browsing.submit(owner, path, f"{path}/out-of-use")
        assert not at(path).active
    assert "Put into use again" in owner.get(path).text
    browsing.submit(owner, path, f"{path}/in-use")
    assert "The client is in use again." in owner.get(path).text
    assert at(path).active


def test_every_setting_of_a_client_is_saved(app: Flask, owner: FlaskClient) -> None:
    factories.group(name="Committee", key="committee")
    path = made()
    public = ECKey.generate_key("P-256").as_dict(private=False)
    answer = browsing.change(
        owner, path, FORM,
        name="The other site",
        redirect_uris="https://site.example.org/a\r\nhttps://site.example.org/A\r\n",
        post_logout_redirect_uris="https://site.example.org/bye",
        frontchannel_logout_uri="https://site.example.org/out",
        backchannel_logout_uri="https://site.example.org/told",
        audience="groups",
        add_group="committee",
        consent="asked",
        authentication="private_key_jwt",
        jwks=json.dumps(public),
        pushed_required="y",
        signing_algorithm="ES256",
        access_token_format="jwt",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    client = at(path)
    assert client.name == "The other site"
    assert client.redirect_uris == ["https://site.example.org/a", "https://site.example.org/A"]
    assert client.post_logout_redirect_uris == ["https://site.example.org/bye"]
    assert client.frontchannel_logout_uri == "https://site.example.org/out"
    assert client.backchannel_logout_uri == "https://site.example.org/told"
    assert [group.key for group in client.permitted_groups] == ["committee"]
    assert client.restricted
    assert client.consent_required
    assert client.authentication == "private_key_jwt"
    assert client.jwks["keys"][0]["x"] == public["x"]
    assert client.pushed_required
    assert (client.signing_algorithm, client.access_token_format) == ("ES256", "jwt")
    # What is saved is what the form holds the next time.
    version = client.version
    assert browsing.change(owner, path, FORM).status_code == 303
    assert at(path).version == version
    page = owner.get("/panel/audit/").text
    assert "<ins>1 key</ins>" in page


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_saved(
    app: Flask, owner: FlaskClient
) -> None:
    path = made()
    page = browsing.change(
        owner, path, FORM,
        name=" ",
        redirect_uris="",
        post_logout_redirect_uris="https://site.example.org/#x",
        frontchannel_logout_uri="http://site.example.org/out",
        backchannel_logout_uri="https://10.0.0.1/told",
        audience="groups",
        authentication="private_key_jwt",
        jwks="{",
        consent="asked",
    ).text  # fmt: skip
    for field, message in (
        ("name", "A client needs a name."),
        ("redirect_uris", "A client needs at least one redirect URI."),
        ("post_logout_redirect_uris", "“https://site.example.org/#x” cannot be used"),
        ("frontchannel_logout_uri", "“http://site.example.org/out” cannot be used"),
        ("backchannel_logout_uri", "“https://10.0.0.1/told” cannot be used"),
        ("add_group", "Choose at least one group, or let everyone in."),
        ("jwks", "This is no JSON."),
    ):
        assert f'id="{field}-error">{message}' in page, field
    assert "Nothing is saved yet" in page
    client = at(path)
    assert (client.name, client.redirect_uris, client.version) == ("The site", [GOOD], 1)
    assert not client.consent_required


def test_a_private_key_that_somebody_pastes_does_not_come_back(
    app: Flask, owner: FlaskClient
) -> None:
    path = made()
    private = ECKey.generate_key("P-256").as_dict(private=True)
    answer = browsing.change(
        owner, path, FORM, authentication="private_key_jwt", jwks=json.dumps({"keys": [private]})
    )
    assert "This is a private key" in answer.text
    assert private["d"] not in answer.text
    assert private["d"] not in audited()
    assert at(path).jwks is None


def test_groups_are_added_and_taken_away_without_a_script(app: Flask, owner: FlaskClient) -> None:
    factories.group(name="Board", key="board")
    factories.group(name="Chairs", key="chairs-1")
    factories.group(name="Chairs", key="chairs-2")
    path = made()
    # “Add” only fills the form in.
    page = browsing.change(
        owner, path, FORM, audience="groups", add_group="board", press="add-group", name="Renamed"
    ).text
    held = browsing.form_of(page, FORM)
    assert (held["groups"], held["add_group"], held["name"]) == (["board"], [""], ["Renamed"])
    assert at(path).name == "The site"
    several = {**held, "add_group": "Chairs", "press": "add-group"}
    assert "Several groups have this name" in owner.post(path, data=several).text
    assert owner.get("/panel/clients/groups?q=chair").json == {
        "found": ["Chairs (chairs-1)", "Chairs (chairs-2)"]
    }
    assert owner.get("/panel/clients/groups").json == {"found": []}
    assert "There is no group “x”" in owner.post(path, data={**held, "add_group": "x"}).text
    owner.post(path, data={**held, "add_group": "Chairs (chairs-2)"})
    assert [group.key for group in at(path).permitted_groups] == ["board", "chairs-2"]
    browsing.change(owner, path, FORM, groups=["chairs-2"])
    assert [group.key for group in at(path).permitted_groups] == ["chairs-2"]
    # A deleted group lets nobody in who was not let in before; everyone is a choice.
    group_deletion.delete(groups.find("chairs-2"))
    db.session.commit()
    assert at(path).restricted
    assert "nobody can sign in there now" in owner.get(path).text
    browsing.change(owner, path, FORM, audience="everyone")
    assert not at(path).restricted


def test_claims_are_mapped_without_a_script(app: Flask, owner: FlaskClient) -> None:
    fields.create("Region", "text", in_members_section=True)
    fields.create("Notes of the board", "text")
    db.session.commit()
    path = made()
    page = browsing.change(owner, path, FORM, press="add-claim").text
    assert "Region</option>" in page
    assert "Notes of the board" not in page
    held = browsing.form_of(page, FORM)
    page = owner.post(path, data={**held, "press": "add-claim"}).text
    held = browsing.form_of(page, FORM)
    chosen = {
        "claims-0-name": "region", "claims-0-source": "custom.region",
        "claims-1-name": "level", "claims-1-source": "member_type",
    }  # fmt: skip
    page = owner.post(path, data={**held, **chosen, "press": "add-claim"}).text
    assert at(path).claim_map == {}
    held = browsing.form_of(page, FORM)
    assert held["claims-1-name"] == ["level"]
    # A row that was left empty is none.
    assert owner.post(path, data=held).status_code == 303
    assert at(path).claim_map == {"region": "custom.region", "level": "member_type"}
    assert "region ← custom.region" in owner.get("/panel/audit/").text
    page = browsing.change(owner, path, FORM, press="remove-claim 1").text
    held = browsing.form_of(page, FORM)
    assert owner.post(path, data=held).status_code == 303
    assert at(path).claim_map == {"level": "member_type"}


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("email", "member_type", "The claim email has a meaning that stays as it is."),
        ("le vel", "member_type", "A claim&#39;s name is letters, digits and _."),
        ("", "member_type", "A claim needs a name."),
        ("level", "", "Choose what the claim “level” says."),
        ("level", "custom.notes", "“custom.notes” is neither a built-in field"),
        ("first", "member_type", "The claim “first” is there twice."),
    ],
)
def test_a_claim_that_cannot_be_is_said(
    app: Flask, owner: FlaskClient, name: str, source: str, says: str
) -> None:
    path = made()
    rows = {
        "claims-0-name": "first", "claims-0-source": "key",
        "claims-1-name": name, "claims-1-source": source,
    }  # fmt: skip
    assert f'id="claims-error">{says}' in browsing.change(owner, path, FORM, **rows).text
    assert at(path).claim_map == {}


def test_a_mapped_field_that_was_hidden_since_stays_until_it_is_taken_away(
    app: Flask, owner: FlaskClient
) -> None:
    region = fields.create("Region", "text", in_members_section=True)
    path = made()
    registration.change(at(path), claim_map={"region": "custom.region"})
    db.session.commit()
    db.session.get(type(region), region.id).in_members_section = False
    db.session.commit()
    assert "custom.region (hidden from members)" in owner.get(path).text
    assert browsing.change(owner, path, FORM, name="Renamed").status_code == 303
    assert at(path).claim_map == {"region": "custom.region"}


def test_each_kind_of_client_has_the_settings_that_it_can_have(
    app: Flask, owner: FlaskClient
) -> None:
    only = {"identifier_attribute", "pkce_required"}
    shown = {
        template: set(browsing.form_of(owner.get(made(template)).text, FORM)) | {"csrf_token"}
        for template in ("higher-logic", "oidc", "app", "machine")
    }
    assert "identifier_attribute" in shown["higher-logic"]
    assert "PKCE required" in owner.get(made("higher-logic")).text
    for template in ("oidc", "app", "machine"):
        assert not shown[template] & only
    assert "consent" in shown["oidc"]
    assert not shown["app"] & {"consent", "authentication", "jwks"}
    assert not shown["machine"] & {"redirect_uris", "audience", "consent", "signing_algorithm"}
    assert "authentication" in shown["machine"]
    # What is not offered is not taken.
    path = made("app")
    browsing.change(owner, path, FORM, consent="trusted", pkce_required=None)
    assert at(path).consent_required
    assert at(path).pkce_required


def test_a_higher_logic_client_is_made_before_its_callback_is_known(
    app: Flask, owner: FlaskClient
) -> None:
    answer = browsing.submit(owner, "/panel/clients/new", **{**CLIENT, "redirect_uris": ""})
    assert answer.status_code == 201
    assert "Waits for its addresses" in owner.get("/panel/clients/").text
    assert "Open the worksheet" in owner.get("/panel/").text
    client = db.session.scalars(select(Client)).one()
    path = f"/panel/clients/{client.client_id}"
    browsing.change(owner, path, FORM, redirect_uris=GOOD)
    assert at(path).redirect_uris == [GOOD]
    emptied = browsing.change(owner, path, FORM, redirect_uris="")
    assert "at least one redirect URI" in emptied.text
    for template in ("oidc", "app"):
        fields = {**CLIENT, "name": template, "template": template, "redirect_uris": ""}
        refused = browsing.submit(owner, "/panel/clients/new", **fields)
        assert "at least one redirect URI" in refused.text


def test_the_secrets_say_when_they_were_made_and_when_they_end(
    app: Flask, owner: FlaskClient
) -> None:
    path = made()
    assert "End the old secret now" not in owner.get(path).text
    registration.new_secret(at(path))
    db.session.commit()
    page = owner.get(path).text
    assert "in 7 days" in page
    assert "End the old secret now" in page
    # A client that had a key first has no secret yet.
    at(path).secrets = []
    db.session.commit()
    assert "It has no secret" in owner.get(path).text


@pytest.mark.parametrize("path", ["/panel/clients/nobody", "/panel/clients/nobody/secret"])
def test_a_client_that_is_not_there(app: Flask, owner: FlaskClient, path: str) -> None:
    assert owner.get(path).status_code == 404
