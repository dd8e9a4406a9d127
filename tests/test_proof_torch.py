"""Random whole networks, trained some steps beside PyTorch in float64."""

import numpy as np
import pytest
from counts import counts

import fastnn
from fastnn import BatchNorm, Dense, Sequential, losses, optimizers

torch = pytest.importorskip("torch")
nn = torch.nn
ROWS, STEPS = 12, 3

ACTIVATIONS = {
    "relu": (fastnn.ReLU, nn.ReLU),
    "leaky_relu": (lambda: fastnn.LeakyReLU(0.2), lambda: nn.LeakyReLU(0.2)),
    "elu": (lambda: fastnn.ELU(1.5), lambda: nn.ELU(1.5)),
    "selu": (fastnn.SELU, nn.SELU),
    "gelu": (fastnn.GELU, nn.GELU),
    "silu": (fastnn.SiLU, nn.SiLU),
    "tanh": (fastnn.Tanh, nn.Tanh),
    "sigmoid": (fastnn.Sigmoid, nn.Sigmoid),
    "softplus": (fastnn.Softplus, lambda: nn.Softplus(threshold=1e9)),
    "mish": (fastnn.Mish, nn.Mish),
}  # fmt: skip


def real(rng, k):
    return rng.normal(size=(ROWS, k))


def counts_of(rng, k):
    return rng.poisson(2.0, (ROWS, k)).astype(float)


def poisson(out, y):
    """With the part that does not depend on the outputs, as ours."""
    least = torch.xlogy(y, y) - y
    return nn.functional.poisson_nll_loss(out, y) + least.mean()


LOSSES = {
    "cross_entropy": (lambda: losses.CrossEntropy(0.1), fastnn.Softmax,
                      lambda rng, k: rng.integers(0, k, ROWS),
                      nn.CrossEntropyLoss(label_smoothing=0.1)),
    "binary": (losses.BinaryCrossEntropy, fastnn.Sigmoid,
               lambda rng, k: rng.integers(0, 2, (ROWS, k)).astype(float), nn.BCEWithLogitsLoss()),
    "mse": (losses.MSE, None, real, nn.MSELoss()),
    "mae": (losses.MAE, None, real, nn.L1Loss()),
    "huber": (lambda: losses.Huber(0.7), None, real, nn.HuberLoss(delta=0.7)),
    "log_poisson": (losses.LogPoisson, None, counts_of,
                    poisson),
}  # fmt: skip
OPTIMIZERS = {
    "sgd": (lambda: optimizers.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (lambda: optimizers.SGD(0.05, momentum=0.9),
                 lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
    "nesterov": (lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
                 lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
    "adam": (lambda: optimizers.Adam(0.01, epsilon=1e-8), lambda p: torch.optim.Adam(p, 0.01)),
    "adamw": (lambda: optimizers.AdamW(0.01, weight_decay=0.0),
              lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.0)),
}  # fmt: skip


def chosen(rng, table):
    return table[list(table)[rng.integers(len(table))]]


def attempt(rng):
    loss, head, targets, their_loss = chosen(rng, LOSSES)
    optimizer, their_optimizer = chosen(rng, OPTIMIZERS)
    n_in, k = int(rng.integers(1, 9)), int(rng.integers(2, 5))
    ours, theirs, width = [], [], n_in
    for _ in range(rng.integers(1, 4)):
        units = int(rng.integers(1, 20))
        normed = rng.integers(3) == 0
        ours.append(Dense(units))
        theirs.append(nn.Linear(width, units, bias=not normed))
        if normed:
            ours.append(BatchNorm())
            theirs.append(nn.BatchNorm1d(units))
        mine, other = chosen(rng, ACTIVATIONS)
        ours.append(mine())
        theirs.append(other())
        width = units
    ours.append(Dense(k))
    theirs.append(nn.Linear(width, k))
    if head is not None:
        ours.append(head())
    X, y = rng.normal(size=(ROWS, n_in)), targets(rng, k)
    model = Sequential(ours, seed=0, dtype="float64")
    model.compile(optimizer(), loss())
    model.build(n_in)
    twin = nn.Sequential(*theirs).double()
    give(model, twin)
    inputs, answers = torch.tensor(X), torch.tensor(y)
    steps = their_optimizer(twin.parameters())
    values = []
    for _ in range(STEPS):
        steps.zero_grad()
        value = their_loss(twin(inputs), answers)
        value.backward()
        steps.step()
        values.append(value.item())
    model.fit(X, y, epochs=STEPS, batch_size=None, shuffle=False, verbose=0)
    about = [type(layer).__name__ for layer in ours], loss().name, optimizer()
    # Optimizers that divide by the gradient make a sign of a sum that cancels to its rounding.
    rtol = 1e-12 if isinstance(optimizer(), optimizers.SGD) else 1e-9
    first, *others = zip(model.history["loss"], values, strict=True)
    np.testing.assert_allclose(*first, rtol=1e-12, err_msg=str(about))
    np.testing.assert_allclose(*zip(*others, strict=True), rtol=rtol, err_msg=str(about))
    take_averages(model, twin)
    twin.eval()
    outputs = twin(inputs).detach()
    if head is fastnn.Softmax:
        outputs = outputs.softmax(1)
    elif head is fastnn.Sigmoid:
        outputs = outputs.sigmoid()
    scale = outputs.abs().max().item()
    np.testing.assert_allclose(
        model.predict(X), outputs.numpy(), rtol=0, atol=rtol * max(scale, 1), err_msg=str(about)
    )


def give(model, twin):
    """The model's weights to PyTorch's modules."""
    arrays = iter(model.get_weights())
    with torch.no_grad():
        for module in twin:
            if isinstance(module, nn.Linear):
                module.weight.copy_(torch.tensor(next(arrays).T))
                if module.bias is not None:
                    module.bias.copy_(torch.tensor(next(arrays)))
            elif isinstance(module, nn.BatchNorm1d):
                for _ in range(4):
                    next(arrays)


def take_averages(model, twin):
    """The model's running averages: PyTorch's are not corrected for their beginning."""
    found = iter(dict(model._network.state.arrays()).items())
    averages = [array for name, array in found if name.split(".")[1].startswith("running")]
    normed = [module for module in twin if isinstance(module, nn.BatchNorm1d)]
    for module, mean, var in zip(normed, averages[::2], averages[1::2], strict=True):
        module.running_mean.copy_(torch.tensor(mean))
        module.running_var.copy_(torch.tensor(var))


@counts(300, 5_000)
def test_networks_train_as_in_pytorch(count):
    rng = np.random.default_rng(count)
    for _ in range(count):
        attempt(rng)
