"""The Cases page: views, filters and the table over a lazily read model."""
