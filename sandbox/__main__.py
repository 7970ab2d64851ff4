"""`python -m sandbox`: serves the sandbox until SIGINT or SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import sys
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from sandbox.app import create_app
from sandbox.database import Database
from sandbox.services import EXTENSION
from sandbox.settings import Settings, SettingsError, from_environment

THREADS = 16


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with one worker: the queue, the faults and the rate limit are one process's."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        """Gunicorn's settings; none are read from files or its own environment variables."""
        for name, value in {
            "bind": f"fd://{self._listener.fileno()}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            # A loaded machine takes its time; what is killed leaves no clean database.
            "graceful_timeout": 8,
            "keepalive": 5,
            "loglevel": "warning",
            "control_socket_disable": True,
            "worker_exit": _close,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made in the worker: threads do not survive a fork."""
        return create_app(self._settings)


def _close(_arbiter: Any, worker: Any) -> None:
    app = worker.app.callable
    if app is not None:
        app.extensions[EXTENSION].close()


def main() -> int:
    """Checks the settings and the port, serves, and returns the exit code."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        settings = from_environment(os.environ)
        listener = _listen(settings)
        # The worker makes its own; here a file that cannot be used is still one clear line.
        Database(settings.data_dir).close()
    except SettingsError as error:
        return _fail(str(error))
    except sqlite3.Error as error:
        return _fail(f"the database in {settings.data_dir} cannot be used: {error}")
    except OSError as error:
        return _fail(error.strerror or str(error))
    print(f"Higher Logic sandbox: {settings.base_url}", flush=True)  # noqa: T201
    Server(settings, listener).run()
    return 0


def _listen(settings: Settings) -> socket.socket:
    """The listening socket, bound at once: gunicorn would try a taken port for five seconds."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"{settings.netloc} cannot be listened on: {error.strerror}"
        ) from error
    listener.set_inheritable(True)
    return listener


def _fail(message: str) -> int:
    print(f"sandbox: {message}", file=sys.stderr)  # noqa: T201
    return 1


def _leave(_signal: int, _frame: object) -> None:
    """A signal before gunicorn has its own handlers."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
