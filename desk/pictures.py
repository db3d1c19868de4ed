"""Photos that customers send: checked by what they are, freed of what they tell beside the picture, and kept.

A photo of a broken cup says where it was taken, when and with whose camera. None of that is kept: the picture is drawn
anew from its pixels, by Pillow, and only that drawing is stored.
"""

from __future__ import annotations

import io
import os
import secrets
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

FOLDER = Path("var/pictures")
FORMATS = {"JPEG": ("jpg", "image/jpeg"), "PNG": ("png", "image/png"), "WEBP": ("webp", "image/webp")}
MOST_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 40_000_000
LONGEST_EDGE = 2_000  # enough to see a scratch
QUALITY = 85
BYTES_OF_A_NAME = 18


class NotAPicture(Exception):
    """Not a JPEG, PNG or WebP picture, whatever it is called, or one that cannot be read."""


class TooLarge(Exception):
    """More bytes or pixels than a photo of a parcel needs."""


@dataclass(frozen=True)
class Picture:
    """A stored picture. Its name cannot be guessed."""

    name: str
    kind: str


def store(data: bytes, folder: Path = FOLDER) -> Picture:
    """Keep a picture, no larger than it needs to be. Raises NotAPicture and TooLarge."""
    if len(data) > MOST_BYTES:
        raise TooLarge
    drawn, written_as = _drawn_anew(data)
    ending, kind = FORMATS[written_as]
    name = f"{secrets.token_urlsafe(BYTES_OF_A_NAME)}.{ending}"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{name}"
    draft.write_bytes(drawn)
    os.replace(draft, folder / name)
    return Picture(name, kind)


def remove(picture: Picture, folder: Path = FOLDER) -> None:
    """Forget a picture that was stored for nothing."""
    (folder / picture.name).unlink(missing_ok=True)


def find(name: str, folder: Path = FOLDER) -> tuple[Path, str] | None:
    """Where a stored picture lies, and its media type; None for any other name, one with a path in it say."""
    kinds = {ending: kind for ending, kind in FORMATS.values()}
    stem, _, ending = name.partition(".")
    is_plain = bool(stem) and all(
        character.isascii() and (character.isalnum() or character in "-_") for character in stem
    )
    path = folder / name
    return (path, kinds[ending]) if is_plain and ending in kinds and path.is_file() else None


def _drawn_anew(data: bytes) -> tuple[bytes, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is refused below
            with Image.open(io.BytesIO(data), formats=list(FORMATS)) as opened:
                if opened.width * opened.height > MOST_PIXELS:
                    raise TooLarge
                written_as = "JPEG" if opened.format == "MPO" else str(opened.format)  # some phones' several in one
                opened.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
                picture = ImageOps.exif_transpose(opened) or opened
                picture = picture.convert("RGB" if written_as == "JPEG" else "RGBA")
    except TooLarge:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise NotAPicture from None
    picture.info.clear()  # comments, too
    out = io.BytesIO()
    picture.save(out, written_as, quality=QUALITY, exif=b"", optimize=written_as == "PNG")
    return out.getvalue(), written_as
