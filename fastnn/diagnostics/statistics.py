"""Tests of one set of columns against a reference: how far, and whether by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastnn.diagnostics.tables import LEVELS, Columns

ALPHA = 0.01
"""Most false discoveries among the columns of one table that are called shifted."""


class Thresholds(NamedTuple):
    """Sizes from which a shift is "some", and from which it is "strong"."""

    difference: tuple[float, float]
    ratio: tuple[float, float]


EXACT = Thresholds(difference=(0.2, 0.8), ratio=(2.0, 4.0))
"""Differences: Cohen's small and large (1988), also for the Wasserstein distance, which is |d|
where a distribution has moved by d as a whole.  Ratios: Rubin's "far too extreme" (2001), and twice
the deviation, which for a normal distribution is the Wasserstein distance 0.8 again."""
AVERAGED = EXACT._replace(difference=(0.5, 0.8))
"""For batch norm's running averages, which on a model's own training rows are up to about 0.3 off:
they are of few batches, and the weights move while they are taken. Cohen's medium to large."""


@dataclass(frozen=True)
class Moments:
    """Mean and variance (k,) of columns, how many rows they are of, and the fourth moment's ratio.

    `kurtosis` (k,) is that of the normal distribution, 3, or more.
    """

    mean: np.ndarray
    variance: np.ndarray
    rows: float
    kurtosis: np.ndarray | float = 3.0

    @classmethod
    def of(cls, sample: np.ndarray, floor: float = 0.0) -> Moments:
        """Those of a sample (n, k); `floor` is added to the variances."""
        values = np.asarray(sample, np.float64)
        mean = values.mean(axis=0)
        squares = np.square(values - mean)
        variance = squares.mean(axis=0)
        # What is left of a constant by rounding is no variance.
        variance[np.ptp(values, axis=0) == 0] = 0
        fourth = np.square(squares).mean(axis=0)
        kurtosis = fourth / np.where(variance > 0, np.square(variance), 1)
        return cls(mean, variance + floor, len(values), np.maximum(kurtosis, 3.0))


def compare(
    new: np.ndarray,
    reference: Moments,
    sample: np.ndarray | None = None,
    thresholds: Thresholds = EXACT,
    names: tuple[str, ...] | None = None,
    floor: float = 0.0,
) -> Columns:
    """The columns of `new` (n, k) against reference moments, and against a sample if there is one.

    Several tests are made of each column, and all their p-values are adjusted together
    (Benjamini & Yekutieli 2001: whatever the dependence).
    """
    from scipy.stats import false_discovery_control

    moments = Moments.of(new, floor)
    difference = _in_deviations(moments.mean - reference.mean, reference)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(moments.variance) - np.log(reference.variance)
    log_ratio[moments.variance == reference.variance] = 0
    sizes = [(np.abs(difference), thresholds.difference), (np.exp(log_ratio), thresholds.ratio)]
    p_values = [p_of_mean(moments, reference), p_of_growth(moments, reference)]
    distance = ks = np.full(len(difference), np.nan)
    if sample is not None:
        distance = _in_deviations(wasserstein(new, sample), reference)
        ks, p_of_ks = kolmogorov_smirnov(new, sample)
        sizes.append((distance, thresholds.difference))
        p_values.append(p_of_ks)
    adjusted = false_discovery_control(np.concatenate(p_values), method="by")
    adjusted = adjusted.reshape(len(p_values), -1)
    levels = [
        (p <= ALPHA) * np.digitize(size, edges)
        for p, (size, edges) in zip(adjusted, sizes, strict=True)
    ]
    level = np.max(levels, axis=0)
    return Columns(
        names or tuple(str(j) for j in range(len(difference))),
        difference, log_ratio, distance, ks, adjusted.min(axis=0), np.array(LEVELS)[level],
    )  # fmt: skip


def p_of_mean(new: Moments, reference: Moments) -> np.ndarray:
    """Welch's t-test, two-sided, with the larger variance of the two for both.

    Where nothing has moved, a sample that holds a rare large value, or lacks it, has the wrong
    variance; the other one then bounds it.
    """
    from scipy.stats import t

    variance = np.maximum(new.variance, reference.variance)
    error = np.sqrt(variance * (1 / new.rows + 1 / reference.rows))
    moved = np.abs(new.mean - reference.mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(moved > 0, moved / error, 0)
    return 2 * t.sf(statistic, new.rows - 1)


def p_of_growth(new: Moments, reference: Moments) -> np.ndarray:
    """Whether the variance has grown: the difference over its standard error, one-sided.

    var(s^2) is about sigma^4 (kurtosis - 1) / n. That variance has shrunk is not tested: from
    moments alone it cannot be told from rare large values that the sample happens to lack.
    """
    from scipy.stats import norm

    kurtosis = np.maximum(new.kurtosis, reference.kurtosis)
    spread = np.sqrt((kurtosis - 1) * (1 / new.rows + 1 / reference.rows))
    grown = new.variance - reference.variance
    relative = grown / np.where(new.variance > 0, new.variance, 1)
    return norm.sf(np.maximum(relative, 0) / spread) * np.where(grown > 0, 1, 2)


def _in_deviations(moved: np.ndarray, reference: Moments) -> np.ndarray:
    """What was constant has moved by infinitely many deviations, if it has moved."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(moved == 0, 0.0, moved / np.sqrt(reference.variance))


def wasserstein(new: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """The area between the two distribution functions, column by column."""
    from scipy.stats import wasserstein_distance

    return np.array([wasserstein_distance(new[:, j], sample[:, j]) for j in range(new.shape[1])])


def kolmogorov_smirnov(new: np.ndarray, sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two-sample statistic and its p-value, column by column."""
    from scipy.stats import ks_2samp

    # SciPy computes in the precision of what it is given, where other libraries keep theirs.
    new, sample = new.astype(np.float64), sample.astype(np.float64)
    found = [
        ks_2samp(new[:, j], sample[:, j], method="asymp") for j in range(new.shape[1])
    ]  # fmt: skip
    return np.array([f.statistic for f in found]), np.array([f.pvalue for f in found])


def detectable(n_columns: int, n_tests: int, rows: float, reference_rows: float) -> float:
    """The difference of means, in deviations, from which a column among so many is noticed."""
    from scipy.stats import t

    tests = n_columns * n_tests
    share = ALPHA / (tests * np.sum(1 / np.arange(1, tests + 1)))
    return float(t.isf(share / 2, rows - 1) * np.sqrt(1 / rows + 1 / reference_rows))
