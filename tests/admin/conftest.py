"""Somebody signed in at the panel."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.database import db
from idp.directory.accounts import Account, Role
from idp.signin import sessions
from tests import factories

SignIn = Callable[[Account], FlaskClient]


@pytest.fixture
def sign_in(app: Flask) -> SignIn:
    """Gives a browser in which an account is signed in."""

    def signed_in(account: Account) -> FlaskClient:
        _row, cookie = sessions.lend(account, sessions.LIFETIME, "")
        db.session.commit()
        client = app.test_client()
        client.set_cookie(*cookie.split("=", 1))
        return client

    return signed_in


@pytest.fixture
def as_role(sign_in: SignIn) -> Callable[[Role], FlaskClient]:
    """Gives a browser in which somebody with a role is signed in."""
    return lambda role: sign_in(factories.account(role=role, first_name="Pat", last_name=role))


@pytest.fixture
def owner(as_role: Callable[[Role], FlaskClient]) -> FlaskClient:
    """An owner's browser."""
    return as_role("owner")


@pytest.fixture
def staff(as_role: Callable[[Role], FlaskClient]) -> FlaskClient:
    """A staff member's browser."""
    return as_role("staff")
