"""The process in which files from outside are opened: a hostile one reaches neither the vault nor the window.

Bytes go in and pages come out through a pipe; the worker has bounded memory, may write no file and is ended when it
takes too long. On Windows the memory and file bounds are missing (sizes and times still hold).
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import TypeVar

import msgspec

from app import hardening
from app.errors import EnvironmentFault
from app.services.documents import limits
from app.services.documents.protocol import (
    Answer,
    BytesWanted,
    Check,
    Checked,
    Draw,
    FileProblemError,
    PageWords,
    Picture,
    Problem,
    ReadWords,
    Refused,
    Request,
)

T = TypeVar("T", Checked, Picture, PageWords)
_LARGEST_FRAME = limits.MAX_BYTES + 4 * limits.MAX_DRAWN_PIXELS + 16 * 1024 * 1024
_READY = b"ready"
_requests: "msgspec.msgpack.Decoder[Request]" = msgspec.msgpack.Decoder(Request)
_answers: "msgspec.msgpack.Decoder[Answer]" = msgspec.msgpack.Decoder(Answer)


class ParsingWorker:
    """Asks a worker process, started when first needed; safe to use from any thread, one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._jobs = 0
        self._closed = False

    def warm(self) -> None:
        """Start the process now, e.g. while a page is being opened."""
        with self._lock:
            self._ready_pipe()

    def check(self, data: bytes, *, seconds: float = limits.CHECK_SECONDS) -> Checked:
        """Check and read a file that has just arrived.

        Raises:
            FileProblemError: it is not taken, and why.
        """
        return _expect(Checked, self._ask(Check(data), seconds))

    def draw(self, sha256: str, load: Callable[[], bytes], page: int, width: int) -> Picture:
        """Draw one page.

        Args:
            sha256: names the file, so that its bytes cross only once.
            load: gives the bytes when the worker does not hold them.
            page: from 0.
            width: in pixels; a picture that is smaller is not enlarged.

        Raises:
            FileProblemError: the page cannot be drawn.
        """
        answer = self._ask(Draw(sha256, page, width), limits.DRAW_SECONDS)
        if isinstance(answer, BytesWanted):
            answer = self._ask(Draw(sha256, page, width, load()), limits.DRAW_SECONDS)
        return _expect(Picture, answer)

    def words(self, sha256: str, load: Callable[[], bytes], page: int) -> PageWords:
        """Read the words of one page, from 0, with their places.

        Raises:
            FileProblemError: the page cannot be read.
        """
        answer = self._ask(ReadWords(sha256, page), limits.WORDS_SECONDS)
        if isinstance(answer, BytesWanted):
            answer = self._ask(ReadWords(sha256, page, load()), limits.WORDS_SECONDS)
        return _expect(PageWords, answer)

    def close(self) -> None:
        """End the process; what it held is gone."""
        self._closed = True
        # Not under the lock: a request that is under way ends at once instead of being waited for.
        process = self._process
        if process is not None:
            with contextlib.suppress(ValueError, OSError):
                process.kill()
        with self._lock:
            self._end()

    def _ask(self, request: Request, seconds: float) -> Answer:
        with self._lock:
            pipe = self._ready_pipe()
            self._jobs += 1
            try:
                pipe.send_bytes(msgspec.msgpack.encode(request))
                if not pipe.poll(seconds):
                    self._end()
                    return Refused(Problem.TOOK_TOO_LONG)
                answer = _answers.decode(pipe.recv_bytes(_LARGEST_FRAME))
            except (EOFError, OSError, msgspec.MsgspecError):
                self._end()
                if self._closed:
                    raise EnvironmentFault("Rollcall is locked. Unlock it to open documents.") from None
                return Refused(Problem.BROKE_THE_READER)
            if self._jobs >= limits.WORKER_JOBS:
                self._end()
            return answer

    def _ready_pipe(self) -> Connection:
        if self._closed:
            raise EnvironmentFault("Rollcall is locked. Unlock it to open documents.")
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._end()
        context = get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=serve, args=(there,), name="rollcall-pages", daemon=True)
        with hardening.starting_a_child():
            process.start()
            there.close()
            self._process, self._pipe, self._jobs = process, here, 0
            with contextlib.suppress(EOFError, OSError):
                if here.poll(limits.START_SECONDS) and here.recv_bytes(len(_READY)) == _READY:
                    return here
        self._end()
        raise EnvironmentFault("The page reader did not start. Close other programs and try again. Nothing was lost.")

    def _end(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        if pipe is not None:
            pipe.close()
        if process is not None:
            with contextlib.suppress(ValueError):
                process.kill()
                process.join(5)
                process.close()


def _expect(kind: type[T], answer: Answer) -> T:
    if isinstance(answer, Refused):
        raise FileProblemError(answer.problem, answer.detail[:60])
    if not isinstance(answer, kind):
        raise FileProblemError(Problem.BROKE_THE_READER)
    return answer


def serve(pipe: Connection) -> None:
    """Run the worker: answer requests until the other side closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    hardening.harden()
    _silence()
    from app.services.documents.parsing import Parser

    parser = Parser()
    _confine()
    try:
        pipe.send_bytes(_READY)
        while True:
            request = _requests.decode(pipe.recv_bytes(_LARGEST_FRAME))
            answer = parser.answer(request)
            del request
            pipe.send_bytes(msgspec.msgpack.encode(answer))
    except (EOFError, OSError):
        return


def _silence() -> None:
    """Send what C libraries print to nowhere: their complaints may quote a page."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _confine() -> None:
    """Bound memory, forbid writing files and dumping memory."""
    try:
        import resource
    except ImportError:  # Windows
        return
    bounds = {
        resource.RLIMIT_AS: limits.WORKER_MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in bounds.items():
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some bounds
            resource.setrlimit(what, (most, most))
