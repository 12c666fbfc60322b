"""What a file is, by what its bytes say, and the one import of each kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import UserError
from app.services.exchange import deletion_returns, gias, gias_links, la_codes
from app.services.exchange.report import ImportReport
from app.services.exchange.tabular import NOTHING_CHANGED, REFERENCE_BYTES, check_size, is_xlsx, read_csv

if TYPE_CHECKING:
    from app.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ListKind:
    """A kind of list.

    Attributes:
        run: imports; called with the workspace, the bytes and ``file_name``, ``dry_run``, ``progress``, ``cancelled``.
    """

    key: str
    label: str
    looks_like: Callable[[tuple[str, ...]], bool]
    run: Callable[..., ImportReport]


LISTS = (
    ListKind("gias-links", gias_links.KIND, gias_links.looks_like, gias_links.import_links),
    ListKind("gias", gias.KIND, gias.looks_like, gias.import_schools),
    ListKind("la-codes", la_codes.KIND, la_codes.looks_like, la_codes.import_la_codes),
    ListKind("deletions", deletion_returns.KIND, deletion_returns.looks_like, deletion_returns.import_returns),
)
CTF = "ctf"


def kind_of(content: bytes) -> str:
    """Return ``ctf`` or the key of a list.

    Raises:
        UserError: it is none of the files that can be imported.
    """
    from app.services.exchange import ctf  # late: lxml is heavy

    check_size(content, REFERENCE_BYTES)
    if ctf.looks_like(content):
        return CTF
    if is_xlsx(content) or content.startswith(b"\xd0\xcf\x11\xe0"):
        return "deletions"
    head = content if len(content) < 200_000 else content[:200_000].rpartition(b"\n")[0]
    header = read_csv(head, limit=REFERENCE_BYTES).header
    for kind in LISTS:
        if kind.looks_like(header):
            return kind.key
    raise UserError(
        "Rollcall does not know this list. It reads GIAS schools and links, local authority codes, Common Transfer "
        f"Files and lists of deletion returns. {NOTHING_CHANGED}"
    )


def list_kind(key: str) -> ListKind:
    """Return a kind of list by its key."""
    return next(kind for kind in LISTS if kind.key == key)


def run_list(ws: "Workspace", key: str, content: bytes, *, file_name: str = "", dry_run: bool = False) -> ImportReport:
    """Import a list of a given kind in one go."""
    return list_kind(key).run(ws, content, file_name=file_name, dry_run=dry_run)
