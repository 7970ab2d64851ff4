"""The community's own pages: home, the communities and their members, the member's profile."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from sandbox import contacts
from sandbox.services import services
from sandbox.signin import member

blueprint = Blueprint("community", __name__)

PAGE_SIZE = 50


@blueprint.app_context_processor
def signed_in() -> dict[str, Any]:
    """`member` in every template of the community: the contact signed in, or None."""
    return {} if request.path.startswith("/conference") else {"member": member()}


@blueprint.get("/")
def home() -> str:
    """Welcome; for a member their communities and security groups as they are now."""
    person = member()
    database = services().database
    return render_template(
        "home.html",
        communities=contacts.belongings(database, person, "community") if person else [],
        security_groups=contacts.belongings(database, person, "security") if person else [],
        total=len(contacts.groups(database, "community")),
    )


@blueprint.get("/communities")
def communities() -> str:
    """All communities by name."""
    return render_template(
        "communities.html", groups=contacts.groups(services().database, "community")
    )


@blueprint.get("/communities/<path:key>")
def community(key: str) -> str:
    """One community with its members and their roles."""
    found = contacts.group(services().database, key)
    if found is None or found.kind != "community":
        raise NotFound("There is no such community.")
    page = page_number()
    return render_template(
        "community.html",
        group=found,
        members=contacts.members(services().database, key, page, PAGE_SIZE),
        page=page,
        pages=page_count(found.members, PAGE_SIZE),
    )


@blueprint.get("/profile")
def profile() -> AnyResponse | str:
    """The signed-in member's own record, read at this moment; others sign in first."""
    person = member()
    if person is None:
        return redirect(url_for("signin.login_bounce", ReturnUrl="/profile"))
    return render_template("profile.html", **record_of(person))


def record_of(one: contacts.Contact) -> dict[str, Any]:
    """What the pages show of a contact: `contact`, `fields`, `demographics`, both kinds of
    groups, and its company."""
    database = services().database
    demographics: dict[str, list[str]] = {}
    for entry in one.record["Demographics"]:
        demographics.setdefault(entry["DemographicTypeValue"], []).append(entry["DemographicValue"])
    return {
        "contact": one,
        "fields": {
            name: value
            for name, value in one.details.items()
            if value not in ("", None) and name not in ("Bio", "LegacyContactKey")
        },
        "demographics": demographics,
        "communities": contacts.belongings(database, one, "community"),
        "security_groups": contacts.belongings(database, one, "security"),
        "company": contacts.contact(database, one.company_key) if one.company_key else None,
    }


def page_number() -> int:
    """The `page` of the query, counted from 1; 1 when it is not a sensible number."""
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) <= 6 else 1


def page_count(entries: int, size: int) -> int:
    """How many pages that makes; one at least."""
    return max(1, -(-entries // size))
