"""This store's own identity: its device id and the key it signs receipts and tokens with."""

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from app.central.tables import fact
from app.ids import new_id
from app.services.signing import Signer, new_seed

_SEALING_BYTES = 32
_SEED, _DEVICE = "signing_seed", "device_id"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this central store is.

    Attributes:
        device_id: under which its own changes (people, laptops) stand in the log.
        seed: of its Ed25519 key, 32 bytes.
    """

    device_id: str
    seed: bytes

    @property
    def signer(self) -> Signer:
        """What signs with the key."""
        return Signer(self.seed)

    @property
    def sealing_key(self) -> X25519PrivateKey:
        """What opens the work that laptops keep sealed for this store. It follows from the seed."""
        derived = HKDF(SHA256(), _SEALING_BYTES, salt=None, info=b"rollcall store sealing 1").derive(self.seed)
        return X25519PrivateKey.from_private_bytes(derived)


def identity(engine: Engine) -> Identity:
    """Return this store's identity, made on first use; several processes agree on one."""
    with engine.begin() as connection:
        connection.execute(
            insert(fact)
            .values(
                [
                    {"name": _SEED, "value": base64.b64encode(new_seed()).decode()},
                    {"name": _DEVICE, "value": new_id()},
                ]
            )
            .on_conflict_do_nothing()
        )
        facts = {row.name: row.value for row in connection.execute(select(fact.c.name, fact.c.value))}
    return Identity(facts[_DEVICE], base64.b64decode(facts[_SEED]))
