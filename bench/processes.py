"""A server's process: started with a log of its own, ended with us."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from launch.processes import PATIENCE, die_with_parent


@contextmanager
def running(
    arguments: Sequence[str], env: Mapping[str, str], log: Path, told: str = ""
) -> Iterator[int]:
    """Run a program on the core that we are on; gives its process id.

    ``told`` goes to its standard input, what it says into ``log``.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            arguments,
            env=env,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us, and we end it
            preexec_fn=die_with_parent,
        )
    try:
        if process.stdin is not None:
            process.stdin.write(told.encode())
            process.stdin.close()
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
