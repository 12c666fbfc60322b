"""One chain of schema revisions for the vault and the central store."""
