"""Who writes the ledger locks its rows in one order, so that two wait and do not deadlock."""

import threading
import time

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from idp.database import db
from sync import connection, ledger
from tests.sync.conftest import Tenant, members, push, synced


def test_another_tenant_waits_for_a_worker_and_holds_nothing_meanwhile(
    app: Flask, tenant: Tenant
) -> None:
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer")
    synced()
    members(3)
    push()
    first, *others = db.session.scalars(
        select(ledger.table.c.contact_id).order_by(ledger.table.c.contact_id)
    ).all()
    # Written last, it lies last: an UPDATE of all would take it last.
    db.session.execute(
        update(ledger.table).where(ledger.table.c.contact_id == first).values(attempts=1)
    )
    db.session.commit()

    def change() -> None:
        with app.app_context():
            connection.change(tenant_code="ANOTHER")
            db.session.commit()

    locked = select(ledger.table.c.contact_id).with_for_update(nowait=True)
    with db.engine.connect() as worker:
        worker.execute(locked.where(ledger.table.c.contact_id == first))
        thread = threading.Thread(target=change)
        thread.start()
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        end = time.monotonic() + 20
        while not db.session.scalar(waiting) and time.monotonic() < end:
            db.session.rollback()
            time.sleep(0.02)
        db.session.rollback()
        # A deadlock, if these were locked already.
        worker.execute(locked.where(ledger.table.c.contact_id.in_(others)))
        worker.rollback()
    thread.join(20)
    assert connection.get().tenant_code == "ANOTHER"
