"""What somebody at a browser does with a page that they were led to: fill in its form, send it."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

from tests import factories
from tests.foreign.tessera import Member
from tests.stack import Person


class _Form(HTMLParser):
    """The first form of a page: where it goes, and what its hidden fields hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self._within = True
            self.action = given.get("action", "")
        elif tag == "input" and self._within and given.get("type") == "hidden":
            self.hidden[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._within = False


def send(person: Person, shown: requests.Response, **fields: str) -> requests.Response:
    """Send the form of the page that is shown."""
    form = _Form(shown.text)
    assert form.action is not None, f"no form at {shown.url} ({shown.status_code}): {shown.text}"
    return person.http.post(
        urljoin(shown.url, form.action), data={**form.hidden, **fields}, timeout=30
    )


def sign_in(person: Person, shown: requests.Response, member: Member) -> requests.Response:
    """Sign in on the sign-in page that is shown; where it leads."""
    assert "/sign-in" in shown.url, f"{shown.url} ({shown.status_code}): {shown.text}"
    return send(person, shown, email=member.email, password=factories.PASSWORD)
