"""What a second thread is worth: one epoch on 1 thread over the same on all."""

from benchmarks import support
from fastnn import set_num_threads


class SpeedUp:
    """Time on one thread / time on all threads, interleaved, the best of each."""

    params = ("digits", "mnist", "tab", "wide")
    param_names = ("workload",)
    unit = "ratio"
    timeout = 120

    def setup(self, workload):
        if len(support.THREADS) == 1:
            raise NotImplementedError("one CPU")
        self.runner = support.runner(workload, support.THREADS[-1])

    def track_speed_up(self, workload):
        times = {threads: float("inf") for threads in support.THREADS}
        for _ in range(4):
            for threads in times:
                set_num_threads(threads)
                self.runner.train(1)  # what a change of the number prepares anew
                seconds = support.best(lambda: self.runner.train(1), 2)
                times[threads] = min(times[threads], seconds)
        set_num_threads(None)
        return times[1] / times[support.THREADS[-1]]
