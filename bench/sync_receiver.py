"""What stands for Higher Logic in ``bench.sync``: takes every push and answers it at once.

``python -m bench.sync_receiver PORT LOG [SECONDS]``: each answer may be kept back for some seconds,
as a far side on another continent would. One line of JSON for each push goes to LOG.
"""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import orjson

from bench import processes
from launch.processes import PATIENCE
from tests.serving import free_port

CHANGE = "Change "
"""What a live change's job title begins with; its number follows."""
PATH = "/push/v1/members"
_ANSWER = b'{"success":true,"count":%d,"errorMessage":""}'


@dataclass(frozen=True)
class Push:
    """One push: when it came (seconds since 1970), how many contacts, which live changes."""

    at: float
    items: int
    changes: tuple[int, ...]


class Receiver:
    """A receiver's process, and what it has taken so far."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.base_url = f"http://127.0.0.1:{port}"
        self._log = log

    def pushes(self, since: float = 0.0) -> list[Push]:
        """The pushes that came since a moment, the oldest first; one without items is no push."""
        text = self._log.read_text()
        found = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [
            Push(at, items, tuple(changes)) for at, items, changes in found if at >= since and items
        ]


@contextmanager
def running(
    folder: Path, environment: Mapping[str, str], seconds: float = 0.0
) -> Iterator[Receiver]:
    """A receiver on the core that we are on. Raises ``TimeoutError`` when it does not start."""
    port = free_port()
    log = folder / f"pushes-{port}"
    log.touch()
    arguments = [sys.executable, "-m", "bench.sync_receiver", str(port), str(log), str(seconds)]
    with processes.running(arguments, environment, folder / f"receiver-{port}.log"):
        _wait(port)
        yield Receiver(port, log)


def _wait(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError("the receiver did not start")


async def _serve(port: int, log: TextIO, seconds: float) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever asks may go away between two requests, or be killed within one.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                at = time.time()
                items = orjson.loads(body)["Items"]
                titles = [one["MemberDetails"]["Title"] for one in items]
                changes = [int(one[len(CHANGE) :]) for one in titles if one.startswith(CHANGE)]
                log.write(json.dumps([at, len(items), changes]) + "\n")
                log.flush()
                if seconds:
                    await asyncio.sleep(seconds)
                answer = _ANSWER % len(items)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer)
                )
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError("a push without Content-Length")


def main() -> None:
    """Serve until somebody ends it."""
    port, log, seconds = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    with log.open("a") as opened, contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(port, opened, seconds))


if __name__ == "__main__":
    main()
