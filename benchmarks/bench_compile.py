"""What compilation costs: the first fit on a machine, in a process, of an architecture."""

import tempfile

from benchmarks import support
from benchmarks.peers import process, processes
from fastnn.kernels.machine import target

FIRST_FIT = """
import json, sys, time
import fastnn
from fastnn import BatchNorm, Dense, ReLU, Sequential, Softmax
X, y = fastnn.datasets.load_digits()
model = Sequential([Dense(64), BatchNorm(), ReLU(), Dense(10), Softmax()], seed=0)
model.compile()
start = time.perf_counter()
model.fit(X, y, epochs=int(sys.argv[1]), batch_size=32, verbose=0)
print(json.dumps(time.perf_counter() - start))
"""


class Compile:
    """Seconds, each in a new process."""

    unit = "seconds"
    timeout = 300

    def track_cold_first_fit(self):
        """The first fit with an empty cache: everything is compiled."""
        with tempfile.TemporaryDirectory() as folder:
            return support.in_a_process(FIRST_FIT, 1, cache=folder)[0]

    def track_warm_first_fit(self):
        """The first fit with a filled cache: everything is loaded."""
        support.in_a_process(FIRST_FIT, 1)
        return min(support.in_a_process(FIRST_FIT, 1)[0] for _ in range(3))

    def track_whole_warm_process(self):
        """Start of Python to its end: imports, digits, 20 epochs."""
        support.in_a_process(FIRST_FIT, 1)
        return min(support.in_a_process(FIRST_FIT, 20)[1] for _ in range(3))


class OverJax:
    """Seconds of a new process over JAX's: its import, and digits with caches empty and filled.

    "wheel" is with empty caches, and kernels as a wheel brings them.
    """

    unit = "ratio"
    timeout = 600
    params = ("import", "cold", "wheel", "warm")
    param_names = ("start",)

    def setup(self, start):
        if process.absent(process.ALL["jax"]):
            raise NotImplementedError("JAX is not installed")
        if start == "wheel" and not target.levels_here():
            raise NotImplementedError("no wheel is made for this processor")

    def track_fastnn_over_jax(self, start):
        kinds = {
            "import": processes.import_process,
            "cold": processes.cold_process,
            "wheel": processes.wheel_process,
            "warm": processes.whole_process,
        }
        rounds = 1 if start in ("cold", "wheel") else 3
        with tempfile.TemporaryDirectory() as folder:
            found = processes.medians(
                kinds[start], ("fastnn", "jax"), support.THREADS[-1], rounds, folder
            )
        return found["fastnn"] / found["jax"]


class SecondArchitecture:
    """First epoch of a second architecture over its second epoch: 1 where nothing compiles."""

    unit = "ratio"

    def setup(self):
        support.digits_model().fit(*support.digits(), epochs=1, verbose=0)

    def track_first_epoch_over_second(self):
        from fastnn import Dense, Dropout, Sequential, Softmax, Tanh

        ratios = []
        for width in (20, 30, 40, 50, 60):
            model = Sequential([Dense(width), Tanh(), Dropout(0.1), Dense(10), Softmax()], seed=0)
            model.compile("sgd")
            history = model.fit(*support.digits(), epochs=2, batch_size=50, verbose=0)
            first, second = history["seconds"]
            ratios.append(first / second)
        return sorted(ratios)[len(ratios) // 2]
