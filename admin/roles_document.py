"""``docs/roles.md``: who may see and do what in the panel, made of ``access.TABLE`` and the pages.

``python -m admin.roles_document`` writes it (``make roles``); a test compares it.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from flask import Flask

from admin import access, roles
from admin.access import Page, PanelView
from idp.directory.accounts import ROLES

DOCUMENT = Path("docs/roles.md")
HEAD = """\
# Who may do what

Made by `make roles` from the table of `admin/access.py` and the pages of the panel, and compared \
by a test. Do not edit it.

An owner gives a role on the page of a person, or with `tessera account role EMAIL ROLE`. The last \
owner who can sign in stays one.

{roles}

Only an owner changes how an owner signs in. Staff do so for everybody else, the help desk for \
members and for its own.

**look** is to open a page, **send** is to press what is on it. Where the password is named, it is \
asked for again when it was given more than `TESSERA_CONFIRM_MINUTES` ago.
"""
CLOSED = frozenset({"member"})


def text(shown_views: Iterable[PanelView]) -> str:
    """The document, for the views of a panel."""
    explained = "\n".join(f"- **{roles.NAMES[role]}**: {roles.WORDS[role]}" for role in ROLES[::-1])
    parts = [HEAD.format(roles=explained)]
    for view in shown_views:
        shown = [role for role in ROLES[::-1] if role not in CLOSED]
        rows = [
            f"## {view.name}",
            "",
            "| page | | " + " | ".join(roles.NAMES[role] for role in shown) + " | |",
            "|---|---|" + "---|" * len(shown) + "---|",
        ]
        for one in sorted(view.pages(), key=lambda page: page.path):
            for says, method in _ways(one):
                action = one.needs.of(method)
                may = (
                    "yes" if access.allowed(role, view.endpoint, action) else "–" for role in shown
                )
                asks = "password" if one.needs.password(method) else ""
                rows.append(f"| {_says(one)} | {says} | {' | '.join(may)} | {asks} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _ways(one: Page) -> Iterator[tuple[str, str]]:
    if "GET" in one.methods:
        yield "look", "GET"
    if "POST" in one.methods:
        yield "send", "POST"


def _says(one: Page) -> str:
    return " ".join(one.says.split("\n\n")[0].split()).replace("``", "`")


def views() -> list[PanelView]:
    """The views of the panel, in the order of its menu."""
    from admin import init_app

    app = Flask(__name__)
    init_app(app)
    return list(app.extensions["admin"][0]._views)


if __name__ == "__main__":
    DOCUMENT.write_text(text(views()), encoding="utf-8")
