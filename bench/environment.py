"""What the environment asks of a benchmark."""

import os


class UsageError(Exception):
    """The environment asks for what cannot be done."""


def names(name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Words that are separated by commas."""
    return tuple(filter(None, os.environ.get(name, "").split(","))) or default


def known(name: str, all_of_them: tuple[str, ...]) -> tuple[str, ...]:
    """Some of the names that there are, all of them by default. Raises ``UsageError``."""
    given = names(name, all_of_them)
    if unknown := set(given) - set(all_of_them):
        raise UsageError(f"{name} has {', '.join(unknown)}; there are {', '.join(all_of_them)}.")
    return tuple(one for one in all_of_them if one in given)


def number(name: str, default: int) -> int:
    """A number above 0. Raises ``UsageError``."""
    given = os.environ.get(name, str(default))
    if not given.isdigit() or not int(given):
        raise UsageError(f"{name} is no number above 0.")
    return int(given)


def sizes(default: tuple[int, ...], most: int) -> tuple[int, ...]:
    """``SIZES``, the smallest first: numbers from 100 to ``most``. Raises ``UsageError``."""
    given = names("SIZES", tuple(map(str, default)))
    if not all(size.isdigit() and 100 <= int(size) <= most for size in given):
        raise UsageError(f"SIZES are numbers from 100 to {most:,}, separated by commas.")
    return tuple(sorted({int(size) for size in given}))
