"""Builders of sample files, made on the spot and naming nobody real."""

import os
import struct
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO

import zxingcpp
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

ADMISSION_LETTER = (
    "Thornwick Academy",
    "Mill Lane, Thornwick TK3 9QX",
    "",
    "12 November 2026",
    "Your reference: {reference}",
    "Confirmation of admission",
    "Pupil: {name}, born {born}",
    "UPN: {upn}",
    "We confirm that the pupil above was admitted on Monday 9 November 2026.",
)


def pdf(pages: Sequence[Sequence[str]], *, qr: str = "", rotate: int = 0, password: str = "") -> bytes:
    """Return a PDF with one list of lines a page, and a QR code at the foot of the first page."""
    target = BytesIO()
    canvas = Canvas(target, pagesize=A4, invariant=True)
    if password:
        from reportlab.lib.pdfencrypt import StandardEncryption

        canvas.setEncrypt(StandardEncryption(password, strength=128))
    for number, lines in enumerate(pages):
        if rotate:
            canvas.setPageRotation(rotate)
        for row, line in enumerate(lines):
            canvas.setFont("Helvetica", 12)
            canvas.drawString(72, 760 - row * 22, line)
        if qr and number == 0:
            canvas.drawImage(ImageReader(qr_image(qr)), 72, 60, 71, 71)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def qr_image(text: str, scale: int = 8) -> Image.Image:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
    made = zxingcpp.write_barcode_to_image(code, scale=scale, add_quiet_zones=True)
    flat = memoryview(made)
    return Image.frombytes("L", (flat.shape[1], flat.shape[0]), flat.tobytes())


def page_image(words: str = "A page", size: tuple[int, int] = (620, 877), qr: str = "") -> Image.Image:
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((40, 40), words, fill=0)
    if qr:
        image.paste(qr_image(qr, 6), (60, size[1] - 320))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def tiff(pages: Sequence[Image.Image]) -> bytes:
    target = BytesIO()
    pages[0].save(target, "TIFF", save_all=True, append_images=list(pages[1:]), compression="tiff_lzw")
    return target.getvalue()


def png_header_claiming(width: int, height: int) -> bytes:
    """Return a small PNG that says it is huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def zip_archive() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("page.txt", "not a page")
    return target.getvalue()


def upright_jpeg_stored_on_its_side() -> bytes:
    """Return a JPEG of 200 x 400 as shown, stored 400 x 200 with EXIF orientation 6; its top left as shown is black."""
    shown = Image.new("RGB", (200, 400), "white")
    ImageDraw.Draw(shown).rectangle((0, 0, 60, 60), fill="black")
    stored = shown.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(stored, "JPEG", exif=exif, quality=95)


def noise(size: int) -> bytes:
    return os.urandom(size)
