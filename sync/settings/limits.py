"""How many may leave a group without a question."""

from dataclasses import dataclass

from idp.directory.contacts import InvalidValue

PEOPLE, PERCENT = 100, 10
MOST_PEOPLE = 1_000_000
# So few say nothing of a mistake, whatever share of a small group they are.
FLOOR = 5


@dataclass(frozen=True)
class Limits:
    """The guard's limits, for what leaves one group within an hour (``held.WINDOW``).

    More than ``people`` are held, and more than ``percent`` % of those whom Higher Logic has in
    the group. Up to ``FLOOR`` pass whatever share that is, unless nobody would be left of two or
    more.
    """

    people: int = PEOPLE
    percent: int = PERCENT

    def beyond(self, leaving: int, left: int) -> str:
        """Why so many are held, in the staff's words; empty when they may go.

        ``left`` is how many stay in the group. Neither needs to be counted beyond ``enough_people``
        and ``enough_left``.
        """
        if leaving > self.people:
            return f"more than {self.people:,} would leave it within an hour"
        if leaving > 1 and left == 0:
            return "nobody would be left in it"
        if leaving > FLOOR and leaving * 100 > self.percent * (leaving + left):
            return f"more than {self.percent}% would leave it within an hour"
        return ""

    @property
    def enough_people(self) -> int:
        """Counting on is of no use from here."""
        return self.people + 1

    def enough_left(self, leaving: int) -> int:
        """With so many left, so many leaving are not too large a share."""
        return max(1, -(-leaving * 100 // self.percent) - leaving)


def checked(name: str, value: object) -> int:
    """A limit as staff enter it, of the setting ``guard_people`` or ``guard_percent``.

    Raises ``InvalidValue``.
    """
    most = MOST_PEOPLE if name == "guard_people" else 100
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= most):
        raise InvalidValue(name, "invalid_limit", f"A whole number from 1 to {most:,}.")
    return int(text)
