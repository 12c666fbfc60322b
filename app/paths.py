"""Where things are on this machine."""

import os
from pathlib import Path

from app.policy import policy

RESOURCES = Path(__file__).resolve().parent.parent / "resources"


def default_vault_folder() -> Path:
    """Return the folder of this person's vault: IT's policy, else ``ROLLCALL_VAULT``, else the usual place."""
    configured = policy().vault_folder or os.environ.get("ROLLCALL_VAULT")
    if configured:
        return Path(configured)
    import platformdirs  # late: the unlock window should not wait for it when a folder is given

    return Path(platformdirs.user_data_dir("Rollcall", appauthor=False)) / "vault"


def settings_file() -> Path:
    """Return where this account's settings are kept: ``ROLLCALL_SETTINGS`` when set, else the platform's folder."""
    configured = os.environ.get("ROLLCALL_SETTINGS")
    if configured:
        return Path(configured)
    import platformdirs

    return Path(platformdirs.user_config_dir("Rollcall", appauthor=False)) / "settings.json"


def log_folder() -> Path:
    """Return where logs are written."""
    configured = os.environ.get("ROLLCALL_LOGS")
    if configured:
        return Path(configured)
    import platformdirs

    return Path(platformdirs.user_log_dir("Rollcall", appauthor=False))
