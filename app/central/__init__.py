"""The central store: an API over PostgreSQL that laptops push to and pull from."""
