"""Imports that staff run in the panel: uploaded, checked, started, watched, reported.

``runs`` is what is kept of one, ``files`` its file, ``choosing`` how it is read and where its
columns go, ``asking`` what staff ask of it; ``work`` is the worker's part with ``leases``,
``watch`` and ``tally``; ``tidy`` says when what goes. How a file is read
and written is ``idp.directory.importing``'s.
"""

from idp.directory.import_runs.asking import (
    allow,
    cancel,
    check,
    choose,
    make,
    read_anew,
    start,
)
from idp.directory.import_runs.choosing import Choices, applied
from idp.directory.import_runs.runs import ImportRefusal, ImportRun, NotNow, find

__all__ = [
    "Choices",
    "ImportRefusal",
    "ImportRun",
    "NotNow",
    "allow",
    "applied",
    "cancel",
    "check",
    "choose",
    "find",
    "make",
    "read_anew",
    "start",
]
