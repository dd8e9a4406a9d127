"""Many small models at once: a search over 32 digits models, on all threads against one."""

from benchmarks import support
from fastnn import Adam, tune


def build(learning_rate, seed):
    return support.digits_model(seed, Adam(learning_rate))


def search(n_jobs):
    """32 models of five epochs each, the ledger in memory."""
    space = {"learning_rate": tune.LogUniform(1e-4, 1e-2)}
    tune.search(
        build, space, *support.digits(), trials=32, epochs=5, n_jobs=n_jobs, storage=":memory:",
        verbose=0,
    )  # fmt: skip


class Population:
    """One after the other / in two threads: built, compiled, trained and validated."""

    unit = "ratio"
    timeout = 120

    def setup(self):
        if len(support.THREADS) == 1:
            raise NotImplementedError("one CPU")
        search(1)

    def track_speed_up(self):
        one_by_one, at_once = [], []
        for _ in range(3):
            one_by_one.append(support.best(lambda: search(1), 1))
            at_once.append(support.best(lambda: search(2), 1))
        return min(one_by_one) / min(at_once)
