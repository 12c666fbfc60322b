"""Safe XML for Common Transfer Files: no document type, no entities, no network, bounded in size, depth and count."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.errors import UserError
from app.services.exchange.tabular import NOTHING_CHANGED

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

MAX_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 24
MAX_ELEMENTS = 600_000
MAX_TEXT = 100_000
"""Longest text of one element."""
_CHUNK = 64 * 1024


class _Refused(Exception):
    """Raised inside the parser to stop it at once."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Guard:
    """A parser target that builds the tree and refuses what a transfer file never needs."""

    def __init__(self) -> None:
        from lxml import etree

        self._builder = etree.TreeBuilder()
        self._depth = 0
        self._elements = 0
        self._text = 0

    def doctype(self, *_args: object) -> None:
        raise _Refused("The file declares a document type or entities, which a Common Transfer File never does.")

    def start(self, tag: str | bytes, attrib: Any) -> None:
        self._depth += 1
        self._elements += 1
        self._text = 0
        if self._depth > MAX_DEPTH:
            raise _Refused("The file is nested far deeper than a Common Transfer File.")
        if self._elements > MAX_ELEMENTS:
            raise _Refused("The file has far more parts than a Common Transfer File.")
        self._builder.start(tag, attrib)

    def end(self, tag: str | bytes) -> None:
        self._depth -= 1
        self._text = 0
        self._builder.end(tag)

    def data(self, data: str | bytes) -> None:
        self._text += len(data)
        if self._text > MAX_TEXT:
            raise _Refused("A value in the file is far too long.")
        self._builder.data(data)

    def comment(self, text: str | bytes) -> None:
        return None

    def pi(self, target: str | bytes, data: str | bytes | None = None) -> None:
        return None

    def close(self) -> "Element | None":
        from lxml import etree

        try:
            return self._builder.close()
        except (etree.LxmlError, AssertionError):
            # lxml closes the target after a failure too; the failure itself is what must be told.
            return None


def parse(content: bytes) -> "Element":
    """Return the root element of hostile XML.

    Raises:
        UserError: too large, a document type or entity, too deep, truncated or not XML; nothing was imported.
    """
    from lxml import etree

    if len(content) > MAX_BYTES:
        raise UserError(
            f"The file is larger than {MAX_BYTES // (1024 * 1024)} MB. Ask for one file a class. {NOTHING_CHANGED}"
        )
    if not content.strip():
        raise UserError(f"The file is empty. {NOTHING_CHANGED}")
    parser = etree.XMLParser(
        target=_Guard(),
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
    )
    try:
        for start in range(0, len(content), _CHUNK):
            parser.feed(content[start : start + _CHUNK])
        root: Element | None = parser.close()
    except _Refused as refusal:
        raise UserError(f"{refusal.message} {NOTHING_CHANGED}") from None
    except (etree.LxmlError, ValueError, AssertionError, LookupError, TypeError) as error:
        line = getattr(error, "lineno", None)
        where = f" near line {line}" if line else ""
        raise UserError(f"The file is damaged or cut short{where}. Ask for it again. {NOTHING_CHANGED}") from error
    if root is None:
        raise UserError(f"The file is damaged or cut short. Ask for it again. {NOTHING_CHANGED}")
    return root


def name_of(element: "Element") -> str:
    """Return an element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def text_of(element: "Element | None") -> str:
    """Return an element's text on one line, without control characters."""
    if element is None or not element.text:
        return ""
    return clean(element.text)


def clean(text: str) -> str:
    """Return text on one line, NFC, without control or direction-changing characters."""
    import unicodedata

    normal = unicodedata.normalize("NFC", text)
    kept = "".join(char if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co"} else " " for char in normal)
    return " ".join(kept.split())


class Section:
    """An element whose children are taken by name; what nobody took is kept as unknown.

    Attributes:
        element: the element, or None for a section that the file does not have.
    """

    def __init__(self, element: "Element | None") -> None:
        self.element = element
        self._taken: set[int] = set()

    def __bool__(self) -> bool:
        return self.element is not None

    def _children(self, *names: str) -> Iterator[tuple[int, "Element"]]:
        if self.element is not None:
            for index, child in enumerate(self.element):
                if name_of(child) in names:
                    yield index, child

    def text(self, *names: str) -> str:
        """Return the first non-empty text among children of these names; all of them count as taken."""
        found = ""
        for index, child in self._children(*names):
            self._taken.add(index)
            found = found or text_of(child)
        return found

    def section(self, name: str) -> "Section":
        """Return the first child of a name as a section."""
        for index, child in self._children(name):
            self._taken.add(index)
            return Section(child)
        return Section(None)

    def sections(self, name: str) -> list["Section"]:
        """Return every child of a name as sections."""
        found = list(self._children(name))
        self._taken.update(index for index, _ in found)
        return [Section(child) for _, child in found]

    def rest(self) -> dict[str, Any]:
        """Return the children nobody took, as names to texts, lists or nested mappings."""
        if self.element is None:
            return {}
        kept: dict[str, Any] = {}
        for index, child in enumerate(self.element):
            if index in self._taken:
                continue
            value = _plain(child)
            name = name_of(child)
            if not name or value in ("", {}):
                continue
            if name in kept:
                kept[name] = [*(kept[name] if isinstance(kept[name], list) else [kept[name]]), value]
            else:
                kept[name] = value
        return kept


def _plain(element: "Element") -> Any:
    """Return an element as text, or as a mapping when it has children."""
    if len(element) == 0:
        return text_of(element)
    return Section(element).rest()
