"""What stands in a letter's way: the shield's stops, what is missing or wrong, and what is worth a look."""

from collections.abc import Mapping
from datetime import date

from app.services import clocks
from app.services.letters import fonts, merge, shield
from app.services.letters.draft import Issue, LetterDraft, Level, as_day
from app.services.letters.facts import Facts, Value
from app.services.letters.recipients import Recipient
from app.services.letters.templates import Template
from app.timesource import format_date

_WINDOW_LINES = 7
_FOLLOWS_READER = ("recipient_address", "salutation", "school_name", "dfe_number")


def usual_reply(chosen: Template, dated_on: date | None) -> str:
    """Return the last day to reply as ISO text, from the clock the letter starts; empty where it starts none."""
    if dated_on is None or not chosen.front.clock:
        return ""
    last = clocks.last_day(chosen.front.clock, dated_on)
    return last.isoformat() if last else ""


class Inspector:
    """Finds what stands in a letter's way."""

    def __init__(
        self,
        facts: Facts,
        draft: LetterDraft,
        chosen: Template,
        recipient: Recipient | None,
        resolved: Mapping[str, Value],
        values: Mapping[str, str],
    ) -> None:
        self._facts = facts
        self._draft = draft
        self._template = chosen
        self._recipient = recipient
        self._resolved = resolved
        self._values = values

    def issues(self, needed: list[str]) -> tuple[Issue, ...]:
        """Return everything, the gravest first.

        Args:
            needed: fields that the letter prints.
        """
        dates = self._dates()
        wrong = {issue.field for issue in dates}
        missing = [issue for issue in self._missing(needed) if issue.field not in wrong]
        checks = [*self._changed_template(), *self._window(), *self._checks()]
        found = [*self._stops(), *dates, *missing, *self._unprintable(needed), *checks]
        order = list(Level)
        return tuple(sorted(found, key=lambda issue: order.index(issue.level)))

    def _stops(self) -> list[Issue]:
        stops = []
        if self._facts.deceased:
            stops.append(Issue(Level.STOP, shield.DECEASED))
        if not self._facts.case_open:
            stops.append(Issue(Level.STOP, "This case is closed. Ask a supervisor to reopen it before you write."))
        if self._recipient is not None and self._recipient.stop:
            stops.append(Issue(Level.STOP, self._recipient.stop, "recipient_name"))
        for name in shield.leaks(self._values, self._facts.places):
            label = self._label(name)
            words = f"{label[:1].upper()}{label[1:]} holds a protected address. Take it out. It must not be printed."
            stops.append(Issue(Level.STOP, words, name))
        return stops

    def _missing(self, needed: list[str]) -> list[Issue]:
        required = [entry.name for entry in self._template.front.field if entry.required]
        found = []
        for name in dict.fromkeys((*needed, *required)):
            if self._values.get(name, "").strip():
                continue
            if self._recipient is None and name in _FOLLOWS_READER:
                continue
            if self._recipient is not None and self._recipient.stop and name == "recipient_address":
                continue
            found.append(Issue(Level.FIX, self._missing_words(name), name))
        return found

    def _missing_words(self, name: str) -> str:
        if name == "recipient_name":
            return self._no_reader()
        if name == "recipient_address":
            who = self._recipient.name if self._recipient else "This person"
            return f"{who} has no current address. Add it on the case, or deliver the letter by hand."
        entry = self._template.form_field(name)
        if entry is not None:
            return f"Enter a date in “{entry.label}”." if entry.kind == "date" else f"Fill in “{entry.label}”."
        known = merge.FIELDS[name]
        label = f"{known.label[:1].upper()}{known.label[1:]}"
        if known.source == "case":
            return f"{label} is not on the case. Add it there first."
        return f"{label} is not set. Ask an administrator to add it."

    def _no_reader(self) -> str:
        audience = self._template.front.audience
        if self._facts.recipients(audience):
            return "Choose who the letter goes to."
        missing = "school" if audience == "school" else "parent or carer"
        return f"No {missing} is on the case. Add one there first."

    def _dates(self) -> list[Issue]:
        found = []
        for name, value in self._resolved.items():
            if merge.FIELDS[name].is_date and value.text and as_day(value.text) is None:
                found.append(Issue(Level.FIX, "Enter a date, such as 17 November 2026.", name))
        start = as_day(self._resolved["date_of_letter"].text)
        end = as_day(self._resolved["reply_by"].text)
        if start is not None and start > self._facts.today:
            found.append(Issue(Level.FIX, "Date of letter must be today or earlier.", "date_of_letter"))
        if start is not None and not self._template.valid_on(start):
            found.append(Issue(Level.FIX, "This template is not in force on the date of the letter.", "date_of_letter"))
        if start is not None and end is not None:
            found += self._reply_time(start, end)
        return found

    def _reply_time(self, start: date, end: date) -> list[Issue]:
        usual = as_day(usual_reply(self._template, start))
        if end <= start:
            later = f" Change it to {format_date(usual)} or later." if usual else ""
            return [Issue(Level.FIX, f"Reply by must be after the date of the letter.{later}", "reply_by")]
        if usual is not None and end < usual:
            words = f"The usual last day to reply is {format_date(usual)}. This one is sooner."
            return [Issue(Level.CHECK, words, "reply_by")]
        return []

    def _unprintable(self, needed: list[str]) -> list[Issue]:
        found = []
        for name in needed:
            bad = fonts.unprintable(" ".join(self._values.get(name, "").split()))
            if bad:
                words = f"The letter cannot print {bad} in {self._label(name)}. Write it in another way."
                found.append(Issue(Level.FIX, words, name))
        return found

    def _window(self) -> list[Issue]:
        """An address that the window of a DL envelope would cut off is better known before it is folded."""
        lines = len(self._values.get("recipient_address", "").splitlines()) + 1
        if lines <= _WINDOW_LINES or self._draft.delivery not in ("P1", "SD") or self._draft.points > 12:
            return []
        words = f"The address has {lines} lines. It may not show whole in a window envelope."
        return [Issue(Level.CHECK, words, "recipient_address")]

    def _changed_template(self) -> list[Issue]:
        if self._draft.template_version == self._template.front.version:
            return []
        return [Issue(Level.CHECK, "The template has changed since you started this letter. Read it again.")]

    def _checks(self) -> list[Issue]:
        reader = self._recipient
        if reader is None or reader.kind != "person" or reader.stop:
            return []
        found = []
        if not reader.contact_checked:
            words = f"Nobody has recorded that it is safe to write to {reader.name}. Check before you send."
            found.append(Issue(Level.CHECK, words, "recipient_name"))
        if reader.language and reader.language.casefold() != "english":
            words = f"{reader.name} prefers {reader.language}. Think of a translation or an interpreter."
            found.append(Issue(Level.CHECK, words, "recipient_name"))
        if reader.points > self._draft.points:
            words = f"{reader.name} asked for large print, {reader.points} point."
            found.append(Issue(Level.CHECK, words, "format_points"))
        others = [
            other for other in self._facts.parents if other.responsible and other.key != reader.key and not other.stop
        ]
        if others:
            names = " and ".join(other.name for other in others)
            has = "has" if len(others) == 1 else "have"
            words = f"{names} also {has} parental responsibility. Write a separate letter to each parent."
            found.append(Issue(Level.CHECK, words))
        return found

    def _label(self, name: str) -> str:
        entry = self._template.form_field(name)
        return entry.label if entry is not None else merge.FIELDS[name].label
