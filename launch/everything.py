"""``tessera run``: everything on one machine, from an empty folder to three logins."""

import contextlib
import fcntl
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from idp.settings import ConfigurationError, Settings, is_loopback
from launch import sample, schema
from launch.checks import check_start
from launch.processes import Child, end_all
from launch.redis import NoRedis, RedisServer, answers

SANDBOX_PORT = 8001
START_SECONDS = 60

console = Console(highlight=False)


def run_everything(settings: Settings) -> int:
    """Start all of Tessera, stay until a signal comes, end all of it. Gives the exit code.

    Raises ``ConfigurationError`` when something is in the way: a taken port, no Redis.
    """
    sandbox_address = f"http://127.0.0.1:{sandbox_port()}"
    with _stopping() as stop, _alone(settings), contextlib.ExitStack() as stack:
        # After the lock: who starts it twice hears of that, not of a port.
        for name, port in (("TESSERA_PORT", settings.port), ("SANDBOX_PORT", sandbox_port())):
            check_free(name, port)
        server = stack.enter_context(_redis(settings))
        try:
            prepared = prepare(settings, sandbox_address, stop)
        except Interrupted:
            console.print("Ended. `make run` goes on where it was.")
            return 0
        pages = [
            Child("The web server", ["-m", "launch", "web"], {}),
            Child("The sandbox", ["-m", "sandbox"], prepared),
        ]
        background = [
            Child("The worker", ["-m", "launch", "worker"], {}),
            Child("The imports’ worker", ["-m", "launch", "worker", "--imports"], {}),
            Child("The clock", ["-m", "launch", "clock"], {}),
        ]
        children = [*pages, *background]
        try:
            # What somebody waits for comes first: starting costs a processor's time.
            for child in pages:
                child.start()
            logins = _logins(settings)  # hashing passwords, while they start
            _wait_for(stop, f"http://{settings.host}:{settings.port}/sign-in", sandbox_address)
            if not stop:
                sample.switch_properties_on(sandbox_address)
                _say_hello(settings, sandbox_address, logins)
            for child in background:
                child.start()
            while not stop:
                if server is not None:
                    server.revive()
                for child in children:
                    child.revive()
                time.sleep(0.2)
        finally:
            console.print("\nEnding …")
            end_all(children)
    console.print("Ended. `make run` goes on with the same data.")
    return 0


def sandbox_port() -> int:
    """The sandbox's port. Raises ``ConfigurationError``."""
    given = os.environ.get("SANDBOX_PORT", str(SANDBOX_PORT))
    if not given.isdigit() or not 0 < int(given) < 65536:
        raise ConfigurationError("TSR-C30", "SANDBOX_PORT is no port.")
    return int(given)


def check_free(name: str, port: int) -> None:
    """Raises ``ConfigurationError`` when somebody else listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigurationError(
                "TSR-C31",
                f"Port {port} is taken by another program: end that, or set {name} to a free port.",
            ) from None


class Interrupted(Exception):
    """A signal came while the sample was loaded."""


def prepare(settings: Settings, sandbox_address: str, stop: list[int]) -> dict[str, str]:
    """Bring the database up to date, load the sample into an empty one, connect the sandbox.

    Gives the sandbox's environment. Raises ``Interrupted`` soon after there is something in
    ``stop``; the next start loads the rest of the sample.
    """
    from wsgi import create_app

    app = create_app(settings)
    with app.app_context():
        schema.upgrade()
        check_start()
        if sample.is_wanted(settings):
            if not is_loopback(settings.issuer):
                raise ConfigurationError(
                    "TSR-C32",
                    "The directory is empty, and the sample association with its known passwords "
                    "is for loopback addresses only. Import your own people first: "
                    "`tessera import companies FILE`, `tessera import people FILE`.",
                )
            with Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console
            ) as bar:
                tasks = {
                    kind: bar.add_task(f"Loading the sample’s {kind}", total=None)
                    for kind in ("companies", "people")
                }

                def show(kind: str, done: int, total: int) -> None:
                    if stop:
                        raise Interrupted
                    bar.update(tasks[kind], completed=done, total=total)

                sample.load(settings, show)
        return sample.connect_sandbox(settings, sandbox_address)


@contextlib.contextmanager
def _stopping() -> Iterator[list[int]]:
    stop: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        stop.append(number)

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the data folder. The lock goes with the process, however that ends."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.data_dir / "run.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _runs_already(settings) from None
        yield


def _runs_already(settings: Settings) -> ConfigurationError:
    return ConfigurationError(
        "TSR-C33",
        f"Tessera runs already on this data folder ({settings.data_dir}): end that first.",
    )


@contextlib.contextmanager
def _redis(settings: Settings) -> Iterator[RedisServer | None]:
    if settings.redis_url is not None:
        yield None
        return
    # A worker that was started by itself may have brought one along.
    if answers(settings.redis_address):
        raise _runs_already(settings)
    try:
        with RedisServer(settings.redis_socket) as server:
            yield server
    except NoRedis as error:
        raise ConfigurationError("TSR-C34", str(error)) from None


def _wait_for(stop: list[int], *addresses: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    for address in addresses:
        while not stop:
            try:
                with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own address)
                    break
            except (urllib.error.URLError, OSError):
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        "TSR-C35", f"{address} does not answer; the lines above say why."
                    ) from None
                time.sleep(0.05)


def _logins(settings: Settings) -> list[tuple[str, str]]:
    """The roles and addresses of the demonstration's logins."""
    from wsgi import create_app

    with create_app(settings).app_context():
        return [(login.role, login.email) for login, _ in sample.logins()]


def _say_hello(settings: Settings, sandbox_address: str, logins: Sequence[tuple[str, str]]) -> None:
    console.print()
    console.print("[bold]Tessera runs.[/bold]")
    console.print(f"  Members and staff   {settings.issuer}")
    console.print(f"  The panel           {settings.issuer}/panel/")
    console.print(f"  The sandbox         {sandbox_address}")
    console.print(f"  Its second site     {sandbox_address}/conference/")
    if logins:
        console.print(f"\n  Sign in (password: [bold]{sample.PASSWORD}[/bold])")
        for role, email in logins:
            console.print(f"    {role:<8}{email}")
    console.print("\n  Ctrl-C ends all of it.")
