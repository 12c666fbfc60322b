"""Words of records that stay in memory between uses, dropped when Rollcall locks.

A cache with a limit may hold names, addresses or phrases of letters; one without a limit holds only what Rollcall read
of its own files. So every limited cache of our own modules is emptied, and no module can forget to say that it has
one. What the interpreter or a library keeps in memory that is free again is beyond any program's reach; the process is
not dumpable (``app.hardening``).
"""

import sys
from functools import _lru_cache_wrapper
from types import ModuleType

PACKAGES = ("app.services.", "app.models.", "app.views.")


def forget_words() -> int:
    """Empty every cache that may hold words of records.

    Returns:
        How many caches held something.
    """
    emptied = 0
    for module in list(sys.modules.values()):
        for cached in _caches(module):
            if cached.cache_info().currsize:
                cached.cache_clear()
                emptied += 1
    return emptied


def _caches(module: ModuleType) -> list["_lru_cache_wrapper[object]"]:
    name = getattr(module, "__name__", "")
    if not name.startswith(PACKAGES):
        return []
    found: list[_lru_cache_wrapper[object]] = []
    for value in list(vars(module).values()):
        members = list(vars(value).values()) if isinstance(value, type) and value.__module__ == name else [value]
        for member in members:
            cached = getattr(member, "__func__", member)
            if isinstance(cached, _lru_cache_wrapper) and cached.cache_parameters()["maxsize"] is not None:
                found.append(cached)
    return found
