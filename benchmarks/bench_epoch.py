"""Epochs of `fit` through the public API: the peers' workloads, and the optimizers on digits.

Epochs are shortened to the steps in `support.STEPS`; a sample is one epoch, shuffling included, of
a runner that lives as long as the process.
"""

from benchmarks import support
from fastnn import SGD, set_num_threads


class Workloads:
    """One epoch of each workload of `benchmarks.peers`: ReLU MLPs, softmax, Adam, float32."""

    params = (list(support.STEPS), support.THREADS)
    param_names = ("workload", "threads")
    repeat = (2, 10, 1.0)

    def setup(self, workload, threads):
        set_num_threads(threads)
        self.runner = support.runner(workload, threads)

    def time_epoch(self, workload, threads):
        self.runner.train(1)


class Optimizers:
    """The second epoch of a new model, 57 steps of 32 digits, one thread, by optimizer."""

    params = ("sgd", "momentum", "rmsprop", "adam", "adamw", "nadam")
    param_names = ("optimizer",)
    repeat = (2, 20, 1.0)

    def setup(self, optimizer):
        set_num_threads(1)
        chosen = SGD(0.01, momentum=0.9) if optimizer == "momentum" else optimizer
        self.model = support.digits_model(optimizer=chosen)
        self.time_epoch(optimizer)

    def time_epoch(self, optimizer):
        self.model.fit(*support.digits(), epochs=1, batch_size=32, verbose=0)


class FullBatch(Optimizers):
    """Epochs 11 to 20 of a new model, on all 1797 digits at once, by optimizer."""

    params = ("rprop", "lbfgs")

    def time_epoch(self, optimizer):
        self.model.fit(*support.digits(), epochs=10, batch_size=None, verbose=0)
