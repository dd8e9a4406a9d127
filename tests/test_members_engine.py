"""Members in the engine: threads, files, frozen layers; how they start, what is refused."""

import numpy as np
import pytest
import reference_network as net
from member_models import FEATURES, K, data, drawn, tabm
from numpy.testing import assert_allclose, assert_array_equal
from twins import goes_on_as_itself, same_bits_on_any_number_of_threads

import fastnn
from fastnn import (
    LBFGS,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    Members,
    ReLU,
    Scale,
    Sequential,
    Softmax,
    Standardize,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


# --------------------------------------------------------------------- the engine


def test_any_number_of_threads_computes_the_same_bits(threads):
    layers = [*tabm(8, 64, 3)[:4], Dropout(0.1), *tabm(8, 64, 3, Softmax())[4:]]
    same_bits_on_any_number_of_threads(layers, threads, ["accuracy"])


def test_it_is_saved_copied_and_continued(tmp_path, rng):
    X, y = data(rng)
    model = Sequential([*tabm(K, 6, 3)[:4], BatchNorm(), *tabm(K, 6, 3, Softmax())[4:]], seed=0)
    model.compile(Adam(0.01))
    model.fit(X, y, epochs=2, batch_size=16, verbose=0)
    goes_on_as_itself(model, X, y, tmp_path / "members.safetensors")


def test_weights_tell_the_number_of_features(rng):
    model = drawn(tabm(), rng)
    other = Sequential(tabm(), seed=9, dtype="float64")
    other.set_weights(model.get_weights())
    X, _ = data(rng)
    assert_array_equal(model.predict(X), other.predict(X))


def test_lbfgs_and_frozen_layers(rng):
    X, y = data(rng)
    model = Sequential(tabm(K, 6, 3, Softmax()), seed=0, dtype="float64")
    model.compile(LBFGS())
    losses = model.fit(X, y, epochs=10, batch_size=None, verbose=0)["loss"]
    assert losses[-1] < 0.8 * losses[0]
    other = Sequential(tabm(K, 6, 3, Softmax()), seed=1, dtype="float64").build(FEATURES)
    other.initialize_from(model, freeze=5)
    other.compile(Adam(0.1))
    other.fit(X, y, epochs=3, verbose=0)
    kept = [a.tobytes() == b.tobytes()
            for a, b in zip(model.get_weights(), other.get_weights(), strict=True)]  # fmt: skip
    assert kept == [True] * 5 + [False] * 5
    assert fastnn.check_gradient(other, X, y) <= 1e-6


def test_exact_statistics_are_those_of_each_member(rng):
    X, _ = data(rng, 300)
    layers = [Members(K, "normal"), Dense(5), BatchNorm(), ReLU(), Dense(1)]
    model = Sequential(layers, seed=0, dtype="float64").build(FEATURES)
    model.recompute_batchnorm(X)
    scale, W, _, _, mean, var = model.get_weights()[:6]
    z = (net.layer_forward(("members", scale), X) @ W).reshape(300, -1)
    assert_allclose(mean, z.mean(axis=0), atol=1e-12)
    assert_allclose(var, z.var(axis=0, ddof=1), rtol=1e-12)


# ------------------------------------------------------------------ start, summary


def test_how_members_start():
    def scales(init, seed=0):
        return Sequential([Members(32, init), Dense(1)], seed=seed).build(100).get_weights()[0]

    assert sorted(set(scales("signs"))) == [-1, 1]
    assert abs(scales("signs").mean()) < 0.06
    assert_array_equal(scales("signs"), scales("signs"))
    assert (scales("signs") != scales("signs", 1)).any()
    assert abs(scales("normal").std() - 1) < 0.06
    assert set(scales("ones")) == {1}


def test_own_weights_start_as_those_of_one_network():
    model = Sequential([Members(4), Dense(50, shared=False), ReLU(), Dense(1)], seed=0).build(200)
    W = model.get_weights()[1].reshape(4, 200, 50)
    assert_allclose(W.std(axis=(1, 2)), np.sqrt(2 / 200), rtol=0.1)
    assert len({w.tobytes() for w in W}) == 4


def test_the_summary_tells_how_many_there_are(capsys):
    Sequential([Members(8), Dense(5), ReLU(), Dense(3, shared=False)], seed=0).build(4).summary()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1][-4:] == ["8", "x", "4", "32"]
    assert lines[2][-4:] == ["8", "x", "5", "25"]
    assert lines[4][-4:] == ["8", "x", "3", "144"]


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (lambda: [Members(2), Dense(3), Members(2), Dense(1)],
         "Members is layer 3, and layer 1 too; expected one"),
        (lambda: [Dense(3, shared=False), Members(2), Dense(1)],
         r"layer 1 is Dense\(3, shared=False\), before any Members; expected one before it"),
        (lambda: [Dense(3, shared=False)], "before any Members; expected one before it"),
        (lambda: [Dense(3), Scale(), Members(2), Dense(1)],
         "Scale is layer 2; expected it first, or after Standardize, Members or an embedding"),
        (lambda: [Members(2), Standardize(), Dense(1)],
         "Standardize is layer 2; expected it first"),
        (lambda: [Members(2)], "the model has no Dense layer"),
        (lambda: [Members(1), Dense(1)], r"Members\(k=1\): expected a whole number of at least 2"),
        (lambda: [Members(2, init="sign"), Dense(1)], 'unknown init "sign"; did you mean "signs"'),
        (lambda: ["members", Dense(1)], '"members" names a layer that needs k'),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(layers, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Sequential(layers())
