"""Every setting once: its type, default, scope and what it means. Kept in a small JSON file; nothing personal.

Settings decide how Rollcall looks and behaves on one laptop, within what IT's policy permits (``app.policy``). What
belongs to casework is in the vault.
"""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from app.paths import settings_file
from app.policy import policy


class Setting(NamedTuple):
    """One setting.

    Attributes:
        key: its stored name; never renamed.
        default: value when nothing valid is stored; also fixes the type.
        text: what it means, for the settings page.
        choices: permitted values; empty means any value of the type.
        least: smallest permitted number.
        most: largest permitted number.
    """

    key: str
    default: str | int | bool
    text: str
    choices: tuple[str | int, ...] = ()
    least: int | None = None
    most: int | None = None

    def accepts(self, value: Any) -> bool:
        """Return whether a value may be stored."""
        if type(value) is not type(self.default):
            return False
        if self.choices and value not in self.choices:
            return False
        if isinstance(value, int) and not isinstance(value, bool):
            return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        return True


SETTINGS = {
    setting.key: setting
    for setting in (
        Setting("theme", "system", "Theme", choices=("system", "light", "dark", "contrast")),
        Setting("text_size", 100, "Text size, per cent", choices=(100, 115, 130, 150)),
        Setting("lock_minutes", 5, "Lock after this many minutes without use", least=1, most=15),
        Setting("reduce_motion", False, "Reduce motion"),
        Setting("sync_minutes", 5, "Sync this often when connected, in minutes", least=1, most=60),
        Setting("documents_days", 90, "Fetch documents of the last days by themselves", choices=(30, 90, 365, 3650)),
        Setting("documents_metered", False, "Move documents on a network that costs by the byte"),
        Setting("last_synced", "", "Which vault last synced when, for the unlock page"),
        Setting("derivation_rate", 0, "Nanoseconds a KiB takes in key derivation here", least=0, most=1_000_000),
        Setting("backup_folder", "", "A second folder or share for backups"),
        Setting("window_geometry", "", "Where the window was"),
        Setting("cases_columns", "", "Columns of the Cases table"),
        Setting("correspondence_panes", "", "Widths of the list and the form in Correspondence"),
    )
}


class Settings:
    """The stored settings of this laptop's account. A damaged file or value falls back to the default."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or settings_file()
        self._values: dict[str, Any] = self._load()

    def get(self, key: str) -> Any:
        """Return a setting's value.

        A number above what IT's policy permits counts as the most that is permitted.

        Raises:
            KeyError: there is no such setting.
        """
        setting = SETTINGS[key]
        value = self._values.get(key, setting.default)
        value = value if setting.accepts(value) else setting.default
        most = most_permitted(key)
        return value if most is None else min(value, most)

    def set(self, key: str, value: Any) -> None:
        """Store a value.

        Raises:
            KeyError: there is no such setting.
            ValueError: the value is not permitted.
        """
        most = most_permitted(key)
        if not SETTINGS[key].accepts(value) or (most is not None and value > most):
            raise ValueError(f"{key} cannot be {value!r}")
        self._values[key] = value
        self._path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(self._values, indent=1, sort_keys=True))
        os.replace(scratch, self._path)  # noqa: PTH105  (atomic on every platform)

    def _load(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return stored if isinstance(stored, dict) else {}


def most_permitted(key: str) -> int | None:
    """Return the largest value of a number that IT's policy permits, or None where it says nothing."""
    return policy().lock_minutes_most if key == "lock_minutes" else None
