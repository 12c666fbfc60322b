"""The structure of a letter for screen readers: headings, paragraphs, lists and what is mere decoration.

ReportLab has no tagging of its own, so the marks go into the page's content as it is drawn, and the tree is put
together from ReportLab's PDF objects at the end (PDF 1.7, section 14.7).
"""

from dataclasses import dataclass, field
from typing import Any

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFPage, PDFString
from reportlab.pdfgen.canvas import Canvas


@dataclass(slots=True)
class Element:
    """One element of the tree.

    Attributes:
        kids: its marked content as (page number from 0, mark), in reading order.
    """

    role: str
    kids: list[tuple[int, int]] = field(default_factory=list)
    children: list["Element"] = field(default_factory=list)
    alternative: str = ""


class Tags:
    """Marks content on one canvas."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas: Any = canvas
        self._root = Element("Document")
        self._marks: list[list[Element]] = [[]]

    def element(self, role: str, parent: Element | None = None, alternative: str = "") -> Element:
        """Add an element to the tree and return it."""
        made = Element(role, alternative=alternative)
        (parent or self._root).children.append(made)
        return made

    def begin(self, element: Element) -> None:
        """Say that what is drawn from here on belongs to an element."""
        marks = self._marks[-1]
        mark = len(marks)
        marks.append(element)
        element.kids.append((len(self._marks) - 1, mark))
        self._canvas._code.append(f"/{element.role} <</MCID {mark}>> BDC")

    def begin_artifact(self) -> None:
        """Say that what is drawn from here on is decoration or a running header or footer."""
        self._canvas._code.append("/Artifact BMC")

    def end(self) -> None:
        """End what was begun last."""
        self._canvas._code.append("EMC")

    def next_page(self) -> None:
        """Start marking a new page; call with the canvas's ``showPage``."""
        self._marks.append([])

    def finish(self, pages: int) -> None:
        """Put the tree into the document; call after the last page and before saving."""
        document = self._canvas._doc
        found = [document.idToObject[f"Page{number + 1}"] for number in range(pages)]
        for number, page in enumerate(found):
            _let_page_name_its_marks(page, number)
        root = PDFDictionary({"Type": PDFName("StructTreeRoot")})
        root_reference = document.Reference(root, "StructTreeRoot")
        references: dict[int, Any] = {}
        root["K"] = self._written(document, self._root, root_reference, found, references)
        numbers: list[Any] = []
        for number, marks in enumerate(self._marks[:pages]):
            numbers += [number, PDFArray([references[id(element)] for element in marks])]
        root["ParentTree"] = document.Reference(PDFDictionary({"Nums": PDFArray(numbers)}), "ParentTree")
        root["ParentTreeNextKey"] = pages
        document.Catalog.StructTreeRoot = root
        document.Catalog.MarkInfo = PDFDictionary({"Marked": "true"})

    def _written(
        self, document: Any, element: Element, parent: Any, pages: list[PDFPage], references: dict[int, Any]
    ) -> Any:
        written = PDFDictionary({"Type": PDFName("StructElem"), "S": PDFName(element.role), "P": parent})
        reference = document.Reference(written, f"StructElem{len(references)}")
        references[id(element)] = reference
        kids: list[Any] = [
            PDFDictionary({"Type": PDFName("MCR"), "Pg": document.Reference(pages[page]), "MCID": mark})
            for page, mark in element.kids
        ]
        kids += [self._written(document, child, reference, pages, references) for child in element.children]
        written["K"] = PDFArray(kids)
        if element.alternative:
            written["Alt"] = PDFString(element.alternative)
        return reference


def _let_page_name_its_marks(page: Any, number: int) -> None:
    """Add the two keys of a tagged page that ReportLab's page has no name for."""
    page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]
    page.StructParents = number
    page.Tabs = PDFName("S")
