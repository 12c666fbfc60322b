"""The recovery key: 130 random bits that a person keeps on paper, the second way into a vault.

It is written as seven groups of four Crockford base32 characters: 26 carry the key, the last two are a checksum, so
that a slip of the pen is told from a key of another laptop before anything is tried. The key is the seed of an X25519
pair; the vault holds the public half and a seal to it.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import UserError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base32: no I, L, O or U."""
KEY_CHARACTERS = 26
CHECK_CHARACTERS = 2
GROUP = 4
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "L": "1"})
_SEPARATORS = str.maketrans("", "", " -\t\r\n.\u2010\u2011\u2012\u2013\u2014\u2212\u00a0")
_MOST_TYPED = 200


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """One recovery key.

    Attributes:
        characters: the 26 characters of the key, without checksum.
    """

    characters: str = field(repr=False)

    @classmethod
    def new(cls) -> "RecoveryKey":
        """Return a new random key."""
        return cls("".join(secrets.choice(ALPHABET) for _ in range(KEY_CHARACTERS)))

    @classmethod
    def parse(cls, text: str) -> "RecoveryKey":
        """Return the key that somebody typed; spaces, hyphens, case and look-alikes (O, I, L) are forgiven.

        Raises:
            UserError: says what is wrong with it; field ``recovery``.
        """
        typed = text[:_MOST_TYPED].translate(_SEPARATORS).upper().translate(_LOOKALIKES)
        wrong = sorted({character for character in typed if character not in ALPHABET})
        if wrong:
            raise UserError(
                f"A recovery key has no {wrong[0]!r}. Check that character against the sheet.", field="recovery"
            )
        whole = KEY_CHARACTERS + CHECK_CHARACTERS
        if len(typed) != whole:
            raise UserError(
                f"A recovery key has {whole} characters and this has {len(typed)}. Check it against the sheet.",
                field="recovery",
            )
        key = cls(typed[:KEY_CHARACTERS])
        if typed[KEY_CHARACTERS:] != key.checksum:
            raise UserError(
                "A character is not as on the sheet: the last two do not fit the rest. Check each group again.",
                field="recovery",
            )
        return key

    @property
    def checksum(self) -> str:
        """The two characters that tell a slip from another key."""
        digest = hashlib.sha256(b"rollcall recovery checksum 1" + self.characters.encode()).digest()
        number = int.from_bytes(digest[:2], "big")
        return ALPHABET[number & 31] + ALPHABET[number >> 5 & 31]

    @property
    def groups(self) -> tuple[str, ...]:
        """The seven groups of four, as they stand on the sheet."""
        whole = self.characters + self.checksum
        return tuple(whole[start : start + GROUP] for start in range(0, len(whole), GROUP))

    @property
    def text(self) -> str:
        """The key as it is shown and typed."""
        return "-".join(self.groups)

    @property
    def private_key(self) -> X25519PrivateKey:
        """The pair's private half."""
        seed = HKDF(SHA256(), 32, salt=None, info=b"rollcall recovery key 1").derive(self.characters.encode())
        return X25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        """The public half, raw, 32 bytes: all that the vault keeps."""
        return self.private_key.public_key().public_bytes_raw()
