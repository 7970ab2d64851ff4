"""Why an import stops as a whole; what is wrong with one row is a ``Refusal`` of the report."""

from idp.directory.importing.report import Report


class ImportFailed(Exception):
    """The file as a whole cannot be imported; the text says why, with the row where it has one.

    Nothing of the file was written.
    """


class GuardTripped(Exception):
    """The file would take away more than the guard's share. Nothing of it was written.

    ``report`` says what it would do: ``report.losses`` in numbers with samples, and those numbers,
    given back as ``allow``, let it through.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(report.losses.sentence())
