"""What was handed in is opened here, with the keys of the laptops that may, to see that it is what was written."""

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from app.services.sync.packages import Package, UnopenedError, opened
from app.services.sync.team_keys import _wrap_of, laptop_key
from app.services.vault.keys import WrongSecretError
from app.services.vault.sealing import open_sealed
from tests.sync.chaos.stores import Store

if TYPE_CHECKING:
    from tests.sync.chaos.laptop import Laptop
    from tests.sync.chaos.world import World

_WORK = "SELECT digest, sealed_to, device_id::text FROM rescued_work WHERE change_set_id = %s AND complete"
_OF_LAPTOP = "SELECT change_set_id::text FROM rescued_work WHERE device_id = %s AND complete"
_PIECES = "SELECT sealed FROM rescued_piece WHERE change_set_id = %s ORDER BY place"


class Safe:
    """Opens what was handed in."""

    def __init__(self, world: "World", store: Store) -> None:
        self._world, self._store = world, store
        self._keys: dict[str, X25519PrivateKey | None] = {}

    def open(self, change_set_id: str) -> Package | str:
        """Return what was handed in, or why nobody can read it."""
        central = self._world.central
        digest, sealed_to, device = central.rows(_WORK, change_set_id)[0]
        if sealed_to not in self._keys:
            self._keys[sealed_to] = self._key(sealed_to)
        key = self._keys[sealed_to]
        if key is None:
            return f"no laptop has the key that it is sealed to ({sealed_to.partition(':')[0]})"
        author = self._store.rows["device", device]["public_key"]
        pieces = [bytes(row[0]) for row in central.rows(_PIECES, change_set_id)]
        try:
            return opened(pieces, change_set_id, digest, key, author)
        except UnopenedError as error:
            return error.message

    def documents(self, laptop: "Laptop") -> set[str]:
        """Return the hashes of bytes that a laptop handed in beside its records."""
        packages = [self.open(row[0]) for row in self._world.central.rows(_OF_LAPTOP, laptop.device_id)]
        return {each.sha256 for package in packages if isinstance(package, Package) for each in package.documents}

    def _key(self, team_key_id: str) -> X25519PrivateKey | None:
        """Return a team's private key from any of its wraps, as the laptop it was made for would."""
        for (table, _), row in self._store.rows.items():
            if table != "team_key_wrap" or row["team_key_id"] != team_key_id or not row["sealed"]:
                continue
            seed = self._world.template.seeds.get(row["device_id"] or "")
            if seed is None:
                continue
            try:
                plain = open_sealed(
                    laptop_key(bytes.fromhex(seed)), bytes.fromhex(row["sealed"]), _wrap_of(team_key_id)
                )
            except WrongSecretError:
                continue
            return X25519PrivateKey.from_private_bytes(plain)
        return None
