"""The worksheet as a document of a word processor, which both sides can write into."""

import io

from docx import Document
from docx.document import Document as DocumentObject
from docx.shared import Cm, Pt
from docx.text.paragraph import Paragraph

from idp.database import now
from idp.oauth.worksheet import Worksheet

MIME_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_FIXED = "Courier New"
# Of a document's own title and author; what people read is whole.
_LONGEST_PROPERTY = 255
_NAME_WIDTH, _VALUE_WIDTH = Cm(5), Cm(11.5)


def make(sheet: Worksheet) -> bytes:
    """The document (Office Open XML); where a value is missing is room to write it."""
    document = Document()
    document.core_properties.author = _kept(sheet.association)[:_LONGEST_PROPERTY]
    document.core_properties.title = _kept(sheet.title)[:_LONGEST_PROPERTY]
    document.core_properties.comments = ""
    document.core_properties.created = document.core_properties.modified = now()
    for section in document.sections:
        section.left_margin = section.right_margin = Cm(2.2)
    document.add_heading(_kept(sheet.title), level=0)
    document.add_paragraph(_kept(f"Sign-in by OAuth 2.0. From {sheet.association}."))
    document.add_heading("For Higher Logic", level=1)
    _table(document, sheet.facts)
    document.add_heading("A member to try with", level=1)
    _table(document, sheet.member)
    document.add_heading("From Higher Logic", level=1)
    document.add_paragraph(
        "Every address byte for byte as your site sends it; letter case counts. Several are fine."
    )
    _table(document, sheet.given_back)
    document.add_heading("What the user-info URL answers for this member", level=1)
    _fixed(document.add_paragraph(), sheet.answer)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _table(document: DocumentObject, rows: list[tuple[str, str]]) -> None:
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    table.autofit = False
    for name, value in rows:
        left, right = table.add_row().cells
        # Word processors look at the cells' widths, not at the columns'.
        left.width, right.width = _NAME_WIDTH, _VALUE_WIDTH
        left.paragraphs[0].add_run(name).bold = True
        _fixed(right.paragraphs[0], value)


def _fixed(paragraph: Paragraph, text: str) -> None:
    run = paragraph.add_run(_kept(text))
    run.font.name, run.font.size = _FIXED, Pt(9)


def _kept(text: str) -> str:
    # XML 1.0, 2.2: characters that a document cannot hold.
    return "".join(
        character
        for character in text
        if character in "\t\n\r"
        or " " <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
    )
