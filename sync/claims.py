"""A row of the ledger as whoever pushes it has it."""

import datetime as dt
from dataclasses import dataclass

from sync.records.told import Told

# So many pushes in a row without a clear answer: it may be the record.
SUSPECT = 5


@dataclass(frozen=True)
class Claim:
    """A leased row as it was claimed: ``version`` is what *wanted* was."""

    contact_id: int
    version: int
    digest: str | None
    told: Told
    """The groups that Higher Logic was told of last."""
    guarded: bool
    """The removal guard has decided something about this contact (``held``)."""
    is_company: bool
    known: bool
    """Higher Logic has accepted a record of this contact before."""
    passed_over: bool
    """People of this company may have been pushed without it."""
    refused: bool
    """What is wanted has been refused before."""
    attempts: int
    pushed_at: dt.datetime | None
    """When it was pushed last, whatever came of that."""

    @property
    def suspect(self) -> bool:
        """Something may be about this record: it was refused, or had no clear answer time and
        again."""
        return self.refused or self.attempts >= SUSPECT
