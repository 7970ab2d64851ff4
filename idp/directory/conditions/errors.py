"""What is wrong with a condition, and where."""


class InvalidCondition(ValueError):
    """A condition that makes no sense, or no sense any more; the text says what and where.

    ``where`` is the place in the tree, as “rule 2 of block 1”: parts are counted from 1 within
    the block that they stand in, blocks and rules alike. It is empty for the condition as a whole.
    """

    def __init__(self, message: str, where: str = "") -> None:
        self.where = where
        super().__init__(f"{where[:1].upper()}{where[1:]}: {message}" if where else message)


def place(path: tuple[int, ...], noun: str) -> str:
    """The words for a place: ``(1, 2)`` and “rule” are “rule 2 of block 1”."""
    if not path:
        return ""
    *blocks, last = path
    return " of ".join([f"{noun} {last}", *(f"block {number}" for number in reversed(blocks))])
