"""Ed25519 signatures of devices and of the central store."""

import base64
from functools import cached_property

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


class Signer:
    """Signs with a private key kept as its 32-byte seed."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._seed)

    def sign(self, body: bytes) -> bytes:
        """Return the 64-byte signature."""
        return self._key.sign(body)

    @property
    def public_key(self) -> str:
        """The public half, base64."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return base64.b64encode(raw).decode()


def new_seed() -> bytes:
    """Return a new private key's seed, 32 bytes."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def verified(public_key: str, body: bytes, signature: bytes) -> bool:
    """Return whether a signature is the key's on these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key)).verify(signature, body)
    except (InvalidSignature, ValueError):
        return False
    return True
