"""Of an uploaded file, the logo alone: decoded and encoded anew as a photo is, but as a PNG, since
a logo has hard edges and may be transparent."""

import io
from dataclasses import dataclass

from PIL import Image

from idp.directory.photos import pictures

# Pixels on the long side: four times what the widest page shows.
LONGEST = 640


@dataclass(frozen=True)
class Logo:
    """A logo as it is kept: a PNG, and its size in pixels."""

    width: int
    height: int
    content: bytes


def made_logo(data: bytes) -> Logo:
    """Make the logo of an uploaded file: a JPEG, PNG or WebP, with the bounds of a photo.

    No transaction should be open. Raises ``InvalidValue`` (of the field ``photo``) and
    ``PicturesBusy``.
    """
    image = pictures.decoded(data, LONGEST)
    file = io.BytesIO()
    _with_few_colours(image).save(file, "PNG", optimize=True)
    return Logo(image.width, image.height, file.getvalue())


def _with_few_colours(image: Image.Image) -> Image.Image:
    """A logo of few colours as such: a tenth of the bytes, and nothing lost."""
    if image.mode == "RGBA" or image.getcolors(256) is None:
        return image
    return image.quantize(256)
