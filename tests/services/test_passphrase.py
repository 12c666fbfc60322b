"""How hard a passphrase is to guess, in words."""

import random
import threading

import pytest

from app.errors import UserError
from app.services.vault import passphrase
from app.services.vault.passphrase import check, judge

PERSON = ("Dawn Ellery", "Marlshire County Council", "ML-0417")


@pytest.mark.parametrize("typed", ["seven blue kettles sing", "purple tractor lemon", "coffee train fish"])
def test_three_random_words_are_enough(typed):
    found = judge(typed, PERSON)
    assert found.enough
    assert found.words == "Strong."


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("aaaaaaaaaaaa", "Repeated parts count once."),
        ("abcdefghijkl", "Sequences are tried first."),
        ("password1234", "It is like a well-known password."),
        ("17/11/2026 17", "Dates are tried first."),
        ("Dawn Ellery 2026", "It has a name in it that others know."),
        ("marlshirecouncil", "It has a name in it that others know."),
        ("ML-0417 rollcall", "It has a name in it that others know."),
    ],
)
def test_what_is_easy_to_guess_is_refused_with_its_reason(typed, reason):
    found = judge(typed, PERSON)
    assert not found.enough
    assert reason in found.words
    assert found.words.endswith("Add another unrelated word.")
    with pytest.raises(UserError) as refusal:
        check(typed, PERSON)
    assert refusal.value.field == "passphrase"


def test_the_least_length_comes_first_and_is_counted():
    assert judge("short").words == "7 more characters needed."
    assert judge("elevenchars").words == "1 more character needed."
    assert judge("short", least_length=20).words == "15 more characters needed."
    with pytest.raises(UserError, match="at least 12"):
        check("short")


def test_without_a_keyring_more_is_asked():
    assert judge("purple tractor").enough
    assert not judge("purple tractor", alone=True).enough
    assert judge("purple tractor lemon", alone=True).enough


def test_what_one_person_is_called_is_not_held_against_the_next():
    assert not judge("Dawn Ellery Dawn", PERSON).enough
    before = judge("zephyrine quollkin")
    judge("zephyrine quollkin", ("Zephyrine Quollkin",))
    assert judge("zephyrine quollkin") == before
    from zxcvbn import matching

    assert not any("zephyrine" in words for words in matching.RANKED_DICTIONARIES.values())


def test_two_threads_do_not_judge_with_each_others_words():
    wrong = []

    def judge_often(name: str) -> None:
        for _ in range(30):
            if judge(f"{name} twelve", (name,)).score > 1:
                wrong.append(name)

    threads = [threading.Thread(target=judge_often, args=(name,)) for name in ("Quollkin", "Brindlewick")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_signs_that_stand_for_letters_do_not_multiply_the_work(monkeypatch):
    seen = []
    real = passphrase._estimate
    monkeypatch.setattr(passphrase, "_estimate", lambda text, about: seen.append(text) or real(text, about))
    chance = random.Random(5)
    for _ in range(3):
        judge("".join(chance.choice("4@8({[<369!1|7$05+%2") for _ in range(5000)))
    assert all(len(text) <= 72 for text in seen)
    assert all(len(set(text) & set("4@8({[<369!1|7$05+%2")) <= 5 for text in seen)


def test_a_very_long_one_is_refused_before_it_is_judged():
    with pytest.raises(UserError, match="at most 1024"):
        check("a word or two " * 100)
