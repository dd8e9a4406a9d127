"""The range test: against fits and formulas; what it suggests; the model is left as it is."""

import copy
import doctest

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import SGD, Adam, BatchNorm, Dense, Dropout, ReLU, Sequential, Softmax, Standardize
from fastnn.datasets import load_digits, load_iris
from fastnn.inputs import rows as inputs
from fastnn.schedules import Cosine
from fastnn.training import lr_find as module
from fastnn.training.lr_find import lr_find

X, y = load_digits()


def classifier(optimizer="adam", seed=0, **more):
    layers = [Standardize(), Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax()]
    model = Sequential(layers, seed=seed)
    model.compile(optimizer, **more)
    return model


def line(optimizer, seed=0):
    model = Sequential([Dense(1)], seed=seed, dtype="float64")
    model.compile(optimizer, loss="mse")
    return model


def regression(n=60):
    rng = np.random.default_rng(0)
    A = rng.normal(size=(n, 5))
    return A, A @ rng.normal(size=(5, 1)) + 0.1 * rng.normal(size=(n, 1))


# ----------------------------------------------------------------------- what it measures


@pytest.mark.parametrize("optimizer", [SGD, Adam, fastnn.RMSprop], ids=lambda o: o.__name__)
def test_on_the_full_batch_the_losses_are_those_of_a_fit_with_the_same_rates(optimizer):
    A, t = regression()
    rates = np.geomspace(1e-4, 0.1, 50)
    found = lr_find(line(optimizer()), A, t, low=1e-4, high=0.1, steps=50, batch_size=None)
    fitted = line(optimizer(lambda steps: rates[steps]))
    # The generator draws the same sequences of rows; their sums differ in the last bits.
    history = fitted.fit(A, t, epochs=50, batch_size=None, verbose=0)
    assert_allclose(found.learning_rates, rates, rtol=1e-14)
    assert_allclose(found.losses, history["loss"], rtol=1e-12)


def test_on_mini_batches_the_losses_are_those_of_the_formula():
    A, t = regression()
    model = line(SGD()).build(5)
    w, c = (a.astype(float) for a in model.get_weights())
    orders = np.empty((14, 60), np.int64)
    copy.deepcopy(model._network).draw_orders(np.arange(60), orders, True)
    order = orders.ravel()
    found = lr_find(model, A, t, low=1e-3, high=0.1, steps=50, batch_size=16)
    for step, rate in enumerate(np.geomspace(1e-3, 0.1, 50)):
        rows = order[16 * step : 16 * step + 16]
        error = A[rows] @ w + c - t[rows]
        assert_allclose(found.losses[step], np.mean(error**2), rtol=1e-10)
        w, c = w - rate * 2 * A[rows].T @ error / 16, c - rate * 2 * error.mean()


def test_it_ends_where_the_loss_diverges():
    A, t = regression()
    found = lr_find(line(SGD()), A, t, high=1e6)
    n = len(found.losses)
    assert 20 < n < 200
    assert len(found.learning_rates) == len(found.smoothed) == n
    assert found.learning_rates[-1] < 100
    assert np.isfinite(found.losses).all()
    untouched = line(SGD()).build(5).evaluate(A, t)["loss"]
    assert found.smoothed.max() <= 2 * untouched
    # The largest stable rate of a quadratic is 2 over its largest curvature.
    curvature = 2 * np.linalg.eigvalsh(np.cov(A.T, bias=True))[-1]
    assert 0.02 < found.suggestion * curvature / 2 < 1


def test_a_loss_that_is_not_finite_ends_it_too():
    A, t = regression()
    found = lr_find(line(SGD()), A, t, low=1e10, high=1e200, steps=30)
    assert np.isfinite(found.losses).all()
    assert len(found.losses) < 5
    assert found.suggestion is None


# --------------------------------------------------------------------- real suggestions

# Rates with which twenty epochs make at least nine tenths of the possible fall of the loss.
GOOD = {
    "sgd": ("sgd", 0.03, 1.0), "adam": ("adam", 6e-4, 0.1), "rmsprop": ("rmsprop", 6e-4, 0.1),
    "nadam": ("nadam", 6e-4, 0.1), "adamw": ("adamw", 6e-4, 0.1),
    "momentum": (SGD(momentum=0.9), 3e-3, 0.3), "schedule": (Adam(Cosine(1, 9)), 6e-4, 0.1),
}  # fmt: skip


@pytest.mark.parametrize(("optimizer", "low", "high"), GOOD.values(), ids=GOOD)
def test_every_optimizer_with_a_rate_gets_a_good_one(optimizer, low, high):
    for seed in range(3):
        model = Sequential([Dense(32), ReLU(), Dense(10), Softmax()], seed=seed)
        model.compile(optimizer)
        assert low <= lr_find(model, X, y).suggestion <= high


def test_the_suggestion_trains_iris():
    A, species = load_iris()
    for seed in range(3):
        model = Sequential([Standardize(), Dense(16), ReLU(), Dense(3), Softmax()], seed=seed)
        model.compile("adam", metrics=["accuracy"])
        rate = lr_find(model, A, species, batch_size=16).suggestion
        model.compile(Adam(rate), metrics=["accuracy"])
        history = model.fit(A, species, epochs=20, batch_size=16, verbose=0)
        assert history["accuracy"][-1] > 0.9


def test_in_a_trained_model_the_noise_of_the_batches_suggests_nothing():
    for seed in range(5):
        model = Sequential([Dense(64), ReLU(), Dense(10), Softmax()], seed=seed)
        model.compile("adam")
        model.fit(X, y, epochs=10, verbose=0)
        assert 2e-4 < lr_find(model, X, y).suggestion < 0.1


# ------------------------------------------------------------------ the model is left alone


def everything(model):
    network = model._network
    return [
        model._init_rng.bit_generator.state,
        model._shuffle_rng.bit_generator.state,
        dict(model.history.history),
        None if network is None else (network.state.values.copy(), network.step, network.epoch),
    ]


@pytest.mark.parametrize("epochs", [0, 3], ids=["unbuilt", "trained"])
def test_the_model_is_unchanged_to_the_bit(epochs):
    model, twin = classifier(), classifier()
    for one in (model, twin):
        if epochs:
            one.fit(X, y, epochs=epochs, verbose=0)
    before = everything(model)
    found = lr_find(model, X, y)
    assert str(everything(model)) == str(before)
    assert (model._network is None) == (epochs == 0)
    again = lr_find(model, X, y)
    assert_array_equal(again.losses, found.losses)
    assert again.suggestion == found.suggestion
    for one in (model, twin):
        one.fit(X, y, epochs=2, verbose=0)
    for mine, its in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(mine, its)
    assert model.history["loss"] == twin.history["loss"]


def test_a_model_without_weights_starts_as_fit_would():
    A, t = regression()
    models = []
    for _ in range(2):
        model = Sequential([Standardize(), Dense(1)], seed=0, dtype="float64")
        model.compile(SGD(0.0), loss="mse")
        models.append(model)
    found = lr_find(models[0], 1000 * A + 5, t, batch_size=None)
    loss = models[1].fit(1000 * A + 5, t, batch_size=None, verbose=0)["loss"]
    assert_allclose(found.losses[0], loss[0], rtol=1e-12)


def test_it_starts_where_the_model_stands():
    model = classifier()
    fresh = lr_find(model, X, y)
    model.fit(X, y, epochs=20, verbose=0)
    trained = lr_find(model, X, y)
    assert trained.losses[:20].mean() < 0.3 * fresh.losses[:20].mean()
    frozen = Sequential([Dense(10), Softmax()], seed=0)
    frozen.compile()
    frozen.initialize_from(frozen.build(64), freeze=2)
    assert lr_find(frozen, X, y).suggestion is None


def test_the_learning_rate_factor_plays_no_part():
    A, t = regression()
    model = line(SGD()).build(5)
    plain = lr_find(model, A, t)
    model.learning_rate_factor = 0.01
    assert_array_equal(lr_find(model, A, t).losses, plain.losses)


# -------------------------------------------------------------------------------- data


def test_features_of_any_type_give_the_same():
    whole = np.rint(16 * X)
    model = classifier()
    expected = lr_find(model, whole.astype(np.float32), y, steps=50)
    for given in (whole.astype(np.int64), whole.astype(np.uint8), whole.tolist()):
        assert_array_equal(lr_find(model, given, y, steps=50).losses, expected.losses)


def test_large_rows_are_cast_block_by_block(monkeypatch):
    whole = np.rint(16 * X).astype(np.int16)
    expected = lr_find(classifier(), whole, y, steps=50)
    monkeypatch.setattr(inputs, "BLOCK_ELEMENTS", 5000)
    assert_array_equal(lr_find(classifier(), whole, y, steps=50).losses, expected.losses)


def test_rows_of_weight_0_do_not_count():
    A, t = regression()
    wrong = np.where(np.arange(60) % 2 == 0, 1e6, 0)[:, None]
    found = lr_find(line(SGD()), A, t + wrong, sample_weight=wrong[:, 0] == 0, batch_size=None)
    expected = lr_find(line(SGD()), A[1::2], t[1::2], batch_size=None)
    assert_allclose(found.losses[:100], expected.losses[:100], rtol=1e-10)


@pytest.mark.parametrize("size", ["auto", None, 1, 10**6])
def test_batch_sizes_are_those_of_fit(size):
    A, t = regression()
    assert 1e-4 < lr_find(line(SGD()), A, t, batch_size=size).suggestion < 1


def test_it_tells_what_it_found():
    found = lr_find(classifier(), X, y, low=1e-5, steps=100)
    shown = f"LearningRateFinder(suggestion={found.suggestion:.2g}, {len(found.losses)} steps from"
    assert repr(found).startswith(shown + " 1e-05 to ")


# -------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("setting", "error", "message"),
    [
        ({"low": 0}, ValueError, "low is 0; expected a learning rate, a finite number above 0"),
        ({"high": np.inf}, ValueError, "high is inf; expected a learning rate"),
        ({"low": 1, "high": 0.1}, ValueError, "low is 1 and high is 0.1; expected low to be the"),
        ({"steps": 9}, ValueError, "steps is 9; expected a whole number of at least 10"),
        ({"steps": 1e2}, TypeError, "steps is 100.0, a float; expected a whole number"),
        ({"batch_size": 0}, ValueError, "batch_size is 0; expected"),
        ({"sample_weight": [1, 2]}, ValueError, r"sample_weight has shape \(2,\)"),
    ],
    ids=str,
)  # fmt: skip
def test_a_setting_is_refused(setting, error, message):
    with pytest.raises(error, match=message):
        lr_find(classifier(), X, y, **setting)


@pytest.mark.parametrize("optimizer", ["lbfgs", "rprop"])
def test_optimizers_that_find_their_own_steps_are_refused(optimizer):
    with pytest.raises(ValueError, match=r"no learning rate to find: .* finds its own step sizes"):
        lr_find(classifier(optimizer), X, y)


def test_a_model_that_cannot_be_tested_is_refused():
    with pytest.raises(ValueError, match="not compiled"):
        lr_find(Sequential([Dense(1)]), X, y)
    with pytest.raises(ValueError, match="y has 3 rows"):
        lr_find(classifier(), X, y[:3])
    model = line(SGD())
    model.set_weights([np.full((64, 1), 1e300), [0.0]])
    with pytest.raises(ValueError, match=r"not finite before any step.*Standardize\(\)"):
        lr_find(model, X, y)


def test_examples_run():
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
