"""What a person sees, and what every page is sent with."""

import re

import pytest
import requests

from tests.sandbox.conftest import Sandbox
from tests.sandbox.records import community, company, demographic, person, security

PAGES = [
    "/",
    "/communities",
    "/communities/policy",
    "/admin/contacts",
    "/admin/contacts/ada",
    "/admin/contacts/engines",
    "/admin/security-groups",
    "/admin/security-groups/members",
    "/admin/communities",
    "/admin/communities/policy",
    "/admin/sync",
    "/admin/integration",
    "/admin/sso",
    "/admin/faults",
    "/HigherLogic/Security/Logout.aspx",
    "/HigherLogic/Security/LoggedOut.aspx",
    "/conference/",
    "/conference/signed-out",
]


@pytest.fixture(scope="module")
def filled(shared_sandbox: Sandbox) -> Sandbox:
    ada = person(
        "ada",
        security("members"),
        community("policy", RoleDescription="Chair"),
        ParentMemberKey="engines",
        LastName="<script>alert(1)</script>",
        WebsiteUrl="javascript:alert(1)",
    )
    ada["Demographics"] = [demographic("region", "NE")]
    shared_sandbox.set(properties={"IntegrateSocialMediaSites": True})
    shared_sandbox.taken(company("engines", security("sponsors", "Sponsors")), ada)
    return shared_sandbox


@pytest.mark.parametrize("path", PAGES)
def test_a_page_stands_on_its_own_and_is_well_guarded(filled: Sandbox, path: str) -> None:
    response = requests.get(filled.base + path, timeout=10)

    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    page = response.text
    assert '<html lang="en">' in page
    assert page.count("<h1") == 1
    assert page.count("<main") == 1
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page
    assert not re.search(r"\sstyle=|\son\w+=", page)
    assert not re.search(r'(?:src|<link[^>]*href)="https?://', page)
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    assert set(re.findall(r'<(?:input|textarea) [^>]*?id="([^"]+)"', page)) <= labelled
    if path.startswith("/admin"):
        assert "asks no administrator to sign in" in page


def test_static_files_are_local(sandbox: Sandbox) -> None:
    for name in ("community.css", "conference.css", "app.js", "community.svg", "conference.svg"):
        response = requests.get(f"{sandbox.base}/static/{name}", timeout=10)
        assert response.status_code == 200
        assert "@import" not in response.text


def test_contacts_are_searched_and_paged(sandbox: Sandbox) -> None:
    sandbox.taken(*(person(f"p{number:02}", LastName="Paged") for number in range(60)))
    sandbox.taken(person("ada"), person("x%y"))

    def found(query: str) -> str:
        return requests.get(f"{sandbox.base}/admin/contacts?{query}", timeout=10).text

    assert "62 contacts" in found("")
    assert "1 contact for" in found("q=ada@example")
    assert "1 contact for" in found("q=p07")
    assert "60 contacts" in found("q=paged+p")
    assert "1 contact for" in found("q=%25")
    assert "Nobody matches" in found("q=zzz")
    assert "Page 2 of 2" in found("page=2")
    assert "Page 1 of 2" in found("page=-1")


def test_the_sync_page_counts_what_is_pending(sandbox: Sandbox) -> None:
    sandbox.set(refresh_per_second=0)
    sandbox.push(person("ada"), person("bob"))
    sandbox.push(person("carl", Age=-1))

    page = requests.get(f"{sandbox.base}/admin/sync", timeout=10).text

    assert "Sync External Database" in page
    text = re.sub(r"<[^>]+>", "", page)
    assert "Contacts pending refresh: 2" in text
    assert "whole number from 0 to 200" in text
    live = requests.get(f"{sandbox.base}/admin/sync/state", timeout=10).json()
    assert live["contacts_pending_refresh"] == 2


def test_the_integration_page_hands_out_what_the_push_needs(sandbox: Sandbox) -> None:
    page = requests.get(f"{sandbox.base}/admin/integration", timeout=10).text
    for text in ("ACME", "the-api-key", f"{sandbox.base}/push/v1"):
        assert text in page


def test_the_faults_page_sets_the_controls(sandbox: Sandbox, browser: requests.Session) -> None:
    before = sandbox.control()
    fields = {
        "rate_limit_per_second": "5",
        "latency_ms": "10",
        "failure_rate": "0.5",
        "refresh_per_second": "",
        "max_batch": "50",
        "reject_keys": '{"bob": "No."}',
        "crash_keys": '["eve"]',
        "next_responses": '[{"status": 503}]',
    }

    wrong = sandbox.submit(browser, "/admin/faults", **{**fields, "max_batch": "many"})
    assert wrong.status_code == 400
    assert "max_batch is neither a number nor valid JSON" in wrong.text
    assert sandbox.control() == before

    assert "Saved" in sandbox.submit(browser, "/admin/faults", **fields).text
    now = sandbox.control()
    assert now["rate_limit_per_second"] == 5
    assert now["refresh_per_second"] is None
    assert now["next_responses"] == [{"status": 503}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "ftp://x"),
        ("issuer", ""),
        ("token_url", "/oauth/token"),
        ("logout_url", "https://x;frame-src"),
        ("identifier_attribute", ""),
        ("scope", "a" * 2001),
    ],
)
def test_a_wrong_worksheet_is_not_saved(
    sandbox: Sandbox, browser: requests.Session, field: str, value: str
) -> None:
    good = {"issuer": "https://a.example", "identifier_attribute": "sub", "scope": "profile"}

    answer = sandbox.submit(browser, "/admin/sso", **{**good, field: value})

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    page = requests.get(f"{sandbox.base}/admin/sso", timeout=10).text
    assert "https://a.example" not in page


def test_forms_of_other_sites_are_refused(sandbox: Sandbox) -> None:
    for path in ("/admin/sso", "/admin/faults", "/admin/faults/clear", "/admin/integration"):
        assert requests.post(sandbox.base + path, timeout=10).status_code == 400


def test_secrets_of_the_worksheet_are_not_shown(
    sandbox: Sandbox, browser: requests.Session
) -> None:
    sandbox.submit(
        browser,
        "/admin/sso",
        issuer="https://a.example",
        identifier_attribute="sub",
        scope="profile",
        community_client_secret="very-secret",
    )
    page = requests.get(f"{sandbox.base}/admin/sso", timeout=10).text
    assert "https://a.example/oauth/token" in page
    assert "leave empty to keep it" in page
    assert "very-secret" not in page


def test_what_is_not_there_is_a_clear_page(sandbox: Sandbox) -> None:
    sandbox.taken(person("ada", security("members")))
    for path in ("/nowhere", "/communities/members", "/admin/contacts/x", "/admin/communities/x"):
        response = requests.get(sandbox.base + path, timeout=10)
        assert response.status_code == 404
        assert "Go to the home page" in response.text
