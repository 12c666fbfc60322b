"""The merge fields, and how values get into a letter.

A value never becomes part of the template's text: the template is filled with markers, parsed as Markdown, and only
then do the values take the markers' places. So nothing typed into a field can be read as Markdown or as Jinja2.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2 import Template as Compiled
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.errors import BugError

NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class MergeField:
    """One value a template may use.

    Attributes:
        label: in the form and where the value is missing: "[reply by]".
        source: where it comes from when nobody typed it: case, council, officer or letter.
        note: what it holds.
        is_date: whether its value is a date, kept as ISO text and printed in words.
    """

    name: str
    label: str
    source: str
    note: str
    is_date: bool = False


FIELDS: dict[str, MergeField] = {
    field.name: field
    for field in (
        MergeField("doc_ref", "our reference", "letter", "Reference of this letter, such as CME-2026-00377/L4."),
        MergeField("case_ref", "case reference", "case", "Reference of the case."),
        MergeField("date_of_letter", "date of letter", "letter", "At most today.", is_date=True),
        MergeField("officer_name", "officer’s name", "officer", "Who signs it."),
        MergeField("officer_role", "officer’s job title", "officer", "Under the name."),
        MergeField("officer_phone", "phone number", "officer", "The officer’s, else the council’s."),
        MergeField("team_email", "email address", "council", "The team’s shared address."),
        MergeField("office_address", "office address", "council", "On one line, for replies by post."),
        MergeField("council_name", "council’s name", "council", "Beside the crest."),
        MergeField("service_name", "service’s name", "council", "Under the council’s name."),
        MergeField("duty_number", "duty number", "council", "To ring about a child who may not be safe."),
        MergeField("privacy_notice_link", "privacy notice link", "council", "A web address."),
        MergeField("recipient_name", "name of the person you write to", "case", "With title."),
        MergeField("recipient_address", "address of the person you write to", "case", "Lines."),
        MergeField("salutation", "name after “Dear”", "case", "Such as Mr Pendleford."),
        MergeField("child_name", "child’s name", "case", "Forename and surname."),
        MergeField("child_first_name", "child’s first name", "case", "As the child is called."),
        MergeField("child_dob", "child’s date of birth", "case", "From the record.", is_date=True),
        MergeField("child_upn", "child’s UPN", "case", "Unique pupil number."),
        MergeField("child_other_names", "child’s other names", "case", "Separated by commas."),
        MergeField("child_last_address", "child’s last address", "case", "On one line; never a protected one."),
        MergeField("language", "language", "case", "The reader’s, when not English."),
        MergeField("alt_format_line", "line about formats", "letter", "Offers large print and other languages."),
        MergeField("safe_contact_flag_checked_by", "safe contact checked by", "officer", "Who checked, and when."),
        MergeField("last_school", "last school", "case", "Its name."),
        MergeField("last_on_roll", "last day on the roll", "case", "From the record.", is_date=True),
        MergeField("last_seen_date", "last seen", "case", "From the record.", is_date=True),
        MergeField("last_attended", "last attended", "case", "From the record.", is_date=True),
        MergeField("reply_by", "reply by", "letter", "With its weekday.", is_date=True),
        MergeField("school_name", "school’s name", "case", "The school written to."),
        MergeField("dfe_number", "DfE number", "case", "Such as 999/4012."),
        MergeField("ground_claimed", "ground for removal", "case", "The school’s ground, with its code."),
        MergeField("deletion_date", "date of removal", "case", "It chooses the law.", is_date=True),
        MergeField("joint_enquiry_law", "joint enquiry law", "case", "The regulation of the regime in force then."),
        MergeField("what_we_ask", "what else you ask", "letter", "One question a line."),
    )
}

_OPEN, _CLOSE = "\ue000", "\ue001"
_INVISIBLE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ue000-\uf8ff\ufeff]"
)
"""Controls, direction marks, soft hyphens, private-use characters. Joiners stay: Persian and Indic names need them."""
_MARKER = re.compile(f"{_OPEN}([a-z_]+){_CLOSE}")


def is_marker(character: str) -> bool:
    """Return whether a character is kept for markers and so may not stand in a template."""
    return character in (_OPEN, _CLOSE)


class _Value:
    """What a template sees of a field: a marker to print, and whether there is a value."""

    __slots__ = ("_filled", "_marker")

    def __init__(self, name: str, filled: bool) -> None:
        self._marker = f"{_OPEN}{name}{_CLOSE}"
        self._filled = filled

    def __str__(self) -> str:
        return self._marker

    def __bool__(self) -> bool:
        return self._filled


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 with nothing to reach for: no attributes, no calls, no globals, no filters."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Refuse every attribute."""
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        """Refuse every call."""
        return False


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Return the environment that templates are compiled in."""
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    sandbox.globals.clear()
    sandbox.filters.clear()
    return sandbox


_ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.If, nodes.Not, nodes.And, nodes.Or)


def fields_used(body: str) -> frozenset[str]:
    """Return the fields a template's body prints or tests.

    Raises:
        jinja2.TemplateSyntaxError: it is not Jinja2.
        BugError: it does more than print a field or ask whether one has a value. Checking what is written is a
            stronger wall than the sandbox behind it.
    """
    tree = environment().parse(body)
    names = set()
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            raise BugError(f"line {node.lineno}: a template may only print fields and use if, and, or, not")
        if isinstance(node, nodes.Name):
            names.add(node.name)
    return frozenset(names)


@lru_cache(maxsize=64)
def _compiled(body: str) -> Compiled:
    return environment().from_string(body)


def fill(body: str, values: Mapping[str, str]) -> str:
    """Return a template's body with markers where values go and its conditions decided.

    Args:
        body: Markdown with Jinja2, already checked.
        values: field name to text; an absent or empty one is missing.
    """
    seen = {name: _Value(name, bool(values.get(name, "").strip())) for name in FIELDS}
    return _compiled(body).render(seen)


def printable(text: str) -> str:
    """Return a value as it is printed: composed characters, and nothing invisible that would steer the text."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text))


def split(text: str) -> list[tuple[str, str | None]]:
    """Take text with markers apart.

    Returns:
        Pairs in order: (words, None) for the template's own, ("", name) for a field.
    """
    parts: list[tuple[str, str | None]] = []
    position = 0
    for match in _MARKER.finditer(text):
        if match.start() > position:
            parts.append((text[position : match.start()], None))
        parts.append(("", match.group(1)))
        position = match.end()
    if position < len(text):
        parts.append((text[position:], None))
    return parts


def used_in(filled: str) -> list[str]:
    """Return the fields that a filled body prints, in order, each once."""
    return list(dict.fromkeys(_MARKER.findall(filled)))


_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_WEEKDAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_TOGETHER = re.compile(
    rf"(?:(?:{_WEEKDAYS}) )?\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?"  # dates
    r"|\b\d{2,}(?: \d{2,})+\b"  # telephone and other grouped numbers
    r"|\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b"  # postcodes
    r"|\b(?:[Ss]ections?|[Rr]egulations?|[Pp]aragraph|[Pp]age|Year|Act|Regulations) \d[\w()]*"  # numbered things
    r"|\b\d+ (?:school |working )?(?:days?|weeks?|months?|years?)\b"
    r"|\b(?:Mr|Mrs|Miss|Ms|Mx|Dr) (?=\w)"
)


@lru_cache(maxsize=4096)
def keep_together(text: str) -> str:
    """Return text in which dates, numbers and postcodes cannot be split between two lines."""
    return _TOGETHER.sub(lambda match: match.group().replace(" ", NO_BREAK), text)
