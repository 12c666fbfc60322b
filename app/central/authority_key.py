"""The public half of the authority's key, as the central store keeps, numbers and signs it.

The private half is never here: ``rollcall-central authority-key new`` writes it to a file that IT keeps elsewhere.
Keys that were replaced stay listed, so that a laptop which has not synced since can still be told which file opens it.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert

from app.central.signing_key import Identity
from app.central.tables import fact
from app.errors import UserError
from app.services.sync.trust_protocol import AuthorityNotice, authority_statement
from app.services.vault.authority_wrap import fingerprint
from app.timesource import TimeSource

_FACT = "authority_keys"


class KnownKey(msgspec.Struct, frozen=True):
    """One public key of the authority.

    Attributes:
        serial: 1, 2, 3 ...; laptops seal to the highest.
        public_key: raw X25519, 32 bytes.
        made_at: when this store was told.
        made_by: who said so, by user id.
    """

    serial: int
    public_key: bytes
    made_at: datetime
    made_by: str

    @property
    def fingerprint(self) -> str:
        """What people compare it by."""
        return fingerprint(self.public_key)


_decoder = msgspec.json.Decoder(list[KnownKey])


@dataclass(frozen=True, slots=True)
class AuthorityKeys:
    """The authority's public keys, oldest first."""

    engine: Engine
    identity: Identity
    time: TimeSource

    def all(self) -> list[KnownKey]:
        """Return every key this store was told of, oldest first."""
        with self.engine.connect() as connection:
            return _read(connection)

    def check_may_add(self, *, replace: bool) -> None:
        """Refuse a second key that nobody asked for.

        Raises:
            UserError: there is one already.
        """
        _check(self.all(), replace=replace)

    def add(self, public_key: bytes, made_by: str, *, replace: bool = False) -> KnownKey:
        """Keep a public key; laptops seal to it from their next sync on.

        Raises:
            UserError: there is one already and ``replace`` was not said; nothing was changed.
        """
        with self.engine.begin() as connection:
            # Two administrators at once: the second waits here, and then sees the first one's key.
            connection.execute(insert(fact).values(name=_FACT, value="[]").on_conflict_do_nothing())
            held = _read(connection, lock=True)
            _check(held, replace=replace)
            key = KnownKey((held[-1].serial if held else 0) + 1, public_key, self.time.now(), made_by)
            value = msgspec.json.encode([*held, key]).decode()
            connection.execute(update(fact).where(fact.c.name == _FACT).values(value=value))
        return key

    def notice(self, connection: Connection) -> AuthorityNotice | None:
        """Return the newest key, signed, or None where there is none."""
        held = _read(connection)
        if not held:
            return None
        newest = held[-1]
        statement = authority_statement(newest.serial, newest.public_key)
        return AuthorityNotice(newest.serial, newest.public_key, self.identity.signer.sign(statement))


def _read(connection: Connection, *, lock: bool = False) -> list[KnownKey]:
    query = select(fact.c.value).where(fact.c.name == _FACT)
    value = connection.execute(query.with_for_update() if lock else query).scalar()
    return _decoder.decode(value) if value else []


def _check(held: list[KnownKey], *, replace: bool) -> None:
    if held and not replace:
        raise UserError(
            f"There is an authority key already: {held[-1].fingerprint}. Use --replace to make another; laptops use it "
            "from their next sync on. Nothing was changed."
        )
