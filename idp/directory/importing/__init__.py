"""Import of companies and people from a member system's export.

``columns`` knows what the columns of a file mean, ``rows`` checks a row and says what it holds or
why it is refused, ``write`` writes people and companies, ``report`` counts, ``load`` runs it all.
A file is loaded in chunks that each commit whole; a second run of the same file changes nothing.
"""

from idp.directory.importing.load import ImportFailed, run
from idp.directory.importing.report import Refusal, Report

__all__ = ["ImportFailed", "Refusal", "Report", "run"]
