"""Choosing a password through a mailed link."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from idp import jobs
from idp.database import db
from idp.directory import accounts
from idp.settings import Settings
from idp.signin import recovery
from tests import browsing, factories


def mailed(settings: Settings) -> str:
    (path,) = Path(settings.data_dir / "mail").glob("*.eml")
    text = path.read_text()
    path.unlink()
    return text.replace("=\n", "").replace("=3D", "=")


def link(mail: str) -> str:
    found = re.search(r"http://127.0.0.1:8000(/set-password/\S+)", mail)
    assert found
    return found.group(1)


def work_off() -> None:
    """Run the queued mail jobs in a real RQ worker."""
    from flask import current_app

    jobs.worker(current_app._get_current_object(), ["mail"]).work(burst=True)  # type: ignore[attr-defined]


def test_an_invited_member_chooses_a_password_and_is_signed_in(
    app: Flask, settings: Settings
) -> None:
    factories.account(email="new@example.org", password=None)
    client = app.test_client()
    response = browsing.submit(client, "/forgot", email="NEW@example.org")
    assert "Look into your mail" in response.text
    work_off()
    path = link(mailed(settings))
    answer = browsing.submit(
        client, path, password="four unrelated words", again="four unrelated words"
    )
    assert answer.status_code == 303
    assert client.get("/").status_code == 200
    assert client.get(path).status_code == 410, "a link works once"


@pytest.mark.compliance("S24")
def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    app: Flask, settings: Settings
) -> None:
    response = browsing.submit(app.test_client(), "/forgot", email="nobody@example.org")
    assert "Look into your mail" in response.text
    work_off()
    assert not (settings.data_dir / "mail").exists()


@pytest.mark.compliance("S24")
def test_a_known_address_and_an_unknown_one_cost_the_same_and_read_the_same(app: Flask) -> None:
    factories.account(email="known@example.org")
    factories.account(email="invited@example.org", password=None)
    answers = []
    for address in ("known@example.org", "invited@example.org", "nobody@example.org"):
        browser = app.test_client()
        form = {"csrf_token": browsing.csrf_token(browser.get("/forgot").text), "email": address}
        statements: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any, to: Any = statements) -> None:
            to.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        answer = browser.post("/forgot", data=form)
        event.remove(db.engine, "before_cursor_execute", note)
        queued = jobs.queue("mail").count
        jobs.queue("mail").empty()
        shown = re.sub(r"nonce-[^']+|nonce=\"[^\"]+", "", answer.text).replace(address, "")
        answers.append((answer.status_code, shown, statements, queued))
    # Who it is for is found out by the job, after the answer.
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][3] == 1


def test_a_link_dies_with_deactivation_and_with_another_password(app: Flask) -> None:
    account = factories.account()
    token = recovery.make_token(account)
    assert recovery.account_of(token) is account
    accounts.deactivate(account)
    db.session.commit()
    assert recovery.account_of(token) is None
    assert recovery.account_of(token[:-2] + "xx") is None
    assert recovery.account_of("nonsense") is None


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "password1234"])
def test_a_password_that_anyone_would_guess_is_refused(app: Flask, password: str) -> None:
    account = factories.account(password=None)
    path = "/set-password/" + recovery.make_token(account)
    response = browsing.submit(app.test_client(), path, password=password, again=password)
    assert response.status_code == 200
    assert 'class="error"' in response.text


def test_nobodys_mailbox_is_flooded_with_links(app: Flask) -> None:
    for number in range(6):
        answer = browsing.submit(app.test_client(), "/forgot", email="A@example.org")
        assert answer.status_code == (200 if number < 5 else 429)
    assert browsing.submit(app.test_client(), "/forgot", email="b@example.org").status_code == 200


def test_what_sends_no_mail_keeps_nobody_from_theirs(app: Flask) -> None:
    blank, before = "a@example.org" + " " * 254, jobs.queue("mail").count
    for _ in range(6):
        browsing.submit(app.test_client(), "/forgot", email=blank)
    assert browsing.submit(app.test_client(), "/forgot", email="a@example.org").status_code == 200
    assert jobs.queue("mail").count == before + 1
    jobs.queue("mail").empty()
