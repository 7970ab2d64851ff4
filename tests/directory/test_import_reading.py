"""Files of every form are read as the table that they hold, and hostile ones are refused."""

import csv
import datetime as dt
import io
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.directory.importing import ImportFailed, ReadingOptions, formulas, reading, workbook
from idp.directory.importing.reading import CellError, open_table

CODECS = {
    "utf-8": "utf-8",
    "utf-8 with its mark": "utf-8-sig",
    "utf-16": "utf-16",
    "windows-1252": "cp1252",
}


def table_of(path: Path, **options: Any) -> tuple[list[str], list[list[str]], reading.Taken]:
    with closing(open_table(path, ReadingOptions(**options))) as table:
        return table.header, [cells for _, cells in table.rows()], table.taken


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(content)
    return path


def as_csv(rows: list[list[str]], separator: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue()


# No spreadsheet writes half a character, and a blank row is no row.
cells = st.text(st.characters(codec="cp1252", exclude_characters="\x00"), max_size=20)
rows = st.lists(st.tuples(st.text("abc123", min_size=1), cells, cells, cells).map(list), max_size=8)


@pytest.mark.compliance("A6")
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@given(rows=rows, separator=st.sampled_from([",", ";", "\t"]))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_written_in_any_encoding_with_any_separator_is_read_back(
    tmp_path: Path, codec: str, rows: list[list[str]], separator: str
) -> None:
    header = ["Key", "Zoé’s name", "City", "Note"]
    exported = [header, *([formulas.safe(cell) for cell in row] for row in rows)]
    path = written(tmp_path, as_csv(exported, separator).encode(codec))
    found_header, found, taken = table_of(path)
    assert (found_header, found) == (header, rows)
    assert taken.separator == {",": "comma", ";": "semicolon", "\t": "tab"}[separator]


@pytest.mark.compliance("A6")
@given(st.text(st.sampled_from("'=+-@\t\ra"), max_size=6))
def test_what_the_export_makes_harmless_is_read_back_as_it_was(text: str) -> None:
    harmless = formulas.safe(text)
    assert not harmless.startswith(tuple(formulas.FIRST))
    assert formulas.plain(harmless) == text


@pytest.mark.parametrize("text", ["'Tis", "''", "'", "O'Neil", "a=b", "1-2"])
def test_only_what_the_export_writes_loses_an_apostrophe(text: str) -> None:
    assert formulas.plain(text) == text


@pytest.mark.compliance("A6")
@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_the_encoding_is_found_out_and_said(tmp_path: Path, codec: str, name: str) -> None:
    path = written(tmp_path, "Name;City\nŠárka;Žďár – “x”\n".replace("ď", "d").encode(codec))
    header, found, taken = table_of(path)
    assert (header, found) == (["Name", "City"], [["Šárka", "Ždár – “x”"]])
    assert (taken.encoding, taken.separator) == (name, "semicolon")
    assert taken.sentence() == f"Read as CSV in {name}, separated by semicolon."


def test_a_separator_within_quotes_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, b'Name;"City, State, Country"\nAda;"a, b, c"\n')
    assert table_of(path)[1] == [["Ada", "a, b, c"]]


def test_the_separator_and_the_encoding_can_be_told(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b;c\n1é,2;3\n".encode("cp1252"))
    assert table_of(path, separator=";")[0] == ["a,b", "c"]
    assert table_of(path, separator=",")[0] == ["a", "b;c"]
    with pytest.raises(ImportFailed, match="is not UTF-8 \\(byte 7\\)"):
        table_of(path, encoding="utf-8")


def test_excels_own_line_about_the_separator_is_followed_and_counts_for_no_row(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, b"sep=;\r\nName;City\r\nAda;Bern\r\n")
    with closing(open_table(path)) as table:
        assert (table.header, list(table.rows())) == (["Name", "City"], [(2, ["Ada", "Bern"])])


def test_blank_rows_are_left_out_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, b"Name,City,\nAda,Bern,\n,,\n\nBob,Rome,\n")
    with closing(open_table(path)) as table:
        assert [number for number, _ in table.rows()] == [2, 5]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Name,City\nAda,Bern,x\n", "row 2 has 3 cells, the header has 2"),
        (b"Name\nA\x81\xff", "is not Windows-1252 \\(byte 6\\)"),
        (b"N\x00a\x00m\x00e\x00\n\x00", "no text that we know"),
        (b"\xd0\xcf\x11\xe0rest", "old or locked Excel file"),
        (b"PK\x03\x04rest", "cannot be read as an Excel workbook"),
        (b"\xef\xbb\xbfName\n\xff", "is not UTF-8"),
        (b"\xff\xfeN\x00\x00\xd8", "is not UTF-16"),
        (b"Name\n" + b"x" * 100_001, "field larger than field limit"),
        (b"Name\n" + b"x" * 8_400_000, "line of more than"),
        (b",".join(b"c%d" % n for n in range(301)), "more than 300 columns"),
        (b"\n\nName\nAda\n", "is empty"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes, says: str
) -> None:
    with pytest.raises(ImportFailed, match=says):
        table_of(written(tmp_path, content))


def test_what_only_calls_itself_a_workbook_is_told_so(tmp_path: Path) -> None:
    picture = tmp_path / "members.xlsx"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x81")
    with pytest.raises(ImportFailed, match="is no Excel workbook"):
        table_of(picture)
    picture.write_bytes(b"Name\nAda\n")  # a CSV file of any name is read
    assert table_of(picture)


@given(st.binary(max_size=300))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    try:
        header, found, _ = table_of(path)
    except ImportFailed:
        return
    assert all(len(row) == len(header) for row in found)


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 3)
    with pytest.raises(ImportFailed, match="more than 3 rows"):
        table_of(written(tmp_path, b"Name\na\nb\nc\nd\n"))


def test_a_file_that_is_too_large_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE", 3)
    with pytest.raises(ImportFailed, match="larger than"):
        table_of(written(tmp_path, b"Name\na\n"))


def test_reading_options_come_back_from_json() -> None:
    options = ReadingOptions("windows-1252", ";", "Members")
    assert ReadingOptions.from_json(options.as_json()) == options
    for wrong in (None, {"sheet": 1}, {"encoding": "ebcdic"}, {"separator": "|"}, {"x": 1}):
        with pytest.raises(ImportFailed):
            ReadingOptions.from_json(wrong)


def workbook_file(folder: Path, *sheets: tuple[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for title, content in sheets:
        sheet = book.create_sheet(title)
        for row in content:
            sheet.append(row)
    path = folder / "file.xlsx"
    book.save(path)
    return path


def changed(path: Path, part: str, old: str, new: str, times: int = 1) -> Path:
    """The workbook with something replaced in one of its parts."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    text = parts[part].decode()
    assert old in text
    parts[part] = text.replace(old, new, times).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


SHEET = "xl/worksheets/sheet1.xml"


def test_cells_mean_what_they_show(tmp_path: Path) -> None:
    path = workbook_file(
        tmp_path,
        ("Members", [list("abcdefgh"), [dt.date(2020, 1, 2), 7, 7.0, 0.5, True, "02139", None, 1]]),
    )
    book = openpyxl.load_workbook(path)
    book["Members"]["H2"].number_format = "00000"
    book.save(path)
    header, found, taken = table_of(path)
    assert header == list("abcdefgh")
    assert found == [["2020-01-02", "7", "7", "0.5", "Yes", "02139", "", "00001"]]
    assert taken.sentence() == "Read as an Excel workbook, sheet “Members”."


def test_a_moment_keeps_its_time_and_a_formula_is_the_value_it_was_saved_with(
    tmp_path: Path,
) -> None:
    moment = dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.UTC).replace(tzinfo=None)
    path = workbook_file(tmp_path, ("S", [["a", "b"], [moment, "=1+1"]]))
    changed(path, SHEET, "<v></v>", "<v>2</v>")
    assert table_of(path)[1] == [["2020-01-02 03:04:00", "2"]]


def test_the_first_visible_sheet_is_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    path = workbook_file(
        tmp_path, ("Old", [["a"], ["1"]]), ("Now", [["b"], ["2"]]), ("Later", [["c"], ["3"]])
    )
    book = openpyxl.load_workbook(path)
    book["Old"].sheet_state = "hidden"
    book.save(path)
    header, _, taken = table_of(path)
    assert (header, taken.sheet, taken.sheets) == (["b"], "Now", ("Old", "Now", "Later"))
    assert table_of(path, sheet=" later ")[0] == ["c"]
    with pytest.raises(ImportFailed, match="has no sheet 'x'"):
        table_of(path, sheet="x")


def test_rows_that_are_missing_in_between_and_blank_ones_at_the_end_are_none(
    tmp_path: Path,
) -> None:
    path = workbook_file(tmp_path, ("S", [["a", "b", None], ["1"], [], [None, "2"], [None], [""]]))
    with closing(open_table(path)) as table:
        assert list(table.rows()) == [(2, ["1", ""]), (4, ["", "2"])]


def test_an_error_in_a_cell_is_no_text(tmp_path: Path) -> None:
    path = workbook_file(tmp_path, ("S", [["a"], ["x"]]))
    book = openpyxl.load_workbook(path)
    book["S"]["A2"].value = "#N/A"
    assert book["S"]["A2"].data_type == "e"
    book.save(path)
    assert type(table_of(path)[1][0][0]) is CellError


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        (SHEET, "<worksheet", '<!DOCTYPE x [<!ENTITY e "ha">]><worksheet'),
        (SHEET, "<worksheet", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet'),
        ("xl/workbook.xml", "<workbook", '<!DOCTYPE x [<!ENTITY e "ha">]><workbook'),
        (SHEET, "<sheetData>", "<sheetData><row"),
        (SHEET, 't="n"><v>3</v>', 't="s"><v>3</v>'),
        (SHEET, "<v>3</v>", "<v>three</v>"),
        (SHEET, "<v>3</v>", "<v>" + "9" * 5000 + "</v>"),
        ("xl/workbook.xml", "rId1", "rId77"),
        ("[Content_Types].xml", "sheet.main+xml", "nothing+xml"),
    ],
)
def test_a_spoilt_or_hostile_workbook_is_refused_with_a_sentence(
    tmp_path: Path, part: str, old: str, new: str
) -> None:
    path = changed(workbook_file(tmp_path, ("S", [["a", 3], ["1", 4]])), part, old, new, times=9)
    with pytest.raises(ImportFailed, match=r"file\.xlsx (cannot be read|has no sheet|defines)"):
        table_of(path)


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ("<row></row>" * 1_048_600, "more than 1,048,576 rows"),
        ("<x:row></x:row>" * 1_048_600, "more than 1,048,576 rows"),
        ("<row/>" * 1_048_600, "no sheet and too large"),
        ('<row r="2">' + "<c/>" * 1_100_000 + "</row>", "no sheet and too large"),
        ('<row r="3000000"><c><v>1</v></c></row>', "more than 1,048,576 rows"),
        ('<row r="2"><c r="ZZZ2"><v>1</v></c></row>', "row 2 has more than 5,000 cells"),
    ],
    ids=["rows", "rows of another name", "empty rows", "cells", "row number", "column"],
)
def test_a_small_workbook_cannot_unpack_to_more_than_a_sheet_holds(
    tmp_path: Path, new: str, says: str
) -> None:
    path = workbook_file(tmp_path, ("S", [["a"]]))
    changed(path, SHEET, "</sheetData>", new + "</sheetData>")
    assert path.stat().st_size < 100_000
    with pytest.raises(ImportFailed, match=says):
        table_of(path)


def test_a_cell_far_to_the_right_in_every_row_is_not_read_for_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook_file(tmp_path, ("S", [["a"]]))
    rows = "".join(f'<row r="{n}"><c r="AAA{n}"/></row>' for n in range(2, 22))
    changed(path, SHEET, "</sheetData>", rows + "</sheetData>")
    assert table_of(path)[1] == []
    monkeypatch.setattr(workbook, "MOST_BESIDE", 10_000)
    with pytest.raises(ImportFailed, match="empty cells to the right"):
        table_of(path)


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_nothing_that_any_spreadsheet_takes_for_a_formula_is_written(first: str) -> None:
    assert formulas.safe(f"{first}1+1") == f"'{first}1+1"
    assert formulas.plain(f"'{first}1+1") == f"{first}1+1"


def test_xml_in_an_encoding_that_hides_its_tags_is_refused(tmp_path: Path) -> None:
    path = workbook_file(tmp_path, ("S", [["a"]]))
    changed(path, SHEET, "<worksheet", '<?xml version="1.0" encoding="cp500"?><worksheet')
    with pytest.raises(ImportFailed, match="not UTF-8"):
        table_of(path)


def test_a_workbook_of_too_many_parts_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook_file(tmp_path, ("S", [["a"]]))
    monkeypatch.setattr(workbook, "LARGEST_WORKBOOK", 1000)
    with pytest.raises(ImportFailed, match="unpacks to more than"):
        table_of(path)
    monkeypatch.setattr(workbook, "MOST_PARTS", 2)
    with pytest.raises(ImportFailed, match="more than 2 parts"):
        table_of(path)


@pytest.fixture(scope="module")
def small_workbook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("workbook")
    return workbook_file(folder, ("S", [["a", "b"], [1, "x"]])).read_bytes()


@given(places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_workbook_with_any_byte_changed_is_a_table_or_refused(
    tmp_path: Path, small_workbook: bytes, places: list[tuple[float, int]]
) -> None:
    content = bytearray(small_workbook)
    for place, byte in places:
        content[int(place * len(content))] = byte
    path = written(tmp_path, bytes(content))
    try:
        header, found, _ = table_of(path)
    except ImportFailed:
        return
    assert all(len(row) == len(header) for row in found)
