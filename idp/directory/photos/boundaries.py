"""Where the picture in a file ends, and whether the file is something else as well.

What is kept is encoded anew, so nothing that hides in a file ever reaches anybody. A file that is
cut off, or that is a picture and a program at once, is refused all the same: whoever sent it did
not mean to send a photo.
"""

import io
import re
import zipfile

from idp.directory.contacts import InvalidValue

_JPEG = b"\xff\xd8\xff"
_MARKER = re.compile(rb"\xff+([^\xff])", re.DOTALL)
_ZEROS = re.compile(rb"\x00*")
_END_OF_IMAGE, _START_OF_SCAN = 0xD9, 0xDA
# Markers without a length (ITU-T T.81, B.1.1.3), and what libjpeg takes for none.
_ALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD8)})
# Within a scan, 0xFF is followed by zero (the byte itself) or a restart (ITU-T T.81, B.1.1.5).
# One 0xFF alone: with all that may fill up before it, a long row of them would be looked
# through again from each.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# A progressive picture comes in some ten scans. Each goes over all of its pixels, and may be told
# in a few bytes (libjpeg-turbo, "Two Issues with the JPEG Standard").
MOST_SCANS = 100
# A phone's further pictures are a handful.
MOST_PICTURES = 50
# What other readers look for at the beginning of a file: a PDF's is anywhere in the first 1,024.
_OTHERS = re.compile(rb"%PDF-|<html|<!doctype|<script|<svg|<\?php", re.IGNORECASE)
_BEGINNING = 1024


def check(data: bytes, kind: str) -> None:
    """Refuse a file that ends too early, or that holds something else than its picture.

    ``kind`` is Pillow's name of the format. Takes time as the file is long, whatever is in it.
    Raises ``InvalidValue`` with the reasons ``truncated``, ``not_only_a_picture`` and
    ``too_many_scans``.
    """
    end = {"PNG": _end_of_png, "WEBP": _end_of_webp}.get(kind, _end_of_jpeg)(data, 0)
    if _OTHERS.search(data[:_BEGINNING]) or _is_archive(data):
        raise _not_only_a_picture()
    end = _after_zeros(data, end)
    if kind not in {"PNG", "WEBP"}:
        # Phones write further pictures after the first (the CIPA's MPF, a gain map) …
        for _ in range(MOST_PICTURES):
            if not data.startswith(_JPEG, end):
                break
            end = _after_zeros(data, _end_of_jpeg(data, end))
        # … a moving picture, or the maker's own notes.
        if b"ftyp" in data[end : end + 8] or (end < len(data) and data.endswith(b"SEFT")):
            return
    if end < len(data):
        raise _not_only_a_picture()


def _after_zeros(data: bytes, at: int) -> int:
    found = _ZEROS.match(data, at)
    return found.end() if found else at


def _end_of_jpeg(data: bytes, start: int) -> int:
    at, scans = start + 2, 0
    while True:
        marker = _MARKER.match(data, at)
        if marker is None:
            raise _truncated()
        at, code = marker.end(), marker[1][0]
        if code == _END_OF_IMAGE:
            return at
        if code in _ALONE:
            continue
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
        if code == _START_OF_SCAN:
            scans += 1
            if scans > MOST_SCANS:
                raise InvalidValue(
                    "photo", "too_many_scans", "The picture is told in far too many steps."
                )
            found = _NEXT_MARKER.search(data, at)
            if found is None:
                raise _truncated()
            at = found.start()


def _end_of_png(data: bytes, start: int) -> int:
    at = start + 8
    while True:
        # Length, type, data, checksum (PNG, 5.3).
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if len(kind) < 4 or at > len(data):
            raise _truncated()
        if kind == b"IEND":
            return at


def _end_of_webp(data: bytes, start: int) -> int:
    # Of the whole file, without these eight bytes (RFC 9649, 2.4).
    end = start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
    if end > len(data):
        raise _truncated()
    return end


def _is_archive(data: bytes) -> bool:
    # A ZIP file, and with it a JAR or an Office document, is read from its end.
    file = io.BytesIO(data)
    if not zipfile.is_zipfile(file):
        return False
    try:
        zipfile.ZipFile(file).close()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False  # four bytes of a picture that look like one
    return True


def _truncated() -> InvalidValue:
    return InvalidValue("photo", "truncated", "The file is cut off: a part of it is missing.")


def _not_only_a_picture() -> InvalidValue:
    return InvalidValue(
        "photo",
        "not_only_a_picture",
        "The file holds something besides the picture. Save it anew as JPEG or PNG.",
    )
