"""Getting everything back when a database will not open."""
