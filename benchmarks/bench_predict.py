"""`predict` of the digits network (64-64-10 with batch norm) through the public method."""

import numpy as np

from benchmarks import support
from fastnn import set_num_threads


class Predict:
    """Time of so many calls that 10 000 rows are predicted: 10 000 calls of one row, 1 of all.

    rows: of one call.
    """

    params = (1, 32, 10_000)
    param_names = ("rows",)
    repeat = (2, 10, 1.0)

    def setup(self, rows):
        set_num_threads(None)
        X, _ = support.digits()
        self.model = support.trained_digits()
        self.X = np.resize(X, (rows, X.shape[1]))
        self.calls = range(10_000 // rows)
        self.model.predict(self.X)

    def time_predict(self, rows):
        for _ in self.calls:
            self.model.predict(self.X)
