"""What stands between this laptop and whoever finds it, a sentence each, each with its state in a word and an icon."""

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.views.kit.cards import Card
from app.views.kit.form import IconLabel
from app.views.kit.text import Text
from app.views.tokens import px

if TYPE_CHECKING:
    from app.services.protection_report import Protection

_GOOD, _LACKING = ("circle-check-big", "ok"), ("triangle-alert", "warn")


class Fact(NamedTuple):
    """One protection.

    Attributes:
        good: whether it is there.
        title: its name with its state.
        words: what that means.
    """

    good: bool
    title: str
    words: str


def facts(found: "Protection") -> list[Fact]:
    """Return the protections in words."""
    return [_encryption(found), _keyring(found), _recovery(found), _authority(found)]


def _encryption(found: "Protection") -> Fact:
    from app.timesource import format_date

    passes = "1 pass" if found.passes == 1 else f"{found.passes} passes"
    return Fact(
        True,
        "Records: encrypted",
        "Every record and document on this laptop is encrypted with AES-256. The passphrase was last changed on "
        f"{format_date(found.passphrase_set_on)}. Each guess at it costs {found.memory_mib} MiB of memory and "
        f"{passes} of Argon2id.",
    )


def _keyring(found: "Protection") -> Fact:
    if found.uses_keyring:
        return Fact(
            True,
            "Keyring: in use",
            f"{found.keyring_words} A copy of the disk is of no use without it.",
        )
    if found.keyring_unused:
        return Fact(
            False,
            "Keyring: not in use",
            "Rollcall was set up on this laptop without a keyring, so the passphrase alone protects the records. There "
            "is a keyring now: lock Rollcall, choose “Forgotten your passphrase?” and use the recovery key once.",
        )
    return Fact(False, "Keyring: none", found.keyring_words)


def _recovery(found: "Protection") -> Fact:
    from app.timesource import format_date

    if found.recovery_made_on is None:
        return Fact(
            False,
            "Recovery key: none",
            f"If you forget the passphrase, {'only IT' if found.authority_since else 'nobody'} can open what has not "
            "reached the central store. Make a recovery key now.",
        )
    return Fact(
        True,
        f"Recovery key: made on {format_date(found.recovery_made_on)}",
        "Check now and then that you still have its sheet, locked away and apart from the laptop.",
    )


def _authority(found: "Protection") -> Fact:
    from app.timesource import format_date

    if found.authority_since is None:
        left = "Your recovery sheet is the only" if found.recovery_made_on else "There is no"
        return Fact(False, "Recovery by IT: not set up", f"IT cannot open this laptop's records. {left} second way in.")
    return Fact(
        True,
        f"Recovery by IT: possible since {format_date(found.authority_since)}",
        "With a file and a code that work once. Each use is recorded in the audit of the central store.",
    )


class FactsCard(Card):
    """The card."""

    def __init__(self) -> None:
        super().__init__("This laptop")
        self.setObjectName("facts_card")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(px(12))
        self.padded().addLayout(self._rows)
        self._shown: list[QWidget] = []

    def show_facts(self, found: "Protection") -> None:
        """Show how the laptop is protected."""
        for row in self._shown:
            row.hide()
            row.deleteLater()
        self._shown = [_row(fact) for fact in facts(found)]
        for row in self._shown:
            self._rows.addWidget(row)
            row.show()


def _row(fact: Fact) -> QWidget:
    row = QWidget()
    row.setAccessibleName(f"{fact.title}. {fact.words}")
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(px(10))
    icon, ink = _GOOD if fact.good else _LACKING
    line.addWidget(IconLabel(icon, ink), 0, Qt.AlignmentFlag.AlignTop)
    column = QVBoxLayout()
    column.setSpacing(px(2))
    column.addWidget(Text(fact.title, "body", weight="strong", wrap=True))
    column.addWidget(Text(fact.words, "secondary", ink="ink2", wrap=True))
    line.addLayout(column, 1)
    return row
