"""What a program wrote, byte for byte, as the kernel saw it: every file, also those deleted since.

strace prints the data of each writing call; what went to sockets and pipes is left out, because it reaches no disk from
there. Words are looked for in every form in which a program might have written them.
"""

import base64
import re
import subprocess
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

CALLS = (
    "write,pwrite64,writev,pwritev,pwritev2,"  # data
    "open,openat,openat2,creat,memfd_create,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
)
_DATA = re.compile(rb"^(?:write|pwrite64|writev|pwritev2?)\((\d+)<(.*?)>(?:\(deleted\))?, ")
_NAMES = re.compile(rb"^(?:open(?:at2?)?|creat|memfd_create|mkdir(?:at)?|rename(?:at2?)?|(?:sym)?link(?:at)?)\(")
_TEXT = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_NO_DISK = (b"socket:", b"pipe:", b"anon_inode:", b"/dev/null", b"/dev/pts", b"/dev/tty", b"/proc/", b"TCP", b"UDP",
            b"UNIX", b"NETLINK")  # fmt: skip
_PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
MOST_UNPACKED = 4_000_000


@dataclass(slots=True)
class Trace:
    """What was written.

    Attributes:
        data: by path, in the order of the calls.
        names: of everything opened, made, renamed or linked.
        said: on standard output.
        cut_short: calls whose data strace did not print whole; must be 0.
    """

    data: dict[str, bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    names: set[str] = field(default_factory=set)
    said: str = ""
    cut_short: int = 0


def run(command: list[str], folder: Path, *, environment: dict[str, str], given: str = "") -> Trace:
    """Run a program under strace and return what it and its children wrote.

    Args:
        command: the program and its arguments.
        folder: for strace's own notes; nothing of the program's.
        environment: of the program.
        given: to its standard input.
    """
    prefix = folder / "calls"
    strace = ["strace", "-ff", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "33554432", "-e", "signal=none"]
    errors = folder / "errors"
    with errors.open("wb") as stream:
        ran = subprocess.run(
            [*strace, "-e", f"trace={CALLS}", "-o", str(prefix), *command],
            env=environment, input=given, text=True, stdout=subprocess.PIPE, stderr=stream, check=False, timeout=300,
        )  # fmt: skip
    assert ran.returncode == 0, f"{ran.stdout[-2000:]}\n{errors.read_text(errors='replace')[-4000:]}"
    trace = Trace(said=ran.stdout)
    for notes in sorted(folder.glob("calls.*")):
        with notes.open("rb") as lines:
            for line in lines:
                _read(line, trace)
        notes.unlink()
    # What a program started from a desktop prints as an error ends in the journal, on the disk.
    trace.data["standard error"] += errors.read_bytes()
    return trace


def _read(line: bytes, trace: Trace) -> None:
    found = _DATA.match(line)
    if found is not None:
        path = _bytes(found[2])
        if path.startswith(_NO_DISK):
            return
        for text in _TEXT.finditer(line, found.end()):
            trace.data[path.decode(errors="replace")] += _bytes(text[1])
            trace.cut_short += text[2] is not None
    elif _NAMES.match(line):
        trace.names.update(_bytes(text[1]).decode(errors="replace") for text in _TEXT.finditer(line))


def _bytes(printed: bytes) -> bytes:
    return bytes.fromhex(printed.replace(b"\\x", b"").decode())


def forms(word: str) -> dict[str, bytes]:
    """Return the forms in which a word might be written, in lower case where case does not matter to it."""
    plain = word.lower()
    found = {
        "UTF-8": plain.encode(),
        "UTF-16 LE": plain.encode("utf-16-le"),
        "UTF-16 BE": plain.encode("utf-16-be"),
        "UTF-32": plain.encode("utf-32-le"),
        "hexadecimal": word.encode().hex().encode(),
        "quoted": quote(word).lower().encode(),
        "JSON": word.lower().encode("ascii", "backslashreplace"),
    }
    return {name: form for name, form in found.items() if form}


def base64_forms(word: str) -> list[bytes]:
    """Return what is the same in the word's base64 wherever in a text it begins, in both alphabets."""
    found = []
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + word.encode())
        inner = whole[(before * 8 + 5) // 6 : len(whole) - 4]
        found += [inner, inner.replace(b"+", b"-").replace(b"/", b"_")]
    return [form for form in found if len(form) >= 8]


def search(data: bytes, words: Iterable[str]) -> list[str]:
    """Return which words are in the data, and in which form; packed data is unpacked."""
    hits = []
    for how, each in [("", data), *(("packed, ", inner) for inner in _unpacked(data))]:
        lower = each.lower()
        for word in words:
            hits += [f"{how}{name}: {word}" for name, form in forms(word).items() if form in lower]
            if any(form in each for form in base64_forms(word)):
                hits.append(f"{how}base64: {word}")
    return sorted(set(hits))


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Yield what zlib or gzip packed, as in PDFs, archives and pictures' texts."""
    view = memoryview(data)
    for start in _PACKED.finditer(data):
        unpacker = zlib.decompressobj(wbits=47)  # zlib or gzip, whichever it is
        try:
            inner = unpacker.decompress(view[start.start() : start.start() + MOST_UNPACKED], MOST_UNPACKED)
        except zlib.error:
            continue
        if inner:
            yield inner


def leaks(trace: Trace, folder: Path, words: list[str]) -> list[str]:
    """Return everything that can be read: in what was written, in file names, and in what is left in a folder."""
    found = [f"{path}: {hit}" for path, data in trace.data.items() for hit in search(bytes(data), words)]
    found += [f"a name: {name}" for name in trace.names if any(word.lower() in name.lower() for word in words)]
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found += [f"{path.relative_to(folder)}, left: {hit}" for hit in search(path.read_bytes(), words)]
    return found
