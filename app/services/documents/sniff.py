"""What a file is, by its first bytes; its name is never believed."""

_HEAD_BYTES = 1024
_RESEMBLES = (
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document or an Outlook email"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"RIFF", "a WebP picture"),
    (b"{\\rtf", "a rich text document"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)


def media_type_of(data: bytes) -> str | None:
    """Return the media type of a kind Rollcall takes, or None."""
    if b"%PDF-" in data[:_HEAD_BYTES]:
        return "application/pdf"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return "image/tiff"
    return None


def resembles(data: bytes) -> str:
    """Return what an unknown file looks like, in words, or an empty text."""
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"avif"):
        return "a HEIC photo from a phone"
    return next((words for start, words in _RESEMBLES if data.startswith(start)), "")
