"""What the keyring tests do inside a desktop session: each function is one scenario, its answer one JSON object."""

import base64
import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.errors import RollcallError
from app.services.vault import create_vault, device_secret, keyring_state, open_vault, re_enrol, unlock_with_recovery
from app.services.vault.keys import KdfParameters
from app.services.vault.recovery_key import RecoveryKey
from app.timesource import FrozenTime

PASSPHRASE = "seven blue kettles sing"
ANOTHER = "nine green lanterns hum"
QUICK = KdfParameters(memory_kib=1024, passes=1, lanes=1)
CLOCK = FrozenTime(datetime(2026, 11, 17, 9, 0, tzinfo=UTC))


def _bus_call(method: str, signature: str, body: tuple[Any, ...]) -> Any:
    jeepney = import_module("jeepney")
    address = jeepney.DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    return jeepney.new_method_call(address, method, signature, body)


def wait_for(name: str) -> dict[str, Any]:
    """Wait until somebody has a name on the bus."""
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        for _ in range(200):
            asked = _bus_call("NameHasOwner", "s", (name,))
            if bus.send_and_get_reply(asked).body[0]:
                return {"there": True}
            time.sleep(0.05)
    raise SystemExit(f"nobody has the name {name}")


def state(wait: str = "30") -> dict[str, Any]:
    """Say which keyring is active."""
    started = time.monotonic()
    found = keyring_state.keyring_state(wait_seconds=float(wait))
    return {
        "kind": found.kind.value,
        "words": found.words,
        "used": found.keyring is not None,
        "seconds": time.monotonic() - started,
    }


def create(folder: str) -> dict[str, Any]:
    """Make a vault with this session's keyring, and a recovery key."""
    recovery = RecoveryKey.new()
    made = create_vault(
        Path(folder), PASSPHRASE, time=CLOCK, use_system_keyring=True, kdf=QUICK, recovery=recovery, label="Laptop"
    )
    answer = {"keyring": made.uses_keyring, "vault": made.vault_id, "recovery": recovery.text}
    made.close()
    return answer


def create_tuned(folder: str) -> dict[str, Any]:
    """Make a vault with the parameters that this machine and its keyring call for."""
    made = create_vault(Path(folder), PASSPHRASE, time=CLOCK, use_system_keyring=True)
    answer = {"keyring": made.uses_keyring, "passes": made.file.header.kdf.passes}
    made.close()
    return answer


def open_it(folder: str, passphrase: str = PASSPHRASE) -> dict[str, Any]:
    """Open a vault, or say why not."""
    started = time.monotonic()
    try:
        open_vault(Path(folder), passphrase, time=CLOCK).close()
    except RollcallError as error:
        return {"error": type(error).__name__, "words": error.message, "seconds": time.monotonic() - started}
    return {"opened": True}


def recover(folder: str, recovery: str) -> dict[str, Any]:
    """Go the recovery path: the key on the sheet, a new passphrase, a new secret in this session's keyring."""
    unlocked = unlock_with_recovery(Path(folder), recovery, time=CLOCK)
    again = re_enrol(unlocked, ANOTHER, use_system_keyring=True, kdf=QUICK)
    again.open().close()
    return {"keyring": again.file.header.keyring}


def items() -> dict[str, Any]:
    """List everything that the keyring holds."""
    import secretstorage

    found = []
    with closing(secretstorage.dbus_init()) as bus:
        for collection in secretstorage.get_all_collections(bus):
            for item in collection.get_all_items():
                found.append(
                    {
                        "collection": collection.collection_path.rsplit("/", 1)[-1],
                        "label": item.get_label(),
                        "attributes": item.get_attributes(),
                        "secret": item.get_secret().decode(),
                    }
                )
    return {"items": found}


def overwrite(vault: str, text: str) -> dict[str, Any]:
    """Put something else where the vault's secret was."""
    import keyring

    keyring.set_password(device_secret.SERVICE, vault, text)
    return {}


def overwrite_with_another(vault: str) -> dict[str, Any]:
    """Put another 32 bytes where the vault's secret was."""
    return overwrite(vault, base64.b64encode(bytes(range(32))).decode())


def forget(vault: str) -> dict[str, Any]:
    """Remove the vault's secret, as the product does it; then once more."""
    found = keyring_state.keyring_state().keyring
    assert found is not None
    return {"first": device_secret.forget_secret(found, vault), "again": device_secret.forget_secret(found, vault)}


def lock() -> dict[str, Any]:
    """Lock the default collection."""
    import secretstorage

    with closing(secretstorage.dbus_init()) as bus:
        secretstorage.get_default_collection(bus).lock()
    return {}


def open_impatiently(folder: str) -> dict[str, Any]:
    """Open a vault, waiting two seconds for the keyring and not thirty."""
    usual = device_secret.WAIT_SECONDS
    device_secret.WAIT_SECONDS = 2
    try:
        return open_it(folder)
    finally:
        device_secret.WAIT_SECONDS = usual


def answer_nothing(name: str) -> dict[str, Any]:
    """Stand on the bus under a name and answer no call, until killed."""
    bus = import_module("jeepney.io.blocking").open_dbus_connection()
    bus.send_and_get_reply(_bus_call("RequestName", "su", (name, 0)))
    while True:
        bus.receive()


SCENARIOS: dict[str, Callable[..., dict[str, Any]]] = {
    each.__name__: each
    for each in (
        wait_for,
        open_impatiently,
        state,
        create,
        create_tuned,
        open_it,
        recover,
        items,
        overwrite,
        overwrite_with_another,
        forget,
        lock,
        answer_nothing,
    )
}


def main() -> None:
    """Do the one scenario named on the command line, or those on standard input, one a line, until it ends."""
    if sys.argv[1:]:
        sys.stdout.write(json.dumps(SCENARIOS[sys.argv[1]](*sys.argv[2:])))
        return
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        sys.stdout.write(json.dumps(SCENARIOS[name](*arguments)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
