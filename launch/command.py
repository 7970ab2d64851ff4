"""The ``tessera`` command: every package's commands under one name."""

import contextlib
import copy
import functools
import getpass
from collections.abc import Callable
from typing import Any

import click
from cryptography.fernet import Fernet
from sqlalchemy.exc import OperationalError

from idp import settings as deployment
from idp.settings import ConfigurationError


class OneLineErrors(click.Group):
    """A group whose failures are one line on standard error and a non-zero exit."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; say what the deployment lacks in a line."""
        try:
            return super().invoke(context)
        except ConfigurationError as error:
            raise click.ClickException(str(error)) from None
        except OperationalError as error:
            from launch import schema

            raise click.ClickException(str(schema.unreachable(error))) from None
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Tessera: one sign-in for an association's site and its Higher Logic community."""


def _in_app(inner: click.Command) -> click.Command:
    """A copy of a command (or of a group and its commands) that runs with the app at hand.

    The app is made when the command runs, so that ``--help`` needs neither settings nor database.
    """
    outer = copy.copy(inner)
    if isinstance(inner, click.Group) and isinstance(outer, click.Group):
        outer.commands = {name: _in_app(part) for name, part in inner.commands.items()}
        return outer
    callback = inner.callback
    if callback is None:
        raise TypeError(f"{inner.name} has no callback")

    @functools.wraps(callback)
    def with_app(*arguments: Any, **options: Any) -> Any:
        from idp import audit
        from launch import schema
        from wsgi import create_app

        app = create_app()
        with app.app_context(), audit.acting_for(audit.Who(_command_line())):
            schema.check()
            return callback(*arguments, **options)

    outer.callback = with_app
    return outer


def _command_line() -> str:
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a container's user need not have a name
        return "command line"


def _add_all() -> None:
    from idp.directory.contact_commands import company_command, person_command
    from idp.directory.import_commands import import_command, import_mappings_command
    from idp.directory.membership.commands import group_command
    from idp.oauth.commands import client, keys, tidy
    from idp.signin.commands import account_command
    from launch.association import association_command
    from launch.export import export_command
    from sync.commands import sync
    from sync.preview.command import preview_command

    # A command about groups that only the sync can answer.
    group_command.add_command(preview_command)
    for part in (
        import_command,
        import_mappings_command,
        export_command,
        group_command,
        person_command,
        company_command,
        account_command,
        association_command,
        client,
        keys,
        tidy,
        sync,
    ):
        command.add_command(_in_app(part))


@command.command()
def run() -> None:
    """Start everything on this machine, with the sample association on the first start."""
    from launch.everything import run_everything

    raise SystemExit(run_everything(deployment.load()))


@command.command()
def web() -> None:
    """Run the web server."""
    from launch.web import serve

    serve(deployment.load())


@command.command()
@click.option("--imports", is_flag=True, help="Work on imports only; run one beside the others.")
def worker(imports: bool) -> None:
    """Run an RQ worker; as many as you like may run.

    An import takes minutes, so that it has a worker of its own: `tessera worker --imports`.
    In embedded mode, without `tessera run`, the first worker starts the Redis server.
    """
    from launch.redis import RedisServer

    settings = deployment.load()
    with contextlib.ExitStack() as stack:
        if settings.redis_url is None:
            stack.enter_context(RedisServer(settings.redis_socket))
        _run_process("run_import_worker" if imports else "run_worker")


@command.command()
def clock() -> None:
    """Run the clock, which wakes what nobody woke; one is enough."""
    _run_process("run_clock")


def _run_process(name: str) -> None:
    from launch import background
    from launch.checks import check_start
    from wsgi import create_app

    app = create_app()
    with app.app_context():
        check_start()
    start: Callable[[Any], None] = getattr(background, name)
    start(app)


@command.command()
@click.option("--new-encryption-key", is_flag=True, help="Print a fresh encryption key and stop.")
def check(new_encryption_key: bool) -> None:
    """Check the deployment: settings, database and its schema, Redis."""
    if new_encryption_key:
        click.echo(Fernet.generate_key().decode())
        return
    from launch.checks import check_deployment

    settings = deployment.load()
    for name, value in settings.redacted().items():
        click.echo(f"TESSERA_{name.upper()}={value}")
    problems = check_deployment(settings)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo("All is well.")


@command.group("db")
def database() -> None:
    """The database's schema."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the database's schema up to this version; does nothing when it is."""
    from launch import schema
    from wsgi import create_app

    app = create_app()
    with app.app_context():
        schema.upgrade()
    click.echo("The database is up to date.")


_add_all()
