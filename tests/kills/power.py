"""What a power cut adds to a kill: bytes that were written and never synced are lost or half there.

Everything up to the last report is on the disk for good: that is what the program promises. Whatever came after it is
cut off, or overwritten with noise, at a random place. The write-ahead log is only touched while it is still the one of
the report, and no page beyond the report has been copied into the database (SQLite syncs the log before it does that).
"""

import random
import struct
from pathlib import Path
from typing import Any

_WAL_HEADER, _FRAME_HEADER = 32, 24


def cut_power(folder: Path, report: dict[str, Any], choose: random.Random) -> str:
    """Lose some of what was written after a report, and say what."""
    done = [_cut_lifeboat(folder / "lifeboat.log", report["lifeboat"], choose)]
    done.append(_cut_journal(folder / "cases.db", report["journal"], choose))
    return ", ".join(words for words in done if words)


def _cut_lifeboat(path: Path, kept: list[int], choose: random.Random) -> str:
    end, _number, file = kept
    if not path.exists() or path.stat().st_ino != file:
        return ""  # it was written anew since, and synced before it took the old one's place
    return _lose(path, end, choose)


def _cut_journal(database: Path, kept: list[Any], choose: random.Random) -> str:
    frames, salt = kept
    log, index = (database.with_name(database.name + tail) for tail in ("-wal", "-shm"))
    if not log.exists() or not index.exists() or not salt:
        return ""
    shared = index.read_bytes()[:136]
    with log.open("rb") as stream:
        header = stream.read(_WAL_HEADER)
    copied = max(struct.unpack_from("=I", shared, 96)[0], struct.unpack_from("=I", shared, 128)[0])
    if len(header) < _WAL_HEADER or header[16:24].hex() != salt or copied > frames:
        return ""
    page = struct.unpack(">I", header[8:12])[0]
    index.unlink()  # memory, in truth: it is gone with the power
    return _lose(log, _WAL_HEADER + frames * (_FRAME_HEADER + page), choose)


def _lose(path: Path, end: int, choose: random.Random) -> str:
    size = path.stat().st_size
    if size <= end:
        return ""
    place = end + int((size - end) * choose.random() ** 4)
    if choose.random() < 0.5:
        with path.open("r+b") as stream:
            stream.truncate(place)
        return f"{path.name} cut at {place} of {size}"
    with path.open("r+b") as stream:
        stream.seek(place)
        length = min(size - place, choose.randrange(1, 5000))
        stream.write(choose.randbytes(length))
    return f"{path.name} garbled from {place} for {length} of {size}"
