"""Garbage is collected between tests, never by a worker in the middle of one (see ``app.views.collector``)."""

import gc
from collections.abc import Iterator

import pytest

from tests.views.windows import window_of  # noqa: F401  (a fixture)


@pytest.fixture(autouse=True)
def collected_on_this_thread() -> Iterator[None]:
    gc.disable()
    yield
    gc.collect(1)
    gc.enable()


@pytest.fixture(autouse=True)
def nothing_stays_on_the_clipboard() -> Iterator[None]:
    """What a test copied is an object of Python's that Qt would delete after the interpreter has gone."""
    yield
    from PySide6.QtGui import QGuiApplication

    if QGuiApplication.instance() is not None:
        QGuiApplication.clipboard().clear()
