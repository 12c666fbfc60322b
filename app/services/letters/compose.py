"""From facts and what was typed to a letter that can be shown, with everything that stands in its way.

Pure: no database and no clock, so that it can run for every keystroke.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from app.services import grounds
from app.services.letters import body, code, merge
from app.services.letters.draft import Issue, LetterDraft, Level, as_day, clean
from app.services.letters.facts import Facts, SchoolTime, Value
from app.services.letters.inspection import Inspector, usual_reply
from app.services.letters.measures import SIZES
from app.services.letters.recipients import Recipient
from app.services.letters.templates import Template, template
from app.services.letters.typeset import Content
from app.timesource import format_date, format_weekday

ALTERNATIVE_FORMATS = (
    "We can explain this letter, arrange an interpreter, or send it in large print or another language."
)
WITHOUT_ADDRESS = {"HD": "By hand", "SE": "By secure email", "PT": "By portal", "IN": "Internal message"}
_FURNITURE = (
    "council_name",
    "service_name",
    "recipient_name",
    "recipient_address",
    "date_of_letter",
    "doc_ref",
    "officer_name",
    "officer_phone",
    "team_email",
    "salutation",
    "officer_role",
    "office_address",
)
_JOINT_LAW = {
    "PR2006": "regulation 8(1)(f) and (h) of the Education (Pupil Registration) (England) Regulations 2006",
    "PR2024": "regulation 9(1)(h) and (i) of the School Attendance (Pupil Registration) (England) Regulations 2024",
}


@dataclass(frozen=True, slots=True)
class FieldState:
    """One field of the form, as it stands.

    Attributes:
        text: dates as ISO text.
        source: case, council, officer, letter, typed, or empty where there is no value.
        note: something good to know under the field, such as "Gives 10 days".
    """

    name: str
    label: str
    kind: str
    required: bool
    hint: str
    text: str
    source: str
    note: str
    issue: Issue | None


@dataclass(frozen=True, slots=True)
class Composed:
    """A letter with its values in place.

    Attributes:
        values: merge field to what is printed.
        resolved: merge field to the value and where it came from; dates as ISO text.
        issues: stops first, then what to fix, then what to check.
    """

    draft: LetterDraft
    template: Template
    recipient: Recipient | None
    dated_on: date | None
    reply_by: date | None
    fields: tuple[FieldState, ...]
    values: dict[str, str]
    resolved: dict[str, Value]
    issues: tuple[Issue, ...]
    content: Content

    @property
    def blocked(self) -> bool:
        """Return whether the letter cannot go out as it stands."""
        return any(issue.level is not Level.CHECK for issue in self.issues)


def compose(facts: Facts, draft: LetterDraft) -> Composed:
    """Put a letter together.

    Args:
        facts: of the case.
        draft: what was chosen and typed.
    """
    chosen = template(draft.template_id)
    recipient = next((r for r in facts.recipients(chosen.front.audience) if r.key == draft.recipient_key), None)
    resolved = _resolve(facts, draft, chosen, recipient)
    values = {name: _printed(name, value.text) for name, value in resolved.items()}
    filled = merge.fill(chosen.body, values)
    needed = list(dict.fromkeys((*_FURNITURE, *merge.used_in(filled))))
    issues = Inspector(facts, draft, chosen, recipient, resolved, values).issues(needed)
    dated_on = as_day(resolved["date_of_letter"].text)
    content = Content(
        values=values,
        blocks=body.blocks(filled),
        code=code.make(draft.letter_id),
        points=draft.points if draft.points in SIZES else 12,
        draft=True,
        marking=chosen.front.marking,
        title=f"{chosen.front.title}, {draft.reference}",
        named=recipient.named if recipient else True,
        dated_on=dated_on,
    )
    return Composed(
        draft=draft,
        template=chosen,
        recipient=recipient,
        dated_on=dated_on,
        reply_by=as_day(resolved["reply_by"].text) if "reply_by" in resolved else None,
        fields=_form(chosen, resolved, issues),
        values=values,
        resolved=resolved,
        issues=issues,
        content=content,
    )


def _printed(name: str, text: str) -> str:
    if not merge.FIELDS[name].is_date:
        return merge.printable(text)
    day = as_day(text)
    if day is None:
        return ""
    return format_weekday(day) if name == "reply_by" else format_date(day)


def _resolve(facts: Facts, draft: LetterDraft, chosen: Template, recipient: Recipient | None) -> dict[str, Value]:
    """Return every value: what was typed wins over what the recipient, the letter and the case give."""
    resolved = dict(facts.values)
    resolved.update(_from_recipient(facts, draft, recipient))
    resolved["doc_ref"] = Value(draft.reference, "letter")
    resolved["alt_format_line"] = Value(ALTERNATIVE_FORMATS, "letter")
    resolved["date_of_letter"] = Value(draft.typed.get("date_of_letter", facts.today.isoformat()), "letter")
    resolved["reply_by"] = Value(usual_reply(chosen, as_day(resolved["date_of_letter"].text)), "letter")
    for name, text in draft.typed.items():
        if name in merge.FIELDS and name != "date_of_letter":
            resolved[name] = Value(clean(text), "typed")
    resolved["joint_enquiry_law"] = Value(_joint_law(resolved, facts.today), "case")
    return resolved


def _from_recipient(facts: Facts, draft: LetterDraft, recipient: Recipient | None) -> dict[str, Value]:
    if recipient is None:
        return {}
    address = "\n".join(recipient.address) or (WITHOUT_ADDRESS.get(draft.delivery, "") if not recipient.stop else "")
    found = {
        "recipient_name": recipient.name,
        "recipient_address": address,
        "salutation": recipient.salutation,
        "language": recipient.language,
    }
    if recipient.kind == "school":
        found |= _school_values(recipient, facts.enrolments)
    return {name: Value(text, "case") for name, text in found.items()}


def _school_values(recipient: Recipient, times: tuple[SchoolTime, ...]) -> dict[str, str]:
    name = recipient.role.removeprefix("head of ")
    found = {"school_name": name, "dfe_number": recipient.dfe_number}
    for time in times:
        same = time.school_urn == recipient.school_urn if recipient.school_urn else time.school_name.strip() == name
        if same:
            return found | {
                "last_attended": (time.last_attended_on or date.min).isoformat() if time.last_attended_on else "",
                "deletion_date": time.to_on.isoformat() if time.to_on else "",
                "ground_claimed": time.ground,
            }
    return found


def _joint_law(resolved: Mapping[str, Value], today: date) -> str:
    """Return the regulation on joint enquiries of the regime in force when the name was, or would be, removed.

    Legal basis: SI 2006/1751 reg 8 as amended by SI 2016/792; SI 2024/208 reg 9 from 19 August 2024.
    """
    removed = as_day(resolved["deletion_date"].text) if "deletion_date" in resolved else None
    day = max(removed or today, grounds.regimes()[0].valid_from)
    return _JOINT_LAW[grounds.regime_for(day).id]


def _form(chosen: Template, resolved: Mapping[str, Value], issues: tuple[Issue, ...]) -> tuple[FieldState, ...]:
    states = []
    for entry in chosen.front.field:
        value = resolved.get(entry.name, Value("", ""))
        states.append(
            FieldState(
                name=entry.name,
                label=entry.label,
                kind=entry.kind,
                required=entry.required,
                hint=entry.hint,
                text=value.text,
                source=value.source if value.text else "",
                note=_note(entry.name, resolved),
                issue=next((issue for issue in issues if issue.field == entry.name), None),
            )
        )
    return tuple(states)


def _note(name: str, resolved: Mapping[str, Value]) -> str:
    if name != "reply_by":
        return ""
    start, end = as_day(resolved["date_of_letter"].text), as_day(resolved["reply_by"].text)
    if start is None or end is None or end <= start:
        return ""
    days = (end - start).days
    return f"Gives {days} {'day' if days == 1 else 'days'} after the date of the letter"
