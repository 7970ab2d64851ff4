"""What is too much for memory, kept in an unnamed temporary file while an import runs."""

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")

CHUNK = 1000


class Spool(Generic[Item]):
    """Items in the order that they were added, read again as often as needed, in chunks.

    Only one reading goes on at a time. The file has no name and ends with the process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="tessera-import-")  # noqa: SIM115
        self._chunk: list[Item] = []
        self.count = 0

    def add(self, item: Item) -> None:
        """Add an item at the end."""
        self._chunk.append(item)
        self.count += 1
        if len(self._chunk) >= CHUNK:
            self._write()

    def chunks(self) -> Iterator[list[Item]]:
        """All items, in lists of at most ``CHUNK``."""
        self._write()
        self._file.seek(0)
        while True:
            try:
                # Nobody but this object has ever had the file.
                yield pickle.load(self._file)  # noqa: S301
            except EOFError:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _write(self) -> None:
        if self._chunk:
            self._file.seek(0, 2)
            pickle.dump(self._chunk, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            self._chunk = []
