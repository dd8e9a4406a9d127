"""The board: a table on a terminal, one line without rich, nothing into a pipe."""

import io
import sys
import time

import pytest

from fastnn import tune
from fastnn.tune.board import Board
from fastnn.tune.trial import Trial

SPACE = tune.Space({"rate": tune.LogUniform(1e-4, 1), "beta": tune.OneMinusLog(0.9, 0.999)})


class Terminal(io.StringIO):
    def isatty(self):
        return True


def trial(number, value, status="done"):
    point = {"rate": 0.01, "beta": 0.99}
    return Trial(number, point, point, 0, status=status, value=value, epoch=3, epochs=5)


def run(stream, verbose="auto", deadline=float("inf")):
    with Board(SPACE, 4, 1.0, "val_loss", deadline, verbose, stream) as board:
        for number, value in enumerate([0.5, 0.25, float("nan")]):
            ended = trial(number, value, "done" if value == value else "failed")
            board.start(ended)
            board.end(ended)
            board.show()
            board._next = 0.0
    return stream.getvalue()


def test_a_terminal_sees_the_leaders_with_their_windows():
    pytest.importorskip("rich")
    shown = run(Terminal())
    assert "3/4 trials" in shown
    assert "0.99 (window 100)" in shown
    assert "1 failed" in shown
    last = shown[shown.rindex("status") :]
    assert last.index("0.25") < last.index("0.5 ")


def test_without_rich_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setitem(sys.modules, "rich.live", None)
    shown = run(Terminal())
    last = shown.split("\r")[-1]
    assert last.startswith("3/4 trials  best val_loss 0.25 (trial 1: rate 0.01  beta 0.99 (window")
    assert "1 failed" in last


def test_a_pipe_sees_nothing_unless_asked():
    assert run(io.StringIO()) == ""
    assert run(Terminal(), verbose=0) == ""
    asked = run(io.StringIO(), verbose=1)
    assert asked.count("\n") == 1
    assert asked.startswith("3/4 trials")


def test_the_time_left_is_that_of_the_pace_or_the_clock():
    board = Board(SPACE, 10, 1.0, "val_loss", float("inf"), 0)
    assert board.seconds_left() is None
    board.begun -= 20
    for number in range(5):
        board.end(trial(number, 0.1))
    assert board.seconds_left() == pytest.approx(20, rel=0.01)
    board.deadline = time.time() + 5
    assert board.seconds_left() == pytest.approx(5, rel=0.01)


def test_trials_of_before_do_not_count_for_the_pace():
    board = Board(SPACE, 10, 1.0, "val_loss", float("inf"), 0)
    board.remember([trial(number, 0.1) for number in range(9)])
    assert board.seconds_left() is None
    assert board.line().startswith("9/10 trials")
