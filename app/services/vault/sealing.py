"""Sealing to a public key: what only the holder of the private half can open (HPKE, RFC 9180).

The recovery key and the authority's key are both kept in a vault as public halves only, so the vault can be sealed to
them again (new data keys, say) without anybody typing or fetching the private one.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from app.services.vault.keys import WrongSecretError

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal_to(public_key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    """Return bytes that only the private half opens.

    Args:
        public_key: raw X25519, 32 bytes.
        plain: what is sealed.
        bound_to: must be given again to open: ties the seal to its vault and purpose.

    Raises:
        ValueError: not a public key.
    """
    return _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(public_key), info=bound_to)


def open_sealed(private_key: X25519PrivateKey, sealed: bytes, bound_to: bytes) -> bytes:
    """Return what was sealed.

    Raises:
        WrongSecretError: sealed to another key, bound to something else, or changed.
    """
    try:
        return _SUITE.decrypt(sealed, private_key, info=bound_to)
    except (InvalidTag, ValueError) as error:
        raise WrongSecretError from error
