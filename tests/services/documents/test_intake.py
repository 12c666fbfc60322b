"""Every bad file gives its message and changes nothing; good files beside it go in."""

import hashlib
from pathlib import Path

import pytest
from pypdfium2 import PdfDocument
from sqlalchemy import func, select

from app.errors import AccessRefused, EnvironmentFault, UserError
from app.models import ChangeSetRow, Document
from app.models.terms import DocumentState, Role
from app.services.documents import intake, limits, tray
from app.services.documents.protocol import FileProblemError, Problem
from app.services.documents.worker import ParsingWorker
from app.services.workspace import Workspace
from tests.services.documents import files
from tests.services.documents.conftest import Family

SENTINEL = "Wilhelmina Sentinelsson"


def _good() -> bytes:
    return files.pdf([["A page about nobody"], ["A second page"]])


def _whole_tiff() -> bytes:
    return files.tiff([files.page_image(str(number)) for number in range(3)])


def _with_page_broken(data: bytes) -> bytes:
    """Return a TIFF whose first page's picture is noise while its list of pages is whole."""
    return data[:200] + bytes(byte ^ 0x5A for byte in data[200:2200]) + data[2200:]


BAD_FILES = {
    "empty": (b"", "This file is empty"),
    "zip named pdf": (files.zip_archive(), "This is a ZIP archive or an Office document, not a PDF"),
    "text named pdf": (b"Dear Sir or Madam, " * 50, "This file is not a PDF, PNG, JPEG or TIFF file"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(64), "a HEIC photo from a phone"),
    "truncated pdf": (_good()[: len(_good()) * 2 // 3], "This file is cut short"),
    "only a head": (b"%PDF-1.7\n" + bytes(900), "This file is cut short"),
    "noise with a pdf's ends": (b"%PDF-1.7\n" + bytes(range(256)) * 8 + b"\n%%EOF\n", "This file is damaged"),
    "locked pdf": (files.pdf([["x"]], password="open sesame"), "This file is locked with a password. Ask the sender"),
    "50,000-pixel png": (files.png_header_claiming(50_000, 50_000), "This picture is too large"),
    "50,000-pixel strip": (files.png_header_claiming(50_000, 20), "This picture is too large (50,000 by 20 pixels)"),
    "png that lies": (files.png_header_claiming(600, 600), "This file is cut short"),
    "truncated jpeg": (
        files.encoded(files.page_image(), "JPEG")[:3000],
        "This file is cut short",
    ),
    "corrupt tiff": (b"II*\x00" + bytes(range(256)) * 8, "This file is damaged"),
    "tiff whose pages go round": (
        b"II*\x00\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x10\0\0\0\x08\0\0\0",
        "This file",
    ),
    "tiff with a broken page": (_with_page_broken(_whole_tiff()), "This file"),
    "501 pages": (files.pdf([["x"]] * 501), "This file has 501 pages. Rollcall takes up to 500"),
}


def _counts(ws: Workspace) -> tuple[int, int]:
    with ws.read() as session:
        documents = session.scalar(select(func.count()).select_from(Document))
        changes = session.scalar(select(func.count()).select_from(ChangeSetRow))
    return documents or 0, changes or 0


@pytest.fixture(scope="module")
def worker() -> ParsingWorker:
    return ParsingWorker()


@pytest.fixture(scope="module", autouse=True)
def _stop(worker: ParsingWorker) -> object:
    yield
    worker.close()


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_words(worker: ParsingWorker, name: str) -> None:
    data, start = BAD_FILES[name]
    with pytest.raises(FileProblemError) as raised:
        worker.check(data)
    assert start in intake.problem_message(raised.value.problem, raised.value.detail)


def test_every_problem_has_words_that_say_what_to_do() -> None:
    for problem in Problem:
        message = intake.problem_message(problem, "12")
        assert message.endswith(".")
        assert not any(word in message.lower() for word in ("sorry", "please", "can't", "don't"))
        assert any(word in message for word in ("Ask", "Scan", "Print"))


def test_a_batch_takes_the_good_files_and_names_the_bad_ones(
    workspace: Workspace, tmp_path: Path, family: Family
) -> None:
    good, locked, gone = tmp_path / "one.pdf", tmp_path / "two.pdf", tmp_path / "three.pdf"
    photo = tmp_path / "four.pdf"
    good.write_bytes(_good())
    locked.write_bytes(BAD_FILES["locked pdf"][0])
    photo.write_bytes(files.encoded(files.page_image("a photo"), "JPEG"))
    before = _counts(workspace)
    seen: list[tuple[int, int]] = []
    report = intake.add_files(
        workspace, [good, locked, gone, photo], progress=lambda done, total: seen.append((done, total))
    )
    assert [file.name for file in report.added] == ["one.pdf", "four.pdf"]
    assert [file.name for file in report.refused] == ["two.pdf", "three.pdf"]
    assert "locked with a password" in report.refused[0].message
    assert "cannot be opened" in report.refused[1].message
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert _counts(workspace) == (before[0] + 2, before[1] + 2)
    kept = tray.document(workspace, report.added[1].document_id)
    assert kept.media_type == "image/jpeg"  # by content, not by name


def test_a_refused_file_changes_nothing(workspace: Workspace, family: Family) -> None:
    before = _counts(workspace)
    data = BAD_FILES["truncated pdf"][0]
    with pytest.raises(UserError, match="cut short"):
        intake.add_bytes(workspace, "letter.pdf", data)
    assert _counts(workspace) == before
    assert not workspace.documents.has(hashlib.sha256(data).hexdigest())


def test_a_file_over_the_size_limit_is_refused_before_it_is_read(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 1000)
    large = tmp_path / "large.pdf"
    large.write_bytes(b"%PDF-" + bytes(1001))
    report = intake.add_files(workspace, [large])
    assert "larger than" in report.refused[0].message


def test_ten_thousand_pages_are_counted_and_refused_without_being_read(worker: ParsingWorker) -> None:
    with pytest.raises(FileProblemError) as raised:
        worker.check(_ten_thousand_pages())
    assert (raised.value.problem, raised.value.detail) == (Problem.TOO_MANY_PAGES, "10,000")


def _ten_thousand_pages() -> bytes:
    """Return a small PDF whose page tree names one page 10,000 times."""
    kids = b" ".join([b"3 0 R"] * 10_000)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 10000/Kids[" + kids + b"]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    tail = b"xref\n0 4\n0000000000 65535 f \n%strailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    made = body + tail % (table, len(body))
    assert len(PdfDocument(made)) == 10_000
    return made


def test_the_same_bytes_twice_are_one_document(workspace: Workspace, family: Family) -> None:
    first = intake.add_bytes(workspace, "scan.pdf", _good())
    again = intake.add_bytes(workspace, "copy of scan.pdf", _good())
    assert again.document_id == first.document_id
    assert again.known == "This page is already in Rollcall. It waits in To link."
    assert first.known == ""


def test_a_multi_page_tiff_keeps_all_its_pages(workspace: Workspace) -> None:
    added = intake.add_bytes(workspace, "fax.tif", files.tiff([files.page_image(str(n)) for n in range(3)]))
    detail = tray.document(workspace, added.document_id)
    assert (detail.page_count, detail.media_type) == (3, "image/tiff")
    pictures = [workspace.documents.pages.image(detail.sha256, page, 300) for page in range(3)]
    assert all(picture.width == 300 and len(picture.rgba) == 4 * 300 * picture.height for picture in pictures)
    assert len({picture.rgba for picture in pictures}) == 3
    with pytest.raises(EnvironmentFault, match="Page 4 cannot be shown"):
        workspace.documents.pages.image(detail.sha256, 3, 300)


def test_a_photo_stored_on_its_side_is_shown_upright(workspace: Workspace) -> None:
    added = intake.add_bytes(workspace, "photo.jpg", files.upright_jpeg_stored_on_its_side())
    sha256 = tray.document(workspace, added.document_id).sha256
    for width in (100, 200):
        picture = workspace.documents.pages.image(sha256, 0, width)
        assert (picture.width, picture.height) == (width, 2 * width)
        assert picture.rgba[:3] < b"\x20\x20\x20"
        assert picture.rgba[-4:-1] > b"\xe0\xe0\xe0"


def test_scripts_and_attachments_are_named_and_the_original_bytes_kept(workspace: Workspace) -> None:
    from io import BytesIO

    import pikepdf

    plain = pikepdf.open(BytesIO(_good()))
    plain.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert('x')")
    plain.attachments["notes.txt"] = b"a file inside"
    target = BytesIO()
    plain.save(target)
    data = target.getvalue()
    added = intake.add_bytes(workspace, "letter.pdf", data)
    detail = tray.document(workspace, added.document_id)
    assert any("carries a script" in words for words in detail.warnings)
    assert any("other files inside" in words for words in detail.warnings)
    assert workspace.documents.get(detail.sha256) == data


def test_a_pdf_with_wrong_offsets_but_every_page_is_taken_with_a_warning(workspace: Workspace) -> None:
    start, _, tail = _good().rpartition(b"startxref\n")
    added = intake.add_bytes(workspace, "letter.pdf", start + b"startxref\n7" + tail)
    detail = tray.document(workspace, added.document_id)
    assert detail.page_count == 2
    assert "Check that every page is there" in detail.warnings[0]


def test_title_kind_and_sender_come_from_the_page(workspace: Workspace, family: Family) -> None:
    added = intake.add_bytes(workspace, "scan_0012.pdf", files.pdf([files.ADMISSION_LETTER]))
    detail = tray.document(workspace, added.document_id)
    assert detail.sender == "Thornwick Academy"
    assert detail.kind == "school_confirms_admission"
    assert detail.title == "Thornwick Academy: school confirms admission"
    assert detail.received_on == workspace.time.today()


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("GP registration slip.png", "GP registration slip"),
        ("IMG_20261117_0001.png", "IMG 20261117 0001"),
        ("..\\..\\evil.png", "..\\..\\evil"),
        (".png", ".png"),
    ],
)
def test_a_file_name_gives_words_never_a_path(workspace: Workspace, name: str, title: str) -> None:
    added = intake.add_bytes(workspace, name, files.encoded(files.page_image(name), "PNG"))
    assert tray.document(workspace, added.document_id).title == title


def test_roles_without_linking_may_not_add(make_vault) -> None:  # type: ignore[no-untyped-def]  # a factory fixture
    ws = make_vault("auditor", role=Role.AUDITOR).workspace()
    with pytest.raises(AccessRefused):
        intake.add_bytes(ws, "letter.pdf", _good())


def test_a_file_that_takes_too_long_ends_its_worker_and_the_next_file_is_read(worker: ParsingWorker) -> None:
    with pytest.raises(FileProblemError) as raised:
        worker.check(files.pdf([["page"] * 30] * 300), seconds=0.01)
    assert raised.value.problem is Problem.TOOK_TOO_LONG
    assert worker.check(_good()).page_count == 2


def test_a_worker_that_dies_is_a_refusal_not_a_crash(worker: ParsingWorker) -> None:
    worker.warm()
    assert worker._process is not None
    worker._process.kill()
    worker._process.join()
    assert worker.check(_good()).page_count == 2  # a new one is started


def test_a_closed_worker_starts_no_more() -> None:
    closed = ParsingWorker()
    closed.close()
    with pytest.raises(EnvironmentFault, match="locked"):
        closed.check(_good())


def test_no_page_leaves_a_plain_trace_on_disk(workspace: Workspace, scratch: Path) -> None:
    text = f"{SENTINEL}, born 4 March 2015"
    added = intake.add_bytes(workspace, f"{SENTINEL}.pdf", files.pdf([[text]]))
    detail = tray.document(workspace, added.document_id)
    workspace.documents.pages.image(detail.sha256, 0, 800)
    workspace.documents.pages.words(detail.sha256, 0)
    assert SENTINEL in detail.text
    assert list(scratch.rglob("*")) == []
    for path in workspace.folder.rglob("*"):
        if path.is_file():
            assert SENTINEL.encode() not in path.read_bytes(), path.name
            assert b"%PDF-1" not in path.read_bytes(), path.name


def test_set_aside_and_linked_copies_are_pointed_at(workspace: Workspace, family: Family) -> None:
    added = intake.add_bytes(workspace, "scan.pdf", _good())
    tray.set_aside(workspace, added.document_id, reason="Waiting for the school")
    assert intake.add_bytes(workspace, "scan.pdf", _good()).known.endswith("It is in Set aside.")
    tray.link(
        workspace,
        added.document_id,
        family.zofia_case,
        kind="other",
        sender="",
        received_on=workspace.time.today(),
    )
    assert intake.add_bytes(workspace, "scan.pdf", _good()).known.endswith(f"It is on {family.zofia_reference}.")
    assert tray.document(workspace, added.document_id).state is DocumentState.LINKED
