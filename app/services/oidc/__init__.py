"""OpenID Connect: what laptop and central store each check for themselves. Knows nothing of Rollcall's records."""
