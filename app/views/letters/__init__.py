"""Letters: the composer with its live preview, and the list of drafts and sent letters."""
