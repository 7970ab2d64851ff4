"""Child processes: started, watched, started again when they die, ended together."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

PATIENCE = 15.0
# Waits before a child that keeps dying is started again.
PAUSES = (0.2, 1.0, 5.0, 15.0)
_PR_SET_PDEATHSIG = 1


class Child:
    """One of our own commands as a child process."""

    def __init__(self, name: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        self.name = name
        self.arguments = [sys.executable, *arguments]
        self.env = {**os.environ, **env}
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.started = 0.0

    def start(self) -> None:
        """Start it, in a group of its own: Ctrl-C is for us, and we end it."""
        self.process = subprocess.Popen(
            self.arguments, env=self.env, start_new_session=True, preexec_fn=die_with_parent
        )
        self.started = time.monotonic()

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def revive(self) -> None:
        """Start it again if it died, after a pause that grows while it keeps dying."""
        if self.alive():
            return
        if time.monotonic() - self.started > 60:
            self.deaths = 0
        if time.monotonic() - self.started < PAUSES[min(self.deaths, len(PAUSES) - 1)]:
            return
        self.deaths += 1
        code = self.process.returncode if self.process is not None else 0
        print(f"{self.name} ended ({code}); starting it again.", flush=True)  # noqa: T201
        self.start()

    def ask_to_end(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.alive():
            self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended; end it for good when it takes longer."""
        if self.process is None:
            return
        try:
            self.process.wait(max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def end_all(children: Sequence[Child]) -> None:
    """End all of them at once and wait for the last."""
    for child in children:
        child.ask_to_end()
    deadline = time.monotonic() + PATIENCE
    for child in children:
        child.wait(deadline - time.monotonic())


def die_with_parent() -> None:
    """What a child does first: a parent that is killed outright takes it along (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
