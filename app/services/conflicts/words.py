"""Records, fields and values of conflicts in words: names instead of ids, dates as people write them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Uuid, inspect, select
from sqlalchemy.orm import Session

from app.models import (
    SYNCED_TABLES,
    Case,
    Child,
    Document,
    Letter,
    Person,
    Relationship,
    School,
    Team,
    User,
)
from app.models.conflict import WHOLE_ROW
from app.models.terms import RELATIONSHIP_WORDS, SAFETY_WORDS
from app.services import history_words
from app.services.batches import batched
from app.services.conflicts.fields import FIELD_TITLES, Together
from app.services.restriction import Sight

NOTHING: Final = "Not recorded"
_KINDS: Final = {"phone": "phone", "mobile": "mobile", "email": "e-mail"}
_VALUES: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("child", "sex"): {"M": "Male", "F": "Female"},
    ("contact_point", "kind"): {"phone": "Telephone", "mobile": "Mobile", "email": "E-mail"},
    ("relationship", "parental_responsibility"): {"known": "Holds it", "not_known": "Not known"},
    ("person", "contact_safe"): {"known": "Safe", "refused": "Do not contact", "withheld": "Do not contact"},
    ("relationship", "kind"): {str(kind): words.capitalize() for kind, words in RELATIONSHIP_WORDS.items()},
}
_TITLED_BY: Final = {"enquiry": "label", "task": "text", "clock": "label", "letter": "title", "document": "title"}
_SHORT: Final = 80


@dataclass(slots=True)
class Names:
    """What ids mean to a reader: people, teams, schools, children, letters and documents.

    Attributes:
        roles: how a person stands to the child, such as ``mother``.
    """

    by_id: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    schools: dict[str, str] = field(default_factory=dict)

    def get(self, row_id: str | None) -> str:
        """Return the name of an id, or an empty text."""
        return self.by_id.get(row_id or "", "")


def names_for(session: Session, rows: Iterable[tuple[str, Mapping[str, Any]]], sight: Sight) -> Names:
    """Return the names that some rows' values need.

    Args:
        session: of the vault.
        rows: (table, values); values hold ids of any kind, and school numbers.
        sight: of the reader: who is not theirs to see stays nameless.
    """
    ids: set[str] = set()
    urns: set[str] = set()
    for table, values in rows:
        for name, value in values.items():
            if isinstance(value, str) and value and _is_id(table, name):
                ids.add(value)
            elif name == "school_urn" and value:
                urns.add(str(value))
    found = Names()
    for some in batched(sorted(ids), 400):
        _take_names(session, found, some, sight)
    for some in batched(sorted(urns), 400):
        schools = session.execute(select(School.urn, School.name).where(School.urn.in_(some)))
        found.schools |= {row.urn: row.name for row in schools}
    return found


def _take_names(session: Session, found: Names, some: Sequence[str], sight: Sight) -> None:
    for model in (User, Team):
        named = session.execute(select(model.id, model.name).where(model.id.in_(some)))
        found.by_id |= {row.id: row.name for row in named}
    people = select(Person.id, Person.forename, Person.surname, Person.organisation).where(Person.id.in_(some))
    for person in session.execute(people):
        found.by_id[person.id] = f"{person.forename} {person.surname}".strip() or person.organisation
    for child in session.execute(select(Child.id, Child.forename, Child.surname).where(Child.id.in_(some))):
        closed = child.id in sight.closed_children
        found.by_id[child.id] = "A child you may not see" if closed else f"{child.forename} {child.surname}".strip()
    for case in session.execute(select(Case.id, Case.reference).where(Case.id.in_(some))):
        found.by_id[case.id] = case.reference
    for titled in (Document, Letter):
        pairs = session.execute(select(titled.id, titled.title, titled.case_id).where(titled.id.in_(some)))
        found.by_id |= {row.id: row.title for row in pairs if row.case_id not in sight.closed}
    roles = select(Relationship.person_id, Relationship.kind).where(Relationship.person_id.in_(some))
    for person_id, kind in session.execute(roles):
        found.roles.setdefault(str(person_id), RELATIONSHIP_WORDS[kind].capitalize())


def _is_id(table: str, name: str) -> bool:
    model = SYNCED_TABLES.get(table)
    if model is None:
        return False
    columns = inspect(model).columns
    return name in columns and isinstance(columns[name].type, Uuid)


def value_words(table: str, name: str, value: Any, names: Names) -> str:
    """Return one wire value in words, whole."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Mapping | list):
        return _nested(value, names)
    given = _VALUES.get((table, name), {}).get(str(value))
    if given is not None:
        return given
    if name == "school_urn":
        school = names.schools.get(str(value), "")
        return f"{school} ({value})" if school else str(value)
    if _is_id(table, name):
        return names.get(str(value)) or "Somebody who is not on this laptop"
    if isinstance(value, str) and len(value) > _SHORT:
        return value
    return history_words.value_words(table, name, value, {})


def _nested(value: Any, names: Names) -> str:
    """Return the answers of a form, a line each."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value, start=1)
    lines = []
    for key, answer in pairs:
        said = ", ".join(str(each) for each in _leaves(answer)) or NOTHING
        lines.append(f"{history_words.field_words(str(key))}: {names.by_id.get(said, said)}")
    return "\n".join(lines) or NOTHING


def _leaves(value: Any, depth: int = 0) -> list[Any]:
    if depth > 4:
        return ["…"]
    if isinstance(value, Mapping):
        return [leaf for each in value.values() for leaf in _leaves(each, depth + 1)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in _leaves(each, depth + 1)]
    if isinstance(value, bool):
        return ["Yes" if value else "No"]
    return [] if value is None or value == "" else [value]


def words_of(together: Together, fields: Iterable[str], row: Mapping[str, Any], names: Names) -> str:
    """Return a value of a choice in words; several columns become one line where people say them as one.

    Args:
        together: what the choice is about.
        fields: the columns in conflict.
        row: the record with the value in it.
        names: of ids.
    """
    table = together.table
    if table == "address" and "lines" in together.fields:
        lines = str(row.get("lines") or "").replace("\n", ", ")
        place = ", ".join(part for part in (lines, str(row.get("town") or "")) if part)
        whole = " ".join(part for part in (place, str(row.get("postcode") or "")) if part)
        country = str(row.get("country") or "")
        return ", ".join(part for part in (whole, country) if part) or NOTHING
    if table == "child_name" and "surname" in together.fields:
        return f"{row.get('forename') or ''} {row.get('surname') or ''}".strip() or NOTHING
    if table == "enrolment" and "school_name" in together.fields:
        return str(row.get("school_name") or "") or value_words(table, "school_urn", row.get("school_urn"), names)
    if table == "contact_point" and "value" in together.fields:
        return str(row.get("value") or "") or NOTHING
    shown = list(fields)
    if len(shown) == 1:
        return value_words(table, shown[0], row.get(shown[0]), names)
    return "\n".join(f"{title_of(table, each)}: {value_words(table, each, row.get(each), names)}" for each in shown)


def note_of(together: Together, row: Mapping[str, Any]) -> str:
    """Return where a value came from, in words."""
    if "source" not in together.along:
        return ""
    parts = [str(row.get("source") or "")]
    if "confirmed_on" in together.along:
        day = row.get("confirmed_on")
        parts.append(f"Confirmed {history_words.value_words('address', 'confirmed_on', day, {})}" if day else "")
    return ", ".join(part for part in parts if part)


def title_of(table: str, name: str) -> str:
    """Return what a column is called when it stands alone."""
    return FIELD_TITLES.get((table, name)) or history_words.field_words(name)


def title_of_choice(together: Together, fields: Iterable[str], facts: Mapping[str, Any], names: Names) -> str:
    """Return what a choice is called: ``Home address``, ``Mother’s phone``, ``Date of birth``."""
    table = together.table
    if tuple(fields) == (WHOLE_ROW,):
        return history_words.table_words(table)
    owner = _owner(facts, names)
    if table == "address" and "lines" in together.fields:
        return f"{owner} address" if owner else "Home address"
    if table == "contact_point" and "value" in together.fields:
        kind = _KINDS.get(str(facts.get("kind") or ""), "contact")
        return f"{owner} {kind}" if owner else kind.capitalize()
    if together.title and len(list(fields)) > 1:
        return together.title
    only = next(iter(fields))
    return together.title if together.title and only in together.fields[:2] else title_of(table, only)


def _owner(facts: Mapping[str, Any], names: Names) -> str:
    person = str(facts.get("person_id") or "")
    if not person:
        return ""
    who = names.roles.get(person) or names.get(person)
    return f"{who}’s" if who else "Somebody’s"


def about_of(table: str, facts: Mapping[str, Any], fields: Iterable[str], names: Names) -> str:
    """Return of which record a choice is, when its title does not say it."""
    titled = _TITLED_BY.get(table)
    parts = []
    if titled and titled not in fields:
        parts.append(str(facts.get(titled) or ""))
    elif table == "person":
        parts.append(f"{facts.get('forename') or ''} {facts.get('surname') or ''}".strip())
    elif table == "relationship":
        kind = str(facts.get("kind") or "")
        who = names.get(str(facts.get("person_id") or facts.get("sibling_id") or ""))
        parts += [value_words(table, "kind", kind, names) if kind else "", who]
    elif table in ("address", "contact_point"):
        parts.append(names.get(str(facts.get("person_id") or "")))
        parts.append("Protected address" if facts.get("protected") else "")
    elif table == "safety_flag":
        parts.append(next((words for kind, words in SAFETY_WORDS.items() if str(kind) == facts.get("kind")), ""))
    elif table == "enrolment" and "school_name" not in fields:
        parts.append(str(facts.get("school_name") or ""))
    text = ", ".join(part for part in parts if part)
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def row_words(table: str, values: Mapping[str, Any], names: Names) -> str:
    """Return several columns of a record, a line each; what means nothing to a reader is left out."""
    model = SYNCED_TABLES.get(table)
    order = list(inspect(model).columns.keys()) if model is not None else sorted(values)
    lines = []
    for name in order:
        value = values.get(name)
        if name in values and value not in (None, "") and (history_words.shown(table, name) or name == "text"):
            lines.append(f"{title_of(table, name)}: {value_words(table, name, value, names)}")
    return "\n".join(lines) or history_words.table_words(table)
