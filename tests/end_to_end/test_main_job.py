"""The main job, steps 1 to 5, through HTTP with every process running, on both databases.

The tests of this file are one story, told in order on one running Tessera.
"""

import re
from typing import Any

import pytest

from tests.condition_forms import written
from tests.stack import OWNER, SAMPLE, Person, Stack, eventually

pytestmark = pytest.mark.slow

MEMBER = "gustaw.oleszko28@example.net"
PASSWORD = "four unrelated words"
CURRENT = {"field": "member_status", "op": "is", "value": "Current"}
POLICY = {"field": "areas_of_interest", "op": "contains", "value": "Policy"}


@pytest.fixture(scope="module")
def owner(tessera: Stack) -> Person:
    """An administrator at a browser, signed in."""
    person = tessera.person()
    assert person.sign_in(OWNER).status_code == 200
    return person


@pytest.fixture(scope="module")
def member(tessera: Stack) -> Person:
    """A member at a browser, not signed in yet."""
    return tessera.person()


def make_group(owner: Person, condition: Any, **fields: Any) -> str:
    """Make a group in the panel and switch its sync on; its key."""
    form = {"selects": "people", "community_type": "Committee", "sync": "y"} | fields
    asked = owner.send("/panel/groups/new", **form, **written(condition))
    assert "Higher Logic will be told of" in asked.text, asked.text
    answer = owner.send("/panel/groups/new", **form, **written(condition), confirmed="1")
    assert answer.status_code == 200, answer.text
    found = re.search(r"/panel/groups/([0-9a-f-]{36})", answer.url)
    assert found, "the group was not saved:\n" + answer.text
    return found.group(1)


def until_up_to_date(owner: Person, key: str) -> dict[str, Any]:
    """Watch the group's status as the page does until it says *Up to date*."""

    def up_to_date() -> Any:
        facts = owner.get(f"/panel/groups/{key}/status.json").json()
        return facts if facts["state"] == "up_to_date" else None

    facts: dict[str, Any] = eventually(up_to_date, "the group is up to date", 120)
    return facts


def test_1_the_sample_is_imported_from_the_command_line(tessera: Stack) -> None:
    tessera.cli("import", "companies", str(SAMPLE / "companies.csv"))
    dry = tessera.cli_json("import", "people", str(SAMPLE / "people.csv"), "--dry-run")
    report = tessera.cli_json("import", "people", str(SAMPLE / "people.csv"))
    assert (dry["created"], report["created"], len(report["refused"])) == (2483, 2483, 17)
    assert {"row", "column", "value", "reason"} <= set(report["refused"][0])
    again = tessera.cli_json("import", "people", str(SAMPLE / "people.csv"))
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 2483)


def test_2_an_administrator_connects_and_syncs_a_security_group(
    tessera: Stack, owner: Person
) -> None:
    settings = {
        "name": "Made-up Professionals",
        "colour": "#1f4e79",
        "tenant_code": "MADEUP",
        "base_url": tessera.sandbox_url,
        "member_statuses": "",
        "integrate_bio": "y",
    }
    tessera.set_control(properties={"MembershipIntegrateBio": True})
    answer = owner.send("/panel/integrations/", api_key="a-wrong-key-at-first", **settings)
    assert answer.status_code == 200
    tested = owner.send("/panel/integrations/", "/panel/integrations/test")
    assert "Higher Logic refused the API key or the tenant code" in tested.text
    owner.send("/panel/integrations/", api_key=tessera.api_key, **settings)
    tested = owner.send("/panel/integrations/", "/panel/integrations/test")
    assert tessera.api_key not in tested.text
    assert "Connected: Higher Logic took the key and the tenant code." in tested.text
    key = make_group(owner, name="Current members", type="security", condition=CURRENT)
    facts = until_up_to_date(owner, key)
    assert facts["sent"] == facts["due"] == 1414
    eventually(lambda: tessera.control()["contacts_pending_refresh"] == 0, "the queue drained")
    assert len(tessera.group_members(key)) == 1414
    page = tessera.person().get(tessera.sandbox_url + "/admin/security-groups").text
    assert "Current members" in page
    sync_page = tessera.person().get(tessera.sandbox_url + "/admin/sync").text
    assert re.search(r"Contacts pending refresh:\s*(<[^>]+>)?\s*0", sync_page)
    state = tessera.control()
    assert state["people"] == 1414
    assert state["companies"] > 100, "the companies came before their people"


def test_3_a_community_by_a_custom_field(tessera: Stack, owner: Person) -> None:
    key = make_group(owner, name="Policy committee", type="community", condition=POLICY)
    facts = until_up_to_date(owner, key)
    assert facts["sent"] == facts["due"] == 404
    eventually(lambda: len(tessera.group_members(key)) == 404, "the sandbox has the community")
    assert "Policy committee" in tessera.person().get(tessera.sandbox_url + "/communities").text


def test_4_a_member_signs_in_once_for_both_sites(tessera: Stack, member: Person) -> None:
    tessera.cli("account", "deactivate", MEMBER)
    tessera.cli("account", "reactivate", MEMBER)
    _choose_password(tessera)
    community, conference = tessera.sandbox_url, tessera.sandbox_url + "/conference"
    asked = member.get(f"{community}/HigherLogic/Security/LoginBounce.aspx?ReturnUrl=/profile")
    assert asked.url.startswith(tessera.url + "/sign-in")
    profile = member.send(asked.url, email=MEMBER, password=PASSWORD)
    assert profile.url == f"{community}/profile"
    for shown in ("Gustaw", "Oleszko", "Current members", "Policy committee"):
        assert shown in profile.text
    second = member.get(f"{conference}/sign-in")
    assert second.url.startswith(conference), "in without typing anything"
    assert "Gustaw Oleszko" in second.text
    out = member.send(f"{conference}/", f"{conference}/sign-out")
    _follow_signed_out(member, out.text)
    assert "Gustaw Oleszko" not in member.get(f"{conference}/").text
    assert member.get(tessera.url + "/").url.startswith(tessera.url + "/sign-in")
    assert "Gustaw" not in member.get(community + "/").text, "the community is signed out as well"


def test_5_a_profile_change_arrives_and_deactivation_ends_everything(
    tessera: Stack, owner: Person, member: Person
) -> None:
    assert member.sign_in(MEMBER, PASSWORD).status_code == 200
    key = _key_of(tessera, MEMBER)
    member.send("/profile", job_title="Minister of Silly Walks", bio="Walks.")

    def title() -> str:
        contact = tessera.control(f"/contacts/{key}")
        return str(contact)

    eventually(lambda: "Minister of Silly Walks" in title(), "the sandbox has the title", 10)
    assert "Walks." in title()
    conference = tessera.sandbox_url + "/conference/"
    assert "Gustaw Oleszko" in member.get(conference + "sign-in").text
    owner.send(f"/panel/people/{key}", f"/panel/people/{key}/deactivate")
    assert member.get("/").url.startswith(tessera.url + "/sign-in"), "the session has ended"
    eventually(
        lambda: "Gustaw Oleszko" not in member.get(conference).text,
        "the conference is told from server to server",
        10,
    )
    refused = member.sign_in(MEMBER, PASSWORD)
    assert refused.status_code == 401
    assert "Minister of Silly Walks" in title(), "the record stays"
    assert tessera.sync_status()["pending"] == 0


def _choose_password(tessera: Stack) -> None:
    visitor = tessera.person()
    visitor.send("/forgot", email=MEMBER)
    folder = tessera.folder / "var" / "mail"
    mail = eventually(lambda: sorted(folder.glob("*.eml")) if folder.exists() else None, "a mail")
    text = mail[-1].read_text().replace("=\n", "").replace("=3D", "=")
    found = re.search(r"(/set-password/\S+)", text)
    assert found
    visitor.send(found.group(1), password=PASSWORD, again=PASSWORD)


def _follow_signed_out(member: Person, page: str) -> None:
    """Load what the signed-out page shows in frames, as a browser does."""
    frames = re.findall(r'<iframe[^>]+src="([^"]+)"', page)
    assert frames, "the page tells the other sites"
    for address in frames:
        member.get(address.replace("&amp;", "&"))


def _key_of(tessera: Stack, email: str) -> str:
    for key in tessera.control("/contacts"):
        contact = tessera.control(f"/contacts/{key}")
        if email in str(contact):
            return str(key)
    raise AssertionError(f"the sandbox has nobody with {email}")
