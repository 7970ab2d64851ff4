"""Keys in addresses.

A key is any text without white space, byte for byte as it was imported (docs/architecture.md,
decision 1), so it may hold a slash or be ``new``. In a path, what could mean something else there
is written as ``~`` and two hex digits for each byte; a key of letters, digits and hyphens reads as
it is.
"""

import re
from collections.abc import Callable

from werkzeug.routing import BaseConverter, ValidationError

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@")
# Pages that stand where a key would.
_TAKEN = frozenset({".", "..", "new", "preview", "values", "search", "test", "export", "import"})


class KeyConverter(BaseConverter):
    """``<key:name>`` in a route: a key of any shape in one segment of the path."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The key that a segment stands for. Raises ``ValidationError``: there is none."""
        try:
            key = re.sub(
                "(?:~[0-9A-F]{2})+",
                lambda found: bytes.fromhex(found[0].replace("~", "")).decode(),
                value,
            )
        except UnicodeDecodeError:
            raise ValidationError from None
        if "\x00" in key:  # which Postgres cannot even look for
            raise ValidationError
        return key

    def to_url(self, value: str) -> str:
        """The segment that stands for a key."""
        plain: Callable[[str], bool] = (
            (lambda _character: False) if value in _TAKEN else _PLAIN.__contains__
        )
        return "".join(
            character
            if plain(character)
            else "".join(f"~{byte:02X}" for byte in character.encode())
            for character in value
        )
