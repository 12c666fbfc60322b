"""A real letter, printed, scanned badly and come back: its code finds the case."""

import random
from collections.abc import Callable

import pypdfium2
import pytest
from PIL import Image, ImageFilter

from app.models import CaseEvent
from app.services.documents import intake, suggest, tray
from app.services.documents.suggest import Strength
from app.services.letters import letters
from app.services.workspace import Workspace
from tests.services.documents import files
from tests.services.letters.world import first_letter, open_rhys


def _speckled(image: Image.Image) -> Image.Image:
    noise = random.Random(7)
    for _ in range(4000):
        image.putpixel((noise.randrange(image.width), noise.randrange(image.height)), noise.randrange(256))
    return image.filter(ImageFilter.GaussianBlur(0.8))


SCANS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "flat": lambda page: page,
    "crooked": lambda page: page.rotate(3, expand=True, fillcolor=255),
    "upside down": lambda page: page.rotate(180, expand=True),
    "on its side": lambda page: page.rotate(90, expand=True),
    "speckled and soft": _speckled,
    "at 120 dpi": lambda page: page.resize((page.width * 6 // 10, page.height * 6 // 10)),
}


@pytest.fixture
def letter(workspace: Workspace) -> tuple[str, list[Image.Image]]:
    """The case id of an issued letter, and its pages at 200 dpi in grey."""
    case_id = open_rhys(workspace)
    issued = letters.issue(workspace, first_letter(workspace, case_id))
    pdf = pypdfium2.PdfDocument(letters.issued_bytes(workspace, issued.letter_id))
    pages = [page.render(scale=200 / 72, grayscale=True).to_pil().copy() for page in pdf]
    pdf.close()
    return case_id, pages


def test_every_usual_scan_of_a_letter_finds_its_case(
    workspace: Workspace, letter: tuple[str, list[Image.Image]]
) -> None:
    case_id, pages = letter
    for name, spoil in SCANS.items():
        data = files.tiff([spoil(page) for page in pages])
        added = intake.add_bytes(workspace, f"{name}.tif", data, source="scan")
        found = suggest.suggest(workspace, added.document_id)
        assert [candidate.case_id for candidate in found.candidates] == [case_id], name
        assert found.candidates[0].strength is Strength.CERTAIN, name
        assert found.chosen == 0


def test_the_very_letter_we_sent_is_not_taken_for_new_post(
    workspace: Workspace, letter: tuple[str, list[Image.Image]]
) -> None:
    case_id, _ = letter
    (issued,) = tray.of_case(workspace, case_id)
    added = intake.add_bytes(workspace, "letter.pdf", workspace.documents.get(issued.sha256))
    assert added.document_id == issued.id
    assert "already in Rollcall. It is on CME-2026-00001." in added.known
    assert tray.counts(workspace).to_link == 0


def test_linking_a_returned_page_says_which_letter_it_answers(
    workspace: Workspace, letter: tuple[str, list[Image.Image]]
) -> None:
    case_id, pages = letter
    added = intake.add_bytes(workspace, "slip.tif", files.tiff(pages), source="scan")
    detail = tray.document(workspace, added.document_id)
    assert detail.kind == "reply_slip"
    today = workspace.time.today()
    done = tray.link(workspace, added.document_id, case_id, kind=detail.kind, sender="A parent", received_on=today)
    with workspace.read() as session:
        event = session.get_one(CaseEvent, done.event_id)
    assert event.title == "Reply slip to our letter"
    assert event.body.endswith("Answers our letter CME-2026-00001/L1.")
