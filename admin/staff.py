"""Staff and roles: who works in the panel, and what each of the roles may do."""

from sqlalchemy import Select, case, select

from admin import roles
from admin.access import PanelView, page
from admin.lists import page_of
from idp.database import db
from idp.directory.accounts import ROLES, Account
from idp.directory.contacts import Person

ORDER = [role for role in ROLES[::-1] if role != "member"]


class StaffView(PanelView):
    """`/panel/staff/`."""

    @page("/")
    def index(self) -> str:
        """Who works in the panel, by role, and what each role may do."""
        listing = page_of(_accounts())
        states = {
            account.id: account.state
            for account in db.session.scalars(
                select(Account).where(Account.id.in_([row.id for row in listing.rows]))
            )
        }
        return self.render(
            "panel/staff.html", listing=listing, states=states, words=roles.WORDS, order=ORDER
        )


def _accounts() -> Select[tuple[int, str, str, str, str, str]]:
    account = Account.__table__.c
    rank = case({role: place for place, role in enumerate(ORDER)}, value=account.role)
    return (
        select(
            account.id,
            account.role,
            Person.key,
            Person.first_name,
            Person.last_name,
            Person.email,
        )
        .join(Person, Person.id == account.person_id)
        .where(account.role != "member")
        .order_by(rank, Person.last_name, Person.first_name, account.id)
    )
