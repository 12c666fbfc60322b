"""Moving a damaged file out of the way, untouched: what is set aside is never deleted and never opened again."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.services.durable import sync_folder, write_durably

FOLDER = "set-aside"
NOTE = "note.json"
TAILS = ("", "-wal", "-shm", "-journal")


def new_folder(vault: Path, now: datetime) -> Path:
    """Return a new folder for what is set aside at this moment."""
    parent = vault / FOLDER
    parent.mkdir(mode=0o700, exist_ok=True)
    stem = f"{now.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
    place, count = parent / stem, 1
    while True:
        try:
            place.mkdir(mode=0o700)
        except FileExistsError:
            count += 1
            place = parent / f"{stem}-{count}"
        else:
            return place


def move(vault: Path, name: str, place: Path, reason: str) -> list[str]:
    """Rename a database and its log into a folder, with a note why.

    Returns:
        The names that were there.
    """
    moved = []
    for tail in TAILS:
        path = vault / f"{name}{tail}"
        if path.exists():
            path.rename(place / path.name)
            moved.append(path.name)
    sync_folder(place)
    sync_folder(vault)
    _note(place, name, moved, reason)
    return moved


def write_report(place: Path, lines: list[str]) -> None:
    """Leave the report with what was set aside; it holds counts and ids, nothing about anybody."""
    write_durably(place / "report.txt", ("\n".join(lines) + "\n").encode())


def _note(place: Path, name: str, moved: list[str], reason: str) -> None:
    try:
        notes = msgspec.json.decode((place / NOTE).read_bytes())
    except (OSError, msgspec.MsgspecError):
        notes = {}
    notes[name] = {
        "reason": reason,
        "files": {each: (place / each).stat().st_size for each in moved},
    }
    write_durably(place / NOTE, msgspec.json.format(msgspec.json.encode(notes), indent=1))
