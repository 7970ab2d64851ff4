"""The overview: does Higher Logic have what it should, and what is left to set up."""

from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy import func, or_, select

from admin import exports
from admin.access import PanelView, page
from idp import association
from idp.database import db
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, Person
from idp.directory.groups import Group
from idp.oauth.clients import Client
from sync import connection, exporting, status

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


class OverviewView(PanelView):
    """`/panel/`."""

    @page("/")
    def index(self) -> str:
        """The first page."""
        standing = status.overall()
        steps = set_up(standing)
        return self.render(
            "panel/overview.html",
            status=standing,
            headline=headline(standing),
            explanation=explanation(standing),
            counts=counts(),
            steps=steps,
            next_step=next((step for step in steps if not step.done), None),
        )

    @page("/status.json")
    def status(self) -> dict[str, Any]:
        """How the sync stands, for the page to keep current."""
        standing = status.overall()
        return {
            "state": standing["state"],
            "label": headline(standing),
            "text": explanation(standing),
            "pending": f"{standing['pending']:,}",
            "failed": f"{standing['failed']:,}",
            "accepted": f"{standing['accepted']:,}",
        }

    @page("/waiting/export", methods=("POST",))
    def export_waiting(self) -> Any:
        """What Higher Logic has not taken yet, and what it refused, as a file."""
        return exports.download(exporting.waiting())


def headline(standing: dict[str, Any]) -> str:
    """The line that staff look for."""
    match standing["state"]:
        case "up_to_date" if not standing["groups"]:
            return "No group is synced yet"
        case "up_to_date":
            return "Higher Logic is up to date"
        case "pending":
            number = standing["pending"]
            return f"{number:,} {'change is' if number == 1 else 'changes are'} on the way"
        case _:
            return status.label(standing)


def explanation(standing: dict[str, Any]) -> str:
    """What the line means, and what to do about it."""
    match standing["state"]:
        case "not_connected":
            return (
                "Nothing is sent until an owner has entered the tenant code and the API key "
                "under Association settings."
            )
        case "stopped":
            return (
                "Nothing is sent, and nothing is lost: what changes here waits. Ask Higher Logic "
                "for the right API key and tenant code, enter them under Association settings, "
                f"and everything goes on. {standing['message']}"
            )
        case "failing" if standing["failed"] and not standing["pending"]:
            return (
                "Everything else has arrived. The group's page names the records and what is "
                "wrong with them; each is tried again as soon as it is mended."
            )
        case "failing":
            return f"Changes wait here and are sent by themselves. {standing['message']}"
        case "pending":
            return "They are being sent now. Nothing is left for you to do."
        case _ if not standing["groups"]:
            return "Make a group and switch its sync on: its members then appear at Higher Logic."
        case _:
            return "Everything that Higher Logic should have has been accepted there."


def counts() -> dict[str, int]:
    """How many people, companies, accounts, current members and synced groups. One statement."""
    contact = Contact.__table__.c

    def number(kind: str, *tests: Any) -> Any:
        of_kind = select(func.count()).where(contact.kind == kind, *tests)
        return of_kind.where(contact.merged_into_id.is_(None)).scalar_subquery()

    row = db.session.execute(
        select(
            number("person"),
            number("person", func.lower(contact.member_status) == "current"),
            select(func.count()).select_from(Account).scalar_subquery(),
            number("company"),
            select(func.count()).where(Group.sync).scalar_subquery(),
        )
    ).one()
    return dict(zip(("people", "current", "accounts", "companies", "groups"), row, strict=True))


def set_up(standing: dict[str, Any]) -> list[Step]:
    """The steps of the brief; each ticks itself."""
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
