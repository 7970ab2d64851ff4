"""The member's own pages."""

from flask import Flask

from idp.database import db
from idp.directory import fields
from tests import browsing, factories


def test_a_member_changes_their_bio_and_job_title(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    answer = browsing.submit(
        client, "/profile", job_title="Chief Analyst", bio="<p>Hi<script>alert(1)</script></p>"
    )
    assert answer.status_code == 303
    assert account.person.job_title == "Chief Analyst"
    assert account.person.bio == "<p>Hi</p>"
    assert "Chief Analyst" in client.get("/").text


def test_a_wrong_value_is_named_at_its_field_and_nothing_is_saved(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    answer = browsing.submit(client, "/profile", job_title="Chief", website="javascript:alert(1)")
    assert answer.status_code == 200
    assert "Not a web address" in answer.text
    db.session.expire_all()
    assert account.person.job_title == ""


def test_only_fields_that_members_may_edit_are_theirs(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    mine = fields.create(
        "Interests",
        "several_of",
        choices=["Policy", "Law"],
        member_may_edit=True,
        in_members_section=True,
    )
    fields.create("Grade", "text", in_members_section=True)
    db.session.commit()
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    browsing.submit(client, "/profile", custom_interests=["policy", "law"], custom_grade="A")
    values = fields.values_of(account.person)
    assert fields.value_of(values[mine.key]) == ["policy", "law"]
    assert "grade" not in values


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(app: Flask) -> None:
    factories.account(email="a@example.org")
    here, there = app.test_client(), app.test_client()
    for client in (here, there):
        browsing.sign_in(client, "a@example.org")
    browsing.submit(
        here,
        "/security",
        current=factories.PASSWORD,
        password="another long phrase",
        again="another long phrase",
    )
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 303


def test_signing_out_everywhere_ends_every_session(app: Flask) -> None:
    factories.account(email="a@example.org")
    here, there = app.test_client(), app.test_client()
    for client in (here, there):
        browsing.sign_in(client, "a@example.org")
    browsing.submit(here, "/security", "/security/sign-out-everywhere")
    assert here.get("/").status_code == 303
    assert there.get("/").status_code == 303


def test_a_member_has_four_phones_and_may_leave_the_directory(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    form = client.get("/profile").text
    assert '<option value="OFFICE">' in form
    assert 'checked id="in_directory"' in form
    said = {"phone_3": "+44 3", "phone_3_type": "Boat", "other_blog": "https://ada.example"}
    assert browsing.submit(client, "/profile", **said).status_code == 303
    assert account.person.phones == [("Boat", "+44 3")]
    assert account.person.in_directory is False
    page = client.get("/").text
    for words in ("Boat", "+44 3", "https://ada.example", "not shown in the directory"):
        assert words in page
