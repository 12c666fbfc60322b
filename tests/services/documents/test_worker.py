"""The worker process: confined, and never brought down for good by what it reads."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.services.documents import limits
from app.services.documents.protocol import Checked, FileProblemError, Problem
from app.services.documents.worker import ParsingWorker
from tests.services.documents import files

SEEDS = {
    "pdf": files.pdf([files.ADMISSION_LETTER, ["Page two"]], qr="RC1:X"),
    "tiff": files.tiff([files.page_image(str(number), (200, 280)) for number in range(2)]),
    "png": files.encoded(files.page_image("x", (200, 280)), "PNG"),
    "jpeg": files.encoded(files.page_image("x", (200, 280)), "JPEG"),
}


@pytest.fixture(scope="module")
def worker() -> Iterator[ParsingWorker]:
    made = ParsingWorker()
    yield made
    made.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the bounds are read from /proc")
def test_the_worker_may_write_no_file_and_use_bounded_memory(worker: ParsingWorker) -> None:
    worker.warm()
    assert worker._process is not None
    bounds = {
        line[:26].strip(): line[26:46].strip()
        for line in Path(f"/proc/{worker._process.pid}/limits").read_text().splitlines()
    }
    assert bounds["Max file size"] == "0"
    assert bounds["Max core file size"] == "0"
    assert bounds["Max address space"] == str(limits.WORKER_MEMORY_BYTES)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(SEEDS)),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=12)), min_size=1, max_size=6),
    end=st.floats(0.05, 1),
)
def test_any_damage_is_an_answer_and_the_next_file_is_read(
    worker: ParsingWorker, kind: str, cuts: list[tuple[float, bytes]], end: float
) -> None:
    data = bytearray(SEEDS[kind])
    for place, replacement in cuts:
        start = int(place * len(data))
        data[start : start + len(replacement)] = replacement
    with contextlib.suppress(FileProblemError):
        checked = worker.check(bytes(data[: int(end * len(data))]), seconds=30)
        assert isinstance(checked, Checked)
        assert 1 <= checked.page_count <= limits.MAX_PAGES
        assert len(checked.texts) == checked.page_count
    assert worker.check(SEEDS["png"]).page_count == 1


def test_a_picture_that_wants_more_memory_than_there_is_is_refused(
    worker: ParsingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = files.page_image("x", (6000, 8000))
    many = files.tiff([page.convert("RGB")])
    monkeypatch.setattr(limits, "WORKER_MEMORY_BYTES", 420 * 1024 * 1024)
    small = _SmallWorker()
    try:
        with pytest.raises(FileProblemError) as raised:
            small.check(many)
        assert raised.value.problem in (Problem.BROKE_THE_READER, Problem.DAMAGED)
    finally:
        small.close()
    assert worker.check(many).page_count == 1


class _SmallWorker(ParsingWorker):
    """Starts the same process with less memory."""

    def _ready_pipe(self):  # type: ignore[no-untyped-def]  # as the parent's
        pipe = super()._ready_pipe()
        import resource

        assert self._process is not None
        assert self._process.pid is not None
        resource.prlimit(
            self._process.pid, resource.RLIMIT_AS, (limits.WORKER_MEMORY_BYTES, limits.WORKER_MEMORY_BYTES)
        )
        return pipe
