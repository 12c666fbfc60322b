"""Signing in to the central store, as a page of its own and inside others."""
