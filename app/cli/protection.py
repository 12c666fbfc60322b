"""``rollcall vault protection``: what stands between this laptop and whoever finds it. Needs no passphrase."""

from typing import Any

import typer

from app.cli.context import OPTIONS, Json, answer


def register(group: typer.Typer) -> None:
    """Add the command to the ``vault`` group."""
    group.command()(protection)


def protection(as_json: Json = False) -> None:
    """Say which keyring is active, whether it holds this vault's secret, and which ways in there are."""
    from app.services.protection_report import protection_of
    from app.services.vault import vault_file
    from app.services.vault.authority_wrap import fingerprint
    from app.services.vault.keyring_state import keyring_state

    file = vault_file.candidates(OPTIONS.vault)[0]
    report, state, authority = protection_of(file), keyring_state(), file.wrap("authority")
    key = fingerprint(authority.public_key) if authority else ""
    held = _secret_held(file.header.vault) if report.uses_keyring else None
    value: dict[str, Any] = {
        "keyring": {"kind": state.kind, "name": state.backend_name, "words": state.words},
        "passphrase_only": not report.uses_keyring,
        "secret_held": held,
        "passphrase_set_on": report.passphrase_set_on,
        "recovery_key_made_on": report.recovery_made_on,
        "authority_since": report.authority_since,
        "authority_key": key,
        "argon2id": {"memory_mib": report.memory_mib, "passes": report.passes},
        "unfinished_rotation": report.unfinished_rotation,
    }
    lines = [
        f"Keyring: {state.found}",
        _KEYRING[held] if report.uses_keyring else "This vault opens by the passphrase alone.",
        f"Passphrase set: {report.passphrase_set_on:%d %B %Y}.",
        f"Recovery key: made {report.recovery_made_on:%d %B %Y}." if report.recovery_made_on else "Recovery key: none.",
        f"Authority key: {key}, since {report.authority_since:%d %B %Y}."
        if report.authority_since
        else "Authority key: none, so IT cannot recover this laptop.",
    ]
    if report.unfinished_rotation:
        lines.append("A change of the data keys was interrupted. Use rollcall vault rotate to finish it.")
    answer(value, as_json=as_json, text="\n".join(lines))


_KEYRING = {
    True: "This vault opens by the passphrase and the secret that the keyring holds.",
    False: "The keyring has lost this vault's secret. Use rollcall vault recover.",
    None: "This vault opens by the passphrase and a secret in the keyring, which cannot be read now.",
}


def _secret_held(vault_id: str) -> bool | None:
    """Return whether the keyring holds the vault's secret; None when that cannot be told now."""
    from app.services.vault.device_secret import KeyringLost, KeyringShut, need_secret

    try:
        need_secret(vault_id)
    except KeyringLost:
        return False
    except KeyringShut:
        return None
    return True
