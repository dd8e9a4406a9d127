"""One row predicted alone has the bits of that row in a batch, whatever the network."""

import numpy as np
import pytest

from fastnn import BatchNorm, Dense, Sequential, Softmax, layers

ACTIVATIONS = (
    "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Mish", "Tanh", "Sigmoid", "Softplus",
    "Identity",
)  # fmt: skip


def random_network(rng, dtype):
    """Zero to two hidden layers, some with batch norm, of sizes that fit no vector."""
    stack = []
    for _ in range(rng.integers(3)):
        stack.append(Dense(int(rng.integers(1, 200))))
        if rng.random() < 0.3:
            stack.append(BatchNorm())
        stack.append(getattr(layers, rng.choice(ACTIVATIONS))())
    stack.append(Dense(int(rng.integers(1, 90))))
    if rng.random() < 0.6:
        stack.append(Softmax())
    return Sequential(stack, seed=int(rng.integers(1000)), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_row_alone_has_the_bits_of_the_row_in_a_batch(dtype):
    different = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        model = random_network(rng, dtype)
        X = rng.normal(size=(rng.integers(2, 70), rng.integers(1, 300))).astype(dtype)
        together = model.build(X.shape[1]).predict(X)
        picked = rng.choice(len(X), min(len(X), 6), replace=False)
        alone = np.concatenate([model.predict(X[i : i + 1]) for i in picked])
        if together[picked].tobytes() != alone.tobytes():
            different.append((seed, X.shape, model.layers))
    assert not different
