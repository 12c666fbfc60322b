"""A mark in the vault's folder: a page could not be read while people worked, so the next opening rebuilds first."""

import os
from contextlib import suppress
from pathlib import Path

NAME = "damaged"
_NAMES = ("cases.db", "documents.db")
WORDS = (
    "A part of {name} on this laptop could not be read. Lock Rollcall and unlock it: the vault is then rebuilt. "
    "What was saved is kept."
)


def mark_damage(folder: Path, name: str) -> None:
    """Note that a database of the vault cannot be read; a disk that takes no file leaves it to the next reading."""
    with suppress(OSError):
        descriptor = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(f"{name}\n".encode())
            os.fsync(stream.fileno())


def marked_damage(folder: Path) -> str:
    """Return the name of a database that was marked, or an empty text."""
    try:
        content = (folder / NAME).read_bytes()[:4096]
    except OSError:
        return ""
    lines = content.decode("ascii", "replace").split()
    return next((line for line in lines if line in _NAMES), _NAMES[0])


def clear_damage(folder: Path) -> None:
    """Take the mark away: the databases were read to their last page, or rebuilt."""
    with suppress(OSError):
        (folder / NAME).unlink(missing_ok=True)
