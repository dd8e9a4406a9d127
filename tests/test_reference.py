"""The reference is itself checked: golden facts, central differences, external values."""

import json
from pathlib import Path

import numpy as np
import pytest
import reference as ref
import reference_network as net
import reference_optimizers as opt
from numpy.testing import assert_allclose, assert_array_equal

TABLE = json.loads((Path(__file__).parent / "tables" / "optimizers.json").read_text())


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# --------------------------------------------------------------- golden facts


def test_softmax_of_a_known_row():
    assert_allclose(ref.softmax(np.array([5.0, 2, -1, 3])), [0.842, 0.042, 0.002, 0.114], atol=5e-4)


def test_cross_entropy_of_a_known_row():
    logits = np.log([[0.3, 0.2, 0.1, 0.4]])
    target = np.array([[0.0, 1, 0, 0]])
    loss, dz = ref.cross_entropy(logits, target)
    assert_allclose(loss, -np.log(0.2), rtol=1e-15)
    assert_allclose(dz, np.exp(logits) - target, atol=1e-16)


def test_softmax_and_cross_entropy_survive_large_logits():
    loss, dz = ref.cross_entropy(np.array([[1e4, -1e4, 0]]), np.array([[0.0, 1, 0]]))
    assert loss == 2e4
    assert_array_equal(dz, [[1, -1, 0]])


def test_two_class_softmax_is_logistic_regression(rng):
    z, t = rng.normal(size=(9, 2)) * 3, rng.random(9)
    margin = (z[:, 1] - z[:, 0])[:, None]
    loss, dz = ref.cross_entropy(z, np.column_stack([1 - t, t]))
    logistic_loss, dmargin = ref.binary_cross_entropy(margin, t[:, None])
    assert_allclose(ref.softmax(z)[:, 1:], ref.ACTIVATIONS["sigmoid"][0](margin), rtol=1e-14)
    assert_allclose(loss, logistic_loss, rtol=1e-14)
    assert_allclose(dz[:, 1:], dmargin, rtol=1e-12, atol=1e-16)


def test_batchnorm_with_gamma_deviation_and_beta_mean_is_the_identity(rng):
    x, eps = rng.normal(3, 2, size=(10, 4)), 1e-5
    gamma, beta = np.sqrt(x.var(axis=0) + eps), x.mean(axis=0)
    assert_allclose(ref.batchnorm_forward(x, gamma, beta, eps)[0], x, rtol=1e-13)
    assert_allclose(ref.batchnorm_predict(x, gamma, beta, beta, x.var(axis=0), eps), x, rtol=1e-13)


def test_a_constant_added_before_batchnorm_changes_nothing(rng):
    x, dy = rng.normal(size=(10, 4)), rng.normal(size=(10, 4))
    gamma, beta, shift = rng.normal(size=(3, 4))
    y, _, var = ref.batchnorm_forward(x, gamma, beta)
    shifted_y, _, shifted_var = ref.batchnorm_forward(x + shift, gamma, beta)
    assert_allclose(shifted_y, y, rtol=1e-12, atol=1e-13)
    assert_allclose(shifted_var, var, rtol=1e-12)
    # Hence the bias of a dense layer before batch norm has gradient zero.
    assert_allclose(ref.batchnorm_backward(x, gamma, 1e-5, dy)[0].sum(axis=0), 0, atol=1e-13)


def test_running_statistics_of_one_distribution_are_unbiased_from_the_first_batch(rng):
    x = rng.normal(5, 3, size=(8, 2))
    for batches in ([x], [x, x], [x] * 5):
        mean, var = ref.batchnorm_running(batches)
        assert_allclose(mean, x.mean(axis=0), rtol=1e-14)
        assert_allclose(var, x.var(axis=0, ddof=1), rtol=1e-14)
    assert_array_equal(ref.batchnorm_running([x[:1]])[1], 0)


def test_rprop_sees_only_signs_so_it_needs_the_full_batch():
    # Counted in tenths: 0.1 is no binary fraction, and nine of them and -0.9 do not cancel.
    tenths = np.array([1.0] * 9 + [-9.0])
    per_batch = iter(tenths / 10)
    mini = opt.minimise("rprop", lambda w: np.full(1, next(per_batch)), np.zeros(1), 10, 0.01)
    full = opt.minimise("rprop", lambda w: np.full(1, tenths.sum() / 10), np.zeros(1), 10, 0.01)
    assert abs(mini[-1, 0]) > 0.2
    assert_array_equal(full, 0)


# -------------------------------------------------- derivatives and stability


@pytest.mark.parametrize("alpha", [None, 0.3])
@pytest.mark.parametrize("name", ref.ACTIVATIONS)
def test_activation_derivative(name, alpha, rng):
    forward, derivative = ref.ACTIVATIONS[name]
    extra = () if alpha is None else (alpha,)
    for z in (rng.normal(size=40) * 3, np.array([-6.0, -1e-2, 1e-2, 6.0])):
        numeric = (forward(z + 1e-5, *extra) - forward(z - 1e-5, *extra)) / 2e-5
        assert_allclose(derivative(z, *extra), numeric, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ref.ACTIVATIONS)
def test_activations_are_finite_far_out_and_show_nan(name):
    forward, derivative = ref.ACTIVATIONS[name]
    z = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.isfinite([forward(z), derivative(z)]).all()
    with np.errstate(invalid="ignore"):
        assert np.isnan(forward(np.array([np.nan]))).all()


def test_hardmax_takes_the_first_of_equals():
    assert_array_equal(ref.hardmax(np.array([[1.0, 3, 3], [5, 5, 0]])), [[0, 1, 0], [1, 0, 0]])


def loss_cases(rng):
    z, t = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    rows = ref.softmax(t)
    return {
        "cross_entropy": (z, rows, {}),
        "cross_entropy smoothed": (z, ref.hardmax(t), {"smoothing": 0.1}),
        "binary_cross_entropy smoothed": (z, t > 0, {"smoothing": 0.1}),
        "binary_cross_entropy": (z, rows, {}),
        "mse": (z, t, {}),
        "mae": (z, t, {}),
        "huber": (3 * z, t, {"delta": 0.7}),
        "poisson": (np.exp(z), np.exp(t).round(), {}),
        "log_poisson": (z, np.exp(t).round(), {}),
        "pinball": (z, t[:, :1], {"quantiles": (0.1, 0.5, 0.9)}),
        "pinball many targets": (z @ np.ones((3, 6)), t, {"quantiles": (0.2, 0.7)}),
    }


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", loss_cases(np.random.default_rng(0)))
def test_loss_gradient(case, weighted, reduction, rng):
    z, target, options = loss_cases(rng)[case]
    loss = ref.LOSSES[case.split()[0]]
    weight = rng.random(6) if weighted else None

    def value(p):
        return loss(p, target, weight, reduction, **options)[0]

    gradient = loss(z, target, weight, reduction, **options)[1]
    for _ in range(3):
        ref.check_gradient(value, z, gradient, rng)


def test_loss_values_by_hand():
    y, t = np.array([[1.0, 2.0], [0.0, 5.0]]), np.array([[1.5, 0.0], [0.0, 1.0]])
    w = np.array([3.0, 1.0])
    assert ref.mse(y, t)[0] == (4.25 / 2 + 16 / 2) / 2
    assert ref.mse(y, t, w)[0] == (3 * 4.25 / 2 + 16 / 2) / 4
    assert ref.mse(y, t, w, "sum")[0] == 3 * 4.25 / 2 + 16 / 2
    assert ref.mae(y, t, reduction="sum")[0] == 2.5 / 2 + 4 / 2
    assert ref.huber(y, t, reduction="sum")[0] == (0.125 + 1.5) / 2 + 3.5 / 2
    # Target-major columns: (target 0: q .1, .9), (target 1: q .1, .9).
    columns = np.array([[1.0, 4, 0, 0]])
    value, _ = ref.pinball(columns, np.array([[2.0, 0.0]]), quantiles=(0.1, 0.9))
    assert_allclose(value, (0.1 * 1 + 0.1 * 2) / 4)
    assert ref.pinball(y, t)[0] == ref.mae(y, t)[0] / 2


def test_check_gradient_refuses_a_wrong_gradient(rng):
    p = rng.normal(size=5)
    assert ref.check_gradient(lambda q: (q**3).sum(), p, 3 * p**2, rng) <= 1e-6
    with pytest.raises(AssertionError, match="central difference"):
        ref.check_gradient(lambda q: (q**3).sum(), p, 3.001 * p**2, rng)
    with pytest.raises(AssertionError, match="nan"):
        ref.check_gradient(lambda q: (q**3).sum(), p, np.full(5, np.nan), rng)


# ------------------------------------------------------------- whole networks


def random_network(rng, activation):
    def normal(*shape):
        return rng.normal(size=shape) / np.sqrt(shape[0])

    return [
        ("dense", normal(5, 7), None),
        ("batchnorm", 1 + normal(7) / 2, normal(7), 1e-5),
        (activation,),
        ("dropout", ref.dropout_mask((12, 7), 0.3, ref.dropout_key(1, 2, 3)), 0.3),
        ("dense", normal(7, 6), normal(6)),
        ("batchnorm_predict", 1 + normal(6), normal(6), 1e-5, normal(6), 1 + rng.random(6)),
        (activation, 0.2),
        ("dense", normal(6, 4), normal(4)),
    ]


@pytest.mark.parametrize("activation", ref.ACTIVATIONS)
@pytest.mark.parametrize("loss", ["cross_entropy", "softmax, mse"])
def test_network_gradients(activation, loss, rng):
    layers = random_network(rng, activation)
    if loss.startswith("softmax"):
        layers, loss = [*layers, ("softmax",)], "mse"
    x, weight = rng.normal(size=(12, 5)), rng.random(12)
    target = ref.softmax(rng.normal(size=(12, 4)))
    _, gradients, dx = net.network_loss_and_gradients(layers, x, target, loss, weight)

    def value(vector):
        filled = net.with_parameters(layers, vector)
        return net.network_loss_and_gradients(filled, x, target, loss, weight)[0]

    def value_of_input(p):
        return net.network_loss_and_gradients(layers, p, target, loss, weight)[0]

    p = net.pack(net.parameters(layers))
    assert_array_equal(net.pack(net.parameters(net.with_parameters(layers, p))), p)
    ref.check_gradient(value, p, net.pack(gradients), rng, h=1e-5, rtol=1e-7)
    ref.check_gradient(value_of_input, x, dx, rng, h=1e-5, rtol=1e-7)


# ----------------------------------------------------------------- randomness


def squares32_by_integers(counter, key):
    """The published algorithm, line by line, on Python's unbounded integers."""
    wrap = 2**64
    x = y = counter * key % wrap
    z = (y + key) % wrap
    for addend in (y, z, y):
        x = (x * x + addend) % wrap
        x = (x >> 32) | (x << 32) % wrap
    return (x * x + z) % wrap >> 32


def test_squares32_is_the_published_algorithm():
    key = 0x548C9DECBCE65297
    counters = [0, 1, 2, 3, 1000, 2**32 - 1, 2**32, 2**63 + 5]
    expected = [squares32_by_integers(c, key) for c in counters]
    assert_array_equal(ref.squares32(np.array(counters, np.uint64), key), expected)


def test_splitmix64_gives_the_published_sequence():
    golden = 0x9E3779B97F4A7C15
    assert [ref.splitmix64(1234567 + k * golden) for k in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_dropout_keeps_its_share_and_the_expected_value():
    key = ref.dropout_key(seed=0, step=5, layer=2)
    mask = ref.dropout_mask((500, 400), 0.3, key)
    # Five standard deviations of a share of 200,000 draws.
    assert abs(mask.mean() - 0.7) < 5 * np.sqrt(0.21 / mask.size)
    assert_allclose(ref.dropout(np.ones((500, 400)), mask, 0.3).mean(), 1, atol=0.01)
    assert ref.dropout_mask((3, 4), 0.0, key).all()
    assert_array_equal(ref.dropout_mask((9, 400), 0.3, key), mask[:9])


def test_dropout_masks_of_other_keys_are_independent():
    keys = [ref.dropout_key(*k) for k in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)]]
    masks = np.array([ref.dropout_mask((100, 400), 0.5, key).ravel() for key in keys])
    correlation = np.corrcoef(masks) - np.eye(len(keys))
    assert all(key % 2 for key in keys)
    assert np.abs(correlation).max() < 5 / np.sqrt(masks.shape[1])


# ----------------------------------------------------------------- optimizers


@pytest.mark.parametrize("run", TABLE["runs"], ids=lambda run: run["name"])
def test_optimizer_agrees_with_pytorch(run):
    A, b = np.array(TABLE["A"]), np.array(TABLE["b"])
    expected = np.array(run["weights"])
    weights = opt.minimise(
        run["optimizer"], lambda w: A @ w + np.cos(w) - b, expected[0], 20, **run["hyper"]
    )
    assert_allclose(weights, expected, rtol=1e-12, atol=1e-12)


def test_proximal_l1_gives_exact_zeros(rng):
    centre = np.array([3.0, 0.05, -0.02, -2.0])
    weights = opt.minimise("sgd", lambda w: w - centre, rng.normal(size=4), 200, 0.1, l1=0.5)
    assert_allclose(weights[-1], [2.5, 0, 0, -1.5], atol=1e-6)
    assert_array_equal(weights[-1, 1:3], 0)


def test_rmsprop_epsilon_inside_the_root_is_another_convention():
    w, g = np.zeros(1), np.ones(1)
    hyper = {"learning_rate": 1.0, "rho": 0.9, "epsilon": 0.1}
    outside, _ = opt.rmsprop(w, g, {}, 1, **hyper)
    inside, _ = opt.rmsprop_inside_root(w, g, {}, 1, **hyper)
    assert_allclose(outside, -1 / (np.sqrt(0.1) + 0.1))
    assert_allclose(inside, -1 / np.sqrt(0.2))
