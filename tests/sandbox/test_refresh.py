"""The refresh queue: accepted first, shown later, nothing lost in between."""

import time
from collections.abc import Callable
from typing import Any

from tests.sandbox.conftest import Sandbox
from tests.sandbox.records import community, person


def test_pages_show_the_former_state_until_the_refresh(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada", community("policy")))
    sandbox.set(refresh_per_second=0)

    sandbox.push(person("ada"))
    sandbox.push(person("ada", Title="Analyst"), person("bob"))

    assert sandbox.control("/state")["contacts_pending_refresh"] == 2
    assert sandbox.control("/groups/policy")["members"] == ["ada"]
    assert sandbox.control("/contacts") == ["ada"]

    sandbox.set(refresh_per_second=None)
    sandbox.settle()
    assert sandbox.control("/groups/policy")["members"] == []
    assert sandbox.contact("ada")["MemberDetails"]["Title"] == "Analyst"


def test_the_queue_empties_at_the_given_rate(sandbox: Sandbox) -> None:
    sandbox.set(refresh_per_second=40)
    sandbox.push(*(person(f"p{number}") for number in range(30)))
    began = time.monotonic()

    sandbox.settle()

    # A quarter of a second's worth may be saved up: 20 records or more had to wait.
    assert time.monotonic() - began > 0.35


def test_a_queued_gated_field_survives_a_later_record_without_it(sandbox: Sandbox) -> None:
    sandbox.set(refresh_per_second=0, properties={"MembershipIntegrateBio": True})
    sandbox.push(person("ada", Bio="Wrote programs."))
    sandbox.push(person("ada"))

    sandbox.set(refresh_per_second=None)
    sandbox.settle()

    assert sandbox.contact("ada")["MemberDetails"]["Bio"] == "Wrote programs."


def test_a_restart_loses_nothing(restarted: Callable[..., Any]) -> None:
    with restarted() as sandbox:
        sandbox.taken(person("ada", community("policy")))
        sandbox.set(refresh_per_second=0)
        sandbox.push(person("bob", community("policy")))
        assert sandbox.control("/contacts") == ["ada"]

    with restarted() as sandbox:
        sandbox.settle()
        assert sandbox.control("/groups/policy")["members"] == ["ada", "bob"]
        assert sandbox.control("/state")["requests"] == 2
        assert "ada@example.org" in sandbox.refused(person("c", EmailAddress="ada@example.org"))


def test_batches_of_a_hundred_are_taken_whole(sandbox: Sandbox) -> None:
    for batch in range(10):
        response = sandbox.push(
            *(person(f"{batch}-{number}", community("policy")) for number in range(100))
        )
        assert response.json()["count"] == 100

    sandbox.settle()
    assert sandbox.control("/state")["people"] == 1000
