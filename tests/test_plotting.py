"""Learning curves: what is drawn for which history."""

import pytest

from fastnn import History
from fastnn.plotting import learning_curves

figure = pytest.importorskip("matplotlib.figure")


def history_of(**columns):
    history = History()
    for k in range(len(next(iter(columns.values())))):
        history.append(k + 1, {name: column[k] for name, column in columns.items()})
    return history


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_loss_alone_is_one_panel():
    history = history_of(loss=[3.0, 1.0, 2.0], learning_rate=[0.1] * 3, seconds=[1.0] * 3)
    (axes,) = learning_curves(history)
    assert labels(axes) == ["loss, training", "1 at epoch 2, the best"]
    assert axes.get_yscale() == "linear"


def test_metrics_are_a_second_panel_and_the_best_epoch_is_by_validation():
    history = history_of(
        loss=[3.0, 2.0, 0.1], accuracy=[0.1, 0.2, 0.3],
        val_loss=[3.0, 2.0, 2.5], val_accuracy=[0.1, 0.7, 0.8],
    )  # fmt: skip
    axes = learning_curves(history, figure.Figure().subplots(1, 2))
    assert labels(axes[0]) == ["loss, training", "loss, validation", "2 at epoch 2, the best"]
    assert labels(axes[1])[-1] == "0.7 at epoch 2"
    assert axes[0].get_yscale() == "log"


def test_one_given_axes_gets_the_loss():
    panel = figure.Figure().subplots()
    assert learning_curves(history_of(loss=[1.0], mae=[1.0]), panel) == [panel]


def test_a_history_of_nan_is_drawn_without_a_best_epoch():
    (axes,) = learning_curves(history_of(loss=[float("nan")] * 2))
    assert labels(axes) == ["loss, training"]


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="no epochs; call fit"):
        learning_curves(History())
