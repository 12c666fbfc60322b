"""A database of the vault that will not open is set aside, never deleted, and rebuilt from whatever else there is."""
