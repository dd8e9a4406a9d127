"""Initializers: exact moments within what chance allows, orthogonality, lookup, errors."""

import copy
import doctest
import pickle

import numpy as np
import pytest

from fastnn import initializers
from fastnn.initializers import (
    Array,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Orthogonal,
    Uniform,
    Zeros,
    default_for,
    distributions,
    draw,
    fixed,
    get,
)

I, O = 300, 500  # unequal, so that fan_in in the place of fan_out shows
SIGMAS = 5

# initializer, mean, variance, half-width of the support (inf for a normal)
RANDOM = [
    (Uniform(), 0.0, 1 / 3, 1.0),
    (Uniform(2.0, 5.0), 3.5, 0.75, 1.5),
    (GlorotNormal(), 0.0, 2 / 800, np.inf),
    (GlorotNormal(gain=3.0), 0.0, 18 / 800, np.inf),
    (GlorotUniform(), 0.0, 2 / 800, np.sqrt(6 / 800)),
    (GlorotUniform(gain=3.0), 0.0, 18 / 800, 3 * np.sqrt(6 / 800)),
    (HeNormal(), 0.0, 2 / 300, np.inf),
    (HeUniform(), 0.0, 2 / 300, np.sqrt(6 / 300)),
    (LeCunNormal(), 0.0, 1 / 300, np.inf),
    (LeCunUniform(), 0.0, 1 / 300, np.sqrt(3 / 300)),
]
ALL = [row[0] for row in RANDOM] + [Orthogonal(), Zeros(), Constant(0.25)]


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("init", "mean", "variance", "half"), RANDOM, ids=repr)
def test_moments(init, mean, variance, half):
    w = init(rng(), I, O)
    n = w.size
    kurtosis, eighth = (3.0, 105.0) if np.isinf(half) else (9 / 5, 9.0)
    centred = (w - mean) / np.sqrt(variance)
    assert abs(centred.mean()) < SIGMAS / np.sqrt(n)
    assert abs((centred**2).mean() - 1) < SIGMAS * np.sqrt((kurtosis - 1) / n)
    # The fourth moment tells a normal from a uniform of the same variance.
    assert abs((centred**4).mean() - kurtosis) < SIGMAS * np.sqrt((eighth - kurtosis**2) / n)
    assert np.abs(w - mean).max() <= half
    if np.isfinite(half):
        assert np.abs(w - mean).max() > 0.999 * half


@pytest.mark.parametrize("init", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (1, 1), (1, 9)])
def test_shape_dtype_and_determinism(init, shape):
    w = init(rng(3), *shape)
    assert w.shape == shape
    assert w.dtype == np.float64
    assert w.flags.c_contiguous
    np.testing.assert_array_equal(w, init(rng(3), *shape))
    np.testing.assert_array_equal(w, draw(init, rng(3), *shape))


@pytest.mark.parametrize("init", [r[0] for r in RANDOM] + [Orthogonal()], ids=repr)
def test_the_generator_decides_and_moves_on(init):
    one = rng(1)
    first = init(one, 5, 5)
    assert not np.array_equal(first, init(one, 5, 5))
    assert not np.array_equal(first, init(rng(2), 5, 5))


@pytest.mark.parametrize("shape", [(40, 40), (60, 20), (20, 60), (1, 5)])
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_orthogonal(shape, gain):
    w = Orthogonal(gain)(rng(), *shape)
    gram = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(min(shape)), atol=1e-12)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    draws = np.array([Orthogonal()(one, 2, 2) for one in [rng()] for _ in range(4000)])
    tolerance = SIGMAS * np.sqrt(0.5 / 4000)  # each entry has variance 1/2
    assert np.abs(draws.mean(axis=0)).max() < tolerance
    assert abs(np.linalg.det(draws).mean()) < SIGMAS / np.sqrt(4000)


def test_zeros_and_constant():
    np.testing.assert_array_equal(Zeros()(rng(), 2, 3), np.zeros((2, 3)))
    np.testing.assert_array_equal(Constant(-2)(rng(), 2, 3), np.full((2, 3), -2.0))


def test_array_is_a_copy_both_ways():
    values = np.arange(6, dtype=np.int16).reshape(2, 3)
    init = Array(values)
    values[:] = 9
    w = init(rng(), 2, 3)
    np.testing.assert_array_equal(w, [[0, 1, 2], [3, 4, 5]])
    w[:] = 7
    np.testing.assert_array_equal(init(rng(), 2, 3), [[0, 1, 2], [3, 4, 5]])


def test_array_compares_hashes_and_prints():
    a, same, other = Array([[1.0, -0.0]]), Array([[1, 0]]), Array([[1.0, 2.0]])
    assert a == same
    assert hash(a) == hash(same)
    assert a != other
    assert a != Array([[1.0], [0.0]])
    assert a != Zeros()
    assert len({a, same, other}) == 2
    assert repr(Array(np.zeros((64, 10)))) == "Array(shape=(64, 10))"
    assert copy.deepcopy(a) == a == pickle.loads(pickle.dumps(a))


@pytest.mark.parametrize("init", ALL, ids=repr)
def test_values_compare_and_pickle(init):
    assert pickle.loads(pickle.dumps(init)) == init
    assert hash(copy.copy(init)) == hash(init)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("uniform", Uniform()),
        ("glorot_normal", GlorotNormal()),
        ("xavier_normal", GlorotNormal()),
        ("glorot_uniform", GlorotUniform()),
        ("xavier_uniform", GlorotUniform()),
        ("he_normal", HeNormal()),
        ("he_uniform", HeUniform()),
        ("lecun_normal", LeCunNormal()),
        ("lecun_uniform", LeCunUniform()),
        ("orthogonal", Orthogonal()),
        ("zeros", Zeros()),
    ],
)
def test_get_by_name(name, expected):
    assert get(name) == expected


def test_get_accepts_initializers_arrays_and_callables():
    he = HeNormal()
    assert get(he) is he
    assert get([[1.0, 2.0]]) == get(np.array([[1, 2]])) == Array([[1.0, 2.0]])

    def ones(rng, fan_in, fan_out):
        return np.ones((fan_in, fan_out))

    assert get(ones) is ones


@pytest.mark.parametrize(
    ("spec", "error", "match"),
    [
        ("he_norml", ValueError, "he_norml.*did you mean.*he_normal"),
        ("Xavier", ValueError, "unknown initializer.*Known: uniform"),
        ("constant", ValueError, r"needs a value; pass .*Constant\(value\)"),
        (HeNormal, TypeError, r"name, an array or a callable.*HeNormal\(\)"),
        (0.5, TypeError, r"got 0\.5; pass for example"),
        (None, TypeError, "got None"),
        (lambda shape: np.zeros(shape), TypeError, r"cannot be called as \(rng, fan_in, fan_out\)"),
        ([1.0, 2.0], ValueError, r"2-D array.*got shape \(2,\)"),
        ([[1.0, 2.0], [3.0]], ValueError, "rows of different lengths"),
        (np.array([["a"]]), TypeError, "expected real numbers"),
        (np.array([[1.0, np.nan]]), ValueError, r"nan at index \(0, 1\)"),
    ],
)
def test_get_errors(spec, error, match):
    with pytest.raises(error, match=match):
        get(spec)


@pytest.mark.parametrize(
    ("returned", "error", "match"),
    [
        (np.zeros((3, 2)), ValueError, r"shape \(3, 2\); expected .* = \(2, 3\), inputs first"),
        (0.0, ValueError, r"returned shape \(\)"),
        (None, TypeError, "holds object values"),
        ([["a"] * 3] * 2, TypeError, "expected real numbers"),
        (np.ones((2, 3), complex), TypeError, "complex128"),
        (np.ones((2, 3), bool), TypeError, "bool"),
        ([[1, 2, 3], [1]], ValueError, "different lengths"),
        (np.array([[0, 0, 0], [0, np.inf, 0]]), ValueError, r"inf at index \(1, 1\)"),
    ],
)
def test_draw_checks_what_a_callable_returns(returned, error, match):
    with pytest.raises(error, match=match):
        draw(lambda rng, fan_in, fan_out: returned, rng(), 2, 3)


def test_draw_never_hands_out_the_memory_of_the_callee():
    mine = np.asfortranarray(np.ones((2, 3), np.float32))
    w = draw(lambda rng, fan_in, fan_out: mine, rng(), 2, 3)
    w[:] = 5
    assert w.dtype == np.float64
    assert w.flags.c_contiguous
    np.testing.assert_array_equal(mine, np.ones((2, 3)))


def test_array_of_another_shape_than_the_layer():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) but the layer has 3 inputs and 2 out"):
        draw(Array(np.zeros((2, 3))), rng(), 3, 2)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Uniform(1.0, 1.0), "low < high; got low=1.0, high=1.0"),
        (lambda: Uniform(0.0, np.inf), "finite bounds"),
        (lambda: GlorotNormal(0.0), "GlorotNormal needs a positive, finite gain; got gain=0.0"),
        (lambda: GlorotUniform(np.nan), "GlorotUniform needs"),
        (lambda: Orthogonal(-1.0), "Orthogonal needs"),
        (lambda: Constant(np.nan), "finite value; got nan"),
    ],
)
def test_impossible_parameters(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def test_defaults_follow_the_activation():
    for name in ["relu", "leaky_relu", "LeakyReLU", "elu", "gelu", "silu", "mish", "ReLU"]:
        assert default_for(name) == HeNormal()
    assert default_for("selu") == default_for("SELU") == LeCunNormal()
    for name in [None, "tanh", "sigmoid", "softmax", "identity", "softplus", "my_own"]:
        assert default_for(name) == GlorotUniform()


@pytest.mark.parametrize("module", [initializers, distributions, fixed], ids=lambda m: m.__name__)
def test_examples_run(module):
    failed, tried = doctest.testmod(module)
    assert tried > 0
    assert failed == 0
