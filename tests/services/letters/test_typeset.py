"""What is on the paper: words, places, fonts, names in many scripts, and the code that brings it back."""

import io
import re
from dataclasses import replace

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
import zxingcpp
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.services.letters import body, code, fonts, merge, templates
from app.services.letters.measures import MARGIN, MM, PAGE_HEIGHT, PAGE_WIDTH
from app.services.letters.typeset import Content, Typeset, typeset
from tests.bench.bench_letter import ONE_PAGE, VALUES

LETTER_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
SLACK = 1.0
NAMES = {
    "accented": "Siân O’Brien-Núñez",
    "Vietnamese": "Nguyễn Thị Hồng Ngọc",
    "Polish": "Łukasz Żółć-Wiśniewski",
    "Yoruba": "Adébáyọ̀ Ọlá́",
    "Greek and Cyrillic": "Ἀλέξανδρος Иван",
    "Arabic": "محمد علي الحسن",
    "Urdu": "ثناءاللہ گُل",
    "Hebrew": "ענת בן־דוד",
    "Devanagari": "राजेश्वरी क्षत्रिय",
    "Bengali": "ক্ষমা চট্টোপাধ্যায়",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Gujarati": "કૃષ્ણા પટેલ",
    "Tamil": "தமிழ்ச்செல்வி",
    "Malayalam": "ശ്രീകുമാർ",
    "Sinhala": "ශ්‍රී ජයවර්ධන",
    "Ethiopic": "አበበ ቢቂላ",
    "Thai": "สมชาย ศรีสุข",
    "Georgian": "ნინო ბერიძე",
    "Chinese": "王小明 陳",
    "Japanese": "さとう ハナコ",
    "Korean": "김철수 뷁",
}


def make(text: str = ONE_PAGE, points: int = 12, *, draft: bool = False, marking: str = "", **values: str) -> Typeset:
    merged = {**VALUES, **values}
    blocks = body.blocks(merge.fill(text, merged))
    return typeset(
        Content(merged, blocks, code.make(LETTER_ID), points, draft=draft, marking=marking, title="A letter")
    )


def words(made: Typeset) -> str:
    """The text of all pages as a reader finds it, spaces evened out."""
    pages = pypdfium2.PdfDocument(made.pdf)
    return " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)


def glyph_boxes(made: Typeset) -> list[tuple[int, float, float, float, float, float]]:
    """Page, left, foot, right, top and font size of every glyph that is not a space."""
    found = []
    for number, page in enumerate(pypdfium2.PdfDocument(made.pdf)):
        text = page.get_textpage()
        for index in range(text.count_chars()):
            if text.get_text_range(index, 1).strip():
                size = pdfium.FPDFText_GetFontSize(text.raw, index)
                found.append((number, *text.get_charbox(index), size))
    return found


def test_the_words_are_the_template_and_the_values_in_order() -> None:
    said = words(make())
    in_order = [
        "Marlshire County Council Children’s Services",
        "Mr Gareth Pendleford 17 Weir Cottages Kingsholt MH7 3DD",
        "Date 17 November 2026 Our ref CME-2026-00377/L4 Contact Dawn Ellery Phone 01632 960144",
        "Dear Mr Pendleford Tell us about Rhys’s education",
        "We are writing about Rhys Pendleford, born 21 June 2012. As far as we know, Rhys left",
        "What you need to do Tell us by Friday 27 November 2026 how Rhys is being educated.",
        "If we do not hear from you",
        "If you need help",
        "Yours sincerely Dawn Ellery Children Missing Education officer",
        "Replying by post? Send this page back with your reply to County Offices, Aldermere MH1 1AA.",
        "It holds a reference number and no personal details.",
    ]
    position = 0
    for each in in_order:
        assert each in said, each
        assert said.index(each) >= position, f"{each} is out of order"
        position = said.index(each)
    assert "CME-2026-00377/L4 Page 1 of 1" in said


def test_margins_and_sizes_are_those_of_the_direction() -> None:
    boxes = glyph_boxes(make())
    assert min(box[1] for box in boxes) >= MARGIN - SLACK
    assert max(box[3] for box in boxes) <= PAGE_WIDTH - MARGIN + SLACK
    assert min(box[5] for box in boxes) >= 11.99
    assert {round(box[5]) for box in boxes} == {12, 15, 18}


def test_the_address_stands_in_the_window_of_a_dl_envelope() -> None:
    address = [box for box in make().boxes if box.field in ("recipient_name", "recipient_address")]
    assert [box.field for box in address] == ["recipient_name", *["recipient_address"] * 3]
    assert all(box.left == pytest.approx(MARGIN) for box in address)
    assert address[0].top / MM == pytest.approx(45, abs=0.5)
    assert (address[-1].top + address[-1].height) / MM < 82
    assert max(box.left + box.width for box in address) < 115 * MM


@pytest.mark.parametrize("points", [16, 18])
def test_large_print_scales_all_text_in_one_column(points: int) -> None:
    made = make(points=points)
    boxes = glyph_boxes(made)
    assert min(box[5] for box in boxes) >= points - 0.01, "page numbers and the code's words too"
    assert max(box[3] for box in boxes) <= PAGE_WIDTH - MARGIN + SLACK
    where = {box.field: box for box in reversed(made.boxes) if box.page == 0}
    assert where["team_email"].top < where["recipient_name"].top, "the reference block comes first"
    assert where["recipient_name"].left == pytest.approx(MARGIN)
    assert "Page 1 of" in words(made)


@pytest.mark.parametrize(("points", "dpi"), [(12, 150), (16, 150), (18, 150), (12, 100)])
def test_the_code_reads_back_from_the_page_as_it_would_be_scanned(points: int, dpi: int) -> None:
    pages = pypdfium2.PdfDocument(make(points=points).pdf)
    found = [code for page in pages for code in zxingcpp.read_barcodes(page.render(scale=dpi / 72).to_pil())]
    assert len(found) == 1
    assert found[0].format == zxingcpp.BarcodeFormat.QRCode
    assert found[0].ec_level == "Q"
    assert code.parse(found[0].text) == code.LetterCode(LETTER_ID)


def test_the_code_is_the_size_it_should_be_with_four_empty_modules_around() -> None:
    image = pypdfium2.PdfDocument(make().pdf)[0].render(scale=300 / 72).to_pil().convert("L")
    position = zxingcpp.read_barcodes(image)[0].position
    side = (position.top_right.x - position.top_left.x) / 300 * 25.4
    assert side == pytest.approx(25, abs=0.8)
    quiet = round(4 * 25 / 29 / 25.4 * 300) - 3
    left, top = min(position.top_left.x, position.bottom_left.x), position.top_left.y
    right, foot = position.top_right.x, position.bottom_left.y
    around = image.crop((left - quiet, top - quiet, right + quiet, foot + quiet))
    inner = (quiet - 4, quiet - 4, around.width - quiet + 4, around.height - quiet + 4)
    around.paste(255, inner)
    assert around.getextrema()[0] > 200, "something is printed in the quiet zone"


@pytest.mark.parametrize("script", NAMES)
def test_a_name_in_any_script_is_printed_whole(script: str) -> None:
    name = NAMES[script]
    made = make(child_name=name, child_first_name=name.split()[0], recipient_name=name, salutation=name)
    assert made.unprintable == ""
    assert made.missing == ()
    with pikepdf.open(io.BytesIO(made.pdf)) as document:
        for font in (each for each in document.objects if isinstance(each, pikepdf.Dictionary)):
            if font.get("/Type") == "/Font":
                assert "/FontFile2" in font.FontDescriptor, "a font is not embedded"
                assert "+" in str(font.BaseFont), "a font is not a subset"
    assert spoken(made, name), f"{name} cannot be read out of the file"


def spoken(made: Typeset, name: str) -> bool:
    """Whether the name stands in the text, or as the replacement text of shaped glyphs, in reading order."""
    if name in words(made) or " ".join(name.split()) in words(made):
        return True
    with pikepdf.open(io.BytesIO(made.pdf)) as document:
        texts = [str(operands[1]["/ActualText"]) for page in document.pages for operands in _spans(page)]
    wanted = merge.keep_together(name)
    return any(wanted in text for text in texts)


def _spans(page: pikepdf.Page) -> list[list[pikepdf.Object]]:
    return [
        operands
        for operands, operator in pikepdf.parse_content_stream(page)
        if str(operator) == "BDC" and str(operands[0]) == "/Span"
    ]


def test_right_to_left_words_stand_in_their_visual_order_inside_an_english_line() -> None:
    """Read from left to right on paper: "about", then the last Hebrew letter ... the first, then "born"."""
    made = make(child_name="ענת בן", ONE="")
    pages = pypdfium2.PdfDocument(made.pdf)
    text = pages[0].get_textpage()
    places = {}
    for index in range(text.count_chars()):
        character = text.get_text_range(index, 1)
        if character in "ענתב":
            places.setdefault(character, text.get_charbox(index)[0])
    line = {box.field: box for box in made.boxes if box.field == "child_name"}["child_name"]
    assert line.left > MARGIN + 80, "the name follows the English words before it"
    if len(places) == 4:
        assert places["ע"] > places["נ"] > places["ת"] > places["ב"]


def test_arabic_letters_are_joined() -> None:
    """Shaping chooses other glyphs, with other widths, than the same letters kept apart by non-joiners."""
    joined = make(child_name="محمد")
    apart = make(child_name="م\u200cح\u200cم\u200cد")
    width = {box.field: box.width for box in joined.boxes}["child_name"]
    assert abs(width - {box.field: box.width for box in apart.boxes}["child_name"]) > 0.5
    assert apart.unprintable == ""


def test_characters_without_a_glyph_are_reported_not_printed_as_boxes_in_silence() -> None:
    assert make(child_name="Rhys 𒀀").unprintable == "𒀀"


def test_a_long_name_and_address_wrap_and_are_not_clipped() -> None:
    name = "Dr " + "Wolfeschlegelsteinhausenbergerdorff-" * 4 + "Smith"
    address = "\n".join(
        [
            "The Old Schoolhouse at the End of the Very Long Lane behind the Church of Saint Somebody",
            "X" * 90,
            "MH7 3DD",
        ]
    )
    made = make(recipient_name=name, recipient_address=address, team_email="children.missing.education@" + "a" * 60)
    boxes = glyph_boxes(made)
    assert max(box[3] for box in boxes) <= PAGE_WIDTH - MARGIN + SLACK
    said = words(made).replace(" ", "").replace("\ufffe", "-")  # PDFium's sign for a hyphen at a line's end
    assert name.replace(" ", "") in said
    assert "X" * 90 in said
    assert "a" * 60 in said
    assert max(box.left + box.width for box in made.boxes if box.field.startswith("recipient")) <= 112 * MM


@pytest.mark.parametrize("points", [12, 16, 18])
def test_dates_and_numbers_are_never_split_between_lines(points: int) -> None:
    text = "# S\n\n" + "\n\n".join(
        "word " * n + "{{ reply_by }} and " + "{{ officer_phone }} and MH1 1AA, section 436A, 10 school days."
        for n in range(14)
    )
    made = make(text, points)
    lines = made.text.replace(merge.NO_BREAK, " ").split("\n")
    for unit in ("Friday 27 November 2026", "01632 960144", "MH1 1AA", "section 436A", "10 school days"):
        whole = sum(line.count(unit) for line in lines)
        assert whole >= 14, f"{unit} was split"


def test_a_long_letter_flows_over_pages_and_the_signature_never_stands_alone() -> None:
    text = "# Subject\n\n" + "\n\n".join(f"Paragraph {n}. " + "Some words to fill the line. " * 9 for n in range(16))
    made = make(text)
    assert made.page_count == 3
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(made.pdf)]
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of 3" in page
    assert "Yours sincerely" in pages[-1]
    assert "Paragraph 15" in pages[-1] or "Some words" in pages[-1]
    assert "Replying by post?" in pages[-1]
    assert not any("Replying by post?" in page for page in pages[:-1])
    boxes = glyph_boxes(made)
    assert min(box[2] for box in boxes) >= 10 * MM
    body_boxes = [box for box in boxes if box[0] == 1 and box[2] > 20 * MM]
    assert max(box[4] for box in body_boxes) <= PAGE_HEIGHT - MARGIN + SLACK


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(min_value=1, max_value=120), min_size=1, max_size=25), st.sampled_from([12, 16, 18]))
def test_whatever_its_length_every_word_is_printed_inside_the_margins(lengths: list[int], points: int) -> None:
    text = "# S\n\n" + "\n\n".join(" ".join(f"w{n}x{i}" for i in range(length)) for n, length in enumerate(lengths))
    made = make(text, points)
    said = words(made)
    for n, length in enumerate(lengths):
        assert f"w{n}x{length - 1}" in said
    boxes = glyph_boxes(made)
    assert max(box[3] for box in boxes) <= PAGE_WIDTH - MARGIN + SLACK
    assert min(box[2] for box in boxes) > 8 * MM
    assert f"Page {made.page_count} of {made.page_count}" in said


def test_a_draft_says_so_in_the_header_line_and_a_sent_letter_does_not() -> None:
    assert "Draft, not approved" in words(make(draft=True))
    assert "Draft" not in words(make())
    assert words(make(draft=True, marking="OFFICIAL-SENSITIVE")).startswith("OFFICIAL-SENSITIVE. Draft, not approved")


def test_a_missing_value_is_named_in_the_preview_and_listed() -> None:
    made = make(reply_by="", recipient_address="")
    assert "[reply by]" in words(made)
    assert "[address of the person you write to]" in words(made)
    assert set(made.missing) == {"reply_by", "recipient_address"}
    assert {box.field for box in made.boxes if box.missing} == {"reply_by", "recipient_address"}


def test_values_are_never_read_as_markdown_or_as_a_template() -> None:
    nasty = "**bold** {{ officer_phone }} # head\n- list <b>"
    said = words(make(last_school=nasty))
    assert "**bold** {{ officer_phone }} # head - list <b>" in said


def test_the_file_is_titled_in_english_and_tagged_for_screen_readers() -> None:
    with pikepdf.open(io.BytesIO(make().pdf)) as document:
        assert str(document.Root.Lang) == "en-GB"
        assert str(document.docinfo["/Title"]) == "A letter"
        assert document.Root.MarkInfo.Marked is True
        assert document.Root.ViewerPreferences.DisplayDocTitle is True
        root = document.Root.StructTreeRoot.K
        roles = [str(kid.S) for kid in root.K if "/S" in kid]
        assert roles.count("/H1") == 1
        assert roles.count("/H2") == 3
        assert "/L" in roles
        figures = [kid for kid in root.K if str(kid.S) == "/Figure"]
        assert {str(kid.Alt) for kid in figures} == {"Council crest", "Code for CME-2026-00377/L4"}
        marked = 0
        for operands, operator in pikepdf.parse_content_stream(document.pages[0]):
            marked += {"BDC": 1, "BMC": 1, "EMC": -1}.get(str(operator), 0)
            if str(operator) in ("Tj", "TJ"):
                assert marked > 0, f"untagged content: {operands}"
        assert marked == 0


def test_bullets_and_headings_read_as_such() -> None:
    with pikepdf.open(io.BytesIO(make().pdf)) as document:
        lists = [kid for kid in document.Root.StructTreeRoot.K.K if str(kid.S) == "/L"]
        assert len(lists) == 1
        assert [str(item.S) for item in lists[0].K] == ["/LI"] * 3


def test_the_same_content_gives_the_same_bytes_whatever_was_drawn_before() -> None:
    first = make(child_name=NAMES["Arabic"]).pdf
    make(child_name=NAMES["Urdu"] + NAMES["Devanagari"], last_school=NAMES["Chinese"])
    assert make(child_name=NAMES["Arabic"]).pdf == first


def test_every_shipped_letter_prints_every_glyph_in_every_size() -> None:
    for each in templates.templates():
        for points in (12, 16, 18):
            filled = merge.fill(each.body, {name: "Example" for name in merge.FIELDS})
            values = {**{name: "Example" for name in merge.FIELDS}, **VALUES}
            made = typeset(Content(values, body.blocks(filled), code.make(LETTER_ID), points))
            assert made.unprintable == ""
            assert made.missing == ()
            assert not re.search(r"[{}\[\]*_#]|%}", made.text), each.id


def test_a_form_stays_together_under_the_letter_with_its_code() -> None:
    text = "# S\n\nWords.\n\n---\n\n## Your reply\n\n```form\n[ ] Yes\nName ____\nPhone ____\n```\n"
    made = make(text)
    assert made.page_count == 1
    said = words(made)
    assert said.index("Yours sincerely") < said.index("Your reply") < said.rindex("Phone") < said.index("Replying")


def test_the_text_for_search_holds_the_words() -> None:
    assert "Tell us about Rhys’s education" in make().text


def test_fallback_faces_are_loaded_only_when_a_letter_needs_them() -> None:
    assert fonts.pieces("Plain words", False) == (fonts.Piece("Plain words", "LiberationSans-Regular", False),)
    assert [piece.face for piece in fonts.pieces("Dear 王", True)] == ["LiberationSans-Bold", "DroidSansFallbackFull"]
    assert [piece.shaped for piece in fonts.pieces("محمد", False)] == [True]


def test_content_can_be_replaced_without_touching_the_rest() -> None:
    content = Content(VALUES, (), code.make(LETTER_ID))
    assert typeset(replace(content, draft=True)).pdf != typeset(content).pdf


ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TRICKY = st.lists(
    st.sampled_from([*NAMES.values(), "(12)", "a-b", "\u200d", "\u200c", "\u0301", "–", "123", "[x]", "٣٤", ") ("]),
    max_size=8,
).map(" ".join)


@settings(max_examples=40, deadline=None)
@given(st.one_of(ANYTHING, TRICKY), st.one_of(ANYTHING, TRICKY))
@example("؛", "\U00014647")  # a character newer than Python's tables, beside one that runs right to left
def test_whatever_is_typed_the_letter_is_made_the_same_each_time(name: str, line: str) -> None:
    values = {
        "child_name": merge.printable(name),
        "recipient_name": merge.printable(line),
        "recipient_address": merge.printable(f"{line}\n{name}"),
        "last_school": merge.printable(name + line),
    }
    made = make(**values)
    assert make(**values) == made
    assert all(0 <= box.left <= PAGE_WIDTH and box.width >= 0 for box in made.boxes)
    assert max(box.left + box.width for box in made.boxes) <= PAGE_WIDTH - MARGIN + SLACK
    pypdfium2.PdfDocument(made.pdf)[0].get_textpage().get_text_range()
