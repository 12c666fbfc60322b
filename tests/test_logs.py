"""Logs hold no personal data, whatever is thrown at them."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.services.workspace import Workspace


def test_only_allowed_fields_reach_the_file_and_an_exception_only_as_its_type(tmp_path: Path) -> None:
    logs.set_up(tmp_path)
    try:
        int("Testina Sentinelson, born 3 May 2013")
    except ValueError as error:
        logs.get_logger().error("failed", exc=error, name="Testina Sentinelson", count=3, table="child")
    written = (tmp_path / "rollcall.log").read_text()
    assert "Sentinelson" not in written
    assert '"error": "ValueError"' in written
    assert '"count": 3' in written
    assert "test_only_allowed_fields" in written


def test_database_errors_do_not_quote_values(workspace: Workspace) -> None:
    try:
        with workspace.read() as session:
            session.execute(text("SELECT nothing FROM child WHERE surname = :name"), {"name": "Sentinelson"})
    except SQLAlchemyError as error:
        assert "Sentinelson" not in str(error)  # noqa: PT017  (the text is what is tested)


def test_a_reference_is_the_same_within_a_run_and_is_not_the_id() -> None:
    assert logs.ref("0190") == logs.ref("0190") != logs.ref("0191")
    assert "0190" not in logs.ref("0190")
