"""Settings are kept, checked and survive damage."""

from pathlib import Path

import pytest

from app.settings import SETTINGS, Settings


def test_a_value_is_kept_and_a_wrong_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    settings = Settings(path)
    settings.set("theme", "dark")
    assert Settings(path).get("theme") == "dark"
    for key, value in (("theme", "pink"), ("lock_minutes", 0), ("lock_minutes", "5"), ("reduce_motion", 1)):
        with pytest.raises(ValueError):
            settings.set(key, value)
    with pytest.raises(KeyError):
        settings.set("nothing", 1)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"theme": 7, "text_size": 99}'])
def test_a_damaged_file_falls_back_to_the_defaults(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(damage)
    settings = Settings(path)
    assert all(settings.get(key) == setting.default for key, setting in SETTINGS.items())
