"""The last step of a rotation: the new keys count already, and the files under them are renamed into place."""

from pathlib import Path

import msgspec

from app.services.durable import sync_folder
from app.services.vault import vault_file
from app.services.vault.keys import DataKeys
from app.services.vault.vault_file import VaultFile

CASES, DOCUMENTS, LIFEBOAT = "cases.db", "documents.db", "lifeboat.log"
SUFFIX = ".next"
"""What a copy under new keys is called beside its original."""


def finish(folder: Path, file: VaultFile, data_keys: DataKeys) -> VaultFile:
    """Rename what a rotation left beside the originals, once the new keys count.

    Returns:
        The vault's file without its rotation.
    """
    for name in (CASES, DOCUMENTS, LIFEBOAT):
        copy = folder / (name + SUFFIX)
        if copy.exists():
            for tail in ("-wal", "-shm"):
                (folder / (name + tail)).unlink(missing_ok=True)
            copy.replace(folder / name)
    sync_folder(folder)
    done = msgspec.structs.replace(file, rotation=None).sealed(data_keys)
    vault_file.write(folder, done)
    return done
