"""One picture file → pixels of one size: turned upright, on white, grey or colour, whatever the file holds."""

import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from pipelines.values.competition import Image

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
_WORKERS = 4
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Pillow.DecompressionBombError,
)  # fmt: skip


def decode(path: Path, image: Image) -> np.ndarray:
    """The first frame of a picture file.

    Turned as EXIF says, deeper values scaled to 8 bits (fractions from 0 … 1), transparency laid on white, CMYK and palettes turned into
    RGB, and resized by area-aware bilinear interpolation without keeping its proportions.

    Returns:
        uint8 (height, width, channels), 0 … 255.

    Raises:
        ValueError: it cannot be read whole; the message says why in a few words.
    """
    with _opened(path) as picture:
        mode = "L" if image.channels == 1 else "RGB"
        picture = picture.convert(mode).resize(
            (image.width, image.height), Pillow.Resampling.BILINEAR
        )
        return np.asarray(picture, np.uint8).reshape(image.shape)


def look(path: Path) -> tuple[int, int, bool]:
    """Height and width of a picture held upright, in pixels, and whether it has colours.

    Raises:
        ValueError: as of `decode`.
    """
    with _opened(path) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((32, 32)))
        return picture.height, picture.width, bool((pixels != pixels[..., :1]).any())


@contextmanager
def _opened(path: Path) -> Iterator[Pillow.Image]:
    try:
        with Pillow.open(path, formats=FORMATS) as opened:
            opened.load()
            yield _upright(opened)
    except FileNotFoundError:
        raise ValueError("it is not there") from None
    except UnidentifiedImageError:
        raise ValueError("it is no picture of a known form") from None
    except _BROKEN as error:
        raise ValueError(str(error) or type(error).__name__) from None


def _upright(opened: Pillow.Image) -> Pillow.Image:
    """Eight bits a value, without transparency, turned as it was held."""
    picture = ImageOps.exif_transpose(opened)
    if picture.mode.startswith(("I", "F")):
        picture = _of_bytes(np.asarray(picture, np.float64), picture.mode)
    if picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB") if picture.mode in ("CMYK", "P", "RGBA", "YCbCr") else picture


def _of_bytes(values: np.ndarray, mode: str) -> Pillow.Image:
    """Deep whole numbers or fractions scaled to 0 … 255: where the mode does not say it, the range is the least that fits."""
    ranges = (
        [65535] if mode.startswith("I;16") else [1, 255, 65535] if mode == "F" else [255, 65535]
    )
    low, high = values.min(initial=0), values.max(initial=0)
    top = next((top for top in ranges if low >= 0 and high <= top), None)
    if top is None:
        known = " or ".join(f"0 … {top}" for top in ranges)
        raise ValueError(f"its values must lie within {known}, found {low:g} … {high:g}")
    return Pillow.fromarray(np.rint(values * (255 / top)).astype(np.uint8))


def decode_all(paths: list[Path], image: Image, into: Path) -> tuple[np.ndarray, dict[int, str]]:
    """Decode pictures straight into a file of pixels, so that no more than a few are in memory.

    Args:
        paths: the picture files.
        image: the size that all are brought to.
        into: an .npy file that is made.

    Returns:
        The memory-mapped file, uint8 (n, height, width, channels), and position → why a picture could not be
        read; its pixels stay 0.
    """
    pixels = np.lib.format.open_memmap(into, "w+", np.uint8, (len(paths), *image.shape))
    broken: dict[int, str] = {}

    def one(position: int) -> None:
        try:
            pixels[position] = decode(paths[position], image)
        except ValueError as error:
            broken[position] = str(error)

    with ThreadPoolExecutor(_WORKERS) as pool:  # Pillow lets go of Python's lock while it decodes
        for _ in pool.map(one, range(len(paths))):
            pass
    return pixels, dict(sorted(broken.items()))
