"""Photos: told by what they are, freed of what they tell beside the picture, found by no other name."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from desk import pictures
from desk.pictures import NotAPicture, TooLarge

EXIF_ORIENTATION, EXIF_MAKER, EXIF_GPS = 0x0112, 0x010F, 0x8825
UPSIDE_DOWN = 3


def photo(kind: str = "JPEG", size: tuple[int, int] = (40, 30), **saved: object) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", size, "white")
    picture.putpixel((0, 0), (255, 0, 0))
    picture.save(out, kind, **saved)
    return out.getvalue()


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


@pytest.mark.parametrize(("kind", "ending"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_a_photo_is_kept_and_found_under_a_name_nobody_guesses(tmp_path: Path, kind: str, ending: str) -> None:
    first, second = (pictures.store(photo(kind), tmp_path) for _ in range(2))

    assert first.name != second.name and len(first.name) > 24 and first.name.endswith(ending)
    found = pictures.find(first.name, tmp_path)
    assert found is not None
    assert found[1] == first.kind
    assert opened(found[0]).size == (40, 30)


def test_where_and_with_what_it_was_taken_is_not_kept_but_which_way_is_up(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[EXIF_MAKER], exif[EXIF_ORIENTATION] = "SecretCam", UPSIDE_DOWN
    exif.get_ifd(EXIF_GPS)[2] = (31.0, 14.0, 5.0)
    stored = tmp_path / pictures.store(photo("PNG", exif=exif), tmp_path).name

    assert b"SecretCam" not in stored.read_bytes()
    assert not opened(stored).getexif()
    assert opened(stored).convert("RGB").getpixel((39, 29)) == (255, 0, 0)


def test_a_photo_is_no_larger_than_it_needs_to_be(tmp_path: Path) -> None:
    stored = tmp_path / pictures.store(photo(size=(4_000, 1_000)), tmp_path).name

    assert opened(stored).size == (2_000, 500)


def test_a_comment_in_the_file_is_not_kept(tmp_path: Path) -> None:
    stored = tmp_path / pictures.store(photo(comment=b"at 31.2, 121.4, by Chen"), tmp_path).name

    assert b"Chen" not in stored.read_bytes()


def test_a_phones_several_pictures_in_one_are_a_photo(tmp_path: Path) -> None:
    several = photo("MPO", save_all=True, append_images=[Image.new("RGB", (40, 30))])

    assert pictures.store(several, tmp_path).kind == "image/jpeg"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\xff\xd8\xff\xe0 no JPEG at all",
        b"GIF89a" + b"\0" * 40,
        b"<?php system($_GET['x']); ?>",
        photo()[:200],
        photo("PNG")[:60],
        photo("GIF"),
        photo("BMP"),
        photo("TIFF"),
    ],
)
def test_what_is_no_photo_is_refused_whatever_it_is_called(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotAPicture):
        pictures.store(data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_hidden_behind_a_photo_is_not_kept(tmp_path: Path) -> None:
    stored = tmp_path / pictures.store(photo() + b"<script>alert(1)</script>", tmp_path).name

    assert b"script" not in stored.read_bytes()


def test_too_many_bytes_or_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge):
        pictures.store(b"\0" * (pictures.MOST_BYTES + 1), tmp_path)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 1_000)
    with pytest.raises(TooLarge):
        pictures.store(photo(), tmp_path)


@pytest.mark.parametrize(
    "name",
    ["", ".jpg", "../shop.db", "..%2fshop.jpg", "/etc/passwd", "a/b.jpg", "a.jpg/..", "a.db", "a", "ä.jpg", "a.b.jpg"],
)
def test_no_other_file_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.db").write_text("secret")
    (tmp_path / "a").write_text("secret")

    assert pictures.find(name, tmp_path) is None
