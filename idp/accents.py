"""The association's colour as an accent that can be read: on it, as it, light and dark.

Whatever colour it is, text keeps a contrast of 4.5:1 (WCAG 2.2, 1.4.3): on the accent it is white
or black, and a link is the accent darkened or lightened until it is readable on every ground that
the pages have (``static/tokens.css``).
"""

from dataclasses import dataclass
from functools import lru_cache

ENOUGH = 4.5
# Light text on a dark ground tires sooner.
ENOUGH_IN_THE_DARK = 7.0
# What text stands on in the style sheet, besides a row that is pointed at (the tint).
LIGHT_GROUNDS = ("#ffffff", "#f4f5f7", "#eceef2")
DARK_GROUNDS = ("#1b2028", "#12161c", "#0e1217")
_LIGHT_TINT, _DARK_TINT = 0.09, 0.14
_WHITE, _BLACK = "#ffffff", "#000000"
_STEPS = 50


@dataclass(frozen=True)
class Accent:
    """The variables of the style sheet, as ``#rrggbb``. ``link`` and ``tint`` are for light
    pages; those for dark ones are beside them."""

    fill: str
    on: str
    hover: str
    link: str
    tint: str
    dark_link: str
    dark_tint: str


@lru_cache(maxsize=64)
def accent(colour: str) -> Accent:
    """What a colour (``#rrggbb``) becomes on the pages."""
    white = contrast(colour, _WHITE) >= ENOUGH
    tint = mixed(colour, LIGHT_GROUNDS[0], _LIGHT_TINT)
    dark_tint = mixed(colour, DARK_GROUNDS[0], _DARK_TINT)
    return Accent(
        fill=colour,
        on=_WHITE if white else _BLACK,
        # Away from the text that is on it.
        hover=mixed(_BLACK if white else _WHITE, colour, 0.12),
        link=_readable(colour, _BLACK, (*LIGHT_GROUNDS, tint), ENOUGH),
        tint=tint,
        dark_link=_readable(colour, _WHITE, (*DARK_GROUNDS, dark_tint), ENOUGH_IN_THE_DARK),
        dark_tint=dark_tint,
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2), 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """A colour that is ``share`` of one and the rest of another."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in pairs)


def _readable(colour: str, towards: str, grounds: tuple[str, ...], enough: float) -> str:
    for step in range(_STEPS):
        found = mixed(towards, colour, step / _STEPS)
        if all(contrast(found, ground) >= enough for ground in grounds):
            return found
    return towards


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    def linear(part: int) -> float:
        value = part / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = map(linear, _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
