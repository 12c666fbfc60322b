"""Reading a lifeboat without a database: what a rebuild starts from."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import UserError
from app.services.vault.lifeboat_format import (
    CarriedDraft,
    CarriedEntry,
    CarriedSet,
    Identity,
    Record,
    Scan,
    Sealer,
    file_id_of,
    scan,
)

LARGEST = 4 << 30
"""Bytes; a larger file is not a lifeboat."""


@dataclass(slots=True)
class LifeboatContents:
    """What a lifeboat holds, newest state first resolved.

    Attributes:
        identity: who this laptop is, or None in a lifeboat from before it was enrolled.
        commits: how many commits were read.
        change_sets: unanswered change sets by their own order, each once.
        audit_entries: links of the audit chain by sequence, each once.
        drafts: the newest of each key; empty text says that it was dropped.
        leases: blocks of case numbers and how far each is used.
        damaged: numbers of records that could not be read; the others were.
        torn: the file ends in the middle of a write.
        unfinished: how many commits were never finished and were left out.
    """

    identity: Identity | None = None
    commits: int = 0
    change_sets: list[CarriedSet] = field(default_factory=list)
    audit_entries: list[CarriedEntry] = field(default_factory=list)
    drafts: list[CarriedDraft] = field(default_factory=list)
    leases: list[tuple[int, int, int, int]] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    torn: bool = False
    unfinished: int = 0


def read_lifeboat(path: Path, key: bytes) -> LifeboatContents:
    """Read everything that can be read.

    Args:
        path: the file.
        key: ``DataKeys.lifeboat``.

    Raises:
        UserError: there is no such file, or it is not a lifeboat.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path.name} is too large to be a lifeboat. Nothing was changed.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path.name} is missing from the vault folder. Nothing was changed.") from error
    file_id = file_id_of(data)
    if file_id is None:
        raise UserError(f"{path.name} is damaged at its beginning and could not be read. It is kept untouched.")
    found = Scan()
    records = list(scan(data, Sealer(key, file_id), found))
    return resolve(records, found)


def resolve(records: list[Record], found: Scan) -> LifeboatContents:
    """Return the contents that records add up to; commits that were never finished are left out.

    Of two change sets or audit entries in the same place of this laptop's own order the later counts: the earlier was
    written by a process that died before its commit.
    """
    contents = LifeboatContents(damaged=list(found.damaged), torn=found.torn)
    sets: dict[tuple[str, int], CarriedSet] = {}
    entries: dict[int, CarriedEntry] = {}
    drafts: dict[str, CarriedDraft] = {}
    leases: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    for record in _finished(records, contents):
        contents.commits += not record.more
        sets.update(((carried.device, carried.sequence), carried) for carried in record.change_sets)
        entries.update((entry.sequence, entry) for entry in record.entries)
        drafts.update((draft.key, draft) for draft in record.drafts)
        if record.identity is not None:
            contents.identity = record.identity
            leases.update((lease[:2], lease) for lease in record.identity.leases)
        leases.update((lease[:2], lease) for lease in record.leases)
    contents.change_sets = sorted(sets.values(), key=lambda carried: carried.sequence)
    contents.audit_entries = [entries[sequence] for sequence in sorted(entries)]
    contents.drafts = list(drafts.values())
    contents.leases = sorted(leases.values())
    if contents.identity is not None:
        contents.identity.leases = contents.leases
    return contents


def _finished(records: list[Record], contents: LifeboatContents) -> Iterator[Record]:
    group: list[Record] = []
    for record in records:
        if group and record.group != group[0].group:
            group.clear()
            contents.unfinished += 1
        group.append(record)
        if not record.more:
            yield from group
            group.clear()
    contents.unfinished += bool(group)
