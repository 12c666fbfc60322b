r"""The policy of a Windows laptop, as group policy writes it: values under ``HKLM\Software\Policies\Rollcall``.

``REG_DWORD`` for numbers, ``REG_SZ`` for words and folders, ``REG_MULTI_SZ`` for lists; named as in ``app.policy``.
Only administrators can write below ``Policies``. Tried with a stand-in for the registry, not yet on Windows.
"""

from importlib import import_module
from typing import Any, NamedTuple

KEY = r"Software\Policies\Rollcall"
NAME = rf"HKLM\{KEY}"
VALUES_MOST = 200


class Found(NamedTuple):
    """What the registry holds.

    Attributes:
        values: by name.
        problems: what could not be read, in words.
        name: where.
        unreadable: whether nothing of it can be relied on.
    """

    values: dict[str, Any]
    problems: tuple[str, ...] = ()
    name: str = NAME
    unreadable: bool = False


def read() -> Found | None:
    """Return the policy's values, or None where the key is not there."""
    registry: Any = import_module("winreg")
    # The 64-bit view, whatever the Python: group policy writes there.
    access = registry.KEY_READ | registry.KEY_WOW64_64KEY
    try:
        key = registry.OpenKey(registry.HKEY_LOCAL_MACHINE, KEY, 0, access)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Found({}, (f"it could not be read ({type(error).__name__}).",), unreadable=True)
    kinds = (registry.REG_DWORD, registry.REG_SZ, registry.REG_MULTI_SZ)
    values: dict[str, Any] = {}
    problems: list[str] = []
    with key:
        for place in range(VALUES_MOST):
            try:
                name, value, kind = registry.EnumValue(key, place)
            except OSError:  # no more values
                break
            if not name:
                continue  # the key's own default value, which policies do not use
            if kind not in kinds:
                problems.append(f"{name[:60]} is of a kind that policies do not use.")
                value = None  # wrong, so that the cautious value holds
            values[name] = value
    return Found(values, tuple(problems))
