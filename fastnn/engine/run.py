"""The one door between Python and the compiled loop.

A run fills one CONTEXT record, keeps alive what it points to, and calls the loop by its address.
"""

from collections.abc import Mapping

import numpy as np

from fastnn.engine import team
from fastnn.engine.buffers import address
from fastnn.engine.compilation import ensure
from fastnn.engine.context import COUNTERS, FIELDS, Context
from fastnn.engine.threads import region


def shuffle(index: np.ndarray, orders: np.ndarray, dtype: np.dtype) -> None:
    """Turn uniform draws in the memory of orders (epochs, n) into permutations of index (n,).

    `dtype` says whose kernels do it: those of the model's numbers are there already.
    """
    ensure(dtype).shuffle(address(index), len(index), address(orders), len(orders))


class Run(Context):
    """A program that is ready to be called again and again."""

    def _call(self, wanted: int) -> None:
        """Run what is prepared, with so many workers."""
        self._counters.fill(0)
        if wanted == 1:
            self._serial(self._only)
            return
        with region(wanted) as workers:
            if workers == 1:
                self._serial(self._only)
            else:
                team.run(self._kernels, self._places, workers)

    def _calls(self, count: int, fields: Mapping[str, tuple[int, int]]) -> np.ndarray:
        """So many runs for `Kernels.serial`, (count, 5), each with a context of its own.

        `fields` says of what differs where it begins, and how far it moves from run to run.
        """
        runs = np.arange(count)
        contexts = np.repeat(self._whole[None], count, axis=0)
        counters = np.zeros((count, len(self._counters)), np.int64)
        self._kept |= {"contexts": contexts, "counters": counters}
        places = {
            k: (address(counters) + 8 * at, counters.strides[0]) for k, at in COUNTERS.items()
        }
        for name, (start, step) in {**fields, **places}.items():
            contexts[:, FIELDS[name][0]] = start + step * runs
        calls = np.repeat(self._one_call[1:], count, axis=0)
        calls[:, 1] = address(contexts) + contexts.strides[0] * runs
        calls[:, 4] = contexts[:, FIELDS["failed"][0]]
        return calls
