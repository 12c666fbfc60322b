"""Garbage is collected between tests, never by a worker in the middle of one (see ``app.views.collector``)."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def collected_on_this_thread() -> Iterator[None]:
    gc.disable()
    yield
    gc.collect(1)
    gc.enable()
