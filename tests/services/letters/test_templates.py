"""Templates: what a wrong one says, what a body may not do, and that the shipped ones are sound."""

import re

import pytest

from app.errors import BugError
from app.services import clock_rules
from app.services.letters import body, merge, templates
from app.services.letters.templates import TemplateError

FRONT = """id = "T1"
version = "1"
title = "Test"
group = "Tests"
valid_from = 2026-01-01
audience = "parent"
sign_off = "caseworker"
delivery = ["P1"]

[[legal_basis]]
text = "None"
verified = true
source = "Here"
"""
BODY = "# Subject\n\nDear reader, {{ child_name }}.\n"


def text(front: str = FRONT, words: str = BODY) -> str:
    return f"+++\n{front}\n+++\n{words}"


def test_a_good_template_is_read() -> None:
    found = templates.read(text(), "t.md")
    assert found.id == "T1"
    assert found.used == {"child_name"}
    assert not found.needs_approval


@pytest.mark.parametrize(
    ("front", "words", "says"),
    [
        (FRONT.replace('version = "1"\n', ""), BODY, "required field `version`"),
        (FRONT.replace('id = "T1"', "id = 1"), BODY, "Expected `str`, got `int` - at `$.id`"),
        (FRONT.replace('audience = "parent"', 'audience = "cat"'), BODY, "Invalid enum value 'cat' - at `$.audience`"),
        (FRONT.replace('delivery = ["P1"]', "delivery = []"), BODY, "length >= 1 - at `$.delivery`"),
        (FRONT.replace("verified = true\n", ""), BODY, "required field `verified` - at `$.legal_basis[0]`"),
        (FRONT.replace("2026-01-01", '"soon"'), BODY, "at `$.valid_from`"),
        ('colour = "red"\n' + FRONT, BODY, "unknown field `colour`"),
        ("id = ", BODY, "t.md: "),
        (FRONT + '[[field]]\nname = "shoe_size"\nlabel = "Shoes"\n', BODY, "shoe_size, which is no merge field"),
        (FRONT + '[[field]]\nname = "reply_by"\n', BODY, "required field `label` - at `$.field[0]`"),
        (FRONT, "# S\n\n{{ shoe_size }}\n", "unknown merge field shoe_size"),
        (FRONT, "# S\n\n{{ child_name\n", "line 3 of the body"),
        (FRONT, "# S\n\n{% if child_name %}\n", "of the body"),
        (FRONT, "# S\n\n*leaning*\n", "a letter has no em"),
        (FRONT, "# S\n\n```\ncode\n```\n", "a letter has no code"),
        (FRONT, "# S\n\n1. one\n", "a letter has no ordered list"),
        (FRONT, "# S\n\nhidden \ue000child_name\ue001\n", "private-use character"),
    ],
)
def test_a_wrong_template_says_where_and_what(front: str, words: str, says: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(says)) as refused:
        templates.read(text(front, words), "t.md")
    assert refused.value.message.startswith("t.md")


def test_front_matter_must_be_there_and_a_template_has_a_limit() -> None:
    with pytest.raises(TemplateError, match="between two lines of"):
        templates.read(BODY, "t.md")
    with pytest.raises(TemplateError, match="longer than"):
        templates.read(text(words="x" * templates.LARGEST_TEMPLATE), "t.md")


@pytest.mark.parametrize(
    "trick",
    [
        "{{ child_name.__class__ }}",
        "{{ child_name._marker }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ child_name['__class__'] }}",
        "{{ child_name() }}",
        "{{ child_name | upper }}",
        "{{ child_name|attr('x') }}",
        "{% for x in child_name %}x{% endfor %}",
        "{% set x = child_name %}",
        "{% include 'other' %}",
        "{% import 'os' as os %}",
        "{{ 'x' * 1000000000 }}",
        "{{ range(10) }}",
        "{{ self }}",
        "{% macro m() %}x{% endmacro %}",
    ],
)
def test_a_body_may_only_print_fields_and_ask_whether_they_have_a_value(trick: str) -> None:
    with pytest.raises(TemplateError):
        templates.read(text(words=f"# S\n\n{trick}\n"), "t.md")


@pytest.mark.parametrize("trick", ["{{ child_name.__class__ }}", "{{ child_name._marker }}", "{{ child_name() }}"])
def test_the_sandbox_behind_the_check_refuses_too(trick: str) -> None:
    from jinja2.exceptions import SecurityError

    with pytest.raises((SecurityError, TypeError)):
        merge.fill(trick, {"child_name": "Isla"})


def test_conditions_follow_whether_a_value_is_there() -> None:
    words = "{% if last_school and not last_on_roll %}A{% elif last_seen_date or reply_by %}B{% else %}C{% endif %}"
    assert merge.fill(words, {"last_school": "x"}) == "A"
    assert merge.fill(words, {"last_school": "x", "last_on_roll": "y", "reply_by": "z"}) == "B"
    assert merge.fill(words, {"last_school": "  "}) == "C"


def test_a_field_of_several_lines_makes_as_many_bullets() -> None:
    blocks = body.blocks(merge.fill("- one\n- {{ what_we_ask }}\n", {"what_we_ask": "a"}))
    written = body.write(blocks, {"what_we_ask": "two\n\nthree"})
    assert ["".join(span.text for span in each.lines[0]) for each in written] == ["one", "two", "three"]
    assert {each.kind for each in written} == {"bullet"}


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(TemplateError, match="no letter template Z99"):
        templates.template("Z99")


def test_the_shipped_templates_agree_with_the_clock_they_start() -> None:
    assert [each.id for each in templates.templates()] == ["L01", "L05"]
    for each in templates.templates():
        rule = clock_rules.rule(each.front.clock)
        assert (rule.length, rule.unit) == (each.front.reply_days, each.front.reply_unit)
        assert rule.in_force


def test_the_shipped_templates_say_what_they_must() -> None:
    everything = {name: "x" for name in merge.FIELDS}
    first = _plain(templates.template("L01").body, everything)
    for must in (
        "section 436A of the Education Act 1996",
        "Tell us by",
        "the name of the school",
        "If we do not hear from you",
        "help you find a school place",
        "not safe",
        "how we use what you tell us",
    ):
        assert must in first
    school = _plain(templates.template("L05").body, everything)
    for must in ("section 436A", "Last address", "UPN", "together", "Do not remove the name", "School’s reply", "safe"):
        assert must in school


def test_the_wording_is_plain() -> None:
    """GOV.UK style: no contractions, please or sorry; short sentences. About a reading age of 9 to 11."""
    for each in templates.templates():
        words = _plain(each.body, {name: "word" for name in merge.FIELDS})
        assert not re.search(r"\b(?:please|sorry|utilise|commence|prior to|pursuant)\b", words, re.IGNORECASE)
        assert not re.search(r"\b\w+(?:n’t|’re|’ve|’ll)\b", words)
        running = words.split("```form")[0]
        sentences = [part for part in re.split(r"[.!?:]\s|\n", running) if len(part.split()) > 2]
        lengths = [len(part.split()) for part in sentences]
        assert sum(lengths) / len(lengths) < 15, each.id
        assert max(lengths) <= 34, max(sentences, key=lambda part: len(part.split()))


def _plain(words: str, values: dict[str, str]) -> str:
    filled = merge.fill(words, values)
    return re.sub(r"\ue000[a-z_]+\ue001", "word", filled).replace("*", "")


def test_every_merge_field_is_described_in_one_place() -> None:
    for name, field in merge.FIELDS.items():
        assert field.name == name
        assert field.label
        assert field.note
        assert field.source in ("case", "council", "officer", "letter")


def test_marker_characters_cannot_come_in_with_a_value() -> None:
    assert merge.printable("A\ue000child_dob\ue001B\u202eC\u200d") == "Achild_dobBC\u200d"


def test_a_bug_in_a_body_is_not_silent() -> None:
    with pytest.raises(BugError):
        body.blocks("# S\n\n*x*\n")
