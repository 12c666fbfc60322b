"""One conflict decided on two laptops: the first decision stays, and what the second chose otherwise is asked about.

Both people meant what they chose, and neither saw the other's choice. Were the second simply merged, it would write
over the first wherever the first had left the record as it was. So the record keeps what the first decision made of
it, the conflict keeps who decided it first, and the second choice is kept in a new conflict, in whatever order the
laptops sync. Two equal decisions raise nothing. A person decides once more; no machine ever decides again by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.models.conflict import WHOLE_ROW
from app.models.terms import ConflictState
from app.services.changes import ChangeSet
from app.services.sync.merge import Kept

Key = tuple[str, str]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """A decision that came second and chose otherwise.

    Attributes:
        conflict: the conflict as the first decision left it.
        chosen: what the second decision chose.
    """

    conflict: Row
    chosen: Any


def overtaken(change_set: ChangeSet, rows: Mapping[Key, Row | None]) -> dict[Key, dict[str, Overtaken]]:
    """Return the decisions of a change set that came second, by record and field.

    Args:
        change_set: about to be merged.
        rows: the conflicts it touches as they stand, by table and id.
    """
    found: dict[Key, dict[str, Overtaken]] = {}
    for change in change_set.changes:
        decided = change.fields.get("decided_by", (None, None))[1]
        if change.table != "conflict" or change.op != "update" or decided is None:
            continue
        stands = rows.get((change.table, change.row))
        chosen = change.fields.get("chosen", (None, None))[1]
        if stands is None or stands["state"] != ConflictState.RESOLVED.value or stands["chosen"] == chosen:
            continue
        found.setdefault((stands["table_name"], stands["row_id"]), {})[stands["field"]] = Overtaken(stands, chosen)
    return found


def asked_again(change_set: ChangeSet, field: str, late: Overtaken, row: Row | None) -> Kept | None:
    """Return the conflict that keeps a second decision, or None when merging its own change keeps it already.

    Args:
        change_set: merged.
        field: the conflict's field.
        late: the second decision about it.
        row: the record as merging left it.
    """
    table, row_id = late.conflict["table_name"], late.conflict["row_id"]
    changes = [change for change in change_set.changes if (change.table, change.row) == (table, row_id)]
    before = late.conflict["before"]
    if field == WHOLE_ROW:
        if any(change.op == "delete" for change in changes):
            return None
        if any(change.op == "insert" for change in changes):
            return Kept(field, before, dict(row), None) if row is not None else None
        offered = None if late.chosen is None else dict(late.chosen)
        return None if (row is None) == (offered is None) else Kept(field, before, row and dict(row), offered)
    if any(field in change.fields for change in changes) or row is None or row.get(field) == late.chosen:
        return None
    return Kept(field, before, row.get(field), late.chosen)
