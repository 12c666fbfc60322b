"""Sync between real vaults and a real central store."""
