"""The Sync centre."""
