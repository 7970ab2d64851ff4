"""What goes wrong on request, and the control API that asks for it."""

import time
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Sandbox
from tests.sandbox.records import community, person


def test_the_rate_limit_answers_429(sandbox: Sandbox) -> None:
    sandbox.set(rate_limit_per_second=2)

    statuses = [sandbox.push(person("ada")).status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    time.sleep(1.05)
    assert sandbox.push(person("ada")).status_code == 200


def test_a_share_of_failures(sandbox: Sandbox) -> None:
    sandbox.set(failure_rate=1)

    response = sandbox.push(person("ada"))

    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/html")
    assert sandbox.control("/state")["accepted_records"] == 0


def test_latency(sandbox: Sandbox) -> None:
    sandbox.set(latency_ms=150)
    began = time.monotonic()
    sandbox.push(person("ada"))
    assert time.monotonic() - began >= 0.15


def test_a_rejected_key_refuses_its_batch(sandbox: Sandbox) -> None:
    sandbox.set(reject_keys={"bob": "Something about bob."})

    assert sandbox.refused(person("ada"), person("bob")) == "Something about bob."
    sandbox.taken(person("ada"))


def test_a_key_that_breaks_it_is_a_failure_of_its_own(sandbox: Sandbox) -> None:
    sandbox.set(crash_keys=["bob"])

    assert sandbox.push(person("ada"), person("bob")).status_code == 500
    sandbox.taken(person("ada"))


def test_a_larger_batch_may_be_allowed(sandbox: Sandbox) -> None:
    sandbox.set(max_batch=1)
    assert sandbox.push(person("ada"), person("bob")).status_code == 413
    sandbox.set(max_batch=150)
    sandbox.taken(*(person(f"p{number}") for number in range(150)))


def test_scripted_answers_come_one_by_one(sandbox: Sandbox) -> None:
    sandbox.set(
        next_responses=[
            {"status": 429, "retry_after": "2"},
            {"status": 503, "html": True},
            {"status": 200},
            {"status": 200, "html": True},
            {"status": 504, "after_taking": True},
        ]
    )

    slowed = sandbox.push(person("ada"))
    assert (slowed.status_code, slowed.headers["Retry-After"]) == (429, "2")
    page = sandbox.push(person("ada"))
    assert page.status_code == 503
    assert "<html>" in page.text
    assert len(sandbox.control()["next_responses"]) == 3
    assert sandbox.push(person("ada")).json()["success"] is True
    assert "<html>" in sandbox.push(person("bob")).text
    assert sandbox.push(person("carl")).status_code == 504
    sandbox.settle()
    assert sandbox.control("/contacts") == ["ada", "carl"]
    assert sandbox.control()["next_responses"] == []


@pytest.mark.parametrize("after_taking", [True, False])
def test_a_dropped_connection(sandbox: Sandbox, after_taking: bool) -> None:
    sandbox.set(next_responses=[{"drop_connection": True, "after_taking": after_taking}])

    with pytest.raises(requests.ConnectionError):
        sandbox.push(person("ada"))

    sandbox.settle()
    assert sandbox.control("/contacts") == (["ada"] if after_taking else [])
    assert "drop_connection" in sandbox.control("/requests")[0]["note"]


@pytest.mark.parametrize("after_taking", [True, False])
def test_an_answer_that_breaks_off(sandbox: Sandbox, after_taking: bool) -> None:
    sandbox.set(next_responses=[{"cut_body": True, "after_taking": after_taking}])

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        sandbox.push(person("ada"))

    sandbox.settle()
    assert sandbox.control("/contacts") == (["ada"] if after_taking else [])
    (logged,) = sandbox.control("/requests")
    assert logged["keys"] == ["ada"], "the log says whom it was about, taken or not"
    assert sandbox.push(person("ada")).json()["success"] is True


def test_what_was_accepted_is_kept_in_its_order_on_request(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada"))
    assert sandbox.control("/history") == []
    sandbox.set(keep_history=True, next_responses=[{"status": 503}, {"status": 200}])
    assert sandbox.push(person("ada")).status_code == 503
    sandbox.taken(person("bob"), person("ada", Title="Countess"))
    sandbox.taken(person("ada", Title="Analyst"))

    first, *more = sandbox.control("/history")

    assert first["key"] == "bob"
    assert [(one["key"], one["record"]["MemberDetails"]["Title"]) for one in more] == [
        ("ada", "Countess"),
        ("ada", "Analyst"),
    ]
    assert sandbox.control(f"/history?after={more[0]['position']}") == more[1:]
    wrong = requests.get(f"{sandbox.base}/control/history?after=-1", timeout=10)
    assert wrong.status_code == 400


def test_a_hanging_answer_of_a_taken_push(sandbox: Sandbox) -> None:
    sandbox.set(next_responses=[{"status": 200, "after_taking": True, "hang_seconds": 0.3}])
    began = time.monotonic()

    assert sandbox.push(person("ada")).json()["success"] is True

    assert time.monotonic() - began >= 0.3


def test_a_stranger_does_not_use_the_script_up(sandbox: Sandbox) -> None:
    sandbox.set(next_responses=[{"status": 503}])
    assert sandbox.push(person("ada"), key="wrong").status_code == 403
    assert len(sandbox.control()["next_responses"]) == 1


@pytest.mark.parametrize(
    "changes",
    [
        [],
        {"unknown": 1},
        {"rate_limit_per_second": 0},
        {"rate_limit_per_second": True},
        {"latency_ms": -1},
        {"latency_ms": "5"},
        {"failure_rate": 1.1},
        {"refresh_per_second": -1},
        {"max_batch": 0},
        {"max_batch": None},
        {"reject_keys": {"a": ""}},
        {"reject_keys": []},
        {"crash_keys": {"a": "b"}},
        {"crash_keys": [1]},
        {"next_responses": {}},
        {"next_responses": [{}]},
        {"next_responses": [{"status": 99}]},
        {"next_responses": [{"statuz": 200}]},
        {"next_responses": [{"hang_seconds": 1e9}]},
        {"next_responses": [{"cut_body": 1}]},
        {"keep_history": "yes"},
        {"next_responses": [{"retry_after": "a\r\nb"}]},
        {"properties": {"Other": True}},
        {"properties": {"IntegrateProfileImage": "yes"}},
    ],
)
def test_a_wrong_setting_changes_nothing(shared_sandbox: Sandbox, changes: Any) -> None:
    before = shared_sandbox.control()
    # A good setting beside the wrong one is not taken either.
    body = {"max_batch": 7, **changes} if isinstance(changes, dict) else changes

    response = requests.patch(f"{shared_sandbox.base}/control", json=body, timeout=10)

    assert response.status_code == 400
    assert response.json()["error"]
    assert shared_sandbox.control() == before


def test_the_log_tells_of_every_push(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada"), person("bob"))
    sandbox.push(person("ada", Age="old"))
    sandbox.push(key="wrong")

    forbidden, refused, taken = sandbox.control("/requests")
    assert (taken["status"], taken["success"], taken["count"]) == (200, True, 2)
    assert taken["keys"] == ["ada", "bob"]
    assert taken["millis"] > 0
    assert abs(taken["time"] - time.time()) < 60
    assert refused["success"] is False
    assert "Age" in refused["note"]
    assert forbidden["status"] == 403
    assert len(sandbox.control("/requests?limit=1")) == 1
    wrong = requests.get(f"{sandbox.base}/control/requests?limit=0", timeout=10)
    assert wrong.status_code == 400


def test_unknown_contacts_and_groups_are_not_found(sandbox: Sandbox) -> None:
    for path in ("/control/contacts/nobody", "/control/groups/none"):
        response = requests.get(sandbox.base + path, timeout=10)
        assert response.status_code == 404
        assert "error" in response.json()


def test_reset_empties_everything(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada", community("policy")))
    sandbox.set(latency_ms=1, next_responses=[{"status": 500}])

    assert requests.post(f"{sandbox.base}/control/reset", timeout=10).status_code == 200

    assert sandbox.control("/state") == {
        "contacts": 0,
        "companies": 0,
        "people": 0,
        "contacts_pending_refresh": 0,
        "requests": 0,
        "accepted_records": 0,
        "groups": [],
    }
    assert sandbox.control("/requests") == []
    assert sandbox.control()["latency_ms"] == 0
    sandbox.taken(person("bob", EmailAddress="ada@example.org"))


def test_pages_of_other_sites_do_not_control(sandbox: Sandbox) -> None:
    url = f"{sandbox.base}/control/reset"
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        assert requests.post(url, headers={"Origin": origin}, timeout=10).status_code == 403
    assert requests.post(url, headers={"Origin": sandbox.base}, timeout=10).status_code == 200


def test_another_host_name_is_refused(sandbox: Sandbox) -> None:
    for path in ("/control", "/admin/integration", "/"):
        response = requests.get(
            sandbox.base + path, headers={"Host": "rebound.example"}, timeout=10
        )
        assert response.status_code == 400
        assert "the-api-key" not in response.text


def test_another_machine_does_not_control(sandbox: Sandbox) -> None:
    answer = sandbox.app.test_client().get(
        "/control", environ_overrides={"REMOTE_ADDR": "203.0.113.5"}
    )
    assert answer.status_code == 403
