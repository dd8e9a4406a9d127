"""Networks of members for their tests."""

from fastnn import Dense, Members, Scale, Sequential, Tanh

K, N, FEATURES = 3, 40, 4


def tabm(k=K, units=6, last=3, *output):
    """TabM's network: scales before and after each shared product, heads of their own."""
    return [
        Members(k), Dense(units, bias=False), Scale(bias=True), Tanh(),
        Scale(), Dense(units, bias=False), Scale(bias=True), Tanh(),
        Dense(last, shared=False), *output,
    ]  # fmt: skip


def drawn(layers, rng, dtype="float64"):
    """A model with no array at its start value."""
    model = Sequential(layers, seed=1, dtype=dtype).build(FEATURES)
    model.set_weights([a + rng.uniform(0.05, 0.4, a.shape) for a in model.get_weights()])
    return model


def data(rng, n=N):
    return rng.normal(size=(n, FEATURES)), rng.integers(0, 3, n)
