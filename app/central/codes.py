"""One-time codes, and the laptops that are enrolled with them."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from app.central import records
from app.central.authority_key import AuthorityKeys
from app.central.leases import lend
from app.central.recovery import note_vault
from app.central.signing_key import Identity
from app.central.store import Store
from app.central.tables import device_credential, device_person, enrolment_code
from app.central.tokens import TrustError
from app.errors import UserError
from app.models import Authority, User
from app.services.changes import Change
from app.services.signing import verified
from app.services.sync.trust_protocol import CodeAnswer, EnrolAnswer, EnrolRequest, enrolment_statement
from app.services.wire import to_wire
from app.timesource import TimeSource

CODE_ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""Letters and digits that are not mistaken for one another when read aloud."""
CODE_LENGTH = 12
CODE_LIFE = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class _Code:
    code_hash: str
    user_id: str
    user: dict[str, Any]

    @property
    def user_name(self) -> str:
        """What the person is called."""
        return str(self.user["name"])


class Codes:
    """Makes one-time codes and spends them on laptops' keys."""

    def __init__(self, engine: Engine, identity: Identity, store: Store, time: TimeSource) -> None:
        self._engine = engine
        self._identity = identity
        self._store = store
        self._authority = AuthorityKeys(engine, identity, time)
        self._time = time

    def make_code(self, user_id: str, life: timedelta = CODE_LIFE) -> str:
        """Return a new one-time code for a person; only its hash is kept.

        Raises:
            UserError: there is no such active person.
        """
        code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
        now = self._time.now()
        with self._engine.begin() as connection:
            if connection.execute(select(User.active).where(User.id == user_id)).scalar() is not True:
                raise UserError("There is no such active person. Add them first. No code was made.")
            connection.execute(
                insert(enrolment_code).values(
                    code_hash=_code_hash(code), user_id=user_id, made_at=now, expires_at=now + life
                )
            )
        return "-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4))

    def check_code(self, code: str) -> CodeAnswer:
        """Return whom a code is for, without spending it.

        Raises:
            TrustError: unknown, spent or expired.
        """
        with self._engine.connect() as connection:
            found = self._find_code(connection, code)
            authority = connection.execute(select(Authority.name).limit(1)).scalar()
        return CodeAnswer(found.user_id, found.user_name, authority or "")

    def enrol(self, request: EnrolRequest) -> EnrolAnswer:
        """Spend a code on a laptop's key, and lend it case numbers.

        Raises:
            TrustError: the code is unknown, spent or expired, or the key was not proved.
        """
        statement = enrolment_statement(request.code, request.device_id, request.public_key)
        if not verified(request.public_key, statement, request.proof):
            raise TrustError("bad-proof", "The laptop could not prove its key. Try again with the same code.")
        now = self._time.now()
        name = " ".join(request.device_name.split())[:80] or "Laptop"
        with self._engine.begin() as connection:
            found = self._find_code(connection, request.code, lock=True)
            known = connection.execute(
                select(device_credential.c.device_id).where(device_credential.c.device_id == request.device_id)
            ).scalar()
            if known is not None:
                raise TrustError("device-known", "This laptop is enrolled already. Nothing was changed.")
            self._store.record_in(
                connection, [_device_change(request, name, found.user_id, now)], "Enrolled a laptop", found.user_id
            )
            connection.execute(
                insert(device_credential).values(
                    device_id=request.device_id,
                    user_id=found.user_id,
                    public_key=request.public_key,
                    last_sequence=0,
                    enrolled_at=now,
                )
            )
            connection.execute(insert(device_person).values(device_id=request.device_id, user_id=found.user_id))
            note_vault(connection, request.device_id, request.vault, now)
            connection.execute(
                update(enrolment_code)
                .where(enrolment_code.c.code_hash == found.code_hash)
                .values(used_at=now, used_by=request.device_id)
            )
            lease = lend(connection, request.device_id, request.year, now)
            notice = self._authority.notice(connection)
        return EnrolAnswer(self._identity.signer.public_key, lease, found.user, notice)

    def _find_code(self, connection: Connection, code: str, *, lock: bool = False) -> _Code:
        query = (
            select(enrolment_code, User.active)
            .join(User, User.id == enrolment_code.c.user_id)
            .where(enrolment_code.c.code_hash == _code_hash(code))
        )
        row = connection.execute(query.with_for_update(of=enrolment_code) if lock else query).first()
        if row is None or not row.active:
            raise TrustError("code-unknown", "This code is not known. Check it, or ask for a new one.")
        if row.used_at is not None:
            raise TrustError("code-spent", "This code has been used. Each code works once. Ask for a new one.")
        if row.expires_at <= self._time.now():
            raise TrustError("code-expired", "This code has expired. Ask for a new one.")
        user = records.load(connection, User.__tablename__, [row.user_id])[row.user_id]
        return _Code(row.code_hash, row.user_id, user)


def _code_hash(code: str) -> str:
    plain = "".join(char for char in code.upper() if char.isalnum())[:64]
    return hashlib.sha256(b"rollcall enrolment code\n" + plain.encode()).hexdigest()


def _device_change(request: EnrolRequest, name: str, user_id: str, now: datetime) -> Change:
    values = {
        "id": request.device_id,
        "created_at": to_wire(now),
        "created_by": user_id,
        "name": name,
        "public_key": request.public_key,
        "user_id": user_id,
        "enrolled_at": to_wire(now),
    }
    return Change("device", request.device_id, "insert", {key: [None, value] for key, value in values.items()})
