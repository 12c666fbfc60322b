"""The audit page: who did what on this laptop, filtered; verifying and exporting it."""
