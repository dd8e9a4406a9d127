"""Metrics of a model: one definition whatever a batch holds, weighted or not, or refused."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fastnn
from fastnn import Activation, Adam, Dense, ReLU, Sequential, Sigmoid, Softmax, Tanh, metrics

rng = np.random.default_rng(0)
X = rng.normal(size=(600, 8))
Y = (X @ rng.normal(size=(8, 5)) - 1.5 > 0).astype(int)
ONE = Y.sum(axis=1) == 1
WEIGHT = rng.integers(0, 4, 600).astype(float)
NAMES = ["accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"]


def network(last, loss, n_out=5, **compiled):
    model = Sequential([Dense(16), ReLU(), Dense(n_out), *last], seed=0)
    model.compile(Adam(1e-2), loss, **compiled)
    return model


def test_several_labels_stay_several_where_rows_happen_to_have_one():
    model = network([Sigmoid()], "binary_cross_entropy", metrics=NAMES)
    h = model.fit(X[~ONE], Y[~ONE], 3, validation_data=(X[ONE], Y[ONE]), verbose=0)
    outputs = model.predict(X[ONE])
    right = (outputs > 0.5) == Y[ONE]
    assert_allclose(h["val_accuracy"][-1], right.mean(), rtol=1e-12)
    assert_allclose(h["val_log_loss"], h["val_loss"], rtol=1e-6)
    for k in np.flatnonzero(ONE)[:20]:
        scores = model.evaluate(X[k : k + 1], Y[k : k + 1])
        # Clipped at the spacing of the type, the metric is not the loss to the bit.
        assert_allclose(scores["log_loss"], scores["loss"], rtol=1e-5)
        right = (model.predict(X[k : k + 1]) > 0.5) == Y[k]
        assert scores["accuracy"] == right.mean()
    for name in NAMES:
        expected = metrics.METRICS[name](Y[ONE], outputs, multilabel=True)
        assert h[f"val_{name}"][-1] == expected


@pytest.mark.parametrize("epochs", [1, 40])
def test_running_metrics_are_of_several_labels_too(epochs):
    model = network([Sigmoid()], "binary_cross_entropy", metrics=["accuracy", "log_loss"])
    h = model.fit(X[ONE], Y[ONE], epochs, batch_size=16, verbose=0)
    assert_allclose(h["log_loss"], h["loss"], rtol=1e-5)
    assert h["accuracy"][-1] > 0.6


def test_squares_of_several_labels_and_of_one():
    several = network([Sigmoid()], "mse", metrics=["accuracy"])
    several.fit(X[ONE], Y[ONE], verbose=0)
    right = (several.predict(X[ONE]) > 0.5) == Y[ONE]
    assert_allclose(several.evaluate(X[ONE], Y[ONE])["accuracy"], right.mean(), rtol=1e-12)
    one = network([Softmax()], "mse", metrics=["accuracy"])
    one.fit(X[ONE], Y[ONE], verbose=0)
    right = one.predict_classes(X[ONE]) == Y[ONE].argmax(axis=1)
    assert one.evaluate(X[ONE], Y[ONE])["accuracy"] == right.mean()


def repeated(array, weight):
    return np.repeat(array, weight.astype(int), axis=0)


@pytest.mark.parametrize("name", [*NAMES, "top_2"])
@pytest.mark.parametrize("form", ["classes", "one-hot", "several", "one output"])
def test_a_weight_counts_a_row_so_often(name, form):
    p = rng.random((600, 5)).round(1)
    y = {"classes": Y.argmax(axis=1), "one-hot": np.eye(5)[Y.argmax(axis=1)], "several": Y}
    y = y[form] if form in y else Y[:, 0]
    p, multilabel = p[:, :1] if form == "one output" else p, form == "several"
    if name == "top_2" and multilabel:
        pytest.skip("top_k is of one class a row")
    metric = metrics.get(name)[1]
    found = metric(y, p, WEIGHT, multilabel=multilabel)
    expected = metric(repeated(y, WEIGHT), repeated(p, WEIGHT), multilabel=multilabel)
    assert_allclose(found, expected, rtol=1e-12)
    assert type(found) is float
    assert_allclose(metric(y, p, np.ones(600)), metric(y, p), rtol=1e-12)


@pytest.mark.parametrize("name", ["mse", "rmse", "mae", "r2"])
def test_a_weight_counts_a_row_of_numbers_so_often(name):
    sk = pytest.importorskip("sklearn.metrics")
    references = {"mse": sk.mean_squared_error, "rmse": sk.root_mean_squared_error,
                  "mae": sk.mean_absolute_error, "r2": sk.r2_score}  # fmt: skip
    y, p = rng.normal(size=(600, 3)), rng.normal(size=(600, 3))
    found = metrics.METRICS[name](y, p, WEIGHT)
    assert_allclose(found, references[name](y, p, sample_weight=WEIGHT), rtol=1e-12)


def own(y, prediction, sample_weight=None):
    return 0.0 if sample_weight is None else float(sample_weight.sum())


def test_weighted_metrics_use_the_weights_and_the_others_do_not(tmp_path):
    y = Y.argmax(axis=1)
    model = network([Softmax()], "cross_entropy", metrics=["accuracy", own],
                    weighted_metrics=["accuracy", "log_loss", own])  # fmt: skip
    held_out = np.arange(0, 600, 3)
    h = model.fit(X, y, 3, validation_split=held_out, sample_weight=WEIGHT, verbose=0)
    assert list(h.history)[1:6] == ["accuracy", "own", "weighted_accuracy", "log_loss",
                                    "weighted_own"]  # fmt: skip
    w, right = WEIGHT[held_out], model.predict_classes(X[held_out]) == y[held_out]
    assert h["val_accuracy"][-1] == right.mean()
    assert_allclose(h["val_weighted_accuracy"][-1], w @ right / w.sum(), rtol=1e-12)
    assert_allclose(h["val_log_loss"], h["val_loss"], rtol=1e-5)
    assert_allclose(h["log_loss"], h["loss"], rtol=1e-5)
    learned = np.delete(np.arange(600), held_out)
    assert h["weighted_own"] == [WEIGHT[learned].sum()] * 3
    assert h["own"] == [0.0] * 3
    scores = model.evaluate(X, y, WEIGHT)
    assert_allclose(scores["log_loss"], scores["loss"], rtol=1e-5)
    assert "weighted_own" in scores
    plain = model.evaluate(X, y)
    assert plain["weighted_accuracy"] == plain["accuracy"]
    model.save(tmp_path / "model.safetensors")
    twin = fastnn.load(tmp_path / "model.safetensors", own={"own": own, "weighted_own": own})
    assert twin.evaluate(X, y, WEIGHT) == scores


def test_epochs_in_one_go_weigh_alike():
    found = []
    for callbacks in ([], [lambda model, history: None]):
        model = network([Softmax()], "cross_entropy", weighted_metrics=["accuracy", "log_loss"])
        data = (X[ONE], Y[ONE].argmax(axis=1), WEIGHT[ONE] + 1)
        model.fit(X, Y.argmax(axis=1), 60, validation_data=data, sample_weight=WEIGHT,
                  callbacks=callbacks, verbose=0)  # fmt: skip
        found.append({k: v for k, v in model.history.history.items() if k != "seconds"})
    assert found[0] == found[1]


# ----------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", [*NAMES, "top_2"])
@pytest.mark.parametrize("loss", ["mse", "huber", "poisson", "pinball"])
def test_metrics_of_classes_are_refused_for_numbers(name, loss):
    with pytest.raises(ValueError, match=f'the metric "{name}" compares classes, but the loss'):
        network([], loss, metrics=[name])
    with pytest.raises(ValueError, match='fits numbers; use "r2"'):
        network([Tanh()], loss, weighted_metrics=[name])


@pytest.mark.parametrize("layers", [[Dense(3)], [Dense(1)], [Dense(3), Tanh()]])
def test_a_regression_has_no_classes(layers):
    model = Sequential(layers, seed=0)
    model.compile(loss="mse")
    model.fit(X, X[:, : model.layers[0].units], verbose=0)
    with pytest.raises(ValueError, match="outputs are numbers, no classes; use predict"):
        model.predict_classes(X)


def test_what_an_own_last_layer_or_loss_means_its_author_knows():
    def steep(z):
        return z

    def slope(z):
        return 1.0

    def half(prediction, target, dprediction):
        dprediction[0] = prediction[0] - target[0]
        dprediction[1] = prediction[1] - target[1]
        return 0.5 * (dprediction[0] ** 2 + dprediction[1] ** 2)

    import numba

    for last, loss in (([Activation(numba.njit(steep), numba.njit(slope))], "mse"),
                       ([], numba.njit(half))):  # fmt: skip
        model = network(last, loss, 2, metrics=["accuracy"])
        model.fit(X, np.eye(2)[Y[:, 0]], verbose=0)
        assert model.predict_classes(X).shape == (600,)
    unnamed = Sequential([Dense(3)], seed=0).build(8)
    assert unnamed.predict_classes(X).max() > 0


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"weighted_metrics": "accuracy"}, "weighted_metrics is 'accuracy'; expected a list"),
        ({"weighted_metrics": ["f1", "f1"]}, 'two metrics are named "f1"'),
        ({"metrics": ["f1", ("weighted_f1", "f1")], "weighted_metrics": ["f1"]}, "two metrics are"),
    ],
)
def test_names_are_checked(settings, match):
    with pytest.raises((TypeError, ValueError), match=match):
        network([Softmax()], "cross_entropy", **settings)


def test_an_own_metric_without_weights_is_refused_before_training():
    model = network([Softmax()], "cross_entropy",
                    weighted_metrics=[("hits", lambda y, p: 1.0)])  # fmt: skip
    with pytest.raises(TypeError, match=r'"hits", a function \(y, prediction, sample_weight\)'):
        model.fit(X, Y[:, 0], sample_weight=WEIGHT, verbose=0)
    assert model.epoch == 0


class Refusing:
    """An own metric, which cannot be a key, and which takes no class 4."""

    __hash__ = None

    def __call__(self, y, prediction):
        if (y == 4).any():
            raise ValueError("class 4")
        return 0.0


def test_what_a_fit_has_tried_is_tried_again_where_it_depends_on_the_rows():
    model = network([Softmax()], "cross_entropy", metrics=[("own", Refusing()), "top_2"])
    labels = Y.argmax(axis=1)
    for y, refused in ((np.minimum(labels, 3), False), (labels, True), (labels * 0, False)):
        step = model.step
        if refused:
            with pytest.raises(ValueError, match="class 4"):
                model.fit(X, y, verbose=0)
        else:
            model.fit(X, y, verbose=0)
        assert (model.step == step) == refused
    several = network([Sigmoid()], "binary_cross_entropy", metrics=["top_2"])
    for _ in range(2):
        with pytest.raises(ValueError, match="top_2"):
            several.fit(X, Y, verbose=0)
