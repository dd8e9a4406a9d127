"""Standardize: fitted or not is a state of its own; it works on the numbers as they come."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import Adam, Dense, Sequential, Standardize
from fastnn.files.persistence import pack
from fastnn.model.saving import portrait
from fastnn.training import building

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3)) * [1, 50, 1000] + [5, 100, -4000]
y = ((X - X.mean(0)) / X.std(0)).sum(1)
SECONDS = 1.7e9 + np.sort(rng.uniform(0, 600, 600))[:, None]
WAVE = np.sin(SECONDS[:, 0] - 1.7e9 / 100)


def network(dtype="float32", seed=0):
    model = Sequential([Standardize(), Dense(16), "tanh", Dense(1)], seed=seed, dtype=dtype)
    model.compile(Adam(1e-2), "mse", metrics=["r2"])
    return model


def fitted(model, epochs=3):
    model.fit(X, y, epochs=epochs, verbose=0)
    return model


def same(model, other):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(a, b)


def interrupt(*_):
    raise KeyboardInterrupt


# --- fitted or not --------------------------------------------------------------------------


def built(monkeypatch):
    return network().build(3)


def broken_off(monkeypatch):
    model = network().build(3)
    with monkeypatch.context() as patch:
        patch.setattr(building, "moments", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y, verbose=0)
    return model


def gone_back(monkeypatch):
    model = network().build(3)
    start = model.snapshot()
    shuffled = copy.deepcopy(model._shuffle_rng.bit_generator.state)
    fitted(model).restore(start)
    model._shuffle_rng.bit_generator.state = shuffled
    return model


def copied(monkeypatch):
    return copy.deepcopy(network().build(3))


def pickled(monkeypatch):
    return pickle.loads(pickle.dumps(network().build(3)))


def set_as_reported(monkeypatch):
    model = network().build(3)
    model.set_weights(model.get_weights())
    return model


def from_an_unfitted_one(monkeypatch):
    model = network().build(3)
    other = network().build(3)
    assert model.initialize_from(other) == ["1.W", "1.b", "3.W", "3.b"]
    return model


WAYS = built, broken_off, gone_back, copied, pickled, set_as_reported, from_an_unfitted_one


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_model_that_is_not_fitted_says_so_and_the_next_fit_does_it(way, monkeypatch, capsys):
    model = way(monkeypatch)
    for use in (lambda: model.predict(X), model.to_numpy, lambda: model.evaluate(X, y)):
        with pytest.raises(
            ValueError, match=r"Standardize is not fitted yet, .* call fit, or take"
        ):
            use()
    model.summary()
    assert "not fitted yet" in capsys.readouterr().out
    same(fitted(model), fitted(network()))
    model.summary()
    assert "not fitted" not in capsys.readouterr().out


def test_a_file_keeps_whether_it_is_fitted(tmp_path):
    for model in (network().build(3), fitted(network())):
        model.save(tmp_path / "m")
        twin = fastnn.load(tmp_path / "m")
        assert twin._network.state.values.tobytes() == model._network.state.values.tobytes()
        same(fitted(twin), fitted(model))


def old_file(model, path):
    """As an earlier version wrote it: mean and deviation alone, 0 and 1 before any fit."""
    tensors, description = portrait(model)
    mean, deviation, _ = tensors["0.running"]
    tensors["0.running"] = np.stack([mean, np.where(deviation > 0, deviation, 1)])
    path.write_bytes(pack(tensors, description))
    return fastnn.load(path)


def test_files_of_before_are_read(tmp_path):
    same(fitted(old_file(network().build(3), tmp_path / "m")), fitted(network()))
    twin = old_file(fitted(network()), tmp_path / "m")
    assert_array_equal(twin._network.state.running(0)[2], 0)
    assert_allclose(twin.predict(X), fitted(network()).predict(X), atol=1e-5)


def test_a_vector_of_before_finds_its_place():
    """As in a pickle: two rows of 12 took 32 places, three take 48."""
    state = Sequential([Standardize(), Dense(4), "batchnorm"], seed=0).build(12)._network.state
    start, today = state.layout.tensor(0, "running").offset, np.arange(len(state.values))
    today[start + 24 : start + 48] = 0
    before = np.delete(today, np.r_[start + 32 : start + 48])
    assert_array_equal(state.layout.of_today(before), today)
    state.restore(before)
    assert_array_equal(state.values, today)
    twin = pickle.loads(pickle.dumps(state))
    twin.__setstate__({**vars(state), "values": before})
    assert_array_equal(twin.values, today)


def test_what_another_model_has_learned_is_taken_over():
    source = fitted(network())
    model = network(seed=1)
    assert model.initialize_from(source)[:2] == ["0.mean", "0.deviation"]
    model.predict(X)
    same(model, source)
    unit = network().build(3)
    unit.set_weights(source.get_weights())
    unit._network.state.fit_moments(np.zeros(3), np.ones(3))
    other = network(seed=1)
    other.initialize_from(unit)
    other.predict(X)
    with pytest.raises(ValueError, match=r"0.deviation holds 0 at row 1; expected .* above 0"):
        model.set_weights([np.zeros(3), [1, 0, 1], *source.get_weights()[2:]])


# --- the numbers as they come ---------------------------------------------------------------

AS_THEY_COME = {
    "float64": SECONDS,
    "int64": (SECONDS * 1000).astype(np.int64),
    "big-endian": SECONDS.astype(">f8"),
    "every other column": np.repeat(SECONDS, 2, axis=1)[:, ::2],
    "a list": SECONDS.tolist(),
}


@pytest.mark.parametrize("given", AS_THEY_COME)
def test_what_differs_in_double_differs_after_it(given):
    times, model = AS_THEY_COME[given], network()
    model.fit(times, WAVE, epochs=2, verbose=0)
    run = model._network.predict_run()
    z = run.predict(fastnn.inputs.reading.feature_rows(times, 1, model.dtype), last=1)
    exact = np.asarray(times, np.float64)
    exact = (exact - exact.mean()) / exact.std()
    assert z.dtype == np.float32
    assert_allclose(z, exact, rtol=1e-5, atol=1e-6)
    assert len(np.unique(z)) == len(np.unique(times))
    assert len(np.unique(model.predict(times))) > 590
    whole, parts = model.predict(times), [model.predict(times[i : i + 7]) for i in range(0, 600, 7)]
    assert_array_equal(np.concatenate(parts), whole)
    assert_allclose(model.to_numpy()(times), whole, rtol=1e-4, atol=1e-5)


def test_another_model_of_these_weights_predicts_the_same_bits():
    model, twin = network(), network(seed=1).build(1)
    model.fit(SECONDS, WAVE, verbose=0)
    weights = model.get_weights()
    assert weights[0].dtype == np.float64
    twin.set_weights(weights)
    assert_array_equal(twin.predict(SECONDS), model.predict(SECONDS))


def test_float32_and_float64_features_train_alike():
    narrow, wide = X.astype(np.float32), X.astype(np.float32).astype(np.float64)
    one, other = network(), network()
    one.fit(narrow, y, epochs=3, verbose=0)
    other.fit(wide, y, epochs=3, verbose=0)
    assert_allclose(one.predict(narrow), other.predict(wide), rtol=1e-4, atol=1e-5)


def test_the_largest_numbers_have_moments():
    model = network("float64")
    huge = np.linspace(-1, 1, 300)[:, None] * 1.7e308
    model.fit(huge, y, verbose=0)
    mean, deviation = model.get_weights()[:2]
    assert_allclose(deviation, huge.std(dtype=np.longdouble).astype(float), rtol=1e-12)
    assert abs(mean[0]) < 1e294
    assert np.isfinite(model.predict(huge)).all()


def test_a_feature_that_does_not_vary_is_centred_only():
    flat = np.full((300, 1), 0.1) * [1, 1e9, 1e-9]
    model = network()
    model.fit(flat, y, verbose=0)
    mean, deviation = model.get_weights()[:2]
    assert_allclose(mean, flat[0], rtol=1e-12)
    assert_array_equal(deviation, 1)
