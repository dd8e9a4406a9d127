"""Every op and loss: against its float64 twin, its gradient, in both types and all batches."""

import numpy as np
import ops
import pytest
import reference as ref
import reference_network as net
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import SGD, Dense, Sequential, Tanh

N, FEATURES = 23, 4
each_op = pytest.mark.parametrize("op", ops.OPS, ids=ops.named)
each_trained_op = pytest.mark.parametrize("op", ops.TRAINED, ids=ops.named)
each_activation = pytest.mark.parametrize("op", ops.ACTIVATIONS, ids=ops.named)
each_loss = pytest.mark.parametrize("case", ops.LOSSES, ids=ops.named)
each_dtype = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)], ids=["float64", "float32"]
)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def rows(rng, n=N):
    """Of numbers, and codes where the embedding of `ops.OPS` reads them."""
    X = rng.normal(size=(n, FEATURES))
    X[:, 1] = np.minimum(np.round(X[:, 1]), 2)
    return X


def build(op, rng, dtype="float64"):
    """A model around the op, with no array at its start value."""
    model = Sequential(ops.network(op), seed=5, dtype=dtype).build(FEATURES)
    model.set_weights([a + rng.uniform(0.05, 0.4, a.shape) for a in model.get_weights()])
    return model


def compiled(layers, case, dtype="float64", rate=0.1, **options):
    model = Sequential(layers, seed=5, dtype=dtype)
    model.compile(optimizer=SGD(rate), loss=case.loss(**options))
    return model


def assert_groups_agree(model, expected, rtol):
    for layer, ours, theirs in zip(
        model.layers, ops.by_layer(model, model.get_weights()), expected, strict=True
    ):
        # Running averages have their own test.
        n = 2 if isinstance(layer, fastnn.BatchNorm) else len(theirs)
        for a, b in zip(ours[:n], theirs[:n], strict=True):
            assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


# -------------------------------------------------------------------- forward


@each_dtype
@each_op
def test_prediction_agrees_with_the_reference(op, dtype, tolerance, rng):
    model, X = build(op, rng, dtype), rows(rng, 700).astype(dtype)
    outputs = model.predict(X)
    assert outputs.dtype == dtype
    assert_allclose(outputs, ops.reference_predict(model, X), rtol=tolerance, atol=tolerance)


@each_dtype
@each_activation
def test_an_activation_agrees_over_its_whole_range(op, dtype, tolerance):
    z = np.concatenate([np.linspace(-40, 40, 4001), [0.0, 1e-30, -1e-30, 1e-8, -1e-8]])
    z = z[:, None].astype(dtype)
    model = Sequential([op.layer(), Dense(1, init=np.ones((1, 1)))], dtype=dtype).build(1)
    name, *alpha = op.twin([])
    expected = ref.ACTIVATIONS[name][0](z.astype(float), *alpha)
    assert_allclose(model.predict(z), expected, rtol=tolerance, atol=tolerance)


@each_activation
def test_an_activation_keeps_signs_and_limits_far_out(op):
    z = np.array([[-1e30], [1e30]], np.float32)
    model = Sequential([op.layer(), Dense(1, init=np.ones((1, 1)))]).build(1)
    name, *alpha = op.twin([])
    with np.errstate(over="ignore", invalid="ignore"):
        expected = ref.ACTIVATIONS[name][0](z.astype(float), *alpha)
    assert_allclose(model.predict(z), expected, rtol=1e-5)


# ------------------------------------------------------------------- training


@each_trained_op
def test_sgd_follows_the_reference_gradient(op, rng):
    X = rows(rng)
    case = ops.CROSS_ENTROPY if op.name == "softmax" else ops.MSE
    y = case.targets(rng, N)
    model = build(op, rng)
    if op.name == "standardize":
        model.set_weights([X.mean(axis=0), X.std(axis=0), *model.get_weights()[2:]])
    model.compile(optimizer=SGD(op.rate), loss=case.loss())
    expected, losses = ops.reference_sgd(model, case, X, y, [0, 6, 12, 18, 23], 3, op.rate)
    history = model.fit(X, y, epochs=3, batch_size=6, shuffle=False, verbose=0)
    assert_groups_agree(model, expected, 1e-11)
    sizes = np.array([6, 6, 6, 5])
    assert_allclose(history["loss"], losses.reshape(3, 4) @ sizes / N, rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@each_loss
def test_sgd_follows_the_reference_gradient_of_a_loss(case, reduction, rng):
    X, y, weight = rows(rng), case.targets(rng, N), rng.uniform(0.1, 3, N)
    model = compiled([Dense(5), Tanh(), *case.head()], case, rate=0.01, reduction=reduction)
    model.build(FEATURES)
    twin = case._replace(options={**case.options, "reduction": reduction})
    expected, losses = ops.reference_sgd(model, twin, X, y, [0, 12, 23], 1, 0.01, weight)
    history = model.fit(X, y, batch_size=12, shuffle=False, sample_weight=weight, verbose=0)
    assert_groups_agree(model, expected, 1e-11)
    shares = np.add.reduceat(weight, [0, 12]) / weight.sum()
    total = losses.sum() if reduction == "sum" else losses @ shares
    assert_allclose(history["loss"], [total], rtol=1e-12)


@each_loss
def test_evaluate_gives_the_reference_loss(case, rng):
    X, y, weight = rows(rng, 300), case.targets(rng, 300), rng.uniform(0, 2, 300)
    model = compiled([Dense(5), Tanh(), *case.head()], case).build(FEATURES)
    layers = ops.training_twin(model, ops.by_layer(model, model.get_weights()), X.shape, 0)
    z = net.network_forward(layers[: len(layers) - case.fused], X)[-1]
    for w in (None, weight):
        expected, _ = ref.LOSSES[case.reference](z, case.target(y), w, **case.options)
        assert_allclose(model.evaluate(X, y, w)["loss"], expected, rtol=1e-12)


# ------------------------------------------------------------------- gradient


@each_trained_op
def test_gradient_of_an_op(op, rng):
    case = ops.CROSS_ENTROPY if op.name == "softmax" else ops.MSE
    model = build(op, rng)
    model.compile(loss=case.loss())
    assert fastnn.check_gradient(model, rows(rng), case.targets(rng, N)) <= 1e-6


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@each_loss
def test_gradient_of_a_loss(case, reduction, rng):
    model = compiled([Dense(5), Tanh(), *case.head()], case, reduction=reduction)
    X, y, weight = rows(rng), case.targets(rng, N), rng.uniform(0, 2, N)
    assert fastnn.check_gradient(model, X, y) <= 1e-6
    assert fastnn.check_gradient(model, X, y, weight) <= 1e-6


def random_layers(rng):
    """A network of random depth, widths and ops, batch norm before or after the activations."""
    layers = [fastnn.Dropout(0.2)] if rng.random() < 0.3 else []
    for _ in range(rng.integers(1, 5)):
        op = ops.ACTIVATIONS[rng.integers(len(ops.ACTIVATIONS))]
        parts = [op.layer()] if rng.random() < 0.9 else []
        if rng.random() < 0.5:
            parts.insert(int(rng.integers(0, 2)), fastnn.BatchNorm())
        if rng.random() < 0.3:
            parts.append(fastnn.Dropout(float(rng.uniform(0.1, 0.5))))
        l2 = float(rng.choice([0, 0.01]))
        layers += [Dense(int(rng.integers(2, 40)), bias=bool(rng.random() < 0.8), l2=l2), *parts]
    return layers


@pytest.mark.parametrize("seed", range(60))
def test_gradient_of_a_random_network(seed):
    rng = np.random.default_rng(1000 + seed)
    case = ops.LOSSES[seed % len(ops.LOSSES)]
    layers = [*random_layers(rng), *case.head()]
    n, width = int(rng.integers(8, 100)), int(rng.integers(1, 20))
    model = Sequential(layers, seed=seed, dtype="float64").build(width)
    # With biases at 0, a row whose inputs are all dropped sits on the kink of ReLU.
    model.set_weights([a + rng.uniform(0.05, 0.2, a.shape) for a in model.get_weights()])
    model.compile(loss=case.loss())
    X, y = rng.normal(size=(n, width)), case.targets(rng, n)
    assert fastnn.check_gradient(model, X, y, rng.uniform(0.1, 2, n)) <= 1e-7


SELU_AT_0 = 1.0507009873554805 * 1.6732632423543772
AT_0 = [(fastnn.ReLU(), 0), (fastnn.LeakyReLU(0.25), 0.25), (fastnn.ELU(3), 3),
        (fastnn.SELU(), SELU_AT_0)]  # fmt: skip


@each_dtype
@pytest.mark.parametrize(("layer", "slope"), AT_0, ids=lambda v: getattr(v, "name", ""))
def test_slope_at_a_kink_is_that_from_below(layer, slope, dtype, tolerance):
    model = Sequential([Dense(20), layer, Dense(1)], seed=0, dtype=dtype).build(1)
    model.set_weights([np.zeros((1, 20)), np.zeros(20), np.ones((20, 1)), np.zeros(1)])
    model.compile(optimizer=SGD(1.0), loss="mse")
    model.fit(np.ones((1, 1)), [1.0], epochs=1, verbose=0)
    assert_allclose(model.get_weights()[1], 2 * slope, rtol=tolerance, atol=0)


# ------------------------------------------------------------------- batching


@pytest.mark.parametrize(
    ("n", "size", "bounds"),
    [
        (23, 7, [0, 7, 14, 21, 23]),
        (22, 7, [0, 7, 14, 22]),
        (8, 7, [0, 8]),
        (7, 7, [0, 7]),
        (5, 7, [0, 5]),
        (3, 1, [0, 1, 3]),
        (9, None, [0, 9]),
    ],
)
def test_a_last_batch_of_one_row_joins_the_one_before(n, size, bounds, rng):
    middle = [] if size == 1 else [fastnn.BatchNorm()]
    model = compiled([Dense(5), *middle, Tanh(), Dense(3)], ops.MSE).build(FEATURES)
    X, y = rows(rng, n), ops.real(rng, n)
    expected, losses = ops.reference_sgd(model, ops.MSE, X, y, bounds, 2, 0.1)
    history = model.fit(X, y, epochs=2, batch_size=size, shuffle=False, verbose=0)
    assert_groups_agree(model, expected, 1e-11)
    per_epoch = losses.reshape(2, -1) @ np.diff(bounds) / n
    assert_allclose(history["loss"], per_epoch, rtol=1e-12)


def test_a_batch_of_one_row_goes_through_batchnorm(rng):
    model = Sequential([Dense(5), fastnn.BatchNorm(), Tanh(), Dense(3)], seed=0)
    model.compile(loss="mse")
    model.fit(rows(rng, 1), ops.real(rng, 1), epochs=3, verbose=0)
    model.fit(rows(rng, 5), ops.real(rng, 5), batch_size=1, epochs=3, verbose=0)
    assert np.isfinite(model.predict(rows(rng))).all()


def test_the_outputs_of_a_training_pass_reach_the_metrics_in_order(rng):
    seen = []

    def capture(y, outputs):
        seen.append((y.copy(), outputs.copy()))
        return 0.0

    layers = [Dense(5), fastnn.BatchNorm(), fastnn.ReLU(), Dense(3), fastnn.Softmax()]
    model = Sequential(layers, seed=1, dtype="float64").build(FEATURES)
    model.compile(optimizer=SGD(0.0), loss="cross_entropy", metrics=[capture])
    X, y = rows(rng), ops.labels(rng, N)
    model.fit(X, y, batch_size=9, shuffle=False, verbose=0)
    groups = ops.by_layer(model, model.get_weights())
    twin = ops.training_twin(model, groups, X.shape, 0)
    expected = [net.network_forward(twin, part)[-1] for part in np.split(X, [9, 18])]
    assert_array_equal(seen[-1][0], y)
    assert_allclose(seen[-1][1], np.concatenate(expected), rtol=1e-12)


# ---------------------------------------------------------------- types, NaN, arrays


@each_trained_op
def test_float32_follows_float64(op, rng):
    case = ops.CROSS_ENTROPY if op.name == "softmax" else ops.MSE
    X, y = rows(rng).astype(np.float32), case.targets(rng, N)
    arrays = build(op, rng).get_weights()
    after = {}
    for dtype in ("float32", "float64"):
        model = Sequential(ops.network(op), seed=5, dtype=dtype)
        model.set_weights(arrays)
        model.compile(optimizer=SGD(op.rate / 2), loss=case.loss())
        model.fit(X, y, epochs=3, batch_size=6, verbose=0)
        after[dtype] = model.get_weights()
        # Standardize's mean is in double, whatever the network computes with.
        wide = 1 if op.name == "standardize" else 0
        assert {a.dtype.name for a in after[dtype][wide:]} == {dtype}
        assert model.predict(X).dtype == dtype
    for a, b in zip(after["float32"], after["float64"], strict=True):
        assert_allclose(a, b, rtol=1e-4, atol=1e-4 * np.abs(b).max())


def with_bad_weight(model, bad):
    arrays = model.get_weights()
    arrays[0].flat[0] = bad
    model._network.state.set_arrays(arrays)  # set_weights refuses them
    return model


def unlike_0(X):
    """Numbers above 0, and codes 0: an embedding reads its table's first row only there."""
    return np.abs(X) * [1, 0, 1, 1]


@each_dtype
@each_trained_op
def test_nan_stays_visible_through_an_op(op, dtype, tolerance, rng):
    case = ops.CROSS_ENTROPY if op.name == "softmax" else ops.MSE
    model = with_bad_weight(build(op, rng, dtype), np.nan)
    model.compile(optimizer=SGD(0.1), loss=case.loss())
    with pytest.warns(RuntimeWarning, match="predict gives NaN in row 0"):
        assert np.isnan(model.predict(unlike_0(rows(rng)))).any(axis=1).all()
    with pytest.raises(fastnn.DivergenceError, match="not finite at step 1"):
        model.fit(unlike_0(rows(rng, 64)), case.targets(rng, 64), batch_size=None, verbose=0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@each_loss
def test_a_loss_of_what_is_not_finite_is_not_finite(case, bad, rng):
    model = compiled([Dense(5), Tanh(), *case.head()], case, "float32").build(FEATURES)
    arrays = model.get_weights()
    arrays[2][:, 0] = bad
    model._network.state.set_arrays(arrays)  # set_weights refuses them
    X, y = rows(rng), case.targets(rng, N)
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(model.evaluate(X, y)["loss"])
    with pytest.raises(fastnn.DivergenceError, match="not finite at step 1"):
        model.fit(X, y, verbose=0)


@each_dtype
@each_op
def test_arrays_make_the_round_trip(op, dtype, tolerance, rng):
    model = build(op, rng, dtype)
    arrays = model.get_weights()
    other = Sequential(ops.network(op), seed=99, dtype=dtype)
    other.set_weights(arrays)
    for a, b in zip(arrays, other.get_weights(), strict=True):
        assert_array_equal(a, b)
    X = rows(rng)
    assert_array_equal(model.predict(X), other.predict(X))
    arrays[0][:] = 7
    assert not np.array_equal(model.get_weights()[0], arrays[0])
