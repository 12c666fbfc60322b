"""What a change set must be before it is merged: readable, signed, by somebody who may, with values that fit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from app.central.earlier import role_at
from app.central.places import Places
from app.central.scope import INTERESTED, RESTRICTED, Scope
from app.central.tables import device_person
from app.central.team_key_rules import team_key_refusal
from app.central.visibility import Visibility, viewers_of
from app.central.writing import Reach
from app.models import User
from app.models.terms import Role
from app.services.access import Permission, allowed, needed_permissions
from app.services.changes import Change, ChangeSet, decode
from app.services.signing import verified
from app.services.sync.protocol import MAX_CHANGE_SET_BYTES, VERSION, ProtocolError, SignedSet
from app.services.sync.shapes import Identifier, Instant, ShapeError, check_values

_OPERATIONS = frozenset({"insert", "update", "delete"})


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """A laptop that proved its key.

    Attributes:
        importing: it is bringing in an authority's existing records, in the names of those who made them.
        protocol: the version it speaks.
    """

    device_id: str
    user_id: str
    public_key: str
    importing: bool = False
    protocol: int = VERSION


@dataclass(frozen=True, slots=True)
class Incoming:
    """A change set that arrived, read but not yet judged."""

    change_set: ChangeSet
    signed: SignedSet


class _Stamp(msgspec.Struct, array_like=True):
    id: Identifier
    actor: Identifier | None
    made_at: Instant


def read(device: DeviceIdentity, signed: SignedSet) -> Incoming:
    """Return a readable change set of this laptop.

    Raises:
        ProtocolError: it cannot be read, is too large, or names another laptop.
    """
    if len(signed.body) > MAX_CHANGE_SET_BYTES:
        raise ProtocolError("a change set is too large")
    try:
        change_set = decode(signed.body)
        msgspec.convert((change_set.id, change_set.actor, change_set.made_at), _Stamp)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ProtocolError("a change set cannot be read") from error
    if change_set.device != device.device_id or change_set.sequence < 1:
        raise ProtocolError("a change set of another laptop")
    return Incoming(change_set, signed)


class NoLonger(str):
    """Why a change set is not merged although it was right when it was made: the laptop hands it in to the team.

    Attributes:
        team: whose supervisors deal with it; empty where only the laptop knows.
    """

    team: str

    def __new__(cls, words: str, team: str = "") -> "NoLonger":
        """Return the words, with the team."""
        made = super().__new__(cls, words)
        made.team = team
        return made


OUT_OF_SCOPE: Final = "This record is no longer on this laptop's list, so the work on it is handed in to its team."
_ROLE_LOST = NoLonger("Your role has changed since this was recorded, so it is handed in to the team.")
_PERSON_LEFT = NoLonger("The person who recorded this may no longer sync, so it is handed in to the team.")


class Judge:
    """Refuses change sets, with the reason in words; knows people and roles as they are in this transaction."""

    def __init__(
        self, connection: Connection, device: DeviceIdentity, now: datetime, taken: Collection[str] = frozenset()
    ) -> None:
        """Look at who is there.

        Args:
            connection: in the transaction in which is merged.
            device: whose change sets are judged.
            now: the time.
            taken: change sets that this store had taken before it was put back: what they may was judged then.
        """
        self._connection = connection
        self._device = device
        self._taken = taken
        self._scope = Scope(connection)
        self._reach = Reach(
            connection, device.device_id, Visibility(connection, viewers_of(connection, device.device_id), now)
        )
        people = select(User.id, User.role, User.active).join(device_person, device_person.c.user_id == User.id)
        known = connection.execute(people.where(device_person.c.device_id == device.device_id)).all()
        self._roles: dict[str, Role] = {row.id: row.role for row in known if row.active}
        self._left = {row.id for row in known if not row.active}

    def refusals(self, due: Sequence[Incoming]) -> dict[str, str | None]:
        """Return why each change set is refused, or None; a :class:`NoLonger` where it is to be handed in instead.

        Args:
            due: of one push, in order; those that are not refused count for those after them.
        """
        unfit = {each.change_set.id: self._unfit(each) for each in due}
        if self._device.importing:
            return unfit
        self._reach.prepare([each.change_set for each in due if unfit[each.change_set.id] is None])
        return {each.change_set.id: self._judged(each.change_set, unfit[each.change_set.id]) for each in due}

    def _judged(self, change_set: ChangeSet, unfit: str | None) -> str | None:
        why = unfit or (None if change_set.id in self._taken else self._outside(change_set))
        if why is None:
            self._scope.take(change_set)
            self._reach.take(change_set)
        elif isinstance(why, NoLonger):
            self._reach.withhold(change_set)
        return why

    def _unfit(self, incoming: Incoming) -> str | None:
        """Return why a change set is refused whatever it is about, or None."""
        change_set = incoming.change_set
        if not verified(self._device.public_key, incoming.signed.body, incoming.signed.signature):
            return "The signature of this change does not fit. It may have been damaged on this laptop."
        if self._device.importing or change_set.id in self._taken:
            return shape_refusal(change_set.changes)
        # What the laptop does by itself it does with the rights of the person it was given to.
        actor_id = change_set.actor or self._device.user_id
        role = self._roles.get(actor_id)
        if role is None and actor_id in self._left:
            return _PERSON_LEFT
        if role is None:
            return "This laptop is not enrolled for the person who made this change. Ask your administrator."
        return (
            self._role_refusal(change_set, actor_id, role)
            or shape_refusal(change_set.changes)
            or team_key_refusal(self._connection, change_set, actor_id)
        )

    def _outside(self, change_set: ChangeSet) -> str | None:
        """Return why a change set is refused for what it is about, or None."""
        actor_id = change_set.actor or self._device.user_id
        why = self._scope.refusal(change_set, actor_id, self._roles[actor_id])
        if why == INTERESTED or (why == RESTRICTED and not self._reach.sees(change_set)):
            # What the laptop may hold no longer leaves it, so the work cannot wait there either.
            return NoLonger(why, self._reach.team(change_set))
        if why is None and not self._reach.may(change_set):
            return NoLonger(OUT_OF_SCOPE, self._reach.team(change_set))
        return why

    @property
    def stored_places(self) -> Places | None:
        """Where the rows of these change sets belong as they are stored, as far as judging them had to know."""
        return self._reach.stored

    def may_confirm(self, incoming: Incoming) -> bool:
        """Return whether a change set was made by somebody whose word on large deletions counts."""
        role = self._roles.get(incoming.change_set.actor or "")
        return role is not None and allowed(role, Permission.TAKE_OVER_WORK)

    def _role_refusal(self, change_set: ChangeSet, actor_id: str, role: Role) -> str | None:
        why = role_refusal(role, change_set.changes)
        if why is None:
            return None
        earlier = role_at(self._connection, actor_id, change_set.base)
        return _ROLE_LOST if earlier is not None and role_refusal(earlier, change_set.changes) is None else why


def role_refusal(role: Role, changes: Sequence[Change]) -> str | None:
    """Return why a role may not make changes, or None."""
    for any_of in sorted(needed_permissions(changes)):
        if not any(allowed(role, each) for each in any_of):
            what = any_of[0].value if any_of else "change these records"
            return f"Your role cannot {what}. Ask a supervisor."
    return None


def shape_refusal(changes: Sequence[Change]) -> str | None:
    """Return why changes do not fit their tables, or None."""
    try:
        seen = set()
        for change in changes:
            if change.op not in _OPERATIONS or any(len(pair) != 2 for pair in change.fields.values()):
                raise ShapeError("not a change")  # noqa: TRY301  (one answer for everything that does not fit)
            if (change.table, change.row) in seen:
                raise ShapeError("a row twice")  # noqa: TRY301
            seen.add((change.table, change.row))
            msgspec.convert(change.row, Identifier)
            if change.op != "delete":
                check_values(change.table, {name: new for name, (_, new) in change.fields.items()})
            if change.op == "insert" and change.fields.get("id", (None, None))[1] != change.row:
                raise ShapeError("a row under another id")  # noqa: TRY301
    except (ShapeError, msgspec.ValidationError):
        return "The central store does not know part of this change. Update Rollcall on both sides."
    return None
