"""Merge: two records of one person or one company side by side, and then one.

Nothing is done before somebody saw both records as they are: who looked at an older state looks
again.
"""

from typing import Any

from flask import abort, flash, redirect, request
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from admin import lookups, records
from admin.access import may_manage, page, signed_in, want_password
from admin.contact_addresses import home
from admin.lists import LONGEST_SEARCH
from idp.database import db
from idp.directory import accounts, merging
from idp.directory.accounts import Account
from idp.directory.contacts import Contact, InvalidValue, Person
from idp.directory.groups import Group
from idp.directory.membership import Addition, Exclusion
from idp.directory.searching import title
from idp.folding import folded, given

MOST_ALIKE = 8


class MergeableView(records.RecordView):
    """The page that merges, of the views of people and of companies."""

    @page("/<key:key>/merge", methods=("GET", "POST"), get="change")
    def merge(self, key: str) -> Any:
        """Choose the other record, compare, confirm. ``key`` is of the one that is kept."""
        kept: Contact = records.found(self.model, key)
        text = request.values.get("other", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
        try:
            other = _other(kept, text)
        except InvalidValue as error:
            return self._choose(kept, text, str(error))
        if other is None:
            return self._choose(kept, "")
        theirs = {"kept": _account(kept), "other": _account(other)}
        if not all(may_manage(account) for account in theirs.values()):
            abort(403)
        for account in theirs.values():
            want_password(account)
        take, whose = merging.suggested(kept, other), None
        problem = ""
        if request.method == "POST":
            take, whose = _chosen()
            problem = _problem(kept, other, theirs, whose) or _merge(kept, other, take, whose)
            if not problem:
                flash("The two records are one now.", "success")
                return redirect(home(kept), 303)
        return self.render(
            "panel/merge.html",
            home=home(kept),
            kept=kept,
            other=other,
            theirs=theirs,
            rows=merging.compare(kept, other),
            take=take,
            whose=whose or "kept",
            seen=_seen(kept, other),
            pointing=_pointing(other),
            declared=_groups(Addition, other),
            shut_out=_groups(Exclusion, other),
            problem=problem,
        )

    def _choose(self, kept: Contact, text: str, problem: str = "") -> str:
        return self.render(
            "panel/merge_choose.html",
            home=home(kept),
            kept=kept,
            text=text,
            problem=problem,
            alike=_alike(kept),
        )


def _other(kept: Contact, text: str) -> Contact | None:
    other = lookups.resolved("company" if kept.kind == "company" else "person", text, "other")
    if other is kept:
        raise InvalidValue("other", "same_record", "This is the very same record.")
    return other


def _account(contact: Contact) -> Account | None:
    return accounts.of_person(contact) if isinstance(contact, Person) else None


def _chosen() -> tuple[set[str], merging.Whose | None]:
    """What the form chooses: the parts that are the other's, and whose account stays."""
    take = {
        name.removeprefix("part-")
        for name, value in request.form.items()
        if name.startswith("part-") and value == "other"
    }
    whose: dict[str, merging.Whose] = {"kept": "kept", "other": "other"}
    return take, whose.get(request.form.get("account", ""))


def _problem(
    kept: Contact,
    other: Contact,
    theirs: dict[str, Account | None],
    whose: merging.Whose | None,
) -> str:
    if request.form.get("seen") != _seen(kept, other):
        return "One of the records was changed in the meantime: look at them again."
    own = signed_in().id
    goes_or_moves = [theirs["other"]] if whose != "other" else list(theirs.values())
    if any(account is not None and account.id == own for account in goes_or_moves):
        return "Your own account would end or move to another key: somebody else has to merge this."
    return ""


def _merge(kept: Contact, other: Contact, take: set[str], whose: merging.Whose | None) -> str:
    """Merge; gives what stands in the way."""
    try:
        merging.merge(kept, other, take=take, whose=whose)
        db.session.commit()
    except InvalidValue as error:
        db.session.rollback()
        return str(error)
    except IntegrityError:
        db.session.rollback()
        return "Somebody else has just saved the same e-mail address or role: look at them again."
    return ""


def _seen(kept: Contact, other: Contact) -> str:
    return f"{kept.updated_at.isoformat()} {other.updated_at.isoformat()}"


def _alike(kept: Contact) -> list[Contact]:
    """A few records that may be of the same person or company: by address or by name."""
    contact = Contact.__table__
    alike = [folded(title(contact).element) == given(kept.title)]
    if kept.email_key is not None:  # who has no address has it with nobody
        alike.append(contact.c.email_key == kept.email_key)
    return list(
        db.session.scalars(
            select(Contact)
            .where(
                contact.c.kind == kept.kind,
                contact.c.id != kept.id,
                contact.c.merged_into_id.is_(None),
                or_(*alike),
            )
            .order_by(contact.c.id)
            .limit(MOST_ALIKE)
        )
    )


def _groups(model: type[Addition] | type[Exclusion], other: Contact) -> list[str]:
    """The names of the groups that staff put a record into, or shut it out of."""
    query = select(Group.name).join(model, model.group_id == Group.id)
    return list(
        db.session.scalars(
            query.where(model.contact_id == other.id).distinct().order_by(Group.name)
        )
    )


def _pointing(other: Contact) -> dict[str, int]:
    """How many people and companies point to a record."""
    contact = Contact.__table__.c
    counted = db.session.execute(
        select(
            *(
                func.count().filter(contact[name] == other.id).label(name)
                for name in ("company_id", "parent_id", "main_contact_id")
            )
        ).where(
            or_(
                contact.company_id == other.id,
                contact.parent_id == other.id,
                contact.main_contact_id == other.id,
            )
        )
    ).one()
    return dict(counted._mapping)
