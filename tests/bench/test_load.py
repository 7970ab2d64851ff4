"""The load against a running Tessera: what it measures is what a site and a browser do."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench import load, sites
from bench.load import Refused, Slot
from bench.sites import NotSignedIn, Site
from tests import factories
from tests.foreign.tessera import Member, Tessera, running

CORE = min(os.sched_getaffinity(0))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tessera(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tessera]:
    """Tessera's web server."""
    with running(tmp_path_factory.mktemp("tessera"), "sqlite", request) as started:
        yield started


@pytest.fixture(scope="module")
def member(tessera: Tessera) -> Member:
    """A member who can sign in."""
    return tessera.member()


@pytest.fixture
def site(tessera: Tessera, member: Member) -> Site:
    """A client's view of it, with the member signed in."""
    client = tessera.client("oidc", sites.CALLBACK)
    web = tessera.stack.children["web"].process
    assert web is not None
    made = Site(
        name="tessera-sqlite",
        issuer=tessera.issuer,
        client_id=client["client_id"] or "",
        client_secret=client["client_secret"] or "",
        roots={"server": web.pid},
    )
    made.discover()
    made.members.append(sites.sign_in(made, member.key, member.email, factories.PASSWORD))
    return made


def test_sign_ons_and_refreshes_are_counted(site: Site) -> None:
    async def both() -> tuple[load.Measured, load.Measured]:
        sign_ons, slots = await load.sign_ons(site, 3, CORE)
        return sign_ons, await load.refreshes(slots, 2, CORE)

    sign_ons, refreshes = asyncio.run(both())
    assert (sign_ons.count, refreshes.count) == (3, 2)


def test_whoever_has_not_signed_in_is_refused(site: Site) -> None:
    visitor = replace(site.members[0], cookie="tessera=nobody")
    assert "/sign-in" in refusal(site, visitor)


def test_the_wrong_member_is_refused(site: Site) -> None:
    assert "token" in refusal(site, replace(site.members[0], subject="somebody-else"))


def refusal(site: Site, member: sites.Member) -> str:
    """Why a sign-on is refused."""

    async def once() -> None:
        slot = Slot(site, member, await load.Connection.open(site.port))
        try:
            await slot.sign_on()
        finally:
            slot.connection.close()

    with pytest.raises(Refused) as refused:
        asyncio.run(once())
    return str(refused.value)


def test_a_wrong_password_signs_nobody_in(site: Site, member: Member) -> None:
    with pytest.raises(NotSignedIn):
        sites.sign_in(site, member.key, member.email, "wrong")
