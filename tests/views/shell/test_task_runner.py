"""Work runs elsewhere; results come back here, in order, and not to owners that are gone."""

import threading

import shiboken6
from PySide6.QtCore import QObject


def test_work_runs_on_another_thread_and_its_result_arrives_on_this_one(qtbot, runner):
    owner, seen = QObject(), []
    here = threading.current_thread()
    runner.run(owner, threading.current_thread, lambda there: seen.append((there, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen[0][0] is not here
    assert seen[0][1] is here


def test_the_database_lane_keeps_its_order(qtbot, runner):
    owner, seen = QObject(), []
    for number in range(50):
        runner.run(owner, lambda number=number: number, seen.append)
    qtbot.waitUntil(lambda: len(seen) == 50)
    assert seen == list(range(50))


def test_a_result_for_an_owner_that_is_gone_is_dropped(qtbot, runner):
    owner, seen, may_go_on = QObject(), [], threading.Event()
    runner.run(owner, lambda: may_go_on.wait(5), seen.append)
    shiboken6.delete(owner)
    may_go_on.set()
    qtbot.waitUntil(lambda: runner.pending_count() == 0)
    assert seen == []


def test_results_are_dropped_once_the_window_forgets_them(qtbot, runner):
    owner, seen, may_go_on = QObject(), [], threading.Event()
    runner.run(owner, lambda: may_go_on.wait(5), seen.append)
    runner.forget_all()
    may_go_on.set()
    qtbot.waitUntil(lambda: runner.pending_count() == 0)
    assert seen == []


def test_an_error_goes_to_its_own_handler_or_else_to_the_window(qtbot, runner, errors):
    owner, seen = QObject(), []

    def fail() -> None:
        raise ValueError("no")

    runner.run(owner, fail, seen.append, lambda error: seen.append(error))
    runner.run(owner, fail, seen.append)
    qtbot.waitUntil(lambda: runner.pending_count() == 0)
    assert [type(error) for error in seen] == [ValueError]
    assert [type(error) for error in errors] == [ValueError]


def test_started_work_is_finished_before_the_runner_closes(qtbot, runner):
    done = []
    runner.run(QObject(), lambda: done.append("written"), lambda _none: None)
    owner = QObject()
    runner.run(owner, lambda: done.append("too"), lambda _none: None)
    runner.close()
    assert done == ["written", "too"]
    runner.run(owner, lambda: done.append("never"), lambda _none: None)
    assert runner.pending_count() == 2  # both results were still on their way; nothing new was taken
