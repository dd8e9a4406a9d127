"""Pace: how many threads pay, and how long to stay in the compiled loop."""

import time

BLOCK_SECONDS = 0.07
"""Time between returns to Python: for Ctrl-C and progress."""
BLOCK_STEPS = 10_000
"""Most steps between returns to Python, however short one seemed: a machine that was idle when it
was measured may be busy by now."""
ROWS_TOGETHER = 1_000_000
"""Largest number of rows of several epochs that are taken in one go."""
TRIAL_SECONDS = 0.004
"""Time given to the other number of threads, to see whether it is faster by now."""


class Pace:
    """How many threads pay, and how many steps make a block: found out as training goes.

    One thread and many compute the same bits, so that a run may change over at any step. Many do
    not pay for tiny networks, nor where another program has a processor: then each waits for all.

    Parameters
    ----------
    threads : int
        Those that there are.
    flops : int
        Of the products of a step, forward.
    """

    def __init__(self, threads: int, flops: int) -> None:
        # A first guess; each block corrects it.
        guess = 1e-5 + 1e-10 * flops
        self.seconds = dict.fromkeys({threads, 1}, guess)
        self.unknown = list(self.seconds)
        self.best = threads
        self.next_trial = 0.0
        self.trial_after = TRIAL_SECONDS

    def next_block(self) -> tuple[int, int]:
        """Threads and number of steps of the block to come."""
        if len(self.seconds) > 1 and not self.unknown and time.perf_counter() >= self.next_trial:
            self.unknown = [k for k in self.seconds if k != self.best]
        threads = self.unknown[0] if self.unknown else self.best
        budget = TRIAL_SECONDS if self.unknown else BLOCK_SECONDS
        # By the faster way: one bad trial must not make the next too short to tell.
        return threads, max(1, min(int(budget / min(self.seconds.values())), BLOCK_STEPS))

    def together(self, n_steps: int, n_rows: int, left: int) -> int:
        """How many of the epochs left fit into a block, each of so many steps and rows."""
        seconds = n_steps * min(self.seconds.values())
        most = min(ROWS_TOGETHER // n_rows, BLOCK_STEPS // n_steps)
        return max(1, min(left, int(BLOCK_SECONDS / seconds), most))

    def note(self, threads: int, seconds: float) -> None:
        """What a step of the last block took."""
        self.seconds[threads] = seconds
        if threads in self.unknown:
            self.unknown.remove(threads)
            # The first trials come soon, for the first block also warms the caches.
            self.trial_after = min(4 * self.trial_after, 2.0)
            self.next_trial = time.perf_counter() + self.trial_after
        self.best = min(self.seconds, key=self.seconds.__getitem__)
