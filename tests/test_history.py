"""History: columns, the best epoch, where overfitting began, frames and JSON Lines."""

import json
import math

import numpy as np
import pytest

from fastnn import SGD, Adam, Callback, Dense, History, ReLU, Sequential, Softmax
from fastnn.datasets import load_digits


def history_of(**columns):
    history = History()
    for k in range(len(next(iter(columns.values())))):
        history.append(k + 1, {name: column[k] for name, column in columns.items()})
    return history


def test_the_best_epoch_is_that_of_the_lowest_validation_loss():
    assert history_of(loss=[3, 2, 1], val_loss=[2, 1, 3]).best_epoch == 2
    assert history_of(loss=[3, 1, 2]).best_epoch == 2
    assert history_of(loss=[3, 2, 1], val_loss=[math.nan, 5, math.nan]).best_epoch == 2
    assert History().best_epoch is None
    assert history_of(loss=[math.nan]).best_epoch is None


@pytest.mark.parametrize(
    ("val_loss", "expected"),
    [
        ([5, 4, 3, 2, 1, 2, 3, 4], 5),
        ([5, 4, 3, 2, 1, 1, 1, 1], None),
        ([5, 4, 3, 2, 1, 0.9, 0.8, 0.7], None),
        ([5, 4, 3, 2, 1, 2, 1.5], None),
        ([1, 2, 3, 4, 5], 1),
        ([5, 1, 2], None),
        # One bad epoch on the way down is no turn.
        ([5, 4, 9, 3, 2, 1, 0.9, 0.8], None),
        ([5, 3, 1, 2, 3, 4, 0.5, 5, 6, 7], 7),
    ],
)
def test_the_overfit_epoch_of_curves_on_paper(val_loss, expected):
    history = history_of(loss=[1.0] * len(val_loss), val_loss=val_loss)
    assert history.overfit_epoch == expected


def test_noise_around_a_plateau_is_no_overfitting():
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        epochs = np.arange(80)
        curve = np.exp(-epochs / 10) + 0.3 + 0.02 * rng.normal(size=80)
        wrong += history_of(val_loss=curve).overfit_epoch is not None
    assert wrong <= 25


def test_a_turn_is_found_through_noise():
    found = []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        epochs = np.arange(80)
        curve = np.exp(-epochs / 8) + 0.004 * epochs + 0.01 * rng.normal(size=80)
        found.append(history_of(val_loss=curve).overfit_epoch)
    # The smooth curve is lowest where exp(-t / 8) / 8 = 0.004: t = 27.5, epoch 28 or 29.
    assert None not in found
    assert 26 <= np.median(found) <= 31


def test_epochs_between_validations_are_left_out():
    gaps = [value for v in [5, 3, 1, 2, 3, 4] for value in (math.nan, v)]
    assert history_of(loss=[1] * 12, val_loss=gaps).overfit_epoch == 6


def test_a_frame_has_a_row_an_epoch():
    frame = history_of(loss=[3.0, 2.0], val_loss=[1.0, math.nan]).to_frame()
    assert list(frame.index) == [1, 2]
    assert frame.index.name == "epoch"
    assert list(frame.columns) == ["loss", "val_loss"]
    assert frame["loss"].tolist() == [3, 2]


def test_json_lines_are_standard_json(tmp_path):
    path = tmp_path / "history.jsonl"
    history_of(loss=[3.0, math.inf], val_loss=[math.nan, 0.5]).to_jsonl(path)
    lines = path.read_text().splitlines()
    refuse = pytest.fail
    rows = [json.loads(line, parse_constant=refuse) for line in lines]
    assert rows == [
        {"epoch": 1, "loss": 3.0, "val_loss": None},
        {"epoch": 2, "loss": None, "val_loss": 0.5},
    ]


def gradient_of(model, X, y):
    """Norm of the mean gradient over all rows: softmax regression by hand, in double."""
    W, b = (a.astype(np.float64) for a in model.get_weights())
    z = X.astype(np.float64) @ W + b
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return math.sqrt(np.square(X.T @ p / len(y)).sum() + np.square(p.mean(0)).sum())


@pytest.mark.parametrize("clip", [{}, {"clip_norm": 1e-3}, {"clip_value": 1e-4}])
def test_the_gradient_norm_is_that_of_the_last_step_before_clipping(clip):
    X, y = load_digits()
    model = Sequential([Dense(10), Softmax()], seed=1, dtype="float64")
    model.compile(SGD(0.5), **clip)
    model.build(64)
    before = gradient_of(model, X, y)
    history = model.fit(X, y, epochs=1, batch_size=None, verbose=0)
    assert history["gradient_norm"][-1] == pytest.approx(before, rel=1e-9)


def test_gradient_norms_do_not_depend_on_how_epochs_are_taken():
    X, y = load_digits()
    norms = []
    for callbacks in ([], [lambda model, history: None]):
        model = Sequential([Dense(200), ReLU(), Dense(10), Softmax()], seed=1)
        model.compile(Adam(1e-3))
        history = model.fit(X, y, epochs=12, callbacks=callbacks, verbose=0)
        norms.append(history["gradient_norm"])
    assert norms[0] == norms[1]
    assert min(norms[0]) > 0


def test_who_looks_between_steps_changes_nothing_that_is_measured():
    class Looking(Callback):
        every_steps = 3

        def on_steps_end(self, model, fraction):
            assert model.step % 3 == 0

    X, y = (part[:42] for part in load_digits())
    found = []
    for callbacks in ([Looking()], []):
        # Six steps an epoch, so that its halves are alike.
        model = Sequential([Dense(20), ReLU(), Dense(10), Softmax()], seed=1)
        model.compile(Adam(1e-3))
        history = model.fit(X, y, epochs=3, batch_size=7, callbacks=callbacks, verbose=0)
        found.append([history[name] for name in ("loss", "gradient_norm", "learning_rate")])
    assert found[0] == found[1]


def test_validation_every_third_epoch_and_at_the_end():
    X, y = load_digits()
    model = Sequential([Dense(10), Softmax()], seed=1)
    model.compile(metrics=["accuracy"])
    history = model.fit(X, y, epochs=7, validation_split=0.2, validation_freq=3, verbose=0)
    measured = [not math.isnan(v) for v in history["val_loss"]]
    assert measured == [False, False, True, False, False, True, True]
    assert np.isnan(history["val_accuracy"]).tolist() == [not m for m in measured]
    model.fit(X, y, epochs=3, validation_split=0.2, validation_freq=3, verbose=0)
    assert [not math.isnan(v) for v in model.history["val_loss"]][7:] == [False, True, True]


def test_full_training_metrics_are_those_of_evaluate():
    X, y = load_digits()
    model = Sequential([Dense(30), ReLU(), Dense(10), Softmax()], seed=1)
    model.compile(metrics=["accuracy"])
    history = model.fit(X, y, epochs=3, training_metrics="full", verbose=0)
    scores = model.evaluate(X, y)
    assert history["loss"][-1] == pytest.approx(scores["loss"], rel=1e-6)
    assert history["accuracy"][-1] == scores["accuracy"]


def test_sampled_training_metrics_are_near_the_full_ones_and_change_no_bit():
    X, y = load_digits()
    models = {}
    for mode in ("running", "sample", "full"):
        model = models[mode] = Sequential([Dense(30), ReLU(), Dense(10), Softmax()], seed=1)
        model.compile(metrics=["accuracy"])
        model.fit(X, y, epochs=4, training_metrics=mode, verbose=0)
    weights = [np.concatenate([a.ravel() for a in m.get_weights()]) for m in models.values()]
    assert all(np.array_equal(weights[0], w) for w in weights)
    last = {mode: model.history["accuracy"][-1] for mode, model in models.items()}
    assert last["sample"] != last["full"]
    assert last["sample"] == pytest.approx(last["full"], abs=0.03)
    assert last["running"] < last["full"]


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"training_metrics": "all"}, 'expected "running", "full" or "sample"'),
        ({"validation_freq": 0}, "validation_freq is 0"),
    ],
)
def test_wrong_settings_are_refused_before_training(settings, match):
    X, y = load_digits()
    model = Sequential([Dense(10), Softmax()], seed=1)
    model.compile()
    with pytest.raises(ValueError, match=match):
        model.fit(X, y, verbose=0, **settings)
    assert model.epoch == 0
