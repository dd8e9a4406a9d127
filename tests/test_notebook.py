"""What notebooks and prompts show: short texts, drawn tables, a line that is rewritten."""

import io
import math
import re
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest

import fastnn
from fastnn import BatchNorm, Dense, History, Progress, ReLU, Sequential, Softmax, diagnostics, tune
from fastnn.datasets import load_iris
from fastnn.inputs.screens import is_notebook

X, y = load_iris()


def network(seed=0):
    model = Sequential([Dense(8), BatchNorm(), ReLU(), Dense(3), Softmax()], seed=seed)
    model.compile("adam", metrics=["accuracy"])
    return model


def texts(html):
    """The cells of tables, of HTML that is well-formed."""
    tree = ElementTree.fromstring(html)
    return [[cell.text or "" for cell in row] for row in tree.iter("tr")]


def test_two_fits_return_two_histories():
    model = network()
    one = model.fit(X, y, 3, validation_split=0.2, verbose=0)
    two = model.fit(X, y, 2, verbose=0)
    assert (one.epoch, two.epoch, model.history.epoch) == ([1, 2, 3], [4, 5], [1, 2, 3, 4, 5])
    assert "val_loss" in one.history
    assert "val_loss" not in two.history
    assert one["loss"] + two["loss"] == model.history["loss"]
    assert math.isnan(model.history["val_loss"][-1])
    two.history["loss"].clear()
    assert len(model.history["loss"]) == 5


def test_a_measure_that_is_nan_throughout_a_fit_is_a_column_of_it():
    model = network()
    model.compile("adam", metrics=[("nothing", lambda y, prediction: math.nan)])
    model.fit(X, y, 1, verbose=0)
    assert "nothing" in model.fit(X, y, 2, verbose=0).history


def test_a_history_in_a_line_and_drawn():
    assert repr(History()) == "History(no epochs)"
    history = History()
    history.append(4, {"loss": 0.5, "seconds": 1.0})
    assert repr(history) == "History(epoch 4: loss 0.5)"
    for epoch, loss in ((5, 0.25), (6, 0.125)):
        history.append(epoch, {"loss": loss, "val_loss": 1 - loss, "seconds": 1.0})
    assert repr(history) == (
        "History(epochs 4 to 6, best epoch 5: loss 0.5 to 0.125, val_loss nan to 0.875)"
    )
    html = history._repr_html_()
    assert texts(html)[0] == ["epoch", "loss", "seconds", "val_loss"]
    assert texts(html)[1:] == [
        ["4", "0.5", "1", "–"], ["5", "0.25", "1", "0.75"], ["6", "0.125", "1", "0.875"]
    ]  # fmt: skip
    loss, val_loss = re.findall(r'points="([^"]*)"', html)
    assert loss == "0.0,60.0 180.0,100.0 360.0,120.0"
    assert val_loss == "180.0,20.0 360.0,0.0"
    assert "dashed: epoch 5" in html
    assert ElementTree.fromstring(History()._repr_html_()).find("p").text == "no epochs"


def test_a_long_history_is_a_picture_of_its_width():
    history = History()
    history.extend(1, {"loss": list(np.linspace(1, 0, 100_000))})
    assert len(history._repr_html_()) < 20_000


def test_a_model_is_drawn_as_its_summary(capsys):
    model = network()
    assert texts(model._repr_html_())[1] == ["Dense(8)", "?", "?", texts(model._repr_html_())[1][3]]
    model.build(4)
    rows = texts(model._repr_html_())
    assert rows[0] == ["layer", "output", "parameters", ""]
    assert [row[2] for row in rows[1:]] == ["32", "16", "0", "27", "0"]
    model.summary()
    assert "inputs 4, parameters 75" in capsys.readouterr().out
    assert "inputs 4, parameters 75; running statistics 16" in model._repr_html_()


def test_what_diagnostics_find():
    report = diagnostics.check(network(), X * 1e6, y)
    assert repr(report) == f"Report({str(report).splitlines()[0]})"
    rows = texts(report._repr_html_())[1:]
    assert [(row[0], row[2]) for row in rows] == [(f.severity, f.message) for f in report.findings]
    assert rows
    found = diagnostics.Report((), 0.5, 1.0)
    assert repr(found) == "Report(nothing found; loss 0.5, of the best constant 1)"
    assert ElementTree.fromstring(found._repr_html_()).find("p").text == repr(found)[7:-1]


def test_what_searches_and_folds_find():
    folds = tune.cross_validate(network(), X, y, cv=3, epochs=2)
    assert repr(folds) == f"CrossValidation({folds})"
    rows = texts(folds._repr_html_())
    assert rows[0] == [
        f"epoch {folds.best_epoch}",
        "mean",
        "deviation",
        "fold 0",
        "fold 1",
        "fold 2",
    ]
    assert [row[0] for row in rows[1:]] == ["val_loss", "val_accuracy"]
    assert rows[1][1] == f"{folds.mean['val_loss'][folds.best_epoch - 1]:.4g}"


def test_a_search_is_drawn():
    def build(units):
        model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()], seed=0)
        model.compile("adam")
        return model

    result = tune.search(
        build, {"units": [4, 8]}, X, y, trials=2, epochs=2, storage=":memory:", verbose=0
    )
    rows = texts(result._repr_html_())
    assert rows[0] == ["trial", "val_loss", "epoch", "units"]
    assert rows[1][0] == str(result.best.number)
    assert rows[1][1] == f"{result.best_value:.4g}"


@pytest.fixture
def jupyter(monkeypatch):
    """A kernel's shell; its standard output is no terminal."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.mark.usefixtures("jupyter")
def test_progress_shows_in_a_notebook(capsys, monkeypatch):
    monkeypatch.setattr("fastnn.callbacks.progress.LINE_SECONDS", 0)
    monkeypatch.setattr("fastnn.callbacks.progress.LONG_SECONDS", 0)
    network().fit(X, y, 3)
    written = capsys.readouterr().out
    parts = written.split("\r")
    assert any(part.startswith("epoch 1/3  loss") for part in parts)
    assert parts[-1].startswith("epoch 3/3")
    assert "\x1b" not in written


def test_elsewhere_is_no_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not is_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not is_notebook()
    assert not Progress(io.StringIO()).is_live()


@pytest.mark.usefixtures("jupyter")
def test_a_searchs_board_shows_in_a_notebook(capsys):
    from fastnn.tune.board import Board

    with Board(SimpleNamespace(), 3, 1.0, "val_loss", math.inf) as board:
        board.show()
    assert "0/3 trials" in capsys.readouterr().out


def test_the_names_of_fastnn():
    assert dir(fastnn) == sorted({*fastnn.__all__, "TabularModel", "tabular"})
    assert not [name for name in dir(fastnn) if name.startswith("_") and name != "__version__"]
    import pydoc

    told = pydoc.plain(pydoc.render_doc(fastnn)).splitlines()
    assert "fastnn - Small neural networks, trained fast on a CPU" in told[3]
