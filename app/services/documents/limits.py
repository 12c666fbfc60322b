"""How large, deep and slow a document from outside may be."""

MAX_BYTES = 100 * 1024 * 1024
MAX_PAGES = 500
MAX_PICTURE_PIXELS = 50_000_000
"""An A3 page at 600 dpi has 70 million; at 400 dpi, plenty for reading, 31 million."""
MAX_PICTURE_SIDE = 20_000
"""Pixels; an A4 page at 1,200 dpi is 14,000 long."""
MAX_DRAWN_PIXELS = 20_000_000
MAX_DRAWN_WIDTH = 4_000
MAX_PAGE_CHARACTERS = 40_000
MAX_TEXT_CHARACTERS = 200_000
"""Of a whole document; the rest is left out of search and suggestions, never out of the pages."""
MAX_PDF_OBJECTS_LOOKED_AT = 100_000
MAX_CODES = 50

QR_PAGES = 40
"""QR codes are looked for on this many pages from the first."""
QR_SECONDS = 20.0
QR_WIDTH = 1_700
"""Pixels: about 205 dpi on A4, eight to a module of our own codes."""

CHECK_SECONDS = 90.0
DRAW_SECONDS = 20.0
WORDS_SECONDS = 10.0
START_SECONDS = 60.0
"""A laptop that is waking up is slow; a worker that has not started by then never will."""
WORKER_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
WORKER_JOBS = 200
"""A worker is replaced after this many requests, so that nothing read before lingers in it."""
