"""Letter templates: Markdown with TOML front matter in resources/letters/, read once and checked hard.

The front matter says what a letter is, its legal basis with whether that was verified and where, who signs it off, how
it may be delivered, how long the reader has to reply, and its form (the classes below are that list, key by key). The
body is Markdown with Jinja2 over the fields of ``app.services.letters.merge``.

Body conventions: the level 1 heading is the subject line; ``##`` are headings; ``-`` are bullets; ``---`` is where
the signature goes; a fenced block marked ``form`` is printed as lines to write on.
"""

import re
from datetime import date
from functools import cache
from typing import Annotated, Literal

import msgspec
from jinja2 import TemplateSyntaxError

from app.errors import BugError
from app.paths import RESOURCES
from app.services.letters import body as bodies
from app.services.letters import merge

FOLDER = RESOURCES / "letters"
LARGEST_TEMPLATE = 64 * 1024
_FRONT = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n(.*)\Z", re.DOTALL)

DELIVERY_WORDS = {
    "P1": "First class post",
    "SD": "Signed for",
    "HD": "By hand",
    "SE": "Secure email",
    "PT": "Portal",
    "IN": "Internal message",
}
Filled = Annotated[str, msgspec.Meta(min_length=1)]
Delivery = Literal["P1", "SD", "HD", "SE", "PT", "IN"]


class TemplateError(BugError):
    """A template breaks the rules above; the message names the file and the key."""


class LegalBasis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One law a letter rests on.

    Attributes:
        text: as cited.
        verified: whether somebody checked it against the source.
        source: where it was checked, or why it was not.
    """

    text: Filled
    verified: bool
    source: Filled


class FormField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field that the officer sees and may change.

    Attributes:
        name: the merge field it fills.
        required: whether the letter cannot be sent without it.
    """

    name: Filled
    label: Filled
    kind: Literal["text", "date", "lines"] = "text"
    required: bool = False
    hint: str = ""


class FrontMatter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a template says about itself.

    Attributes:
        group: the heading it stands under in the list of templates.
        reply_days: how long the reader has, in ``reply_unit``; None where no reply is asked.
        clock: the key of the clock rule it starts; empty for none.
        marking: printed in the header of letters to partners only.
    """

    id: Filled
    version: Filled
    title: Filled
    group: Filled
    valid_from: date
    audience: Literal["parent", "school"]
    legal_basis: Annotated[tuple[LegalBasis, ...], msgspec.Meta(min_length=1)]
    sign_off: Literal["caseworker", "supervisor", "court_officer"]
    delivery: Annotated[tuple[Delivery, ...], msgspec.Meta(min_length=1)]
    valid_to: date | None = None
    reply_days: Annotated[int, msgspec.Meta(ge=1, le=366)] | None = None
    reply_unit: Literal["days", "working_days", "school_days"] = "days"
    clock: str = ""
    marking: str = ""
    field: tuple[FormField, ...] = ()


class Template(msgspec.Struct, frozen=True):
    """A checked template.

    Attributes:
        front: what it says about itself.
        body: Markdown with Jinja2.
        used: the merge fields its body prints or tests.
    """

    front: FrontMatter
    body: str
    used: frozenset[str]

    @property
    def id(self) -> str:
        """Return the letter's kind, such as L01."""
        return self.front.id

    @property
    def needs_approval(self) -> bool:
        """Return whether somebody above a caseworker signs it off."""
        return self.front.sign_off != "caseworker"

    def form_field(self, name: str) -> FormField | None:
        """Return the form's field of that name."""
        return next((field for field in self.front.field if field.name == name), None)

    def valid_on(self, day: date) -> bool:
        """Return whether the letter may be sent on a day."""
        return self.front.valid_from <= day and (self.front.valid_to is None or day <= self.front.valid_to)


@cache
def templates() -> tuple[Template, ...]:
    """Return every template, by file name.

    Raises:
        TemplateError: one of them is wrong.
    """
    return tuple(read(path.read_text(encoding="utf-8"), path.name) for path in sorted(FOLDER.glob("*.md")))


def template(template_id: str) -> Template:
    """Return a template by id.

    Raises:
        TemplateError: there is none.
    """
    for candidate in templates():
        if candidate.id == template_id:
            return candidate
    raise TemplateError(f"There is no letter template {template_id}.")


def read(text: str, name: str) -> Template:
    """Read and check a template.

    Args:
        text: the whole file.
        name: its file name, for messages.

    Raises:
        TemplateError: naming the file and what is wrong.
    """
    if len(text) > LARGEST_TEMPLATE:
        raise TemplateError(f"{name} is longer than {LARGEST_TEMPLATE} characters.")
    match = _FRONT.match(text)
    if match is None:
        raise TemplateError(f"{name} must begin with front matter between two lines of +++.")
    try:
        front = msgspec.toml.decode(match.group(1), type=FrontMatter)
    except msgspec.MsgspecError as error:
        raise TemplateError(f"{name}: {error}") from error
    body = match.group(2).strip() + "\n"
    used = _fields_used(body, name)
    for field in front.field:
        if field.name not in merge.FIELDS:
            raise TemplateError(f"{name}: the form asks for {field.name}, which is no merge field.")
    for sample in ({}, dict.fromkeys(merge.FIELDS, "x")):
        try:
            bodies.blocks(merge.fill(body, sample))
        except BugError as error:
            raise TemplateError(f"{name}: {error.message}") from error
    return Template(front, body, used)


def _fields_used(body: str, name: str) -> frozenset[str]:
    if any(merge.is_marker(character) for character in body):
        raise TemplateError(f"{name}: the body holds a private-use character.")
    try:
        names = merge.fields_used(body)
    except TemplateSyntaxError as error:
        raise TemplateError(f"{name}, line {error.lineno} of the body: {error.message}") from error
    except BugError as error:
        raise TemplateError(f"{name}, {error.message}.") from error
    unknown = names - merge.FIELDS.keys()
    if unknown:
        raise TemplateError(f"{name}: unknown merge field {', '.join(sorted(unknown))}.")
    return names
