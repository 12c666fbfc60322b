"""One running Rollcall to a vault."""

from app.views.single import SingleWindow


def test_a_second_start_calls_the_first_to_the_front(qtbot, tmp_path):
    first, second = SingleWindow(tmp_path / "vault"), SingleWindow(tmp_path / "vault")
    assert first.is_first()
    first.listen()
    assert not second.is_first()
    with qtbot.waitSignal(first.raise_asked, timeout=5_000):
        assert second.call_first()
    first.release()
    assert second.is_first()
    second.release()


def test_another_vault_is_another_window(tmp_path):
    first, second = SingleWindow(tmp_path / "one"), SingleWindow(tmp_path / "two")
    assert first.is_first()
    assert second.is_first()
    first.release()
    second.release()


def test_the_lock_leaves_the_vaults_folder_alone(tmp_path):
    single = SingleWindow(tmp_path / "vault")
    assert single.is_first()
    assert not (tmp_path / "vault").exists()
    single.release()


def test_nobody_answers_when_nobody_listens(tmp_path):
    assert not SingleWindow(tmp_path / "vault").call_first()
