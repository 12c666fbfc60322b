"""The card on the settings page that says what holds on this laptop, and what IT has decided."""

import sys

from PySide6.QtWidgets import QWidget

from app.policy import RULES, Policy, policy
from app.views import screen_capture
from app.views.kit.cards import Card
from app.views.kit.feedback import Banner
from app.views.kit.text import Text

MANAGED = "Set by your organisation"
_UNITS = {
    "lock_minutes_most": "minutes",
    "offline_days": "days",
    "clipboard_seconds": "seconds",
    "passphrase_least": "characters",
    "break_glass_hours": "hours",
}


class LaptopCard(Card):
    """What holds on this laptop, in words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("About this laptop", parent=parent)
        self.setObjectName("laptop_card")
        held = policy()
        column = self.padded()
        if held.problems:
            self.problems = Banner("warn", "\n".join(held.problems), title=_wrong(held))
            self.problems.setObjectName("policy_problems")
            column.addWidget(self.problems)
        for words in what_holds(held):
            column.addWidget(Text(words, "secondary", ink="ink2", wrap=True))
        managed = what_is_managed(held)
        column.addWidget(Text(MANAGED if managed else "Your organisation has set nothing here.", weight="strong"))
        for words in managed:
            column.addWidget(Text(words, "secondary", ink="ink2", wrap=True, selectable=True))


def what_holds(held: Policy) -> list[str]:
    """Return what Rollcall does on this laptop to keep records from others, a sentence each."""
    locks = "Rollcall locks when nobody uses it, with Ctrl L, and before the laptop sleeps or its screen locks."
    if sys.platform not in ("win32", "linux"):
        locks = "Rollcall locks when nobody uses it, time asleep included, and with Ctrl L."
    copied = f"What you copy in Rollcall is cleared after {held.clipboard_seconds} seconds, and when it locks."
    return [locks, copied, screen_capture.words()]


def what_is_managed(held: Policy) -> list[str]:
    """Return each rule that IT has set, with its value, in the order of ``app.policy``."""
    return [f"{rule.text}: {_value(key, getattr(held, key))}" for key, rule in RULES.items() if key in held.managed]


def _value(key: str, value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if value in ("", None):
        return "the usual one"
    return f"{value} {_UNITS.get(key, '')}".strip()


def _wrong(held: Policy) -> str:
    rules = "rule" if len(held.problems) == 1 else "rules"
    return f"Tell IT: {len(held.problems)} {rules} of your organisation cannot be used. A cautious one holds instead."
