"""Blocks of case numbers lent to laptops, so that a reference made offline is final."""

import re
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from app.central.tables import number_counter, number_lease
from app.models import Case
from app.services.sync.protocol import LEASE_BLOCK
from app.services.sync.trust_protocol import Lease

_REFERENCE = re.compile(r"CME-(\d{4})-(\d{5,9})")


def lend(connection: Connection, device_id: str, year: int, now: datetime) -> Lease:
    """Lend a laptop the next block of a year's numbers; numbers in use are never lent."""
    connection.execute(upsert(number_counter).values(year=year, next=1).on_conflict_do_nothing())
    following = connection.execute(
        select(number_counter.c.next).where(number_counter.c.year == year).with_for_update()
    ).scalar_one()
    # A vault that joined with cases of its own has used numbers that nobody lent.
    newest = connection.execute(
        select(func.max(Case.reference)).where(Case.reference.like(f"CME-{year:04d}-%"))
    ).scalar()
    used = _REFERENCE.fullmatch(newest or "")
    first = max(following, int(used.group(2)) + 1 if used else 1)
    last = first + LEASE_BLOCK - 1
    connection.execute(update(number_counter).where(number_counter.c.year == year).values(next=last + 1))
    connection.execute(
        insert(number_lease).values(year=year, first=first, last=last, device_id=device_id, leased_at=now)
    )
    return Lease(year, first, last)
