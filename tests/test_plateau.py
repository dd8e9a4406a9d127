"""ReduceOnPlateau on columns whose epochs of reduction are known on paper, and in real fits."""

import doctest
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fastnn import SGD, Adam, Dense, Sequential
from fastnn.callbacks import plateau as module
from fastnn.callbacks.plateau import ReduceOnPlateau
from fastnn.history import History
from fastnn.optimizers import LBFGS, Rprop
from fastnn.schedules import InverseTime

NAN = float("nan")


class Training:
    """A model whose history is dictated."""

    def __init__(self, rate=0.5):
        self.rate, self.learning_rate_factor, self.history = rate, 1.0, History()

    def _compiled(self):
        return SimpleNamespace(optimizer=SGD(self.rate))

    def fit(self, values, callback):
        """Epochs that measure these values; after which of them the factor has fallen."""
        callback.on_train_begin(self, len(values))
        fell = []
        for value in values:
            rate, epoch = self.rate * self.learning_rate_factor, len(self.history) + 1
            self.history.append(epoch, {callback.monitor: value, "learning_rate": rate})
            before = self.learning_rate_factor
            assert callback.on_epoch_end(self, self.history) is None
            if self.learning_rate_factor < before:
                fell.append(epoch)
        callback.on_train_end(self, self.history)
        return fell


FLAT = [1.0] * 12
# settings, column, epochs after which the rate falls
ON_PAPER = {
    "falling": ({"patience": 1}, [5, 4, 3, 2, 1], []),
    # Epoch 1 is the best; 2, 3 and 4 are the three that do not improve it, then 5, 6 and 7.
    "flat": ({"patience": 3}, FLAT, [4, 7, 10]),
    "patience 1": ({"patience": 1}, [3, 3, 2, 2, 2], [2, 4, 5]),
    "interrupted": ({"patience": 3}, [5, 6, 6, 4, 6, 6, 6, 3], [7]),
    "rising after the best": ({"patience": 2}, [5, 3, 4, 3.5, 3.1, 3], [4, 6]),
    "equal is no improvement": ({"patience": 2}, [5, 5, 5], [3]),
    "min_delta": ({"patience": 2, "min_delta": 1}, [5, 4.5, 4, 3.9, 3.5], [3]),
    "min_delta is exceeded": ({"patience": 2, "min_delta": 1}, [5, 4.5, 3.9, 3.5, 3.1], [5]),
    "cooldown 1": ({"patience": 3, "cooldown": 1}, FLAT, [4, 8, 12]),
    "cooldown 2": ({"patience": 2, "cooldown": 2}, FLAT, [3, 7, 11]),
    "better in the cooldown": ({"patience": 2, "cooldown": 2}, [4, 4, 4, 3, 4, 4, 4], [3, 7]),
    "maximum": ({"patience": 2, "mode": "max"}, [1, 2, 3, 2, 2, 4, 4, 4], [5, 8]),
    "not validated": ({"patience": 2}, [NAN, 5, NAN, 5, NAN, 5, NAN, NAN], [6]),
    "no number": ({"patience": 2, "monitor": "loss"}, [NAN, NAN, 5, 5, NAN, 5, NAN, 4], [5, 7]),
    "infinite": ({"patience": 2}, [float("inf"), float("inf"), 3, 3, 3], [2, 5]),
}


@pytest.mark.parametrize(("given", "column", "epochs"), ON_PAPER.values(), ids=ON_PAPER)
def test_it_reduces_after_the_epochs_known_on_paper(given, column, epochs):
    callback, training = ReduceOnPlateau(**given), Training()
    assert training.fit(column, callback) == epochs == callback.reduced_epochs
    assert_allclose(training.learning_rate_factor, 0.1 ** len(epochs), rtol=1e-15)


@settings(max_examples=60, deadline=None)
@given(
    column=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN]), min_size=1, max_size=40),
    cut=st.integers(0, 40),
    patience=st.integers(1, 4),
    cooldown=st.integers(0, 3),
    again=st.booleans(),
)
def test_a_training_that_goes_on_reduces_at_the_same_epochs(
    column, cut, patience, cooldown, again
):  # fmt: skip
    def make():
        return ReduceOnPlateau(patience=patience, cooldown=cooldown, factor=0.5)

    whole, cut_short, callback = Training(), Training(), make()
    expected = whole.fit(column, make())
    found = cut_short.fit(column[:cut], callback)
    found += cut_short.fit(column[cut:], callback if again else make())
    assert found == expected
    assert cut_short.learning_rate_factor == whole.learning_rate_factor


def test_attached_late_it_reduces_at_most_once_an_epoch():
    training = Training()
    training.fit(FLAT, ReduceOnPlateau(patience=99))
    callback = ReduceOnPlateau(patience=3)
    assert training.fit(FLAT, callback) == [13, 16, 19, 22]
    assert training.learning_rate_factor == pytest.approx(1e-4)


def test_the_factor_that_others_have_set_is_kept():
    training = Training()
    training.learning_rate_factor = 3.0
    training.fit(FLAT[:4], ReduceOnPlateau(patience=3, factor=0.5))
    assert training.learning_rate_factor == 1.5


def test_no_reduction_leads_below_the_least_rate():
    training, callback = Training(), ReduceOnPlateau(patience=1, factor=0.5, min_learning_rate=0.1)
    assert training.fit(FLAT, callback)[:3] == [2, 3, 4]
    rates = training.history["learning_rate"]
    assert_allclose(rates[:5], [0.5, 0.5, 0.25, 0.125, 0.1])
    assert_allclose(rates[5:], 0.1, rtol=1e-15)


@pytest.mark.parametrize(("rate", "least"), [(0.5, 0.5), (0.5, 0.7), (0.0, 0.1), (0.0, 0.0)])
def test_a_rate_that_is_low_already_stays(rate, least):
    training, callback = Training(rate), ReduceOnPlateau(patience=1, min_learning_rate=least)
    assert training.fit(FLAT, callback) == []
    assert callback.reduced_epochs == []
    assert training.learning_rate_factor == 1.0


# ---------------------------------------------------------------------------- real fits

X = np.linspace(-1, 1, 48)[:, None]
y = np.sign(X)


def line_model(optimizer):
    model = Sequential([Dense(1)], seed=0, dtype="float64")
    model.compile(optimizer, loss="mse")
    return model


@pytest.mark.parametrize("optimizer", [SGD(0.3), Adam(InverseTime(0.1, 40))], ids=["sgd", "adam"])
def test_in_a_fit_the_rates_fall_in_the_epoch_after(optimizer):
    model, callback = line_model(optimizer), ReduceOnPlateau("loss", factor=0.25, patience=2)
    model.fit(X, y, epochs=40, batch_size=16, callbacks=[callback], verbose=0)
    assert len(callback.reduced_epochs) > 1
    factor = np.ones(40)
    for epoch in callback.reduced_epochs:
        factor[epoch:] *= 0.25
    expected = optimizer.rates(0, 120)[2::3] * factor
    assert_allclose(model.history["learning_rate"], expected, rtol=1e-15)


def test_two_fits_are_one():
    weights = []
    for epochs in ([30], [11, 19], [1] * 30):
        model = line_model(SGD(0.3))
        for n in epochs:
            callback = ReduceOnPlateau("loss", patience=2)
            model.fit(X, y, epochs=n, batch_size=16, callbacks=[callback], verbose=0)
        assert model.learning_rate_factor < 1
        weights.append(model.get_weights()[0])
    assert_array_equal(weights[1], weights[0])
    assert_array_equal(weights[2], weights[0])


# -------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("optimizer", [LBFGS(), Rprop()], ids=["lbfgs", "rprop"])
def test_optimizers_without_a_rate_are_refused(optimizer):
    model = line_model(optimizer)
    with pytest.raises(ValueError, match=f"{type(optimizer).__name__} finds its own step sizes"):
        model.fit(X, y, batch_size=None, callbacks=[ReduceOnPlateau("loss")], verbose=0)
    assert len(model.history) == 0


def test_a_column_that_the_fit_does_not_record_is_refused():
    with pytest.raises(ValueError, match=r"ReduceOnPlateau watches \"val_loss\".*validation_data"):
        line_model(SGD()).fit(X, y, callbacks=[ReduceOnPlateau()], verbose=0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"factor": 1}, r"ReduceOnPlateau\(factor=1\): expected a number in \(0, 1\)"),
        ({"factor": 0}, r"factor=0\): expected a number in \(0, 1\)"),
        ({"patience": 0}, r"patience=0\): expected a whole number of at least 1"),
        ({"cooldown": -1}, r"cooldown=-1\): expected a whole number of at least 0"),
        ({"min_delta": -1}, r"min_delta=-1\): expected a finite number of at least 0"),
        ({"min_learning_rate": "a"}, r"min_learning_rate='a'\): expected a finite number"),
        ({"mode": "up"}, r'mode is \'up\'; pass mode="min" or mode="max"'),
        ({"monitor": "val_own"}, r'"val_own".*unknown; pass mode="min" or'),
    ],
    ids=str,
)
def test_a_setting_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        ReduceOnPlateau(**setting)


def test_examples_run():
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
