"""The worksheet on the command line, and its sample beside what the server answers."""

import io
import json
from pathlib import Path

import docx
from click.testing import CliRunner, Result
from flask import Flask

from idp.database import db
from idp.oauth import clients, commands, worksheet
from idp.oauth.worksheet_document import make
from tests import factories
from tests.oauth.conftest import Site, sign_in


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands.client, ["worksheet", *arguments])


def test_the_sample_is_byte_for_byte_what_the_server_answers(app: Flask, community: Site) -> None:
    with app.app_context():
        account = factories.account(first_name="Zoë", last_name="Łukasz", prefix="Dr.")
        account_id = account.id
        sheet = worksheet.of(clients.find(community.client_id), account)
        db.session.remove()
    sign_in(app, community.browser, account_id)
    answered = community.userinfo(community.tokens()["access_token"]).json
    assert json.loads(sheet.answer) == answered
    assert "Zoë" in sheet.answer


def test_it_is_printed_or_written(app: Flask, community: Site, site: Site, tmp_path: Path) -> None:
    with app.app_context():
        email = factories.account().person.email
        printed = run(community.client_id, "--member", email)
        assert printed.exit_code == 0, printed.output
        for words in ("http://127.0.0.1:8000/oauth/token", email, community.redirect_uri, "…"):
            assert words in printed.output
        assert community.secret not in printed.output
        file = tmp_path / "worksheet.docx"
        assert run(community.client_id, "--member", email, "--output", str(file)).output == ""
        assert len(docx.Document(str(file)).tables) == 3
        for arguments, words in (
            (("nobody", "--member", email), "There is no client nobody."),
            ((site.client_id, "--member", email), "not made from the Higher Logic template"),
            ((community.client_id, "--member", "x@example.org"), "Nobody signs in with"),
        ):
            refused = run(*arguments)
            assert refused.exit_code == 1
            assert words in refused.output
        db.session.remove()


def test_a_document_holds_whatever_a_name_holds(app: Flask, community: Site) -> None:
    with app.app_context():
        odd = "A\ufffe\u2028]]>&<\U0001f600"
        sheet = worksheet.of(clients.find(community.client_id), factories.account(first_name=odd))
        document = docx.Document(io.BytesIO(make(sheet)))
        assert "A\u2028]]>&<\U0001f600" in document.tables[1].rows[0].cells[1].text
        db.session.remove()


def test_a_document_takes_names_as_long_as_they_may_be(app: Flask, community: Site) -> None:
    with app.app_context():
        client = clients.find(community.client_id)
        assert client is not None
        client.name = "N" * 254 + "\ufffe"
        sheet = worksheet.of(client, factories.account())
        document = docx.Document(io.BytesIO(make(sheet)))
        assert document.paragraphs[0].text == sheet.title.rstrip("\ufffe")
        db.session.remove()
