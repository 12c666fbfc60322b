"""What a transaction carries into the lifeboat, as services see it; the file itself is the vault's.

Capture, the audit chain, drafts and case numbers hand over what they write; the vault seals it into a second file
that is on the disk before the commit is reported (see :mod:`app.services.vault.lifeboat`).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.services.audit.chain import Link

CARRIED = "rollcall_lifeboat"
"""Where a writing session keeps its passage."""

IDENTITY_FACTS = ("user_id", "server", "server_key")
"""Names in ``sync_state`` that say whose laptop this is and which central store it belongs to."""
AUDIT_BACKED_UP = "audit_backed_up_to"
"""Name in ``sync_state`` of the newest audit entry that a checked backup holds: up to there the lifeboat need not keep
them."""


class Passage(Protocol):
    """One transaction's way into the lifeboat."""

    def add_change_set(self, row: Mapping[str, Any]) -> None:
        """Carry a change set: the row of ``change_set``."""
        ...

    def add_draft(self, key: str, user_id: str | None, text: str, saved_at: str) -> None:
        """Carry a draft; empty text says that it was dropped."""
        ...

    def add_lease(self, year: int, first: int, last: int, following: int) -> None:
        """Carry how far a block of case numbers is used."""
        ...

    def identity_changed(self) -> None:
        """Carry who this laptop is: its key, its person, its central store."""
        ...

    def seal(self, session: Session) -> None:
        """Write what is carried, with the session's audit entries, inside the transaction, just before its commit."""
        ...

    def arrive(self) -> None:
        """Wait, after the commit, until the second file is on the disk too."""
        ...

    def turn_back(self) -> None:
        """Take back what was written: the transaction was rolled back."""
        ...


class Journal(Protocol):
    """The vault's lifeboat.

    Attributes:
        behind: why it lacks something that the database has, in words; empty when it does not.
    """

    behind: str

    def passage(self) -> Passage:
        """Return the passage of a new transaction."""
        ...

    def audit_links(self) -> list[Link]:
        """Return the entries of the audit chain that it holds; none when it cannot be read."""
        ...

    def tidy(self) -> None:
        """Leave out what is safe in the central store or in a backup."""
        ...


def passage_of(session: Session) -> Passage | None:
    """Return the passage of a writing session, or None where the vault has no lifeboat."""
    found: Passage | None = session.info.get(CARRIED)
    return found
