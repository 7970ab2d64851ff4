"""The association: its name and its look. One row."""

import re

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column, validates

from idp.database import Base, db
from idp.directory.contacts import InvalidValue, checked_text

DEFAULT_COLOUR = "#1f4e79"


class Association(Base):
    """What members and staff see of whose sign-in this is. ``colour`` is ``#rrggbb``."""

    __tablename__ = "association"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(255), default="Your association")
    colour: Mapped[str] = mapped_column(String(7), default=DEFAULT_COLOUR)

    @validates("name")
    def _name(self, _name: str, value: str) -> str:
        text = checked_text("name", value or "")
        if not text:
            raise InvalidValue("name", "missing_name", "The association needs a name.")
        return text

    @validates("colour")
    def _colour(self, _name: str, value: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise InvalidValue("colour", "invalid_colour", "A colour is written as #1f4e79.")
        if contrast_with_white(value) < 4.5:
            raise InvalidValue(
                "colour",
                "too_light",
                "White text cannot be read on this colour: choose a darker one.",
            )
        return value.lower()


def contrast_with_white(colour: str) -> float:
    """Contrast ratio of a ``#rrggbb`` colour with white (WCAG 2.2, relative luminance)."""

    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(colour[start : start + 2]) for start in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def get() -> Association:
    """The association; one that was not saved yet has the defaults."""
    return db.session.get(Association, 1) or Association(
        id=1, name="Your association", colour=DEFAULT_COLOUR
    )


def change(**values: str) -> Association:
    """Change name or colour. Raises ``InvalidValue``."""
    row = db.session.get(Association, 1)
    if row is None:
        row = Association(id=1)
        db.session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    return row
