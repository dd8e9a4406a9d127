"""PyTorch networks: they compute what the model predicts, and train on from there."""

import copy
import io
import re
import sys

import numpy as np
import pytest
from export_models import (
    FEATURES,
    ROWS,
    assert_agree,
    each_dtype,
    each_op,
    inputs,
    model_around,
    own_activation,
    random_model,
    with_drawn_arrays,
)
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import (
    BatchNorm,
    Dense,
    Dropout,
    Identity,
    Members,
    Scale,
    Sequential,
    Softmax,
    Softplus,
    Standardize,
)
from fastnn.export.torch import to_torch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def outputs(torch, network, X):
    with torch.no_grad():
        return network(torch.from_numpy(X)).numpy()


@each_dtype
@each_op
def test_pytorch_agrees(op, dtype, torch):
    model = model_around(op, dtype)
    network = to_torch(model)
    for X in (*(inputs(n, dtype) for n in ROWS), inputs(20, dtype, scale=3e4)):
        assert_agree(outputs(torch, network, X), model.predict(X))


@each_dtype
@pytest.mark.parametrize("seed", range(20))
def test_pytorch_agrees_on_random_networks(seed, dtype, torch):
    model = random_model(seed, dtype)
    X = inputs(50, dtype)
    assert_agree(outputs(torch, to_torch(model), X), model.predict(X))


def test_it_has_one_module_a_layer(torch):
    layers = [Standardize(), Scale(), Dense(3), BatchNorm(), Identity(), Dropout(0.3), Dense(2)]
    network = to_torch(with_drawn_arrays(Sequential([*layers, Softmax()], seed=0).build(FEATURES)))
    names = ["Standardize", "Scale", "Linear", "BatchNorm1d", "Identity", "Dropout", "Linear"]
    assert [type(module).__name__ for module in network] == [*names, "Softmax"]
    assert network[5].p == 0.3
    assert network[2].bias is None
    assert not any(module.training for module in network.modules())
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    assert trained == ["1.factors", "2.weight", "3.weight", "3.bias", "6.weight", "6.bias"]


def test_members_are_rows_until_the_last_module_averages_them(torch):
    layers = [
        Members(3),
        Dense(4),
        Scale(bias=True),
        BatchNorm(),
        Dense(2, shared=False),
        Softmax(),
    ]
    model = with_drawn_arrays(Sequential(layers, seed=0).build(FEATURES))
    network, X = to_torch(model), inputs(5, "float32")
    names = ["Members", "Linear", "SideBySide", "SideBySide", "MembersLinear", "Softmax", "Average"]
    assert [type(module).__name__ for module in network] == names
    assert outputs(torch, network[:-1], X).shape == (15, 2)
    assert_agree(outputs(torch, network, X), model.predict(X))
    assert all(p.requires_grad for p in network.parameters())


def test_without_its_softmax_it_gives_logits(torch):
    network = to_torch(model_ending_in_softmax())
    X = torch.from_numpy(inputs(9, "float32"))
    assert_allclose(network[:-1](X).softmax(1).detach(), network(X).detach(), rtol=1e-6)


def model_ending_in_softmax():
    layers = [Standardize(), Scale(), Dense(3), Softmax()]
    return with_drawn_arrays(Sequential(layers, seed=0).build(FEATURES))


def test_softplus_is_as_exact_as_the_type(torch):
    model = Sequential([Dense(1), Softplus()], seed=0, dtype="float64").build(1)
    model.set_weights([[[1.0]], [0.0]])
    for z in (20.5, 30.0, 39.9, 40.1, 800.0):
        found = outputs(torch, to_torch(model), np.array([[z]]))
        assert_allclose(found, np.logaddexp(0, z), rtol=1e-15)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_batch_norm_goes_on_as_in_fastnn(momentum, torch):
    layers = [BatchNorm(momentum=momentum, epsilon=1e-3), Dense(1)]
    model = with_drawn_arrays(Sequential(layers, seed=0, dtype="float64").build(FEATURES))
    X, network = inputs(30, "float64"), to_torch(model).train()
    normalised = network[0](torch.from_numpy(X)).detach().numpy()
    gamma, beta = model.get_weights()[:2]
    expected = gamma * (X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + 1e-3) + beta
    assert_allclose(normalised, expected, rtol=1e-12, atol=1e-12)

    model.compile(optimizer=fastnn.SGD(1e-30), loss="mse")
    model.fit(X, np.zeros(30), batch_size=None, verbose=0)
    mean, var = model.get_weights()[2:4]
    assert_allclose(network[0].running_mean, mean, rtol=1e-12)
    assert_allclose(network[0].running_var, var, rtol=1e-12)


def test_it_trains_on(torch):
    model = model_ending_in_softmax()
    before = model.get_weights()
    network = to_torch(model).train()
    X, y = torch.from_numpy(inputs(60, "float32")), torch.arange(60) % 3
    optimizer, losses = torch.optim.Adam(network.parameters(), 0.05), []
    for _ in range(5):
        loss = torch.nn.functional.cross_entropy(network[:-1](X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert_array_equal(old, new)


def test_it_draws_nothing_from_the_users_generator(torch):
    state = torch.random.get_rng_state()
    to_torch(random_model(1))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_users_default_device_and_dtype_do_not_count(torch):
    layers = [Standardize(), Scale(), Dense(3), BatchNorm(), Dense(2, bias=False)]
    model = with_drawn_arrays(Sequential(layers, seed=0).build(FEATURES))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            network = to_torch(model)
    finally:
        torch.set_default_dtype(torch.float32)
    X = inputs(5, "float32")
    assert_agree(outputs(torch, network, X), model.predict(X))


def test_it_copies_and_saves(torch):
    layers = [Standardize(), Scale(), Dense(3), BatchNorm(), Dense(2), fastnn.Hardmax()]
    model = with_drawn_arrays(Sequential(layers, seed=0).build(FEATURES))
    network, X = to_torch(model), inputs(5, "float32")
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    for twin in (copy.deepcopy(network), torch.load(file, weights_only=False)):
        assert_array_equal(outputs(torch, twin, X), model.predict(X))
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    fresh = to_torch(with_drawn_arrays(Sequential(layers, seed=1).build(FEATURES), 1))
    fresh.load_state_dict(torch.load(file, weights_only=True))
    assert_array_equal(outputs(torch, fresh, X), model.predict(X))


def test_an_own_activation_is_refused(torch):
    with pytest.raises(ValueError, match="to_torch knows no formula for layer 2, Activation"):
        to_torch(own_activation())


def test_a_model_without_weights_is_refused(torch):
    with pytest.raises(ValueError, match="the model has no weights yet"):
        to_torch(Sequential([Dense(1)]))


def test_without_pytorch_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=re.escape('pip install "fastnn-mlp[torch]"')):
        to_torch(random_model(1))
