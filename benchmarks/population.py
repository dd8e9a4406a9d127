"""``python -m benchmarks.population sklearn|jax|threads``: many small networks at once.

sklearn   48 fits of the digits network 64-h-10 (16 candidates, 3 folds, 30 epochs, batch 32):
          fastnn.tune against scikit-learn's RandomizedSearchCV over its own MLPClassifier, the same
          candidates and folds, the same number of workers.
jax       64 digits networks of one architecture, each with its own learning rate and seed:
          fastnn.tune against one jitted, vmapped scan over all of them.
threads   fastnn.tune on all threads against one thread.

Each takes turns for several rounds and prints the ratio of the shortest times.
The table of the peers holds no populations: there a network is trained alone.
"""

import argparse
import contextlib
import multiprocessing
import sys
import time
import warnings
from functools import partial

import numpy as np

from benchmarks.peers.runner import available_cpus
from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_digits

EPOCHS, BATCH, HIDDEN = 30, 32, 64
SPACE = {"learning_rate": tune.LogUniform(1e-4, 1e-1), "units": tune.LogInt(16, 64)}


def build(learning_rate, units=HIDDEN):
    model = Sequential([Dense(units), ReLU(), Dense(10), Softmax()])
    model.compile(Adam(learning_rate))
    return model


def breed(space, trials, cv=None, n_jobs=1, epochs=EPOCHS):
    """A search, its ledger in memory."""
    X, y = load_digits()
    return tune.search(
        build, space, X, y, trials=trials, cv=cv, epochs=epochs, batch_size=BATCH, n_jobs=n_jobs,
        storage=":memory:", verbose=0,
    )  # fmt: skip


def seconds_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(name, ours, theirs, rounds):
    """Shortest of the seconds that two functions return in turns, and their ratio."""
    times = [(ours(), theirs()) for _ in range(rounds)]
    mine, other = (min(column) for column in zip(*times, strict=True))
    print(f"{name}: {mine:.3f} s against {other:.3f} s: {other / mine:.2f}x")
    for pair in times:
        print("   ", *(f"{seconds:.3f}" for seconds in pair))


def sklearn(rounds, workers):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_digits()
    network = MLPClassifier(
        (HIDDEN,), alpha=0, batch_size=BATCH, max_iter=EPOCHS, n_iter_no_change=EPOCHS + 1,
        random_state=0,
    )  # fmt: skip
    sizes = tune.Choice([(units,) for units in (16, 23, 32, 45, 64)])
    space = {"learning_rate_init": SPACE["learning_rate"], "hidden_layer_sizes": sizes}
    theirs = RandomizedSearchCV(
        network, space, n_iter=16, cv=StratifiedKFold(3), n_jobs=workers, random_state=0,
        refit=False, error_score="raise",
    )  # fmt: skip
    ours = {"learning_rate": SPACE["learning_rate"], "units": [16, 23, 32, 45, 64]}

    breed(ours, 2, cv=3, n_jobs=workers, epochs=1)
    # joblib keeps its processes for the next round.
    theirs.set_params(n_iter=2).fit(X[:200], y[:200])
    theirs.set_params(n_iter=16)
    compare(
        f"16 candidates x 3 folds, {workers} workers, against RandomizedSearchCV",
        lambda: seconds_of(lambda: breed(ours, 16, cv=3, n_jobs=workers)),
        lambda: seconds_of(lambda: theirs.fit(X, y)), rounds,
    )  # fmt: skip


def jax(rounds, workers):
    # In a process of its own: its threads stay about after the work.
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve_scan, args=(there,), daemon=True)
    process.start()
    there.close()

    def theirs():
        here.send(EPOCHS)
        return here.recv()

    theirs()  # compiles
    space = {"learning_rate": rates_of(64)}
    breed(space, 1, epochs=1)
    compare(
        f"64 networks, {workers} threads, against JAX's vmapped scan",
        lambda: seconds_of(lambda: breed(space, 64, n_jobs=workers)), theirs, rounds,
    )  # fmt: skip
    here.close()
    process.join()


def rates_of(n):
    """Learning rates."""
    return [float(rate) for rate in 10 ** np.random.default_rng(0).uniform(-4, -1, n)]


def serve_scan(pipe):
    """Train as often as asked, and answer with the seconds."""
    X, y = load_digits()
    train = vmapped_scan(X, y.astype(np.int32), tune.folds(y, 5)[0], np.float32(rates_of(64)))
    with contextlib.suppress(EOFError):
        while True:
            epochs = pipe.recv()
            pipe.send(seconds_of(partial(train, epochs)))


def vmapped_scan(X, y, held_out, rates):
    """A function of the number of epochs that trains a network for each rate, all in one program.

    An epoch is one jitted scan over its steps, vmapped over the networks, their state donated; the
    validation loss is in it. The rows of each network are shuffled anew; a last short batch is left
    out.
    """
    import jax
    import jax.numpy as jnp

    learned = np.delete(np.arange(len(X)), held_out)
    rows, labels = jnp.asarray(X), jnp.asarray(y)
    steps = len(learned) // BATCH
    rng = np.random.default_rng(0)

    def start():
        params = []
        for n_in, n_out in ((X.shape[1], HIDDEN), (HIDDEN, 10)):
            W = rng.normal(size=(len(rates), n_in, n_out)) * np.sqrt(2 / n_in)
            params.append((jnp.float32(W), jnp.zeros((len(rates), n_out))))
        zeros = jax.tree.map(jnp.zeros_like, params)
        return params, zeros, jax.tree.map(jnp.copy, zeros), jnp.zeros(len(rates))

    def loss_of(params, x, y):
        (W1, b1), (W2, b2) = params
        logits = jax.nn.relu(x @ W1 + b1) @ W2 + b2
        picked = jnp.sum(logits * jax.nn.one_hot(y, 10), axis=1)
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - picked)

    def step(state, index, rate):
        params, m, v, t = state
        loss, grads = jax.value_and_grad(loss_of)(params, rows[index], labels[index])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        by, scale = rate / (1 - 0.9**t), jax.lax.rsqrt(1 - 0.999**t)
        params = jax.tree.map(
            lambda p, m, v: p - by * m / (jnp.sqrt(v) * scale + 1e-8), params, m, v
        )
        return (params, m, v, t), loss

    def epoch(state, batches, rate):
        state, losses = jax.lax.scan(lambda s, i: step(s, i, rate), state, batches, unroll=2)
        return state, losses.mean(), loss_of(state[0], rows[held_out], labels[held_out])

    all_epochs = jax.jit(jax.vmap(epoch), donate_argnums=0)

    def train(epochs):
        state = start()
        every = np.tile(learned, (len(rates), 1))
        for _ in range(epochs):
            order = rng.permuted(every, axis=1)[:, : steps * BATCH].astype(np.int32)
            batches = order.reshape(len(rates), steps, BATCH)
            state, _, validation = all_epochs(state, batches, rates)
        return np.asarray(validation)

    return train


def threads(rounds, workers):
    breed(SPACE, 4, n_jobs=workers, epochs=1)
    compare(
        f"64 networks, {workers} threads against one",
        lambda: seconds_of(lambda: breed(SPACE, 64, n_jobs=workers)),
        lambda: seconds_of(lambda: breed(SPACE, 64, n_jobs=1)), rounds,
    )  # fmt: skip


def main():
    kinds = {"sklearn": sklearn, "jax": jax, "threads": threads}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.population")
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=available_cpus())
    given = parser.parse_args()
    kinds[given.kind](given.rounds, given.workers)


if __name__ == "__main__":
    sys.exit(main())
