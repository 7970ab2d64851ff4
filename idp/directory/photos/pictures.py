"""Of an uploaded file, the picture alone: checked, upright, in sRGB, in each of the sizes kept.

Pillow decodes it and encodes it anew. Nothing else of the file is kept: no place where it was
taken, no name of a camera, no comment, no profile.
"""

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError

from idp.directory.contacts import InvalidValue
from idp.directory.photos import boundaries

log = structlog.get_logger()

ACCEPTED = ("image/jpeg", "image/png", "image/webp")
LARGEST_FILE = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
LEAST_SIDE = 32
# A PNG has one colour profile; Pillow unpacks as many as there are, a megabyte each.
MOST_PROFILES = 4
_PNG = b"\x89PNG"
# Pixels on the long side; a smaller picture is never made larger.
SIZES = (64, 256, 1024)
BIGGEST = SIZES[-1]
QUALITY = 85

# A picture of 40 megapixels takes about 300 MB while it is worked on: one at a time in each
# process, and of those who wait no more than leaves threads for everybody else.
WAITING = 3
PATIENCE = 10.0
RETRY_AFTER = 5
_place = threading.BoundedSemaphore(1)
_line = threading.BoundedSemaphore(1 + WAITING)

# Everything that Pillow raises on files that are broken.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError),
    *(struct.error, zlib.error, UnidentifiedImageError),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
_ORIENTATION = 0x0112
# How to turn a picture upright, by its Orientation (EXIF 2.32, 4.6.4 A).
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A picture as it is kept: JPEG files by size; ``width`` and ``height`` are of the biggest."""

    width: int
    height: int
    files: dict[int, bytes]


class PicturesBusy(RuntimeError):
    """Too many photos are sent at this moment. ``retry_after`` is in seconds."""

    retry_after = RETRY_AFTER

    def __init__(self) -> None:
        super().__init__("Many photos are being sent at this moment. Try again in a few seconds.")


def made(data: bytes) -> Picture:
    """Make the picture of an uploaded file: a JPEG, PNG or WebP of at most 10 MB and 40
    megapixels.

    Takes up to a second or two of a processor: no transaction should be open. Raises
    ``InvalidValue`` (of the field ``photo``) and ``PicturesBusy``.
    """
    if len(data) > LARGEST_FILE:
        raise _refused("too_large", f"The file is larger than {LARGEST_FILE // 1024**2} MB.")
    with _opened(data) as image, _turn(), _readable():
        biggest = _decoded(image, BIGGEST)
        return Picture(biggest.width, biggest.height, dict(_sizes(biggest)))


def decoded(data: bytes, longest: int) -> Image.Image:
    """The picture of an uploaded file, as ``made`` takes it: upright, in sRGB, at most so many
    pixels on its long side; transparent where it was. Raises what ``made`` raises."""
    if len(data) > LARGEST_FILE:
        raise _refused("too_large", f"The file is larger than {LARGEST_FILE // 1024**2} MB.")
    with _opened(data) as image, _turn(), _readable():
        return _decoded(image, longest, transparent=True)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except InvalidValue:
        raise
    except _BROKEN as error:
        log.info("picture cannot be read", error=type(error).__name__)
        raise _broken() from None


@contextmanager
def _turn() -> Iterator[None]:
    if not _line.acquire(blocking=False):
        raise PicturesBusy
    try:
        if not _place.acquire(timeout=PATIENCE):
            raise PicturesBusy
        try:
            yield
        finally:
            _place.release()
    finally:
        _line.release()


def _opened(data: bytes) -> ImageFile.ImageFile:
    """The picture of a file, its head read and its pixels not yet."""
    if data.startswith(_PNG) and data.count(b"iCCP") > MOST_PROFILES:
        raise _broken()
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except UnidentifiedImageError:
        raise _refused("not_a_picture", "This is not a JPEG, PNG or WebP picture.") from None
    except _BROKEN:
        raise _broken() from None
    kind = image.format or ""
    if image.width * image.height > MOST_PIXELS:
        raise _too_many_pixels()
    if min(image.size) < LEAST_SIDE:
        raise _refused("too_small", f"A photo is at least {LEAST_SIDE} pixels wide and high.")
    # A phone's JPEG may hold further views of the same moment: the first is the photo.
    if kind != "MPO" and getattr(image, "is_animated", False):
        raise _refused("animated", "This picture moves: a photo is a single one.")
    boundaries.check(data, kind)
    return image


def _decoded(image: ImageFile.ImageFile, longest: int, *, transparent: bool = False) -> Image.Image:
    profile = image.info.get("icc_profile")
    picture: Image.Image = image
    if image.mode not in {"RGB", "RGBA", "L", "CMYK"}:
        picture = _in_common_mode(image)
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    # Asked for once the whole file was read: some say it at the end.
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    alpha = picture.getchannel("A") if transparent and picture.mode == "RGBA" else None
    picture = _in_srgb(picture, profile)
    if alpha is not None:
        picture.putalpha(alpha)
    if turn is not None:
        picture = picture.transpose(turn)
    picture.info = {}  # a comment would be written again
    return picture


def _in_common_mode(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # grey with 16 bits
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB, on white where it is transparent."""
    if image.mode == "RGBA":
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A"))
        image = flat
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError) as error:
            # Colours that are a little off are better than no photo.
            log.info("photo has an unusable colour profile", error=type(error).__name__)
        else:
            if converted is not None:
                return converted
    return image.convert("RGB")


def _sizes(biggest: Image.Image) -> Iterator[tuple[int, bytes]]:
    for size in SIZES:
        smaller = biggest.copy()
        smaller.thumbnail((size, size), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        smaller.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
        yield size, file.getvalue()


def _refused(reason: str, message: str) -> InvalidValue:
    return InvalidValue("photo", reason, message)


def _too_many_pixels() -> InvalidValue:
    return _refused(
        "too_many_pixels",
        f"The picture has more than {MOST_PIXELS // 10**6} megapixels: make it smaller first.",
    )


def _broken() -> InvalidValue:
    return _refused("broken", "The picture cannot be read: the file is broken.")
