"""A trained Sequential: predictions, scores, weights, callbacks, and being compiled again."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_model import HIDDEN, X, Y, classifier, fit, in_numpy, regressor, same

from fastnn import (
    ELU,
    GELU,
    SELU,
    SGD,
    Adam,
    Callback,
    Dense,
    Identity,
    Progress,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    check_gradient,
)  # fmt: skip
from fastnn.losses import CrossEntropy

# --- prediction and scores ------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-5), ("float64", 1e-12)])
def test_predictions(dtype, rtol):
    model = classifier(dtype)
    fit(model, 3)
    probabilities = model.predict(X)
    assert probabilities.dtype == dtype
    assert all(w.dtype == dtype for w in model.get_weights())
    assert_allclose(probabilities, in_numpy(model.get_weights(), X.astype(float)), rtol=rtol)
    assert_allclose(model.predict(X[:1]), probabilities[:1], rtol=rtol)
    classes = model.predict_classes(X)
    assert classes.dtype == np.int64
    assert_array_equal(classes, probabilities.argmax(axis=1))


def test_predictions_are_the_users_own():
    model = classifier()
    fit(model)
    first = model.predict(X)
    kept = first.copy()
    model.predict(X + 1)
    assert_array_equal(first, kept)


def test_classes_of_a_sigmoid():
    for units, y in [(1, Y == 2), (3, np.eye(3)[Y])]:
        model = Sequential([Dense(units), Sigmoid()], seed=0)
        model.compile(Adam(0.1), "binary_cross_entropy")
        fit(model, 30, y=y)
        classes = model.predict_classes(X)
        assert classes.shape == ((150,) if units == 1 else (150, 3))
        assert set(np.unique(classes)) == {0, 1}
        assert np.mean(classes == y) > 0.8


def test_evaluate_is_the_loss_of_the_prediction_and_its_penalties():
    model = Sequential([Dense(5, l1=0.01), ReLU(), Dense(3, l2=0.1), Softmax()], dtype="float64")
    model.compile(metrics=["accuracy", ("half", lambda y, p: 0.5)])
    fit(model, 2)
    W1, _, W2, _ = model.get_weights()
    penalty = 0.01 * np.abs(W1).sum() + 0.05 * (W2**2).sum()
    probabilities = model.predict(X)
    losses = -np.log(probabilities[np.arange(150), Y])
    scores = model.evaluate(X, Y)
    assert_allclose(scores["loss"], losses.mean() + penalty, rtol=1e-12)
    assert scores["accuracy"] == np.mean(probabilities.argmax(axis=1) == Y)
    assert scores["half"] == 0.5
    weight = np.arange(150.0)
    weighted = model.evaluate(X, Y, sample_weight=weight)["loss"]
    assert_allclose(weighted, losses @ weight / weight.sum() + penalty, rtol=1e-12)


def test_smoothed_and_soft_targets():
    smooth = 0.9 * np.eye(3)[Y] + 0.1 / 3
    one, other = classifier("float64"), classifier("float64")
    one.compile("adam", CrossEntropy(label_smoothing=0.1))
    fit(one, 2)
    fit(other, 2, y=smooth)
    assert_allclose(one.predict(X), other.predict(X), rtol=1e-9)


def test_exact_statistics_of_batch_norm():
    model = classifier("float64")
    fit(model, 2)
    model.recompute_batchnorm(X)
    W1, _, _, mean, variance, *_ = model.get_weights()
    assert_allclose(mean, (X @ W1).mean(axis=0), rtol=1e-9)
    assert_allclose(variance, (X @ W1).var(axis=0, ddof=1), rtol=1e-9)


# --- summary and weights --------------------------------------------------------------------


def test_summary(capsys):
    model = classifier()
    model.summary()
    assert "not built yet" in capsys.readouterr().out
    fit(model)
    model.summary()
    text = capsys.readouterr().out
    for words in (
        "Dense(8",
        "no bias: the batch norm",
        "inputs 4, parameters 75",
        "BatchNorm(",
    ):
        assert words in text  # 4 8 + 2 8 + 8 3 + 3
    assert "Dense(8" in repr(model)


def test_weights_come_and_go():
    model = classifier()
    fit(model, 3)
    weights = model.get_weights()
    shapes = [(4, 8), (8,), (8,), (8,), (8,), (8, 3), (3,)]
    assert [w.shape for w in weights] == shapes
    other = classifier(seed=9)
    other.set_weights(weights)
    same(model, other)
    assert_allclose(model.predict(X), other.predict(X), rtol=1e-6)
    for w in weights:
        w[:] = 0
    same(model, other)
    assert np.any(model.get_weights()[0] != 0)


def test_weights_of_another_model():
    teacher = classifier()
    fit(teacher, 3)
    pupil = Sequential([*HIDDEN, Dense(2), Softmax()], seed=5)
    copied = pupil.initialize_from(teacher, freeze=2)
    assert copied == ["0.W", "1.gamma", "1.beta", "1.running_mean", "1.running_var"]
    pupil.compile()
    fit(pupil, 3, y=Y % 2)
    for ours, theirs in zip(pupil.get_weights()[:5], teacher.get_weights()[:5], strict=True):
        assert_array_equal(ours, theirs)


# --- compiled again -------------------------------------------------------------------------


def test_another_optimizer_starts_afresh():
    model, new = classifier("float64"), classifier("float64")
    fit(model, 3, batch_size=None)
    new.set_weights(model.get_weights())
    for each in (model, new):
        each.compile(SGD(0.1, momentum=0.9))
        fit(each, 1, batch_size=None, shuffle=False)
    W, V = model.get_weights()[-2:], new.get_weights()[-2:]
    assert [w.shape for w in W] == [v.shape for v in V]
    assert len(model.history) == 4


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), "adam", "rprop"])
def test_the_state_of_another_optimizer_is_forgotten(optimizer):
    model = regressor("rmsprop", dtype="float64")
    fit(model, 3, y=X[:, 0], batch_size=None)
    new = regressor(optimizer)
    new.set_weights(model.get_weights())
    model.compile(optimizer, "mse")
    for each in (model, new):
        fit(each, 4, y=X[:, 0], batch_size=None, shuffle=False)
    same(model, new)


def test_the_same_optimizer_goes_on_with_its_state():
    model, plain = classifier(), classifier()
    fit(model, 2)
    model.compile(Adam(1e-3), metrics=["accuracy"])
    fit(model, 2)
    fit(plain, 4)
    same(model, plain)
    assert np.isnan(model.history["accuracy"][:2]).all()


def test_another_loss_on_the_same_weights():
    model = regressor()
    fit(model, 2, y=X[:, 0])
    before = model.predict(X)
    model.compile("sgd", "mae")
    assert_array_equal(model.predict(X), before)
    assert_allclose(model.evaluate(X, X[:, 0])["loss"], np.abs(before[:, 0] - X[:, 0]).mean())


def test_clipping():
    X1, y = np.ones((1, 1)), np.array([1000.0])
    for limits, moved in [({}, 20.0), ({"clip_value": 2.0}, 0.02), ({"clip_norm": 5.0}, 0.05)]:
        model = Sequential([Dense(1, bias=False, init="zeros")], dtype="float64")
        model.compile(SGD(0.01), "mse", **limits)
        fit(model, X=X1, y=y)
        assert_allclose(model.get_weights()[0], [[moved]], rtol=1e-8)


# --- callbacks and what is shown ------------------------------------------------------------


class Diary(Callback):
    def __init__(self, stop_at=None):
        self.pages, self.stop_at = [], stop_at

    def on_train_begin(self, model, epochs):
        self.pages.append(f"begin {epochs}")

    def on_epoch_end(self, model, history):
        self.pages.append(len(history))
        return len(history) == self.stop_at

    def on_train_end(self, model, history):
        self.pages.append("end")


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_callbacks_see_every_epoch_and_stop(optimizer):
    stopping, reading, losses = Diary(stop_at=2), Diary(), []
    model = regressor(optimizer)
    callbacks = [stopping, reading, lambda model, history: losses.append(history["loss"][-1])]
    history = fit(model, 5, y=X[:, 0], batch_size=None, callbacks=callbacks)
    assert stopping.pages == reading.pages == ["begin 5", 1, 2, "end"]
    assert losses == history["loss"]
    fit(model, 1, y=X[:, 0], batch_size=None, callbacks=[lambda model, history: True])
    assert (len(history), len(model.history)) == (2, 3)


def test_a_function_stops_too():
    history = fit(classifier(), 9, callbacks=[lambda model, history: len(history) == 4])
    assert len(history) == 4


def test_a_callback_that_fails_leaves_a_model_that_goes_on():
    def fail(model, history):
        raise KeyboardInterrupt

    diary, model, plain = Diary(), classifier(), classifier()
    with pytest.raises(KeyboardInterrupt):
        fit(model, 3, callbacks=[diary, fail])
    assert diary.pages == ["begin 3", 1, "end"]
    fit(model, 2)
    fit(plain, 3)
    same(model, plain)


def test_what_is_shown(capsys):
    model = classifier(metrics=["accuracy"])
    for verbose in (0, False, "auto"):  # this is no terminal
        model.fit(X, Y, 2, verbose=verbose)
        assert capsys.readouterr() == ("", "")
    model.fit(X, Y, 3, verbose=1, validation_split=True)
    out, err = capsys.readouterr()
    assert out == ""
    for words in ("epoch 3/3", "loss ", "accuracy ", "val_accuracy "):
        assert words in err
    assert err.count("\n") == 1
    assert Progress().is_live() is False


@pytest.mark.parametrize("before", [ReLU, Sigmoid, Tanh, ELU, SELU, GELU, Softplus])
def test_identity_changes_nothing_wherever_it_stands(before):
    X = np.random.default_rng(0).normal(size=(40, 4))
    y = X[:, :2] ** 2
    plain = [Dense(6), before(), Dense(5), before(), Dense(2)]
    spread = [Dense(6), before(), Identity(), before(), Identity(), Dense(5), Identity(), Dense(2)]
    models = []
    for layers in (plain, [*plain[:2], Identity(), plain[2], Identity(), *plain[3:], Identity()]):
        model = Sequential(layers, seed=0, dtype="float64")
        model.compile(Adam(0.01), loss="mse")
        model.set_weights(Sequential(plain, seed=1).build(4).get_weights())
        model.fit(X, y, epochs=5, batch_size=16, verbose=0)
        models.append(model.predict(X))
    assert_array_equal(*models)
    model = Sequential(spread, seed=0, dtype="float64")
    model.compile(Adam(0.01), loss="mse")
    assert check_gradient(model, X, y) < 1e-6


def test_a_layer_that_begins_with_an_array_tells_its_shape():
    layer = Dense(12, init=np.eye(12, dtype=np.float32))
    assert repr(layer) == "Dense(12, init=array (12, 12))"
    assert "init=array (12, 12)" in repr(Sequential([layer]))
