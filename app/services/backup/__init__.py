"""Backups: exact copies of the encrypted files, taken while people work, proven by a drill and put back by restoring.

Nothing here imports :mod:`app.services.vault`: the vault asks for a backup before it is migrated.
"""
