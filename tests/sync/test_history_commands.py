"""What the command line says of one contact's pushes."""

import json

import pytest

from idp.database import db
from sync.protocol import wire
from sync.sent import history_words
from tests.sync.conftest import API_KEY, Tenant, member, push, synced
from tests.sync.test_status import run


@pytest.mark.compliance("Y04")
def test_what_was_sent_and_what_came_back(tenant: Tenant) -> None:
    synced()
    person = member(key="a-person")
    assert run("history", "a-person").output == "Nothing was sent.\n"
    push()
    tenant.make(reject_keys={"a-person": "No \x1b[31mway."})
    person.job_title = "Director"
    db.session.commit()
    push()
    newest, oldest = run("history", "a-person").output.splitlines()
    assert " refused, " in newest
    assert "\x1b" not in newest
    assert oldest.endswith("batch of 1: Accepted.")
    told = json.loads(run("history", "a-person", "--json").output)
    assert [one["code"] for one in told] == ["refused", "accepted"]
    assert told[0]["meaning"] == history_words.sentence("refused")
    assert told[0]["item"]["MemberDetails"]["Title"] == "Director"
    assert API_KEY not in json.dumps(told)
    assert run("history", "nobody").output == "Error: No contact has the key nobody.\n"


def test_what_would_be_sent_and_what_differs_from_what_is_there(tenant: Tenant) -> None:
    synced(name="Current members")
    person = member(key="a-person", job_title="Analyst")
    assert "has accepted nothing" in run("show", "a-person").output
    push()
    told = run("show", "a-person").output
    assert "Job title: Analyst\n" in told
    assert "Security group: Current members: since " in told
    assert "Higher Logic has it like this since" in told
    person.job_title = "Director"
    db.session.commit()
    assert "differs: Job title: 'Analyst' there, 'Director' here" in run("show", "a-person").output
    assert member(key="another", account=False) is not None
    assert run("show", "another").output == "Error: Nothing is sent of this contact.\n"


def test_every_code_has_a_sentence() -> None:
    codes = {wire.Outcome(verdict, "").code for verdict in wire.Verdict}
    for code in codes | {"too_large", "no_answer", "wrong_address"}:
        assert history_words.sentence(code) != code
