"""Conflicts: two values for one field, shown side by side with who wrote them, and decided by a person.

``listing`` says which cases have some, ``reading`` shows those of one case in words, ``deciding`` settles them in one
change set and ``undoing`` takes that back. A decision is a change like any other: it works offline, it syncs, and the
values that were not chosen stay in the conflict and in the history.
"""
