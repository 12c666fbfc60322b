"""Garbage is collected on the window's thread, and only there."""

import gc
import threading

import pytest

from app.views.collector import Collector


class Loop:
    """Something that only the cyclic collector frees; tells on which thread."""

    freed_on: list[threading.Thread] = []

    def __init__(self):
        self.me = self

    def __del__(self):
        Loop.freed_on.append(threading.current_thread())


@pytest.fixture
def collector(qapp):
    Loop.freed_on.clear()
    made = Collector()
    yield made
    made.stop()
    assert gc.isenabled()


def make_garbage() -> None:
    for _ in range(5_000):
        Loop()


def test_a_worker_that_makes_garbage_collects_none(collector):
    worker = threading.Thread(target=make_garbage)
    worker.start()
    worker.join()
    assert Loop.freed_on == []
    assert collector.collect_due() is not None
    assert set(Loop.freed_on) == {threading.current_thread()}


def test_garbage_is_collected_by_itself_once_a_second(qtbot, collector):
    make_garbage()
    qtbot.waitUntil(lambda: len(Loop.freed_on) >= 5_000, timeout=5_000)


def test_nothing_due_is_nothing_done(collector):
    gc.collect()
    assert collector.collect_due() is None


def test_what_is_loaded_is_left_alone_once_settled(collector):
    collector.settle()
    assert gc.get_freeze_count() > 1_000


def test_python_has_the_work_back_when_the_last_window_has_stopped(qapp):
    first, second = Collector(), Collector()
    first.stop()
    first.stop()
    assert not gc.isenabled()
    second.stop()
    assert gc.isenabled()
