"""Adding the council, its teams and its people to a central store; every addition reaches the laptops."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, select

from app.central.store import Store
from app.errors import UserError
from app.ids import new_id
from app.models import Authority, Device, Team, User
from app.models.synced import Synced
from app.models.terms import Role
from app.services.changes import Change
from app.services.wire import insert_fields
from app.timesource import TimeSource

ROWS_A_CHANGE_SET = 1000


class People:
    """Who works with this store."""

    def __init__(self, engine: Engine, store: Store, time: TimeSource) -> None:
        self._engine = engine
        self._store = store
        self._time = time

    def add_records(
        self, records: Sequence[tuple[type[Synced], Mapping[str, Any]]], reason: str, actor_id: str | None = None
    ) -> list[str]:
        """Add records of any synced table, in the store's own name.

        Args:
            records: model and column values (Python values); ids are made where they are missing.
            reason: in words, for history.
            actor_id: in whose name.

        Returns:
            The ids, in order.
        """
        now = self._time.now()
        changes, ids = [], []
        for model, values in records:
            row = {"created_at": now, "created_by": actor_id, **values}
            row["id"] = row.get("id") or new_id()
            ids.append(str(row["id"]))
            changes.append(Change(model.__tablename__, row["id"], "insert", insert_fields(model.__tablename__, row)))
        for start in range(0, len(changes), ROWS_A_CHANGE_SET):
            self._store.record(changes[start : start + ROWS_A_CHANGE_SET], reason, actor_id)
        return ids

    def ensure_authority(self, name: str, **values: Any) -> str:
        """Return the council's id; it is added when there is none."""
        with self._engine.connect() as connection:
            known = connection.execute(select(Authority.id).limit(1)).scalar()
        if known:
            return str(known)
        plain = {"service_name": "Children missing education", "la_code": "", "office_address": ""}
        row = {"name": name, **plain, "phone": "", "email": "", **values}
        return self.add_records([(Authority, row)], "Added the council")[0]

    def ensure_team(self, name: str) -> str:
        """Return a team's id; it is added when there is none of that name."""
        with self._engine.connect() as connection:
            known = connection.execute(select(Team.id).where(Team.name == name)).scalar()
        return str(known) if known else self.add_records([(Team, {"name": name})], "Added a team")[0]

    def add_user(self, username: str, name: str, role: str, team: str = "", **values: Any) -> str:
        """Add a person and return the id.

        Raises:
            UserError: the username is taken or the role unknown.
        """
        if role not in set(Role):
            raise UserError(f"There is no role {role}. Use one of: {', '.join(Role)}. Nobody was added.", "role")
        with self._engine.connect() as connection:
            if connection.execute(select(User.id).where(User.username == username)).scalar():
                raise UserError(f"There is already somebody called {username}. Nobody was added.", "username")
        row = {"username": username, "name": name, "role": Role(role), "active": True, **values}
        if team:
            row["team_id"] = self.ensure_team(team)
        return self.add_records([(User, row)], "Added a person")[0]

    def user_id(self, username: str) -> str:
        """Return a person's id.

        Raises:
            UserError: there is no such person.
        """
        with self._engine.connect() as connection:
            found = connection.execute(select(User.id).where(User.username == username)).scalar()
        if found is None:
            raise UserError(f"There is nobody called {username}. Nothing was changed.", "username")
        return str(found)

    def devices(self) -> list[dict[str, Any]]:
        """Return the enrolled laptops: id, name, person, when enrolled and revoked."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(Device.id, Device.name, User.name.label("person"), Device.enrolled_at, Device.revoked_at)
                .join(User, User.id == Device.user_id, isouter=True)
                .order_by(Device.enrolled_at)
            )
            return [dict(row._mapping) for row in rows]
