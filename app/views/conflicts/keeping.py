"""Choices that are made and not saved: kept on this laptop while another case is looked at, and through a lock."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.views.conflicts.choice_table import ChoiceTable


def as_draft(table: "ChoiceTable") -> str:
    """Return what is chosen and typed, as the text of a draft; empty when there is nothing to keep."""
    kept = {}
    for row in table.rows:
        usual = row.choice.both is not None and row.choice.both.usual
        typed = row.typed() if row.form is not None and row.form.changed() else {}
        if typed or (row.pick and not (usual and row.pick == "both")) or (usual and not row.pick):
            kept[row.choice.key] = {"shown": row.choice.shown, "pick": row.pick, "typed": typed}
    return json.dumps(kept, sort_keys=True) if kept else ""


def restore(table: "ChoiceTable", draft: str) -> None:
    """Show what was chosen and typed before. A choice that looks different now keeps what was typed only."""
    try:
        kept = json.loads(draft) if draft else {}
    except ValueError:
        return
    if not isinstance(kept, dict):
        return
    for row in table.rows:
        found = kept.get(row.choice.key)
        if not isinstance(found, dict):
            continue
        typed = found.get("typed")
        words = {str(name): str(text) for name, text in typed.items()} if isinstance(typed, dict) else {}
        same = found.get("shown") == row.choice.shown
        pick = str(found.get("pick") or "")
        row.restore(pick if same or pick == "typed" else "", words)
