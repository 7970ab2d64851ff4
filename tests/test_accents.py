"""Whatever the association's colour is, what stands on it and is written in it can be read."""

import re
from pathlib import Path

import pytest

from idp.accents import DARK_GROUNDS, ENOUGH, LIGHT_GROUNDS, accent, contrast

SHEET = (Path(__file__).parents[1] / "idp" / "static" / "tokens.css").read_text()
# Each primary in five strengths, with all between: 125 colours over the whole cube.
COLOURS = [
    f"#{red:02x}{green:02x}{blue:02x}"
    for red in range(0, 256, 63)
    for green in range(0, 256, 63)
    for blue in range(0, 256, 63)
]


def variables(dark: bool) -> dict[str, str]:
    """The colours of the style sheet."""
    light, _, after = SHEET.partition("@media screen and (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return found | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", after)) if dark else found


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_every_colour_can_be_read_in_light_and_in_dark() -> None:
    light, dark = variables(dark=False), variables(dark=True)
    for colour in COLOURS:
        made = accent(colour)
        assert made.fill == colour
        for ground in (made.fill, made.hover):
            assert contrast(made.on, ground) >= ENOUGH, colour
        for ground in (*LIGHT_GROUNDS, made.tint):
            for text in (made.link, light["ink"], light["soft"]):
                assert contrast(text, ground) >= ENOUGH, (colour, text, ground)
        for ground in (*DARK_GROUNDS, made.dark_tint):
            for text in (made.dark_link, dark["ink"], dark["soft"]):
                assert contrast(text, ground) >= ENOUGH, (colour, text, ground)


def test_a_colour_that_can_be_read_stays_itself() -> None:
    assert accent("#1f4e79").link == "#1f4e79"
    assert accent("#ffd500").dark_link == "#ffd500"


def test_the_style_sheet_has_the_grounds_that_the_accent_is_computed_for() -> None:
    names = ("paper", "ground", "sunken")
    assert tuple(variables(dark=False)[name] for name in names) == LIGHT_GROUNDS
    assert tuple(variables(dark=True)[name] for name in names) == DARK_GROUNDS


def test_states_can_be_read_on_paper() -> None:
    for dark in (False, True):
        found = variables(dark)
        for name in ("right", "wrong", "going"):
            for ground in ("paper", "ground", "sunken"):
                assert contrast(found[name], found[ground]) >= ENOUGH, (name, ground, dark)
        assert contrast(found["edge"], found["paper"]) >= 3
