"""An answer that took long is given again for a while; a quick one is asked for each time."""

import threading

import pytest
from flask import Flask

from sync.standing import kept


class Asked:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def test_a_quick_answer_is_never_old(app: Flask) -> None:
    ask = Asked()
    assert [kept.kept("a", ask) for _ in range(3)] == [1, 2, 3]


def test_a_long_one_is_given_again_and_asked_for_anew_later(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LONG", 0.0)
    monkeypatch.setattr(kept, "TIMES", 1e9)
    ask = Asked()
    assert [kept.kept("a", ask) for _ in range(3)] == [1, 1, 1]
    assert kept.kept("another", ask) == 2
    monkeypatch.setattr(kept, "TIMES", 0)
    assert kept.kept("third", ask) == 3
    assert kept.kept("third", ask) == 4


def test_one_asks_and_the_others_are_given_what_was(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LONG", 0.0)
    monkeypatch.setattr(kept, "TIMES", 0)
    assert kept.kept("a", lambda: "old") == "old"
    asking, answered = threading.Event(), threading.Event()

    def slowly() -> str:
        asking.set()
        assert answered.wait(10)
        return "new"

    def ask() -> None:
        with app.app_context():
            assert kept.kept("a", slowly) == "new"

    thread = threading.Thread(target=ask)
    thread.start()
    assert asking.wait(10)
    assert kept.kept("a", lambda: "mine") == "old"
    answered.set()
    thread.join()


def test_a_failure_is_not_kept_and_holds_nobody_up(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError):
        kept.kept("a", lambda: 1 // 0)
    assert kept.kept("a", lambda: 1) == 1
