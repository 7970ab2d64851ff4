"""The parts of one running sandbox, and how a view reaches them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import current_app

from sandbox.database import Database
from sandbox.faults import Faults
from sandbox.refresh import Refresher
from sandbox.settings import Settings
from sandbox.tenant import Tenant

EXTENSION = "sandbox"


@dataclass(frozen=True)
class Services:
    """Made by `create_app`; `close` ends what it started."""

    settings: Settings
    database: Database
    tenant: Tenant
    faults: Faults
    refresher: Refresher

    def close(self) -> None:
        """Stops the refresh thread and closes the database."""
        self.refresher.stop()
        self.database.close()


def services() -> Services:
    """The parts of the sandbox that answers the present request."""
    return cast(Services, current_app.extensions[EXTENSION])
