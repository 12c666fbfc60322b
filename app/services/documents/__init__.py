"""Documents: bytes by hash, checking, pages, reading, suggestions and the correspondence tray."""
