"""Members: k networks in one, that share weights: their losses, their gradients, their average."""

import numpy as np
import ops
import pytest
from member_models import FEATURES, K, N, data, drawn, tabm
from numpy.testing import assert_allclose

import fastnn
from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    Hardmax,
    Members,
    Scale,
    Sequential,
    Sigmoid,
    Softmax,
    Standardize,
    Tanh,
    losses,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


# ------------------------------------------------------------------ the mathematics


@pytest.mark.parametrize("case", ops.LOSSES, ids=ops.named)
def test_the_loss_of_a_step_is_the_mean_of_the_members(case, rng):
    X, weight = rng.normal(size=(N, FEATURES)), rng.uniform(0.1, 3, N)
    y = case.targets(rng, N)
    layers = [Members(K), Dense(5), Tanh(), Dense(case.units, shared=False), *case.head()[1:]]
    for reduction in ("mean", "sum"):
        model = drawn(layers, rng)
        model.compile(SGD(0.01), case.loss(reduction=reduction))
        twin = case._replace(options={**case.options, "reduction": reduction})
        expected, values = ops.reference_sgd(model, twin, X, y, [0, N], 1, 0.01, weight)
        assert fastnn.check_gradient(model, X, y, weight) <= 1e-6
        history = model.fit(X, y, batch_size=None, shuffle=False, sample_weight=weight, verbose=0)
        assert_allclose(history["loss"], values, rtol=1e-12)
        for ours, theirs in zip(
            model.get_weights(), [a for group in expected for a in group], strict=True
        ):
            assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_the_gradient_of_tabm(rng):
    X, y = data(rng)
    for layers in (
        tabm(K, 6, 3, Softmax()),
        [Standardize(), Scale(), Members(K), *tabm(K, 6, 3, Softmax())[1:]],
        [Dense(5), Tanh(), Members(K), Dropout(0.2), BatchNorm(), *tabm(K, 6, 3, Softmax())[1:]],
    ):
        model = Sequential(layers, seed=1, dtype="float64")
        model.compile(Adam(0.01))
        model.fit(X, y, verbose=0)
        assert fastnn.check_gradient(model, X, y) <= 1e-6


def test_members_that_share_nothing_are_networks_of_their_own(rng):
    X, y = data(rng)
    alone = [
        Sequential([Dense(5), BatchNorm(), Tanh(), Dense(3), Softmax()], seed=m, dtype="float64")
        for m in range(K)
    ]
    layers = [
        Members(K, "ones", rate=0.0), Dense(5, shared=False), BatchNorm(), Tanh(),
        Dense(3, shared=False), Softmax(),
    ]  # fmt: skip
    together = Sequential(layers, seed=0, dtype="float64")
    for model in alone:
        model.build(FEATURES)
    parts = zip(*(model.get_weights() for model in alone), strict=True)
    together.set_weights([np.ones(K * FEATURES), *map(np.concatenate, parts)])
    answers = np.mean([model.predict(X) for model in alone], axis=0)
    assert_allclose(together.predict(X), answers, rtol=1e-13)
    for model in (*alone, together):
        # The loss is the mean of K: so is the gradient of each.
        model.compile(SGD(0.3 if model is together else 0.1))
        model.fit(X, y, epochs=4, batch_size=16, shuffle=False, verbose=0)
    assert_allclose(
        together.history["loss"], np.mean([m.history["loss"] for m in alone], axis=0), rtol=1e-12
    )
    parts = zip(*(model.get_weights() for model in alone), strict=True)
    for ours, theirs in zip(together.get_weights()[1:], map(np.concatenate, parts), strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("output", "units", "loss"),
    [
        (Softmax(), 3, "cross_entropy"),
        (Sigmoid(), 1, "binary_cross_entropy"),
        (Softmax(), 3, "mse"),
        (Tanh(), 2, "mse"),
    ],
    ids=["softmax", "sigmoid", "mse of a softmax", "mse"],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_judged_is_the_average(output, units, loss, dtype, rng):
    model = drawn([Members(K), Dense(5), Tanh(), Dense(units, shared=False), output], rng, dtype)
    X, weight = rng.normal(size=(N, FEATURES)), rng.uniform(0.1, 3, N)
    y = rng.random((N, units)) if loss == "mse" else rng.integers(0, max(2, units), N)
    metrics = [] if loss == "mse" else ["log_loss"]
    model.compile(SGD(0.0), loss, metrics, weighted_metrics=metrics)
    p = model.predict(X).astype(float)
    assert_allclose(p, ops.reference_predict(model, X), rtol=1e-5)
    if loss == "mse":
        each = ((p - y) ** 2).mean(axis=1)
    elif units == 1:
        each = -np.where(y == 1, np.log(p[:, 0]), np.log(1 - p[:, 0]))
    else:
        each = -np.log(p[np.arange(N), y])
    rtol = 1e-12 if dtype == "float64" else 1e-5
    assert_allclose(model.evaluate(X, y)["loss"], each.mean(), rtol=rtol)
    weighted = model.evaluate(X, y, weight)["loss"]
    assert_allclose(weighted, (weight * each).sum() / weight.sum(), rtol=rtol)
    history = model.fit(X, y, validation_data=(X, y), shuffle=False, verbose=0)
    assert_allclose(history["val_loss"], each.mean(), rtol=rtol)
    for name in metrics:
        assert_allclose([history[name][0], history[f"val_{name}"][0]], each.mean(), rtol=rtol)


def test_an_output_that_is_not_finite_is_not_judged_as_if_it_were(rng):
    for output, y in ((Softmax(), rng.integers(0, 3, N)), (Sigmoid(), rng.integers(0, 2, (N, 3)))):
        model = drawn([Members(K), Dense(5), Tanh(), Dense(3, shared=False), output], rng)
        model.compile(loss=losses.CrossEntropy() if y.ndim == 1 else losses.BinaryCrossEntropy())
        for bad in (np.inf, -np.inf, np.nan):
            arrays = model.get_weights()
            arrays[-1][4] = bad
            model._network.state.set_arrays(arrays)  # set_weights refuses them
            assert not np.isfinite(model.evaluate(rng.normal(size=(N, FEATURES)), y)["loss"])


def test_probabilities_of_0_leave_a_loss_that_is_finite(rng):
    model = drawn([Members(K), Dense(3, shared=False), Softmax()], rng, "float32")
    model.set_weights([a * 1000 for a in model.get_weights()])
    model.compile()
    X, y = data(rng)
    assert model.predict(X).min() == 0
    assert 1 < model.evaluate(X, y)["loss"] < 88


def test_hard_answers_are_shares_of_votes(rng):
    model = drawn([Members(K), Dense(3, shared=False), Hardmax()], rng)
    votes = model.predict(rng.normal(size=(N, FEATURES))) * K
    assert_allclose(votes, votes.round(), atol=1e-12)
    assert_allclose(votes.sum(axis=1), K)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_numbers_are_those_of_pytorch(loss, rng):
    torch = pytest.importorskip("torch")
    X, labels = data(rng)
    y = labels if loss == "cross_entropy" else rng.normal(size=(N, 3))
    model = drawn(tabm(K, 6, 3, *([Softmax()] if loss == "cross_entropy" else [])), rng)
    tensors = [torch.tensor(a, requires_grad=True) for a in model.get_weights()]

    def members(x):
        r1, W1, s1, b1, r2, W2, s2, b2, W3, b3 = tensors
        z = x[:, None] * r1.view(K, -1)
        z = torch.tanh((z @ W1) * s1.view(K, -1) + b1.view(K, -1)) * r2.view(K, -1)
        z = torch.tanh((z @ W2) * s2.view(K, -1) + b2.view(K, -1))
        return torch.einsum("bkn,knu->bku", z, W3.view(K, 6, 3)) + b3.view(K, 3)

    def answers():
        with torch.no_grad():
            z = members(torch.from_numpy(X))
            return (z.softmax(2) if loss == "cross_entropy" else z).mean(1).numpy()

    assert_allclose(model.predict(X), answers(), rtol=1e-12)
    adam, values = torch.optim.Adam(tensors, 0.01), []
    given = torch.from_numpy(y).repeat_interleave(K, 0)
    criterion = getattr(
        torch.nn.functional, "cross_entropy" if loss == "cross_entropy" else "mse_loss"
    )
    for _ in range(5):
        adam.zero_grad()
        value = criterion(members(torch.from_numpy(X)).flatten(0, 1), given)
        value.backward()
        adam.step()
        values.append(value.item())
    model.compile(Adam(0.01, epsilon=1e-8), loss)
    history = model.fit(X, y, epochs=5, batch_size=None, verbose=0)
    assert_allclose(history["loss"], values, rtol=1e-10)
    for ours, theirs in zip(model.get_weights(), tensors, strict=True):
        assert_allclose(ours, theirs.detach(), rtol=1e-7, atol=1e-9)
