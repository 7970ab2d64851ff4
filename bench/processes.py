"""A server's process: started with a log of its own, ended with us."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from launch.processes import PATIENCE, die_with_parent

_LAST_LINES = 20


@contextmanager
def running(
    arguments: Sequence[str], env: Mapping[str, str], log: Path, told: str = ""
) -> Iterator[int]:
    """Run a program on the core that we are on; gives its process id.

    ``told`` goes to its standard input, what it says into ``log``, of which the end is shown when
    something fails in here.
    """
    # A signal that came within the start would leave us with a process that we do not know.
    allowed = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

    def ready() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
        die_with_parent()

    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                arguments,
                env=env,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us, and we end it
                preexec_fn=ready,
            )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
        raise
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, allowed)
        if process.stdin is not None:
            process.stdin.write(told.encode())
            process.stdin.close()
        yield process.pid
    except Exception:
        for line in log.read_text(errors="replace").splitlines()[-_LAST_LINES:]:
            print(f"{log.parent.name}: {line}", file=sys.stderr)
        raise
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
