"""Work that was handed in sealed because its sender may no longer write there, and the teams' keys it is sealed to.

What was handed in is not here: the central store keeps it sealed, and cannot read it. These records say that it is
there, who made it and what became of it; the keys say who can open it.
"""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import OptionalRef, Ref, UnindexedRef
from app.models.synced import MergeRule, Synced
from app.models.terms import HandedInState, HandInReason


class TeamKey(Synced):
    """A team's key pair: its public half, to which laptops seal. The private half is only ever in wraps."""

    __tablename__ = "team_key"
    merge_rule = MergeRule.LATEST

    team_id: Mapped[Ref]
    serial: Mapped[int]
    """1, 2, 3 ...; laptops seal to the highest, and of two with one number to the one with the lower id."""
    public_key: Mapped[str]
    """Raw X25519, 32 bytes, in hexadecimal."""


class TeamKeyWrap(Synced):
    """The private half of a team's key, sealed to one supervisor's laptop or to the authority.

    A supervisor's laptop that has none asks with an empty ``sealed``; a laptop that has one fills it in. Two that do so
    at once seal the same key, so whichever arrives last is as good.
    """

    __tablename__ = "team_key_wrap"
    merge_rule = MergeRule.LATEST

    team_key_id: Mapped[Ref]
    device_id: Mapped[OptionalRef]
    """None for the wrap that is sealed to the authority's key."""
    public_key: Mapped[str]
    """To whom it is sealed: raw X25519 in hexadecimal."""
    proof: Mapped[str] = mapped_column(default="")
    """The laptop's own signature (Ed25519, hexadecimal) over its public half, so that nobody can put in another."""
    sealed: Mapped[str] = mapped_column(default="")
    """In hexadecimal; empty while it is asked for."""


class HandedIn(Synced):
    """One change set that was handed in, under the change set's id: added by the central store, settled by a person."""

    __tablename__ = "handed_in"
    merge_rule = MergeRule.LATEST

    team_id: Mapped[OptionalRef]
    """Whose supervisors can open it; None when only the authority's key does."""
    device_id: Mapped[UnindexedRef]
    author_id: Mapped[OptionalRef]
    made_at: Mapped[datetime]
    handed_in_at: Mapped[datetime]
    why: Mapped[HandInReason]
    changes: Mapped[int]
    documents: Mapped[int] = mapped_column(default=0)
    """How many documents' bytes came with it."""
    state: Mapped[HandedInState] = mapped_column(default=HandedInState.WAITING, index=True)
    settled_by: Mapped[OptionalRef]
    settled_at: Mapped[datetime | None]
    settled_reason: Mapped[str] = mapped_column(default="")
