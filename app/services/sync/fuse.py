"""The fuse: absence is never deletion, and nothing empties a vault at one stroke."""

FUSE_ROWS = 50
"""Taking out one referral opened by mistake deletes its whole checklist, some twenty rows; that is not an accident."""
FUSE_SHARE = 0.05


def too_many_deletions(deleted_count: int, row_count: int) -> bool:
    """Return whether deleting so many of a table's rows must stop for a person to look.

    Args:
        deleted_count: rows that would go.
        row_count: rows of the table before.
    """
    return deleted_count > max(FUSE_ROWS, FUSE_SHARE * row_count)
