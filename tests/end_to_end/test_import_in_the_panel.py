"""The sample association through the panel's import, with a real worker: every figure of
``expected.json``."""

import json
import re
from typing import Any

import pytest

from tests.browsing import form_of
from tests.stack import SAMPLE, STAFF, Person, Stack, eventually

pytestmark = pytest.mark.slow

EXPECTED = json.loads((SAMPLE / "expected.json").read_text())


@pytest.fixture(scope="module")
def staff(tessera: Stack) -> Person:
    """Staff at a browser, signed in, and a worker for imports."""
    tessera.start("imports")
    person = tessera.person()
    assert person.sign_in(STAFF).status_code == 200
    return person


def numbers(page: str) -> dict[str, int]:
    """The numbers of a page, by what they are of."""
    found = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page)
    return {name: int(number.replace(",", "")) for name, number in found}


def imported(tessera: Stack, staff: Person, kind: str) -> tuple[dict[str, int], str]:
    """Upload the sample's file of a kind, check it as suggested, import it; the numbers of its
    page, and the file of rows that were not taken."""
    form = form_of(staff.get("/panel/imports/new").text, "upload")
    with (SAMPLE / f"{kind}.csv").open("rb") as file:
        page = staff.http.post(
            f"{tessera.url}/panel/imports/new",
            data={**form, "kind": kind},
            files={"file": (f"{kind}.csv", file)},
            timeout=60,
        )
    assert page.url.endswith("/columns"), page.text
    path = page.url.removeprefix(tessera.url).removesuffix("/columns")
    sent = staff.http.post(page.url, data=form_of(page.text, "columns"), timeout=30)
    assert sent.url == tessera.url + path, sent.text

    def shows(words: str) -> Any:
        text = staff.get(path).text
        assert "This import failed" not in text, text
        return text if words in text else None

    checked = eventually(lambda: shows("Start the import"), "the file is checked", 90)
    staff.send(path, f"{path}/start")
    done = eventually(lambda: shows('<h2 class="headline">Imported</h2>'), "it is imported", 90)
    after, before = numbers(done), numbers(checked)
    assert after["New"] == before["Would be new"]
    assert after["Not taken"] == before["Would not be taken"]
    return after, staff.get(f"{path}/refused.csv").text


def in_group(tessera: Stack, name: str, *rules: dict[str, str]) -> tuple[int, int]:
    """How many people some rules select, and how many of them would sync."""
    made = tessera.cli_json(
        "group", "create", name, "--type", "security", "--condition", json.dumps({"all": rules})
    )
    owner = tessera.person()
    assert owner.sign_in(STAFF).status_code == 200
    page = owner.get(f"/panel/groups/{made['key']}/members").text
    found = re.search(r"([\d,]+) members?\b", page)
    assert found, page
    facts = owner.get(f"/panel/groups/{made['key']}/status.json").json()
    return int(found.group(1).replace(",", "")), facts["due"]


def test_the_sample_comes_in_exactly_as_expected(tessera: Stack, staff: Person) -> None:
    companies, _ = imported(tessera, staff, "companies")
    assert companies["New"] == companies["Rows in the file"] == EXPECTED["companies"]
    people, refused = imported(tessera, staff, "people")
    assert people["Rows in the file"] == EXPECTED["people_rows"]
    assert people["New"] == EXPECTED["people_imported"]
    rows = [line.split(",") for line in refused.splitlines()[1:]]
    assert people["Not taken"] == len(EXPECTED["people_refused"])
    assert {(int(row[0]), row[4]) for row in rows if row[0].isdigit()} == {
        (one["row"], one["why"]) for one in EXPECTED["people_refused"]
    }
    again, _ = imported(tessera, staff, "people")
    assert (again["New"], again["Changed"]) == (0, 0)
    assert again["Left as they were"] == EXPECTED["people_imported"]
    _look_at_every_figure(tessera)


def _look_at_every_figure(tessera: Stack) -> None:
    account = {"field": "has_account", "op": "is", "value": "yes"}
    active = {"field": "active", "op": "is", "value": "yes"}
    current = {"field": "member_status", "op": "is", "value": "Current"}
    policy = {"field": "areas_of_interest", "op": "contains", "value": "Policy"}
    northeast = {"field": "region", "op": "is", "value": "Northeast"}
    staff_accounts = 2
    assert in_group(tessera, "A", account)[0] == EXPECTED["accounts"] + staff_accounts
    assert in_group(tessera, "B", current)[0] == EXPECTED["current_members"]
    for rules, name in (
        ((current, account, active), "current_members_active_with_account"),
        ((policy,), "policy_area"),
        ((policy, account, active), "policy_area_active_with_account"),
        (
            (northeast, current, account, active),
            "region_northeast_current_active_with_account",
        ),
    ):
        assert in_group(tessera, name, *rules)[0] == EXPECTED[name], name
