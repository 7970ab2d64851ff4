"""Cells that a spreadsheet would take for a formula, written harmlessly and read back exactly.

A cell that begins with ``= + - @``, with their wide forms, a tab or the end of a line is run as a
formula by programs that open a CSV file (OWASP, "CSV Injection"). An apostrophe before it makes
it a text. ``safe`` writes it, ``plain`` takes it away again: ``plain(safe(text)) == text`` for
every text, those that begin with apostrophes of their own included.
"""

import re

FIRST = "=+-@\t\r\n＝＋－＠"
"""What a formula begins with."""

_WRITTEN = re.compile(f"'*[{re.escape(FIRST)}]")
_READ = re.compile(f"'+[{re.escape(FIRST)}]")


def safe(text: str) -> str:
    """A cell's text for a file that a spreadsheet may open."""
    return f"'{text}" if _WRITTEN.match(text) else text


def plain(text: str) -> str:
    """A cell's text as it was before ``safe``; what ``safe`` never writes stays as it is."""
    return text[1:] if _READ.match(text) else text
