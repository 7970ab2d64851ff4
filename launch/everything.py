"""``tessera run``: everything on one machine, from an empty folder to three logins."""

import contextlib
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import FrameType

import redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from idp.settings import ConfigurationError, Settings, is_loopback
from launch import sample, schema
from launch.processes import Child, end_all
from launch.redis import NoRedis, RedisServer

SANDBOX_PORT = 8001
START_SECONDS = 60

console = Console(highlight=False)


def run_everything(settings: Settings) -> int:
    """Start all of Tessera, stay until a signal comes, end all of it. Gives the exit code.

    Raises ``ConfigurationError`` when something is in the way: a taken port, no Redis.
    """
    sandbox_address = f"http://127.0.0.1:{sandbox_port()}"
    for name, port in (("TESSERA_PORT", settings.port), ("SANDBOX_PORT", sandbox_port())):
        check_free(name, port)
    with _stopping() as stop, _redis(settings):
        prepared = prepare(settings, sandbox_address)
        children = [
            Child("The sandbox", ["-m", "sandbox"], prepared),
            Child("The web server", ["-m", "launch", "web"], {}),
            Child("The worker", ["-m", "launch", "worker"], {}),
            Child("The clock", ["-m", "launch", "clock"], {}),
        ]
        try:
            for child in children:
                child.start()
            _wait_for(stop, settings.issuer + "/sign-in", sandbox_address)
            if not stop:
                sample.switch_properties_on(sandbox_address)
                _say_hello(settings, sandbox_address)
            while not stop:
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


def prepare(settings: Settings, sandbox_address: str) -> dict[str, str]:
    """Bring the database up to date, load the sample into an empty one, connect the sandbox.

    Gives the sandbox's environment.
    """
    from wsgi import create_app

    app = create_app(settings)
    with app.app_context():
        schema.upgrade()
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
                sample.load(
                    settings,
                    lambda kind, done, total: bar.update(tasks[kind], completed=done, total=total),
                )
        return sample.connect_sandbox(settings, sandbox_address)


@contextlib.contextmanager
def _stopping() -> Iterator[list[int]]:
    stop: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        stop.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _redis(settings: Settings) -> Iterator[None]:
    if settings.redis_url is not None:
        yield
        return
    with contextlib.suppress(redis.RedisError), redis.Redis.from_url(settings.redis_address) as it:
        it.ping()
        raise ConfigurationError(
            "TSR-C33",
            f"Tessera runs already on this data folder ({settings.data_dir}): end that first.",
        )
    try:
        with RedisServer(settings.redis_socket):
            yield
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


def _say_hello(settings: Settings, sandbox_address: str) -> None:
    from wsgi import create_app

    with create_app(settings).app_context():
        logins = [(login.role, login.email) for login, _ in sample.logins()]
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
