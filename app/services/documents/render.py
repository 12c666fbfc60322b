"""Page images and page words of stored documents, made in memory by the parsing worker; nothing is written to disk."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Generic, TypeVar

from app.errors import EnvironmentFault
from app.services.documents.protocol import FileProblemError, PageWords, Picture
from app.services.documents.worker import ParsingWorker

if TYPE_CHECKING:
    from app.services.documents.store import DocumentStore

K = TypeVar("K")
V = TypeVar("V")
THUMBNAIL_WIDTH = 120
_IMAGE_BYTES_KEPT = 64 * 1024 * 1024
_WORDS_KEPT = 200


class PageUnreadable(EnvironmentFault):
    """One page cannot be drawn; the document and its other pages are kept."""


class Pages:
    """Draws pages, and remembers the last ones."""

    def __init__(self, store: "DocumentStore") -> None:
        self._store = store
        self._worker = ParsingWorker()
        self._images: _Recent[tuple[str, int, int], Picture] = _Recent(_IMAGE_BYTES_KEPT)
        self._words: _Recent[tuple[str, int], PageWords] = _Recent(_WORDS_KEPT)

    def warm(self) -> None:
        """Start the worker before the first page is wanted."""
        self._worker.warm()

    def image(self, sha256: str, page: int, width: int) -> Picture:
        """Return a page, from 0, as RGBA rows about ``width`` pixels wide.

        A picture smaller than that is returned as it is.

        Raises:
            ContentMissing: its bytes are not on this laptop yet.
            PageUnreadable: it cannot be drawn.
        """
        key = (sha256, page, width)
        found = self._images.get(key)
        if found is None:
            try:
                found = self._worker.draw(sha256, lambda: self._store.get(sha256), page, width)
            except FileProblemError as error:
                raise PageUnreadable(
                    f"Page {page + 1} cannot be shown. The document is kept as it arrived. "
                    "Ask for the page again if you need it."
                ) from error
            self._images.put(key, found, len(found.rgba))
        return found

    def thumbnail(self, sha256: str) -> Picture:
        """Return a small image of the first page."""
        return self.image(sha256, 0, THUMBNAIL_WIDTH)

    def words(self, sha256: str, page: int) -> PageWords:
        """Return the text of a page, from 0, with the places of its words; empty without a text layer.

        Raises:
            ContentMissing: its bytes are not on this laptop yet.
            PageUnreadable: it cannot be read.
        """
        key = (sha256, page)
        found = self._words.get(key)
        if found is None:
            try:
                found = self._worker.words(sha256, lambda: self._store.get(sha256), page)
            except FileProblemError as error:
                raise PageUnreadable(f"The text of page {page + 1} cannot be read. The page is kept.") from error
            self._words.put(key, found, 1)
        return found

    def forget(self, sha256s: Iterable[str]) -> None:
        """Forget the pages of documents whose bytes went."""
        gone = frozenset(sha256s)
        self._images.drop(lambda key: key[0] in gone)
        self._words.drop(lambda key: key[0] in gone)

    def close(self) -> None:
        """Forget every page and end the worker."""
        self._worker.close()
        self._images.clear()
        self._words.clear()


class _Recent(Generic[K, V]):
    """The most recently used values, up to a total weight."""

    def __init__(self, weight: int) -> None:
        self._most, self._total = weight, 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: K, value: V, weight: int) -> None:
        with self._lock:
            if key in self._kept:
                self._total -= self._kept.pop(key)[1]
            self._kept[key] = (value, weight)
            self._total += weight
            while self._total > self._most and len(self._kept) > 1:
                self._total -= self._kept.popitem(last=False)[1][1]

    def drop(self, goes: Callable[[K], bool]) -> None:
        with self._lock:
            for key in [key for key in self._kept if goes(key)]:
                self._total -= self._kept.pop(key)[1]

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._total = 0
