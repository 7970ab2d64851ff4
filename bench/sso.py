"""``make bench-sso``: the single sign-on of Tessera and of node-oidc-provider, side by side.

The unit of work is one silent single sign-on of a signed-in member: authorize, token (PKCE, signed
ID token, refresh token), userinfo; every code and token is on disk before it is answered. Servers
and their databases run on one core, the load on another; rounds of all servers take turns, so
that what else the machine does falls on all of them.

From the environment: ``ROUNDS`` and ``N`` (sign-ons and refreshes of a round), ``PARALLEL``
(members who do so at once), ``ONLY`` (names of ``CONTESTANTS`` separated by commas; prints the
table and writes nothing).
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bench import cores, environment, facts, floor, load, oidc_provider, postgres, report, tessera
from bench.floor import Floor
from bench.load import Refused
from bench.postgres import NotDurable
from bench.report import Round, Rounds
from bench.sites import NotSignedIn, Site

CONTESTANTS = ("tessera-sqlite", "node-sqlite", "tessera-postgres", "node-postgres", "floor")
REPORT = Path(__file__).with_name("sso.md")
# A client's address may ask so often in a minute; each connection has an address of its own.
_MOST_EACH = 500


@dataclass(frozen=True)
class Plan:
    """What to run: ``times`` units of work in a round for each of ``parallel`` members."""

    rounds: int
    times: int
    parallel: int
    only: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether everybody takes part, so that the report can be written."""
        return set(self.only) == set(CONTESTANTS)

    def has(self, *names: str) -> bool:
        """Whether one of them takes part."""
        return bool({*names} & {*self.only})


def plan() -> Plan:
    """The plan that the environment asks for. Raises ``environment.UsageError``."""
    only = environment.known("ONLY", CONTESTANTS)
    parallel = environment.number("PARALLEL", 8)
    times = max(1, environment.number("N", 400) // parallel)
    if times > _MOST_EACH:
        raise environment.UsageError(f"N is at most {_MOST_EACH} for each of the PARALLEL members.")
    return Plan(environment.number("ROUNDS", 7), times, parallel, only)


@dataclass
class Field:
    """Everybody who takes part, running."""

    sites: list[Site] = field(default_factory=list)
    view: tuple[int, int] | None = None
    direct: floor.Direct | None = None


@contextmanager
def everybody(asked: Plan, core: int) -> Iterator[Field]:
    """Start everybody who takes part, on the servers' core."""
    with ExitStack() as stack, cores.on(core):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tessera-bench-")))
        found = Field()
        cluster = None
        people: list[tessera.Person] = []
        for database in report.DATABASES:
            ours, theirs = f"tessera-{database}", f"node-{database}"
            # node-oidc-provider is given the members of Tessera's sample.
            if asked.has(ours) or (asked.has(theirs) and not people):
                _say(f"starting {ours}")
                cluster = stack.enter_context(postgres.cluster()) if "postgres" in ours else None
                site, people = stack.enter_context(
                    tessera.running(folder / ours, cluster, asked.parallel)
                )
                if asked.has(ours):
                    found.sites.append(site)
            if asked.has(theirs):
                _say(f"starting {theirs}")
                other = stack.enter_context(postgres.cluster()) if "postgres" in theirs else None
                found.sites.append(
                    stack.enter_context(
                        oidc_provider.running(folder / theirs, other, people, asked.parallel)
                    )
                )
        if asked.has("floor"):
            found.view = stack.enter_context(floor.empty_view(folder / "view"))
            found.direct = stack.enter_context(closing(floor.Direct(folder / "floor", cluster)))
        yield found


async def run(asked: Plan, here: Field, core: int) -> tuple[Rounds, dict[str, list[Floor]]]:
    """Warm up, then all rounds."""
    rounds: Rounds = {site.name: [] for site in here.sites}
    floors: dict[str, list[Floor]] = {}
    for number in range(asked.rounds + 1):
        # Each round begins with another one: nobody always runs after the same neighbour.
        turn = number % len(here.sites) if here.sites else 0
        for site in here.sites[turn:] + here.sites[:turn]:
            sign_ons, slots = await load.sign_ons(site, asked.times, core)
            refreshes = await load.refreshes(slots, asked.times, core)
            if number == 0:
                pids = ", ".join(f"{name} {pid}" for name, pid in site.roots.items())
                _say(f"{site.name} is warm ({pids})")
                continue
            one = Round(sign_ons, refreshes)
            rounds[site.name].append(one)
            _say(
                f"round {number} {site.name}: {report.cpu(sign_ons):.2f} CPU s for 1,000 sign-ons, "
                f"{report.rate(sign_ons):.0f}/s, p99 {report.p99(sign_ons):.0f} ms; "
                f"{report.cpu(refreshes):.2f} for 1,000 refreshes"
            )
        if here.view is not None and here.direct is not None:
            seen = {floor.VIEW: await floor.view(*here.view, asked.parallel, core)}
            seen |= here.direct.measure(core)
            if number:
                for name, one_floor in seen.items():
                    floors.setdefault(name, []).append(one_floor)
    return rounds, floors


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(_number: int, _frame: FrameType | None) -> None:
    # As Ctrl-C does: what was started is ended on the way out.
    raise KeyboardInterrupt


def main() -> int:
    """Run it; the exit code is 1 when it cannot be run, whether or not a target is met."""
    try:
        asked = plan()
        servers, ours = cores.two()
    except (environment.UsageError, cores.OneCore) as error:
        print(error, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _end)
    cores.go_before_others()
    try:
        with cores.alone(), everybody(asked, servers) as here, cores.on(ours):
            rounds, floors = asyncio.run(run(asked, here, servers))
    except (NotSignedIn, NotDurable, Refused, TimeoutError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended.", file=sys.stderr)
        return 130
    text = report.text(rounds, floors, facts.of_this_run(asked.rounds, asked.times, asked.parallel))
    print(text)
    if asked.whole:
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
