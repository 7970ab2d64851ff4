"""The member's own pages."""

from flask import Flask
from sqlalchemy import select

from idp.audit import AuditEvent
from idp.database import db
from idp.directory import fields
from idp.directory.contacts import Person
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


def test_a_member_edits_a_field_of_every_kind_and_sees_it_as_it_is(app: Flask) -> None:
    account = factories.account(email="a@example.org")
    typed = {
        "text": "ad astra",
        "long_text": "One & <b>two</b>\r\n\r\nThree",
        "yes_no": "no",
        "whole_number": "0",
        "decimal": "12.50",
        "date": "2026-04-01",
        "one_of": "law",
        "several_of": ["law", "rail"],
        "email": "Ada@example.org",
        "web_address": "https://ada.example/?a=1&b=2",
        "key": "A-00/7",
    }
    for kind in fields.KINDS:
        choices = ["Law", "Rail"] if kind in fields.WITH_CHOICES else []
        mine = {"in_members_section": True, "member_may_edit": True}
        fields.create(f"My {kind}", kind, choices=choices, **mine)
    db.session.commit()
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")
    form = {f"custom_my_{kind}": value for kind, value in typed.items()}
    assert browsing.submit(client, "/profile", **form).status_code == 303
    person_id = account.person_id
    kept = {
        key: fields.shown(rows)
        for key, rows in fields.values_of(db.session.get_one(Person, person_id)).items()
    }
    assert kept == {
        "my_text": "ad astra",
        "my_long_text": "One & <b>two</b>\n\nThree",
        "my_yes_no": "No",
        "my_whole_number": "0",
        "my_decimal": "12.5",
        "my_date": "2026-04-01",
        "my_one_of": "Law",
        "my_several_of": "Law, Rail",
        "my_email": "Ada@example.org",
        "my_web_address": "https://ada.example/?a=1&b=2",
        "my_key": "A-00/7",
    }
    page = client.get("/").text
    assert "One &amp; &lt;b&gt;two&lt;/b&gt;\n\nThree" in page
    assert 'href="https://ada.example/?a=1&amp;b=2"' in page
    # What the form shows is what it takes: sent again, nothing changes.
    events = len(db.session.scalars(select(AuditEvent)).all())
    assert (
        browsing.submit(client, "/profile", **(form | {"custom_my_decimal": "12.5"})).status_code
        == 303
    )
    assert len(db.session.scalars(select(AuditEvent)).all()) == events
    # All that is wrong is said at once, each at its field, and nothing is kept.
    wrong = form | {"custom_my_decimal": "12,5", "custom_my_key": "a b", "website": "ftp://x"}
    page = browsing.submit(client, "/profile", **wrong).text
    for words in ("Not a decimal number", "no white space", "Not a web address"):
        assert words in page


def test_a_retired_choice_stays_with_who_has_it_and_is_offered_to_nobody_else(
    app: Flask,
) -> None:
    mine = {"in_members_section": True, "member_may_edit": True}
    field = fields.create("Areas", "several_of", choices=["Law", "Rail"], **mine)
    account, other = (
        factories.account(email="a@example.org"),
        factories.account(email="b@example.org"),
    )
    fields.set_value(account.person, field, ["rail"])
    field.choices[1].retired = True
    db.session.commit()
    client, elsewhere = app.test_client(), app.test_client()
    browsing.sign_in(client, "a@example.org")
    browsing.sign_in(elsewhere, "b@example.org")
    assert "Rail" not in elsewhere.get("/profile").text
    answer = browsing.submit(elsewhere, "/profile", custom_areas=["rail"])
    assert answer.status_code == 200
    assert fields.values_of(other.person) == {}
    browsing.submit(client, "/profile", custom_areas=["law", "rail"])
    rows = fields.values_of(db.session.get_one(Person, account.person_id))
    assert fields.value_of(rows["areas"]) == ["law", "rail"]


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


def test_the_password_is_not_guessed_where_it_is_changed(app: Flask) -> None:
    factories.account(email="a@example.org")
    client = app.test_client()
    browsing.sign_in(client, "a@example.org")

    def change(current: str, number: int, new: str = "another long phrase") -> int:
        token = browsing.csrf_token(client.get("/security").text)
        data = {"csrf_token": token, "current": current, "password": new, "again": new}
        # Whoever guesses does so from many places.
        return client.post(
            "/security", data=data, environ_base={"REMOTE_ADDR": f"192.0.2.{number}"}
        ).status_code

    # A new password that is too short is no guess.
    assert [change(factories.PASSWORD, number, "short") for number in range(11)] == [200] * 11
    assert [change("a guess", number) for number in range(10)] == [401] * 10
    assert change("a guess", 11) == 429
    assert change(factories.PASSWORD, 12) == 429
    names = list(db.session.scalars(select(AuditEvent.name)))
    assert names.count("member:session:not-confirmed") == 10
