"""``make bench-import``: rows a second of an import on one core, and how much memory it takes.

An export of 100,000 people (their companies, accounts and five custom fields) is imported into an
empty association, checked again (a dry run), and imported again, which changes nothing; on SQLite
and Postgres, whose server has to share the one core. Beside it, in the same run, what nobody can
go below: reading the CSV alone, and a bare ``executemany`` of the very rows into the same tables.

From the environment: ``PEOPLE`` and ``DATABASE`` (``postgres``, ``sqlite``). The report is written
when nothing is left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from cryptography.fernet import Fernet

from bench import cores, facts, importing_rows, postgres
from bench.importing_child import TARGET

REPORT = Path(__file__).with_name("importing.md")
PEOPLE = 100_000
DATABASES = ("sqlite", "postgres")
TITLES = {"sqlite": "SQLite", "postgres": "Postgres"}
ROWS_A_SECOND, MEGABYTES = 2000, 300
STEPS = {
    "people": "import into an empty association",
    "check": "dry run of the same file",
    "again": "import of the same file again",
    "read": "floor: the CSV read",
    "insert": "floor: its rows written",
}


@contextmanager
def deployment(
    database: str, folder: Path
) -> Iterator[tuple[dict[str, str], dict[str, str], dict[str, int]]]:
    """Two empty databases with their schema, as environments: one to import to, one for the floor;
    and the process of their server, if there is one."""
    shared = {
        **os.environ,
        "TESSERA_REDIS_URL": "redis://127.0.0.1:1/0",
        "TESSERA_SECRET_KEY": "s" * 48,
        "TESSERA_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    }
    with ExitStack() as stack:
        found = []
        cluster = stack.enter_context(postgres.cluster()) if database == "postgres" else None
        for name in ("imported", "floor"):
            data = folder / name
            data.mkdir(parents=True)
            env = {**shared, "TESSERA_DATA_DIR": str(data), TARGET: str(data / "tessera.db")}
            if cluster is not None:
                with psycopg.connect(cluster.address, autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name}")
                address = cluster.address.replace("/postgres?", f"/{name}?", 1)
                env |= {"TESSERA_DATABASE_URL": address, TARGET: address}
            step("schema", folder, env)
            found.append(env)
        roots = {} if cluster is None else {"database": cluster.pid}
        yield found[0], found[1], roots


def step(
    name: str, file: Path, env: Mapping[str, str], roots: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """One step in a process of its own, on the core that we are on; ``cpu`` counts the database's
    server (``roots``) in."""
    before = sum(cores.cpu_seconds(roots or {}).values())
    done = subprocess.run(
        [sys.executable, "-m", "bench.importing_child", name, str(file)],
        env=env,
        check=True,
        stdout=subprocess.PIPE,
    )
    measured: dict[str, Any] = json.loads(done.stdout)
    after = sum(cores.cpu_seconds(roots or {}).values())
    return measured | {"cpu": measured.get("cpu", 0.0) + after - before}


def measure(database: str, folder: Path, people: int) -> dict[str, dict[str, Any]]:
    """All the steps on one database, by name."""
    of_companies, of_people = importing_rows.write(folder, people)
    with deployment(database, folder) as (imported, floor, roots):
        done = {"read": step("read", of_people, imported)}
        step("companies", of_companies, imported)
        done["people"] = step("people", of_people, imported, roots)
        done["check"] = step("check", of_people, imported, roots)
        done["again"] = step("people", of_people, imported, roots)
        done["insert"] = step("insert", of_people, {**imported, TARGET: floor[TARGET]}, roots)
    if done["people"]["done"]["created"] != people or done["again"]["done"]["unchanged"] != people:
        raise RuntimeError(f"Not every row was imported: {done}")
    return done


def text(measured: Mapping[str, Mapping[str, Mapping[str, Any]]], people: int) -> str:
    """The report."""
    lines = [
        "# An import, measured",
        "",
        "Made by `make bench-import`. "
        f"{people:,} new people with company, account flag and five custom fields, on one core, "
        "which the database's server shares; beside it, reading the file and writing its rows "
        "without anything that an import does (no check, no look-up, no announcement).",
        "",
        *(f"- {line}" for line in facts.of_the_directory()),
        "",
        "| | "
        + " | ".join(f"{TITLES[one]}: rows/s | rows per CPU second | peak MB" for one in measured)
        + " |",
        "|---|" + "---:|---:|---:|" * len(measured),
    ]
    for name, title in STEPS.items():
        cells = (
            f"{people / one[name]['seconds']:,.0f} | {people / one[name]['cpu']:,.0f} | "
            + (f"{one[name]['peak_mb']:.0f}" if "peak_mb" in one[name] else "")
            for one in measured.values()
        )
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    lines += ["", "Of the CPU time of an import into an empty association, the two floors are:", ""]
    for database, one in measured.items():
        share = (one["read"]["cpu"] + one["insert"]["cpu"]) / one["people"]["cpu"]
        before = one["people"]["before_mb"]
        lines.append(
            f"- {TITLES[database]}: {share:.0%}; the process has {before:.0f} MB before it begins."
        )
    met = all(
        people / one[name]["cpu"] >= ROWS_A_SECOND and one[name]["peak_mb"] <= MEGABYTES
        for one in measured.values()
        for name in ("people", "again")
    )
    lines += [
        "",
        f"Target: {ROWS_A_SECOND:,} rows or more for each second of a core, new and again, and at "
        f"most {MEGABYTES} MB: {'met' if met else 'NOT met'}. On a machine that does nothing else, "
        "a second of a core is a second but for the waiting for the disk.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run it; the exit code is 0 whether or not the target is met: the report says so."""
    people = int(os.environ.get("PEOPLE", PEOPLE))
    databases = tuple(filter(None, os.environ.get("DATABASE", "").split(","))) or DATABASES
    with (
        cores.alone(),
        tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder,
        cores.on(cores.two()[0]),
    ):
        measured = {one: measure(one, Path(folder) / one, people) for one in databases}
    report = text(measured, people)
    print(report)
    if (people, databases) == (PEOPLE, DATABASES):
        REPORT.write_text(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
