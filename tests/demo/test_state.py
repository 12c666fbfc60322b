"""The folder of the demonstration: begun again when its set-up was cut off, left alone when it is somebody else's."""

from pathlib import Path
from typing import Any

import pytest

from app.demo import state
from app.errors import EnvironmentFault


def test_a_set_up_that_was_interrupted_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "demonstration").write_text("half")
    (folder / "dawn").mkdir()
    begun = []

    class Interrupted(Exception):
        pass

    def start(_folder: Path, **_given: Any) -> Any:
        begun.append(sorted(path.name for path in folder.iterdir()))
        raise Interrupted

    monkeypatch.setattr(state.embedded, "start", start)
    with pytest.raises(Interrupted):
        state.prepare(folder, lambda _words: None)
    assert begun == [["demonstration"]]
    assert not (folder / "ready.json").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(EnvironmentFault, match="holds something else"):
        state.prepare(tmp_path, lambda _words: None, fresh=True)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_one_process_holds_a_demonstration(tmp_path: Path) -> None:
    with state.held(tmp_path / "state") as first, state.held(tmp_path / "state") as second:
        assert (first, second) == (True, False)
    with state.held(tmp_path / "state") as again:
        assert again
