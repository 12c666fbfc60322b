"""Errors in words: a calm banner with a reference, nothing personal, and what was typed stays.

The log gets the kind of error, where it arose and the reference; never its text, which may quote a record.
"""

import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from app.errors import EnvironmentFault, RollcallError, UserError

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
MOST_FRAMES = 12


class ShownError(NamedTuple):
    """An error as the banner shows it.

    Attributes:
        kind: of banner (``kit.feedback.BANNERS``).
        text: what happened, what to do, what was kept.
        details: for IT, without personal data; empty when there is nothing to tell.
    """

    kind: str
    text: str
    details: str = ""


def describe(error: BaseException) -> ShownError:
    """Return an error in words, logging what was not expected."""
    if isinstance(error, UserError):
        return ShownError("warn", error.message)
    if isinstance(error, EnvironmentFault):
        return ShownError("offline", error.message)
    drawn = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(8))
    reference = f"{drawn[:4]}-{drawn[4:]}"
    details = f"Rollcall error {reference}\n{where(error)}"
    _log(reference, error)
    lead = error.message if isinstance(error, RollcallError) else "Something went wrong in Rollcall."
    text = f"{lead} Your work is kept and you can carry on. If it happens again, tell IT reference {reference}."
    return ShownError("error", text, details)


def _log(reference: str, error: BaseException) -> None:
    from app import logs  # late: the unlock window does not wait for it

    logs.get_logger().error("unexpected_error", ref=reference, **logs.describe(error))


def where(error: BaseException) -> str:
    """Return the kind of error and the lines of code it passed, innermost first, without its text."""
    import traceback  # late: the unlock window does not wait for it

    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    lines = [f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames)]
    return "\n".join([type(error).__name__, *lines])


def catch_unexpected(show: Callable[[BaseException], object]) -> None:
    """Have errors that nobody took shown instead of ending the program.

    Args:
        show: called with the error, on whatever thread it arose.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            show(error.with_traceback(trace))

    sys.excepthook = hook
