"""The craft checks: lint, format, types, and the arrows between packages.

``scripts/craft.py`` runs all of them, side by side, and says what each found.
"""

import subprocess
import sys
from pathlib import Path

CHECKS = {
    "ruff check": ["ruff", "check", "--quiet", "."],
    "ruff format": ["ruff", "format", "--quiet", "--check", "."],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports"],
}


def main() -> int:
    """Run every check; the exit code is 1 when one of them found something."""
    folder = Path(sys.executable).parent
    running = {
        name: subprocess.Popen(
            [str(folder / command[0]), *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in CHECKS.items()
    }
    failed = False
    for name, process in running.items():
        output, _ = process.communicate()
        if process.returncode:
            failed = True
            print(f"{name}:\n{output}")  # noqa: T201
    print("Craft checks: " + ("see above." if failed else "fine."))  # noqa: T201
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
