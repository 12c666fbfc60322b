"""The page about backups, and what is said of them elsewhere."""
