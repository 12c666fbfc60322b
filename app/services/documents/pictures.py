"""Reading PNG, JPEG and (multi-page) TIFF files, inside the parsing worker."""

from io import BytesIO
from typing import Any

from PIL import Image, ImageOps

from app.services.documents import limits
from app.services.documents.protocol import FileProblemError, Picture, Problem

Image.MAX_IMAGE_PIXELS = limits.MAX_PICTURE_PIXELS
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/tiff": "TIFF"}


def open_picture(data: bytes, media_type: str) -> Any:
    """Open a picture without decoding it.

    Raises:
        FileProblemError: damaged, or larger than a page can be.
    """
    try:
        image = Image.open(BytesIO(data), formats=[_FORMATS[media_type]])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FileProblemError(Problem.PICTURE_TOO_LARGE) from error
    except Exception as error:
        raise FileProblemError(Problem.DAMAGED) from error
    _check_size(image)
    return image


def count_pages(image: Any, media_type: str) -> int:
    """Return the number of pages: the frames of a TIFF, one for anything else.

    Raises:
        FileProblemError: more than a document may have, or the list of pages is damaged.
    """
    if media_type != "image/tiff":
        return 1
    try:
        # Counted by stepping, so that an endless list of pages ends here.
        for number in range(limits.MAX_PAGES + 1):
            image.seek(number)
    except EOFError:
        return number
    except Exception as error:
        raise FileProblemError(Problem.DAMAGED) from error
    raise FileProblemError(Problem.TOO_MANY_PAGES, f"more than {limits.MAX_PAGES}")


def page(image: Any, number: int, width: int | None = None) -> Any:
    """Return one page as a decoded, upright Pillow image, no wider than ``width`` pixels when that is given.

    Raises:
        FileProblemError: cut short, damaged or too large.
    """
    try:
        image.seek(number)
        _check_size(image)
        if width is not None and image.format == "JPEG" and image.width > width:
            # Both sides stay at least as long as the width: the picture may be stored on its side.
            image.draft(None, (width, width))
        image.load()
        shown = ImageOps.exif_transpose(image)
        if width is not None and shown.width > width:
            shown = _plain(shown).resize((width, max(1, round(shown.height * width / shown.width))), reducing_gap=2.0)
        return shown
    except FileProblemError:
        raise
    except EOFError as error:
        raise FileProblemError(Problem.DAMAGED, str(number + 1)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FileProblemError(Problem.PICTURE_TOO_LARGE) from error
    except OSError as error:
        cut = "truncated" in str(error) or "not enough" in str(error)
        raise FileProblemError(Problem.CUT_SHORT if cut else Problem.DAMAGED, str(number + 1)) from error
    except Exception as error:
        raise FileProblemError(Problem.DAMAGED, str(number + 1)) from error


def picture(image: Any, number: int, width: int) -> Picture:
    """Draw one page in colour on white."""
    shown = _plain(page(image, number, width)).convert("RGBA")
    paper = Image.new("RGBA", shown.size, "white")
    paper.alpha_composite(shown)
    return Picture(paper.width, paper.height, paper.tobytes())


def grey(image: Any, number: int, width: int) -> Any:
    """Return one page in grey, for finding QR codes."""
    return _plain(page(image, number, width)).convert("L")


def _plain(image: Any) -> Any:
    """Return an image in a mode that can be resized and drawn; deep greys are brought down to 8 bits."""
    if image.mode.startswith("I") or image.mode == "F":
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA", "LA", "La", "RGBa"):
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        return image.convert("RGB")
    return image


def _check_size(image: Any) -> None:
    width, height = image.size
    if max(width, height) > limits.MAX_PICTURE_SIDE or width * height > limits.MAX_PICTURE_PIXELS:
        raise FileProblemError(Problem.PICTURE_TOO_LARGE, f"{width:,} by {height:,}")
    if min(width, height) < 1:
        raise FileProblemError(Problem.DAMAGED)
