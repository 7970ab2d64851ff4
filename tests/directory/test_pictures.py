"""What becomes of an uploaded picture, and which files are no picture."""

import io
import struct
import threading
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from idp.directory import photos
from idp.directory.contacts import InvalidValue
from idp.directory.photos import boundaries, pictures
from tests.pictures import BLUE, RED, file, halves, near, opened


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidValue) as refused:
        photos.made(data)
    assert refused.value.field == "photo"
    assert str(refused.value).endswith(".")
    return refused.value.reason


def big(picture: photos.Picture) -> Image.Image:
    return opened(picture.files[photos.BIGGEST])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_each_size_is_a_jpeg_of_the_same_picture(kind: str) -> None:
    picture = photos.made(file(halves(2000, 1000), kind))
    assert (picture.width, picture.height) == (1024, 512)
    shapes = {size: opened(content).size for size, content in picture.files.items()}
    assert shapes == {64: (64, 32), 256: (256, 128), 1024: (1024, 512)}
    for content in picture.files.values():
        image = opened(content)
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert near(image.getpixel((2, 2)), RED)
        assert near(image.getpixel((image.width - 3, 2)), BLUE)


def test_a_small_picture_is_never_made_larger() -> None:
    picture = photos.made(file(halves(100, 60)))
    assert {size: opened(one).size for size, one in picture.files.items()} == {
        64: (64, 38),
        256: (100, 60),
        1024: (100, 60),
    }


def described() -> tuple[Image.Exif, bytes]:
    """What a phone writes: turn it a quarter, where it was, who made it; and XMP."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SECRET-MAKER"
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (51.0, 30.0, 26.0)
    return exif, b"<x:xmpmeta>SECRET-XMP</x:xmpmeta>"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_it_is_turned_upright_and_nothing_but_the_picture_is_kept(kind: str) -> None:
    exif, xmp = described()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif, "icc_profile": profile}
    if kind == "JPEG":
        options |= {"comment": b"SECRET-COMMENT", "xmp": xmp}
    elif kind == "WEBP":
        options |= {"xmp": xmp, "quality": 95}
    else:
        told = PngImagePlugin.PngInfo()
        told.add_text("Comment", "SECRET-COMMENT")
        told.add_itxt("XML:com.adobe.xmp", xmp.decode())
        options["pnginfo"] = told
    data = file(halves(300, 200), kind, **options)
    assert b"SECRET" in data
    picture = photos.made(data)
    assert (picture.width, picture.height) == (200, 300)
    for content in picture.files.values():
        image = opened(content)
        assert not image.getexif()
        # Nothing but what every JPEG says of itself.
        assert image.info.keys() <= {
            *("jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression")
        }
        for trace in (b"SECRET", b"Exif", b"http://ns.adobe.com", b"ICC_PROFILE", b"GPS"):
            assert trace not in content
        assert near(image.getpixel((image.width // 2, 2)), RED, 20)  # left was turned to the top
        assert near(image.getpixel((image.width // 2, image.height - 3)), BLUE, 20)


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_becomes_the_same_picture(turn: int) -> None:
    upright = halves(120, 80)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[turn]) if turn in undo else upright
    exif = Image.Exif()
    exif[0x0112] = turn
    image = big(photos.made(file(stored, "PNG", exif=exif)))
    assert image.size == (120, 80)
    assert near(image.getpixel((5, 40)), RED)
    assert near(image.getpixel((115, 40)), BLUE)


def test_colours_of_a_profile_become_those_of_srgb() -> None:
    # Whoever ignores the profile sees blue where red is meant.
    swapped = _swapped_profile()
    stored = Image.merge("RGB", [halves().getchannel(name) for name in "BGR"])
    image = big(photos.made(file(stored, "PNG", icc_profile=swapped)))
    assert near(image.getpixel((5, 100)), RED, 25)
    assert near(image.getpixel((295, 100)), BLUE, 25)


def _swapped_profile() -> bytes:
    """The profile of sRGB with red's and blue's places exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    for entry in range(132, 132 + 12 * count, 12):
        name = bytes(profile[entry : entry + 4])
        exchanged = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name, name)
        profile[entry : entry + 4] = exchanged
    return bytes(profile)


def test_a_profile_that_is_broken_does_no_harm() -> None:
    image = big(photos.made(file(halves(), "PNG", icc_profile=b"no profile at all")))
    assert near(image.getpixel((5, 100)), RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_mode_are_read(mode: str) -> None:
    image = halves().convert("I;16") if mode == "I;16" else halves(mode=mode)
    made = big(photos.made(file(image, "JPEG" if mode == "CMYK" else "PNG")))
    assert made.size == (300, 200)


def test_what_is_transparent_becomes_white() -> None:
    image = Image.new("RGBA", (50, 50), (0, 0, 0, 0))
    assert near(big(photos.made(file(image, "PNG"))).getpixel((25, 25)), (255, 255, 255))


def test_a_phones_jpeg_with_more_views_is_taken() -> None:
    data = file(halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (50, 50))])
    assert opened(data).format == "MPO"
    assert photos.made(data).width == 300
    for trailer in (b"\x00" * 64, b"\x00\x00\x00\x18ftypmp42", b"notes of the maker SEFT"):
        assert photos.made(file() + trailer).width == 300


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_a_picture"),
        (b"MZ\x90\x00 a program", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_picture"),
        (file(kind="GIF"), "not_a_picture"),
        (file(kind="BMP"), "not_a_picture"),
        (file(kind="TIFF"), "not_a_picture"),
        (file(halves(31, 300)), "too_small"),
        (b"\xff\xd8\xff" + b"\x00" * 5000, "not_a_picture"),
    ],
    ids=["empty", "a program", "SVG", "GIF", "BMP", "TIFF", "too small", "only a beginning"],
)
def test_what_is_no_photo_is_refused(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


def test_a_file_that_is_too_large_is_refused_before_it_is_read() -> None:
    assert refusal(b"\xff" * (photos.LARGEST_FILE + 1)) == "too_large"


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says to be as large as you like."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\x00" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("shape", [(8000, 5001), (10_000, 9_500), (50_000, 50_000)])
def test_a_picture_that_would_fill_the_memory_is_refused(shape: tuple[int, int]) -> None:
    assert refusal(bomb(*shape)) == "too_many_pixels"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_is_cut_off_is_refused(kind: str) -> None:
    data = file(kind=kind)
    for length in (len(data) * 9 // 10, len(data) // 2, len(data) - 1):
        assert refusal(data[:length]) in {"truncated", "not_a_picture", "broken"}


def test_a_file_that_is_broken_within_is_refused() -> None:
    good = file(halves(), "PNG")
    at = good.index(b"IDAT") + 8
    assert refusal(good[:at] + b"\x00" * 40 + good[at + 40 :]) == "broken"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_picture_that_moves_is_refused(kind: str) -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in (RED, BLUE)]
    data = file(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert refusal(data) == "animated"


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        made.writestr("run.class", "code")
    return written.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "more",
    [archive(), b"<script>alert(1)</script>", b"%PDF-1.7", b"\x7fELF", file(kind="PNG")],
    ids=["an archive", "a script", "a PDF", "a program", "a PNG"],
)
def test_a_file_that_is_something_else_as_well_is_refused(kind: str, more: bytes) -> None:
    assert refusal(file(kind=kind) + more) == "not_only_a_picture"


@pytest.mark.parametrize("hidden", [b"%PDF-1.4", b"<?php system(1);", b"<HTML><script>"])
def test_something_else_in_the_head_of_a_picture_is_refused(hidden: bytes) -> None:
    assert refusal(file(comment=hidden)) == "not_only_a_picture"


def test_an_archive_within_a_picture_is_refused() -> None:
    inside = file(comment=archive())
    assert refusal(inside) == "not_only_a_picture"


def test_what_is_between_a_pictures_markers_is_read_once() -> None:
    # Looked through from each of its bytes, this took days.
    given = file()
    within = given.index(b"\xff\xda") + 16
    filled = given[:within] + b"\xff" * 4_000_000 + b"\x00" + given[within:]
    boundaries.check(filled, "JPEG")
    # So did copying what is left after each of a million tiny pictures.
    assert refusal(given + b"\xff\xd8\xff\xd9" * 2_000_000) == "not_only_a_picture"


def test_a_picture_of_very_many_colour_profiles_is_not_unpacked() -> None:
    given = file(kind="PNG", icc_profile=b"\x00" * 900_000)
    profile = given[33 : given.index(b"IDAT") - 4]
    assert profile[4:8] == b"iCCP"
    assert photos.made(given).width == 300
    assert refusal(given[:33] + profile * 9_000 + given[33:]) == "broken"


@pytest.mark.parametrize("before", [b"", b"\xff\x01", b"\xff\x00", b"\xff\xd3"])
def test_a_picture_of_very_many_scans_is_refused(before: bytes) -> None:
    given = file(progressive=True)
    scan = given[given.rindex(b"\xff\xda") : -2]
    few = given[:-2] + scan * 50 + given[-2:]
    assert photos.made(few).width == 300
    # What has no length hides none of them.
    many = given[:-2] + before + scan * 200 + given[-2:]
    assert refusal(many) == "too_many_scans"


def test_pictures_wait_for_each_other_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "PATIENCE", 0.01)
    data = file()
    with pictures._turn(), pytest.raises(photos.PicturesBusy):
        photos.made(data)
    assert photos.made(data).width == 300
    monkeypatch.setattr(pictures, "_line", threading.BoundedSemaphore(1))
    with pictures._turn(), pytest.raises(photos.PicturesBusy):
        photos.made(data)
