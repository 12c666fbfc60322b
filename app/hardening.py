"""What Rollcall's processes keep from the rest of the machine: no memory in core dumps, no other program reading it.

Every process that may hold a key or a page calls :func:`harden` for itself, because a program that is started begins
with the usual rights again.

- Linux: no core file (``RLIMIT_CORE`` 0, inherited by children), and not dumpable: programs of the same person can
  neither trace the process nor read ``/proc/PID/mem``, ``maps``, ``fd`` or ``environ``, and a crash handler that the
  kernel pipes dumps to gets none. A side effect: a portal that looks into ``/proc/PID/root`` to see who asks (file
  dialogs of sandboxed desktops) is refused; Qt's own dialogs are used instead.
- macOS: no core file. Its hardened runtime, a matter of signing, keeps debuggers out.
- Windows: see ``app.hardening_windows``.

What this cannot do: keep an administrator out, keep memory from being swapped (the disk's own encryption is for that),
or wipe Python's copies of a key. Locking drops them and the memory is reused sooner or later.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from types import TracebackType

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4


def forbid_core_files() -> None:
    """Have the kernel write no core file for this process and what it starts. Takes microseconds."""
    if sys.platform == "win32":
        return
    import resource

    with suppress(ValueError, OSError):  # already lower
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def harden() -> None:
    """Keep this process's memory from other programs of the same person.

    Called after the first paint and before anything secret is in memory: ``ctypes`` takes milliseconds to import.
    """
    forbid_core_files()
    if sys.platform == "win32":
        from app import hardening_windows

        hardening_windows.harden()
    elif sys.platform == "linux":
        import ctypes

        # Where it fails (a sandbox that forbids the call), core files are still off.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def is_dumpable() -> bool:
    """Return whether other programs of the same person may look into this process (Linux)."""
    import ctypes

    return bool(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))


def starting_a_child() -> AbstractContextManager[None]:
    """Return a block in which a child process may be started.

    On Windows, Python's children fetch their pipe out of the process that starts them, so its walls are down for the
    moment until the child has said that it is ready. Elsewhere nothing happens.
    """
    if sys.platform == "win32":
        from app import hardening_windows

        return hardening_windows.open_to_children()
    return nullcontext()


def tell_no_error_text() -> None:
    """Have errors that nobody took printed without their text, which may quote a record.

    What a program started from a desktop prints ends in a file (the journal, ``.xsession-errors``).
    """
    import threading

    def say(kind: type[BaseException] | None, trace: TracebackType | None) -> None:
        import traceback

        frames = traceback.extract_tb(trace)[-6:]
        where = " < ".join(f"{os.path.basename(each.filename)}:{each.lineno}" for each in reversed(frames))  # noqa: PTH119
        name = kind.__name__ if kind is not None else "error"
        with suppress(OSError, ValueError, AttributeError):  # there may be no standard error
            sys.stderr.write(f"rollcall: unexpected {name} at {where}\n")

    sys.excepthook = lambda kind, _error, trace: say(kind, trace)
    threading.excepthook = lambda told: say(told.exc_type, told.exc_traceback)
    sys.unraisablehook = lambda told: say(told.exc_type, told.exc_traceback)
