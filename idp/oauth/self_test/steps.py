"""What the steps of a test have in common: what they play with, and how they end."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from idp.directory.accounts import Account
from idp.oauth.clients import Client
from idp.oauth.self_test.far_side import Answer, FarSide

State = Literal["ok", "failed", "skipped"]
# Whatever our own encoding does to a state, Higher Logic must get back what it sent.
ODD_CHARACTERS = " /+&=?%#;:@\"'<>~%2B"


@dataclass(frozen=True)
class Facts:
    """What the test needs to know of the client and the member, free of any transaction: while
    it runs, the server that it asks is the one that writes."""

    client_row_id: int
    client_id: str
    name: str
    active: bool
    authentication: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    identifier_attribute: str
    scope: str
    pkce_required: bool
    pushed_required: bool
    consent_required: bool
    restricted: bool
    account_id: int
    key: str
    member: str

    @classmethod
    def of(cls, client: Client, account: Account, scope: str) -> "Facts":
        """The facts of a client and a member's account."""
        return cls(
            client_row_id=client.id,
            client_id=client.client_id,
            name=client.name,
            active=client.active,
            authentication=client.authentication,
            redirect_uris=tuple(client.redirect_uris),
            post_logout_redirect_uris=tuple(client.post_logout_redirect_uris),
            identifier_attribute=client.identifier_attribute,
            scope=scope,
            pkce_required=client.pkce_required,
            pushed_required=client.pushed_required,
            consent_required=client.consent_required,
            restricted=client.restricted,
            account_id=account.id,
            key=account.person.key,
            member=account.person.title,
        )


@dataclass
class Play:
    """A test that is going on: what it stands on, and what Higher Logic has in hand by now.

    ``endpoints`` are the addresses of the worksheet, by their names in the metadata.
    """

    facts: Facts
    far_side: FarSide
    endpoints: dict[str, str]
    secret: str = field(repr=False)
    state: str = ""
    code: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    userinfo: dict[str, Any] = field(default_factory=dict)

    def authorize(self, redirect_uri: str, *, signed_in: bool = True) -> Answer:
        """The member follows Higher Logic's sign-in link."""
        return self.far_side.browse(
            self.endpoints["authorization_endpoint"],
            signed_in=signed_in,
            client_id=self.facts.client_id,
            response_type="code",
            scope=self.facts.scope,
            redirect_uri=redirect_uri,
            state=self.state,
        )


@dataclass(frozen=True)
class Step:
    """One step of Higher Logic's part.

    ``did`` says what is done. ``play`` does it and gives what was seen; it raises ``Failed`` or
    ``NoAnswer``. ``needs`` names steps without which this one cannot be played.
    """

    name: str
    title: str
    did: str
    play: Callable[[Play], str]
    needs: tuple[str, ...] = ()


class Failed(Exception):
    """The step did not go as it must: what was ``seen``, and what to do about it."""

    def __init__(self, seen: str, advice: str) -> None:
        self.seen, self.advice = seen, advice
        super().__init__(seen)


@dataclass(frozen=True)
class Result:
    """How a step went. All of it may be shown: none of it is secret."""

    name: str
    title: str
    state: State
    did: str
    seen: str
    advice: str = ""

    def as_json(self) -> dict[str, str]:
        """The result as a job keeps it."""
        return asdict(self)


def passed(results: list[Result]) -> bool:
    """Whether no step failed."""
    return all(result.state != "failed" for result in results)
