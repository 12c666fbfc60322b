"""A change set as it is handed in: packed with the documents that only this laptop has, cut up and sealed.

Whoever opens it again knows it for what its author signed: the package carries the signed bytes and their signature,
and every sealed piece is tied to their hash.
"""

from collections.abc import Sequence

import msgspec
import zstandard
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.errors import EnvironmentFault
from app.services.signing import verified
from app.services.sync.rescue_protocol import MOST_PIECES, PIECE_BYTES, bound_to, digest_of
from app.services.vault.keys import WrongSecretError
from app.services.vault.sealing import open_sealed, seal_to

MOST_BYTES = 1024 * 1024 * 1024


class PackedDocument(msgspec.Struct, array_like=True):
    """The bytes of one document."""

    sha256: str
    media_type: str
    data: bytes


class Package(msgspec.Struct):
    """What is handed in.

    Attributes:
        body, signature: the change set as it was signed.
        author: who made it, by name: the supervisor's laptop may not know the person any more.
        documents: bytes that the central store does not have.
    """

    body: bytes
    signature: bytes
    author: str
    documents: list[PackedDocument] = []


class UnopenedError(EnvironmentFault):
    """What was handed in does not open here, or is not what its author signed."""


def sealed_pieces(package: Package, change_set_id: str, public_key: bytes) -> list[bytes]:
    """Return a package's pieces, each sealed to a public key and tied to its place."""
    plain = zstandard.ZstdCompressor(level=3, write_checksum=True).compress(msgspec.msgpack.encode(package))
    count = max(1, -(-len(plain) // PIECE_BYTES))
    digest = digest_of(package.body)
    return [
        seal_to(
            public_key,
            plain[place * PIECE_BYTES : (place + 1) * PIECE_BYTES],
            bound_to(change_set_id, digest, place, count),
        )
        for place in range(count)
    ]


def opened(
    pieces: Sequence[bytes], change_set_id: str, digest: str, private_key: X25519PrivateKey, author_key: str
) -> Package:
    """Return a package from its sealed pieces.

    Args:
        pieces: all of them, in order.
        change_set_id, digest: which change set it is said to be.
        private_key: of the team or the authority.
        author_key: Ed25519 public key of the laptop that made it, base64.

    Raises:
        UnopenedError: sealed to another key, changed on the way, or not signed by that laptop.
    """
    damaged = UnopenedError("This work does not open: it was changed on the way. It is kept. Ask your administrator.")
    try:
        count = len(pieces)
        if not 0 < count <= MOST_PIECES:
            raise damaged
        plain = b"".join(
            open_sealed(private_key, piece, bound_to(change_set_id, digest, place, count))
            for place, piece in enumerate(pieces)
        )
        size = zstandard.get_frame_parameters(plain).content_size
        if not 0 < size <= MOST_BYTES:
            raise damaged
        unpacked = zstandard.ZstdDecompressor().decompress(plain, max_output_size=MOST_BYTES)
        package = msgspec.msgpack.decode(unpacked, type=Package)
    except WrongSecretError as error:
        raise UnopenedError(
            "This work is sealed to a key that this laptop does not have. It is kept. Ask another supervisor."
        ) from error
    except (zstandard.ZstdError, msgspec.MsgspecError, RecursionError) as error:
        raise damaged from error
    if digest_of(package.body) != digest or not verified(author_key, package.body, package.signature):
        raise damaged
    return package
