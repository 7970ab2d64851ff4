"""Keys of fields and choices: made once, from the first label, and kept."""

import re
import unicodedata
from collections.abc import Iterable


def slug(text: str) -> str:
    """A key made from a text: lower-case ASCII letters, digits and underscores, at most 60."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", ascii_text.casefold()).strip("_")[:60] or "field"


def free_key(key: str, taken: Iterable[str]) -> str:
    """The key, or the key with the first number that makes it free."""
    used = set(taken)
    candidate, number = key, 2
    while candidate in used:
        candidate, number = f"{key}_{number}", number + 1
    return candidate
