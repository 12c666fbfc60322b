"""Cutting long sequences into pieces that fit one statement."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield tuples of up to ``size`` items (``itertools.batched``, which Python 3.11 lacks)."""
    iterator = iter(items)
    while piece := tuple(islice(iterator, size)):
        yield piece
