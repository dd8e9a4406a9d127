"""The order of the rows: a permutation of the given ones, each as likely as any other."""

import math

import numpy as np
import pytest

from fastnn.engine.run import shuffle


def shuffled(index, epochs, seed=0):
    orders = np.empty((epochs, len(index)), np.int64)
    np.random.default_rng(seed).random(out=orders.view(np.float64))
    shuffle(index, orders, np.dtype(np.float32))
    return orders


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_every_epoch_has_each_row_once(n):
    index = np.random.default_rng(n).choice(10**6, n, replace=False)
    orders = shuffled(index, 20)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.sort(index), (20, 1)))


def test_all_orders_are_as_likely():
    found, counts = np.unique(shuffled(np.arange(4), 48_000), axis=0, return_counts=True)
    assert len(found) == math.factorial(4)
    chi_squared = ((counts - 2000) ** 2 / 2000).sum()
    assert 11.7 < chi_squared < 38.1  # 2.5 % and 97.5 % of 23 degrees of freedom


def test_each_row_comes_to_each_place_as_often():
    orders = shuffled(np.arange(50), 20_000)
    counts = np.stack([np.bincount(column, minlength=50) for column in orders.T])
    chi_squared = ((counts - 400) ** 2 / 400).sum()
    assert abs(chi_squared - 49 * 49) < 3 * math.sqrt(2 * 49 * 49)
