"""The same work without a window: ``rollcall COMMAND``."""
