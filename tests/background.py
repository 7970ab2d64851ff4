"""The worker and the clock as real processes, on a test's database and Redis."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from idp.settings import Settings

ROOT = Path(__file__).parents[1]
PROGRAM = "import wsgi; from launch import background; background.{}(wsgi.create_app())"


def environment(settings: Settings) -> dict[str, str]:
    """The settings as another process of the same deployment reads them."""
    found = {
        "TESSERA_DATA_DIR": str(settings.data_dir),
        "TESSERA_REDIS_URL": settings.redis_address,
        "TESSERA_SECRET_KEY": settings.signing_key,
        "TESSERA_ENCRYPTION_KEYS": settings.encryption_keys[0].get_secret_value(),
        "TESSERA_PUBLIC_URL": settings.public_url,
    }
    if settings.database_url is not None:
        found["TESSERA_DATABASE_URL"] = settings.database_url.get_secret_value()
    return found


@contextmanager
def process(name: str, settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """``run_worker`` or ``run_clock``; killed at the end."""
    with tempfile.TemporaryFile() as output:
        started = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(name)],
            cwd=ROOT,
            env={**os.environ, **environment(settings)},
            stdout=output,
            stderr=output,
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()
