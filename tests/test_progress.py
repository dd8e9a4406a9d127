"""Progress: the line, the bar on long fits, silence where nobody looks."""

import io
import sys

import numpy as np
import pytest

from fastnn import Adam, Dense, Progress, Sequential, Softmax
from fastnn.callbacks import progress

X = np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32)
Y = np.arange(90) % 3


class Terminal(io.StringIO):
    def isatty(self):
        return True


def train(stream, epochs=3, callbacks=(), **settings):
    model = Sequential([Dense(3), Softmax()], seed=0)
    model.compile(Adam(0.01), metrics=["accuracy"])
    shown = [Progress(stream)] if stream else []
    model.fit(X, Y, epochs, callbacks=[*shown, *callbacks], verbose=0, **settings)
    return model


def test_a_pipe_gets_the_last_epoch_only():
    stream = io.StringIO()
    model = train(stream, validation_split=0.2)
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("epoch 3/3  loss ")
    assert f"val_accuracy {model.history['val_accuracy'][-1]:.4f}" in line
    assert "epochs/s" in line
    assert "gradient_norm" not in line


def test_a_terminal_gets_a_line_that_is_rewritten(monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0)
    stream = Terminal()
    train(stream)
    written = stream.getvalue().split("\r")
    assert any(part.startswith("epoch 1/3  loss") for part in written)
    assert written[-1].startswith("epoch 3/3")
    assert stream.getvalue().endswith("\n")


def test_a_long_fit_gets_a_bar(monkeypatch):
    pytest.importorskip("rich")
    for name in ("LINE_SECONDS", "BAR_SECONDS", "LONG_SECONDS"):
        monkeypatch.setattr(progress, name, 0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    train(stream, epochs=20)
    assert "━" in stream.getvalue()
    assert "epoch 20/20" in stream.getvalue()
    assert "loss" in stream.getvalue()


def test_without_rich_a_long_fit_keeps_its_line(monkeypatch):
    for name in ("LINE_SECONDS", "LONG_SECONDS"):
        monkeypatch.setattr(progress, name, 0)
    monkeypatch.setitem(sys.modules, "rich", None)
    stream = Terminal()
    train(stream)
    assert "━" not in stream.getvalue()
    assert stream.getvalue().rstrip().split("\r")[-1].startswith("epoch 3/3")


def test_a_fit_that_is_broken_off_still_ends_its_line():
    stream = Terminal()

    def fail(model, history):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(stream, callbacks=[fail])
    assert stream.getvalue().endswith("\n")


def test_nobody_looks_in_a_pipe_unless_asked(capsys):
    train(None)
    model = Sequential([Dense(3), Softmax()], seed=0)
    model.compile()
    model.fit(X, Y)
    assert capsys.readouterr().err == ""
    model.fit(X, Y, verbose=1)
    assert capsys.readouterr().err.startswith("epoch 1/1  loss")
