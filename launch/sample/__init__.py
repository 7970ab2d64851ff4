"""The sample association: made-up people and companies, and what the demonstration needs."""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from idp import association
from idp.database import db
from idp.directory import accounts, fields, importing
from idp.directory.accounts import Account, Role
from idp.directory.contacts import Contact
from idp.oauth import clients, registration
from idp.settings import Settings
from idp.signin import passwords
from sync import connection

FOLDER = Path(__file__).parent
NAME = "Association of Made-up Professionals"
TENANT_CODE = "SANDBOX"
# Known, and printed: it opens made-up people on a loopback address, nothing else.
PASSWORD = "tessera demo 2026"  # noqa: S105


@dataclass(frozen=True)
class Login:
    """One of the three people that the demonstration signs in as."""

    role: Role
    email: str


LOGINS = (
    Login("member", "gustaw.oleszko28@example.net"),
    Login("staff", "jessica.nelson0@example.org"),
    Login("owner", "elizabeth.dixon1@example.org"),
)


def is_wanted(settings: Settings) -> bool:
    """Whether the directory has nobody yet, or a first start ended half-way through the sample."""
    return _mark(settings).exists() or db.session.scalar(select(Contact.id).limit(1)) is None


def _mark(settings: Settings) -> Path:
    return settings.data_dir / "sample.loading"


def load(settings: Settings, progress: Callable[[str, int, int], None]) -> None:
    """Load the sample association: people, companies, fields, logins, the sandbox's connection.

    ``progress`` is called with what is loaded, how much is done and how much there is.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _mark(settings).touch()
    association.change(name=NAME)
    db.session.commit()  # an import begins a transaction of its own
    for kind in ("companies", "people"):
        importing.run(
            "companies" if kind == "companies" else "people",
            FOLDER / f"{kind}.csv",
            progress=lambda done, total, kind=kind: progress(kind, done, total),  # type: ignore[misc]
        )
    for field in fields.all_fields("person"):
        field.sync = True
        field.member_may_edit = field.key in {"areas_of_interest", "volunteer"}
    for login in LOGINS:
        account = accounts.find(login.email)
        if account is None:
            raise LookupError(f"the sample has no account {login.email}")
        account.role = login.role
        passwords.set_password(account, PASSWORD)
    db.session.commit()
    _mark(settings).unlink()


def logins() -> list[tuple[Login, Account]]:
    """The demonstration's logins that are still there, with the password that is known."""
    found = []
    for login in LOGINS:
        account = accounts.find(login.email)
        if account is not None and passwords.verify(account, PASSWORD):
            found.append((login, account))
    return found


def connect_sandbox(settings: Settings, address: str) -> dict[str, str]:
    """Make the sandbox's clients and connection, or bring them to its present address.

    Gives back the sandbox's environment. The client secrets are kept for it in the data folder
    (0600): here they are hashes.
    """
    kept = settings.data_dir / "sandbox" / "launch.json"
    secrets_kept: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    secrets_kept.setdefault("api_key", secrets.token_urlsafe(24))
    for name, (title, template, addresses) in _sites(address).items():
        known = clients.find(secrets_kept.get(name, {}).get("client_id", ""))
        if known is None:
            client, secret = registration.create(title, template, **addresses)
            secrets_kept[name] = {"client_id": client.client_id, "client_secret": secret}
        else:
            registration.change(known, **addresses)
    here = connection.get()
    if not here.configured:
        connection.change(
            base_url=address,
            tenant_code=TENANT_CODE,
            api_key=secrets_kept["api_key"],
            integrate_bio=True,
            integrate_social_media=True,
        )
    elif here.tenant_code == TENANT_CODE and here.base_url != address:
        connection.change(base_url=address)
    db.session.commit()
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: half a file would stop every further start.
    draft = kept.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(secrets_kept, file)
    draft.replace(kept)
    return {
        "SANDBOX_DATA_DIR": str(kept.parent),
        "SANDBOX_TENANT_CODE": TENANT_CODE,
        "SANDBOX_API_KEY": secrets_kept["api_key"],
        "SANDBOX_ISSUER": settings.issuer,
        "SANDBOX_COMMUNITY_NAME": association.get().name,
        "SANDBOX_COMMUNITY_CLIENT_ID": secrets_kept["community"]["client_id"],
        "SANDBOX_COMMUNITY_CLIENT_SECRET": secrets_kept["community"]["client_secret"],
        "SANDBOX_CONFERENCE_CLIENT_ID": secrets_kept["conference"]["client_id"],
        "SANDBOX_CONFERENCE_CLIENT_SECRET": secrets_kept["conference"]["client_secret"],
    }


def switch_properties_on(address: str) -> None:
    """Do at the sandbox what Higher Logic's staff do for a tenant: switch its properties on."""
    names = ("MembershipIntegrateBio", "IntegrateProfileImage", "IntegrateSocialMediaSites")
    answer = requests.patch(
        f"{address}/control", json={"properties": dict.fromkeys(names, True)}, timeout=10
    )
    answer.raise_for_status()


def _sites(address: str) -> dict[str, tuple[str, str, dict[str, Any]]]:
    higher_logic = f"{address}/HigherLogic/Security"
    return {
        "community": (
            "Community (sandbox)",
            "higher-logic",
            {
                "redirect_uris": [f"{higher_logic}/OAuth/Authentication.aspx"],
                "post_logout_redirect_uris": [f"{higher_logic}/LoggedOut.aspx"],
                "frontchannel_logout_uri": f"{higher_logic}/FrontChannelLogout.aspx",
            },
        ),
        "conference": (
            "Annual conference (sandbox)",
            "oidc",
            {
                "redirect_uris": [f"{address}/conference/callback"],
                "post_logout_redirect_uris": [f"{address}/conference/signed-out"],
                "frontchannel_logout_uri": f"{address}/conference/frontchannel-logout",
                "backchannel_logout_uri": f"{address}/conference/backchannel-logout",
            },
        ),
    }
