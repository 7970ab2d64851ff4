"""The steps of the set-up, as the brief has them; each ticks itself."""

from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import or_, select

from idp import association
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Person
from idp.oauth.clients import Client
from sync import connection

UNNAMED = "Your association"


@dataclass(frozen=True)
class Step:
    """A step of the set-up: what it is, what is missing for it, where it is done, by whom.

    ``endpoint`` leads to the page; ``done`` follows from the facts alone.
    """

    title: str
    text: str
    endpoint: str
    action: str
    done: bool

    @property
    def url(self) -> str:
        """Where the step is done."""
        return url_for(self.endpoint)


def steps(standing: dict[str, Any]) -> list[Step]:
    """The steps, for how the sync stands (``sync.standing.status.overall``)."""
    link = connection.get()
    # A Higher Logic client is made first, and has its callback once its worksheet came back.
    addresses = db.session.scalars(
        select(Client.redirect_uris).where(Client.disabled_at.is_(None))
    ).all()
    # Who looks after the panel is there from the start and is no import.
    people = db.session.scalar(
        select(Person.id)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(or_(Account.id.is_(None), Account.role == "member"))
        .limit(1)
    )
    synced = any(group["last_accepted_at"] for group in standing["groups"])
    return [
        Step(
            "Name your association",
            "Its name and colour are on every page that members see.",
            "panel_integrations.index",
            "Enter name and colour",
            association.get().name != UNNAMED,
        ),
        Step(
            "Bring in your people and companies",
            "From your member system’s export: companies first, then people.",
            "panel_imports.index",
            "Import them",
            people is not None,
        ),
        Step(
            "Enter the API key and tenant code",
            "Your Higher Logic representative gives you both.",
            "panel_integrations.index",
            "Enter them",
            link.configured,
        ),
        Step(
            "Test the connection",
            "One press, and you know that Higher Logic takes the key.",
            "panel_integrations.index",
            "Test it",
            link.configured and bool(link.last_test_ok) and link.stopped_at is None,
        ),
        Step(
            "Make the sign-in client",
            "So that members sign in at Higher Logic with their account here. Send its worksheet "
            "to your representative, enter what comes back, and let the self-test try it.",
            "panel_clients.index",
            "Open its worksheet" if addresses else "Make a client",
            any(addresses),
        ),
        Step(
            "Sync the first group",
            "It becomes a community or a security group, with its members.",
            "panel_groups.index",
            "Open groups",
            synced,
        ),
    ]
