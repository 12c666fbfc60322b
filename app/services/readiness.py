"""Work that needs no vault and would otherwise be done at the first query: done while the passphrase is typed."""

import gc

from sqlalchemy.orm import configure_mappers

import app.models  # noqa: F401  (registers every table)
from app.services import capture  # noqa: F401  (hangs its listeners on every attribute)
from app.services.clock_rules import load_rules
from app.services.working_days import default_calendar


def prepare() -> None:
    """Join the mappings together, and read the clocks and the term dates."""
    configure_mappers()
    load_rules()
    default_calendar().why_not(default_calendar().terms[-1].first)
    # What is imported by now stays: looking through it for garbage again and again would hold up the first pages.
    gc.collect()
    gc.freeze()
