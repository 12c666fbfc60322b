"""Windows: whether the connection costs by the byte, from its Network List Manager."""

import ctypes
import sys
import uuid
from typing import Any

_LIST_MANAGER = "DCB00C01-570F-4A9B-8D69-199FDBA5723B"
_COST_MANAGER = "DCB00008-570F-4A9B-8D69-199FDBA5723B"
_COSTS = 0x2 | 0x4 | 0x10000 | 0x40000
"""NLM_CONNECTION_COST: fixed, variable, over the limit, roaming."""
_EVERYWHERE = 23  # CLSCTX_ALL
_RELEASE, _GET_COST = 2, 3  # places in the table of INetworkCostManager


def costs_by_the_byte() -> bool:
    """Return whether Windows calls this connection metered; False where it does not say."""
    if sys.platform == "win32":
        ole = ctypes.windll.ole32
        entered = ole.CoInitializeEx(None, 0) >= 0
        try:
            return _asked(ole)
        except OSError:
            return False
        finally:
            if entered:
                ole.CoUninitialize()
    return False


def _asked(ole: Any) -> bool:
    manager = ctypes.c_void_p()
    made = ole.CoCreateInstance(_guid(_LIST_MANAGER), None, _EVERYWHERE, _guid(_COST_MANAGER), ctypes.byref(manager))
    if made != 0 or not manager.value:
        return False
    cost = ctypes.c_ulong(0)
    answered = _method(manager, _GET_COST, ctypes.c_void_p, ctypes.c_void_p)(manager, ctypes.byref(cost), None)
    _method(manager, _RELEASE)(manager)
    return answered == 0 and bool(cost.value & _COSTS)


def _guid(text: str) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(uuid.UUID(text).bytes_le, 16)


def _method(instance: ctypes.c_void_p, place: int, *kinds: type) -> Any:
    table = ctypes.cast(instance, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    prototype = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, *kinds)
    return prototype(table[place] or 0)
