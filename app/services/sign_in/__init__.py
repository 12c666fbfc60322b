"""Signing in as a person: with the browser at the provider, or with a local account; staying signed in; leaving."""
