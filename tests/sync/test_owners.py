"""The leases of a killed worker are freed by its machine's clock."""

import subprocess
import sys

import pytest
from flask import Flask

from idp import owners
from idp.database import db
from sync.delivery import leases
from sync.ledger import Ledger
from tests import factories


def test_an_owner_lives_as_long_as_its_process() -> None:
    code = "from idp import owners; print(owners.new(), flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    owner = child.stdout.readline().strip()
    assert len(owner) <= 64
    assert not owners.is_dead(owner)
    assert not owners.is_dead(owners.new())
    child.kill()
    child.communicate()
    assert owners.is_dead(owner)


def test_nothing_is_said_of_another_machine() -> None:
    assert not owners.is_dead("another-1:1:1:abc")
    assert not owners.is_dead("0123456789abcdef0123456789abcdef")


@pytest.mark.compliance("Y09")
def test_the_clock_frees_the_leases_of_the_dead_and_no_others(app: Flask) -> None:
    for _ in range(2):
        factories.person(account=True)
    factories.group(type="security", sync=True)
    claims = leases.claim(owners.new(), 1)
    machine = owners.new().split(":", maxsplit=1)[0]
    others = leases.claim(f"{machine}:999999999:1:gone", 1)
    assert len(claims) == len(others) == 1
    assert leases.free_the_dead() == 1
    db.session.expire_all()
    assert db.session.get_one(Ledger, others[0].contact_id).lease_owner is None
    assert db.session.get_one(Ledger, claims[0].contact_id).lease_owner is not None
    db.session.rollback()
    assert leases.free_the_dead() == 0
