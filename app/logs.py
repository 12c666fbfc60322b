"""Logs that hold no personal data: an event name, counts, durations and keyed references to ids.

Only the fields named in :data:`ALLOWED` reach the file; anything else is dropped. An exception is logged as the names
of its types and where it was raised, never its text: database drivers quote values in theirs.
"""

import hashlib
import logging
import os
import traceback
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "table", "count", "seconds", "ref", "state", "revision", "device", "port",
        "status", "attempt", "page", "lane", "command", "version", "error", "where", "kind", "size",
    }
)  # fmt: skip
_key = os.urandom(32)


def ref(record_id: str) -> str:
    """Return a short keyed hash of an id: the same within one run, meaningless outside it."""
    return hashlib.blake2b(record_id.encode(), key=_key, digest_size=6).hexdigest()


def describe(error: BaseException) -> dict[str, str]:
    """Return an exception as type names and code locations, without any of its text."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = " < ".join(f"{Path(frame.filename).stem}:{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return {"error": type(error).__name__, "where": where}


def _allow_only(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = fields.pop("exc", None)
    if isinstance(error, BaseException):
        fields.update(describe(error))
    return {name: value for name, value in fields.items() if name in ALLOWED}


def set_up(folder: Path) -> None:
    """Write logs to a rotating file of at most 2 MB, five of them."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(folder / "rollcall.log", maxBytes=2_000_000, backupCount=4, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    _configure(handler)


def set_up_stream() -> None:
    """Write logs to standard error, one JSON line an event: for the central store under a service manager."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _configure(handler)


def _configure(handler: logging.Handler) -> None:
    logger = logging.getLogger("rollcall")
    for earlier in logger.handlers:
        earlier.close()
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow_only,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )


def get_logger() -> Any:
    """Return the logger: ``get_logger().info("synced", count=3)``. Until one of the set-ups ran it writes nowhere."""
    if not structlog.is_configured():
        _configure(logging.NullHandler())
    return structlog.get_logger()
