"""Many small models at once: 32 digits models in two Python threads."""

from concurrent.futures import ThreadPoolExecutor

from benchmarks import support
from fastnn import set_num_threads


def train(seed):
    support.digits_model(seed).fit(*support.digits(), epochs=5, batch_size=32, verbose=0)


class Population:
    """One after the other / in two threads: built, compiled and trained for 5 epochs each."""

    unit = "ratio"
    timeout = 120

    def setup(self):
        if len(support.THREADS) == 1:
            raise NotImplementedError("one CPU")
        set_num_threads(1)
        train(0)

    def track_speed_up(self):
        one_by_one, at_once = [], []
        with ThreadPoolExecutor(2) as pool:
            for _ in range(3):
                one_by_one.append(support.best(lambda: [train(seed) for seed in range(32)], 1))
                at_once.append(support.best(lambda: list(pool.map(train, range(32))), 1))
        set_num_threads(None)
        return min(one_by_one) / min(at_once)
