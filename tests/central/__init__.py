"""The central store on a real PostgreSQL."""
