"""A list from outside, whatever it is: CSV or an Excel workbook."""

from app.errors import UserError
from app.services.exchange.tabular import LIST_BYTES, NOTHING_CHANGED, Table, check_size, is_xlsx, read_csv
from app.services.exchange.workbook import read_workbook


def read_table(content: bytes) -> Table:
    """Return a CSV or Excel table by what its bytes are, whatever its name says.

    Raises:
        UserError: it is neither, or one of the bounds is passed.
    """
    check_size(content, LIST_BYTES)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(
            "This is an old Excel file, or one locked with a password. Save it as .xlsx without a password, or as "
            f"CSV UTF-8. {NOTHING_CHANGED}"
        )
    if is_xlsx(content):
        return read_workbook(content)
    if content.startswith((b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"<?xml", b"{\\rtf")):
        raise UserError(f"This is not a CSV or Excel file. {NOTHING_CHANGED}")
    return read_csv(content)
