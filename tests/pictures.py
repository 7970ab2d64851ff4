"""Makers of picture files: what people send, and what they had better not."""

import io
from typing import Any

from PIL import Image

RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(width: int = 300, height: int = 200, mode: str = "RGB") -> Image.Image:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image.convert(mode)


def file(image: Image.Image | None = None, kind: str = "JPEG", **options: Any) -> bytes:
    """A picture's file."""
    written = io.BytesIO()
    (image or halves()).save(written, kind, **options)
    return written.getvalue()


def opened(content: bytes) -> Image.Image:
    """A file's picture, read whole."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def near(colour: Any, wanted: tuple[int, int, int], by: int = 12) -> bool:
    """Whether a colour is the wanted one, but for what JPEG does to it."""
    return all(abs(one - other) <= by for one, other in zip(colour, wanted, strict=True))
