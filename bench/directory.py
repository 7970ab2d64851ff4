"""``make bench-directory``: whether the directory stays fast as an association grows.

Associations of 10,000, 100,000 and 1,000,000 people are made on Postgres and SQLite, with fifty
synced groups each. Then all of them take turns in rounds, so that what else the machine does
falls on all sizes alike: what counts is the ratio between them within one round.

From the environment: ``SIZES`` (numbers of people, separated by commas), ``DATABASE``
(``postgres``, ``sqlite``), ``ONLY`` (``changes``, ``conditions``, ``previews``), ``ROUNDS`` and
``N`` (changes of each kind in a round). The report is written when everything takes part.
"""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import psycopg
from cryptography.fernet import Fernet
from pydantic import SecretStr

from bench import association, cores, directory_report, directory_work, environment, facts, postgres
from bench.directory_report import Rounds
from bench.directory_work import Contestant, Round
from idp.database import db
from idp.settings import Settings
from launch import schema
from launch.redis import RedisServer
from wsgi import create_app

REPORT = Path(__file__).with_name("directory.md")
SIZES = (10_000, 100_000, 1_000_000)
DATABASES = ("postgres", "sqlite")
PARTS = ("changes", "conditions", "previews")
# What a server of a few gigabytes is given; without them Postgres plans for a machine of 1995.
POSTGRES = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
}


@dataclass(frozen=True)
class Plan:
    """What to run."""

    sizes: tuple[int, ...]
    databases: tuple[str, ...]
    parts: tuple[str, ...]
    rounds: int
    times: int

    @property
    def whole(self) -> bool:
        """Whether everything takes part, so that the report can be written."""
        return (self.sizes, self.databases, self.parts) == (SIZES, DATABASES, PARTS)


def plan() -> Plan:
    """The plan that the environment asks for. Raises ``environment.UsageError``."""
    return Plan(
        environment.sizes(SIZES, most=2_000_000),
        environment.known("DATABASE", DATABASES),
        environment.known("ONLY", PARTS),
        environment.number("ROUNDS", 5),
        environment.number("N", 100),
    )


@contextmanager
def associations(asked: Plan) -> Iterator[list[Contestant]]:
    """Make the association of every size on every database; the smallest first."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tessera-bench-")))
        redis = stack.enter_context(RedisServer(folder / "redis.sock"))
        cluster = None
        if "postgres" in asked.databases:
            cluster = stack.enter_context(postgres.cluster(POSTGRES))
        found = []
        for size in asked.sizes:
            for database in asked.databases:
                data = folder / f"{database}-{size}"
                data.mkdir()
                address = data / "tessera.db"
                if database == "postgres" and cluster is not None:
                    given = _database(cluster, size)
                else:
                    given = None
                app = create_app(
                    Settings(
                        data_dir=data,
                        database_url=SecretStr(given) if given else None,
                        redis_url=SecretStr(redis.address),
                        secret_key=SecretStr("s" * 48),
                        encryption_keys=(SecretStr(Fernet.generate_key().decode()),),
                    )
                )
                here = Contestant(database, size, app, given or str(address))
                stack.callback(_close, here)
                with app.app_context():
                    schema.upgrade()
                    association.make(size, partial(_say_of, here))
                    db.session.remove()
                found.append(here)
        yield found


def _database(cluster: postgres.Cluster, size: int) -> str:
    name = f"people_{size}"
    with psycopg.connect(cluster.address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return cluster.address.replace("/postgres?", f"/{name}?", 1)


def _close(here: Contestant) -> None:
    with here.app.app_context():
        db.session.remove()
        db.engine.dispose()


def run(asked: Plan, everybody: list[Contestant]) -> Rounds:
    """Warm up, then all rounds."""
    rounds: Rounds = {(here.database, here.people): [] for here in everybody}
    for number in range(asked.rounds + 1):
        # Each round begins with another one: nobody always runs after the same neighbour.
        turn = number % len(everybody)
        for here in everybody[turn:] + everybody[:turn]:
            one = Round()
            if "changes" in asked.parts:
                one.changes = directory_work.changes(here, asked.times, seed=number)
            if "previews" in asked.parts:
                one.previews = directory_work.previews(here)
            if "conditions" in asked.parts:
                one.conditions = directory_work.new_conditions(here, first_state=0)
            if number:
                rounds[here.database, here.people].append(one)
            _say(f"round {number} {here.title}: {directory_report.in_short(one)}")
    return rounds


def _say_of(here: Contestant, text: str) -> None:
    _say(f"{here.title}: {text}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(_number: int, _frame: FrameType | None) -> None:
    # As Ctrl-C does: what was started is ended on the way out.
    raise KeyboardInterrupt


def main() -> int:
    """Run it; the exit code is 1 when it cannot be run, whether or not a target is met."""
    try:
        asked = plan()
    except environment.UsageError as error:
        print(error, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _end)
    try:
        with cores.alone(), associations(asked) as everybody:
            rounds = run(asked, everybody)
    except postgres.NotDurable as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Ended.", file=sys.stderr)
        return 130
    about = [
        *facts.of_the_directory(),
        f"Postgres with {', '.join(f'{name} = {value}' for name, value in POSTGRES.items())}; "
        "SQLite as Tessera opens it (WAL, synchronous = FULL, 32 MB of cache).",
        f"Rounds: {asked.rounds}, in each {asked.times} changes of each kind; "
        "one round before, to warm up, is not counted.",
    ]
    text = directory_report.text(rounds, about)
    print(text)
    if asked.whole:
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
