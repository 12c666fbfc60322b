"""Keys: UUIDv7, so that rows sort by when they were made."""

import uuid_utils


def new_id() -> str:
    """Return a new UUIDv7 in its canonical dashed form."""
    return str(uuid_utils.uuid7())
