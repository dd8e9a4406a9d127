"""A search as a program: `python tune_study.py ledger strategy trials epochs seed`.

Prints "ready" when training begins, and "complete" at its end.
"""

import sys

from fastnn import Adam, Dense, ReLU, Sequential, Softmax, tune
from fastnn.datasets import load_iris

X, Y = load_iris()
SPACE = {
    "learning_rate": tune.LogUniform(1e-4, 1),
    "units": tune.LogInt(4, 32),
    "batch_size": [16, 32],
}


def build(learning_rate, units):
    model = Sequential([Dense(units), ReLU(), Dense(3), Softmax()])
    model.compile(Adam(learning_rate), metrics=["accuracy"])
    return model


def study(storage, strategy="random", trials=8, epochs=5, seed=0, **settings):
    return tune.search(
        build, SPACE, X, Y, strategy, trials=int(trials), epochs=int(epochs), seed=int(seed),
        storage=storage, verbose=0, **settings,
    )  # fmt: skip


def table(result):
    """What must not depend on threads, processes, times or interruptions."""
    return [
        (t.number, t.params, t.status, t.value, t.epoch, t.epochs, t.seed, t.curves["val_loss"])
        for t in result.trials
    ]


def main():
    print("ready", flush=True)
    result = study(*sys.argv[1:])
    print("complete" if result.complete else "stopped", flush=True)


if __name__ == "__main__":
    main()
