"""A table for the tests of tabular models."""

import numpy as np


def people(n=240, seed=0):
    """A table with numbers, text, dates and gaps; who buys follows from town and age."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 9, n).round()
    town = rng.choice(["Bonn", "Köln", "Ulm"], n).astype(object)
    buys = np.where((age > 40) ^ (town == "Ulm"), "yes", "no")
    age[rng.integers(0, n, 12)] = np.nan
    town[rng.integers(0, n, 12)] = None
    day = (np.datetime64("2024-01-01") + rng.integers(0, 300, n)).astype(str)
    spent = 3.0 * age + (town == "Ulm") * 50 + rng.normal(0, 1, n)
    spent[np.isnan(age)] = 120.0
    table = {"id": np.arange(n), "age": age, "town": town, "day": day, "buys": buys}
    return table | {"spent": spent}
