"""Tables for networks: robust scaling, smooth clipping, gaps, one column for each category."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import check_array

from fastnn.estimators.columns import Column, columns_of
from fastnn.estimators.warning import OURS, warn
from fastnn.export.formulas import gaps_filled, gaps_told, softly_scaled
from fastnn.layers import PiecewiseLinearEncoding

MAX_CATEGORIES = 128
LARGEST = np.finfo(np.float64).max / 2
BINS, HEIGHT, MOST_ENCODED = 8, 2.0, 50
"""Of a piecewise encoding, which leaves tables of more such columns alone: each becomes ten."""


class TableEncoder:
    """Numbers (n, columns), float32, for a network (Holzmueller et al. 2024, section 3).

    Categories become a column of 0 and 1 each, two of a feature a single column of 1 and -1. A
    missing value is a category of its own. A category that `fit` has not seen is all 0, or counts
    among the rarest ones of a feature with more than 128. Each column of numbers that has gaps
    (NaN) in `fit` gets a column of 0 and 1 that tells them, behind all others. Then each
    column is centred at its median and divided by its quartile distance (or half its range, where
    that is 0), both of the numbers that are known, and x becomes x / sqrt(1 + (x / 3)^2): linear
    near 0, never beyond 3. A gap becomes 0, the median.

    Where there are rows enough, and not too many columns, `encoding` is a layer that follows, whose
    knots are quantiles of what `fit` makes of its rows; columns of two values have none.

    Parameters
    ----------
    categorical : array-like of bool, int or str, "from_dtype" or None
        Which columns hold categories, as a mask, by position or by name. By default those of text,
        of yes and no, and of a type for categories, but for texts of which nearly every row has one
        of its own: these are left out, with a warning.
    """

    def __init__(self, categorical: Any) -> None:
        self.by_type = categorical is None or isinstance(categorical, str)
        self.categorical = categorical
        self.encoding: PiecewiseLinearEncoding | None = None

    def __setstate__(self, kept: dict[str, Any]) -> None:
        # Pickles of version 0.1 know no columns left out, and no gaps.
        TableEncoder.__init__(self, kept["categorical"])
        none = np.array([], dtype=np.int64)
        self.__dict__.update({"left_out": none, "words": {}, "gaps": none} | kept)

    def fit_transform(self, X: Any, estimator: Any, encoded_from: float = np.inf) -> np.ndarray:
        """Learn the categories, medians and distances, of so many rows and more the knots, and
        encode."""
        self.columns = self.left_out = np.array([], dtype=np.int64)
        self.words: dict[int, bool] = {}
        self.encoder: Any = None
        table = None if self.by_type and _is_numeric(X) else columns_of(X, estimator)
        if table is not None:
            self._learn(table, estimator)
        numbers = self._numbers(X, estimator, table)
        self.gaps = np.flatnonzero(np.isnan(numbers).any(axis=0))
        numbers = gaps_told(numbers, self.gaps)
        self.median, distance = _spread(numbers)
        # A column that does not vary says nothing; it must not do so later either. The inverse of a
        # distance below the normal numbers is no number.
        normal = np.maximum(distance, np.finfo(np.float64).tiny)
        self.factor = np.divide(1, normal, out=np.zeros_like(distance), where=distance != 0)
        found = self._scaled(numbers)
        if len(found) >= encoded_from:
            encoding = PiecewiseLinearEncoding.of(found, BINS, HEIGHT)
            if 0 < sum(map(bool, encoding.knots)) <= MOST_ENCODED:
                self.encoding = encoding
        return found

    def transform(self, X: Any, estimator: Any) -> np.ndarray:
        """Encode rows."""
        return self._scaled(gaps_told(self._numbers(X, estimator), self.gaps))

    def _scaled(self, numbers: np.ndarray) -> np.ndarray:
        return gaps_filled(softly_scaled(numbers, self.median, self.factor))

    def _learn(self, table: list[Column], estimator: Any) -> None:
        """Which columns are categories, and which of them there are."""
        for column in table:
            column.check()
        if self.by_type:
            found = [k for k, column in enumerate(table) if column.looks_categorical]
            self.left_out = np.array([k for k in found if table[k].identifies], dtype=np.int64)
            self.columns = np.setdiff1d(found, self.left_out).astype(np.int64)
            _tell_left_out([table[k].label for k in self.left_out], len(table))
        else:
            self.columns = np.unique(_positions(self.categorical, estimator))
        self.words = {
            k: column.is_words for k, column in enumerate(table) if column.holds != "nothing"
        }
        for k in self.others(len(table)):
            if table[k].is_words:
                raise ValueError(
                    f"{table[k].label} of X holds text, and categorical_features does not name it: "
                    "name it there, or leave categorical_features out"
                )
        if len(self.columns):
            self.learn_categories(_objects(table, self.columns))

    def learn_categories(self, rows: np.ndarray) -> None:
        """Which categories there are, from rows (n, categorical columns) of objects."""
        self._take(_one_hot().fit(rows))

    def learn_each(self, columns: list[np.ndarray]) -> None:
        """The same, from columns of objects that may be of different lengths."""
        first, *others = (_one_hot().fit(column[:, None]) for column in columns)
        for other in others:
            # All that it has learned are lists with an entry a column.
            for name, value in vars(other).items():
                if isinstance(value, list):
                    getattr(first, name).extend(value)
        first.n_features_in_ = len(columns)
        self._take(first)

    def _take(self, encoder: OneHotEncoder) -> None:
        self.encoder = encoder
        sizes = np.minimum([len(c) for c in encoder.categories_], MAX_CATEGORIES)
        self.twos = (np.cumsum(sizes) - sizes)[sizes == 2]

    def widths(self) -> list[int]:
        """How many columns the network reads of each categorical one."""
        if self.encoder is None:
            return []
        sizes = [min(len(c), MAX_CATEGORIES) for c in self.encoder.categories_]
        return [1 if size == 2 else size for size in sizes]

    def others(self, n: int) -> np.ndarray:
        """Positions of the columns of numbers."""
        return np.setdiff1d(np.arange(n), np.append(self.columns, self.left_out))

    def _numbers(self, X: Any, estimator: Any, table: list[Column] | None = None) -> np.ndarray:
        if self.encoder is None and not len(self.left_out) and _is_numeric(X):
            return _finite(X, estimator)
        if table is None:
            table = columns_of(X, estimator)
            self._check_same(table)
        parts, others = [], self.others(len(table))
        if self.encoder is not None:
            parts.append(self._coded(_objects(table, self.columns)))
        if len(others):
            numbers = np.column_stack([_known_numbers(table[k]) for k in others])
            parts.append(_finite(numbers, estimator))
        return np.hstack(parts)

    def _coded(self, categories: np.ndarray) -> np.ndarray:
        """Columns of 0 and 1 for categories (n, features), of -1 and 1 where there are two."""
        found = self.encoder.transform(categories)
        found[:, self.twos] -= found[:, self.twos + 1]
        return np.delete(found, self.twos + 1, axis=1)

    def codes(self) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
        """For each feature of categories: where it stands in X, its categories (c,), the columns
        (c, columns) that they become, and those (columns,) of a category that `fit` has not seen.
        """
        if self.encoder is None:
            return []
        found, start = [], 0
        firsts = [categories[0] for categories in self.encoder.categories_]
        rare = self.encoder.infrequent_categories_
        for at, (categories, width) in enumerate(
            zip(self.encoder.categories_, self.widths(), strict=True)
        ):
            rows = np.array([firsts] * len(categories), dtype=object)
            rows[:, at] = categories
            codes = self._coded(rows)[:, start : start + width]
            unseen = np.zeros(width)
            if rare[at] is not None:
                unseen = codes[np.flatnonzero(categories == rare[at][0])[0]]
            found.append((int(self.columns[at]), categories, codes, unseen))
            start += width
        return found

    def _check_same(self, table: list[Column]) -> None:
        """Refuse words where numbers were learned, and numbers where words were."""
        for k, column in enumerate(table):
            if k in self.left_out:
                continue
            column.check()
            words = self.words.get(k)
            if words is not None and column.holds != "nothing" and column.is_words != words:
                kinds = ("text", "numbers") if words else ("numbers", "text")
                raise TypeError(
                    f"{column.label} of X held {kinds[0]} in fit and holds {kinds[1]} now, which "
                    f"match none of it; pass {kinds[0]}, as in fit"
                )


def _known_numbers(column: Column) -> np.ndarray:
    """Its values; of one that held nothing in `fit`, and holds text now, none."""
    return np.full(len(column.values), np.nan) if column.is_words else column.values


def _finite(X: Any, estimator: Any) -> np.ndarray:
    """Numbers in double, NaN where one is missing, none of them infinite or near it."""
    numbers = check_array(
        X, dtype=np.float64, ensure_all_finite="allow-nan", estimator=estimator, input_name="X"
    )
    if (numbers > LARGEST).any() or (numbers < -LARGEST).any():
        first = numbers[np.abs(numbers) > LARGEST][0]
        raise ValueError(
            f"X holds {first:g}; expected no more than {LARGEST:g}, for differences must be "
            "numbers: rescale such columns"
        )
    return numbers


def _spread(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and quartile distance, or half the range, of the numbers known in each column."""
    median, distance = np.zeros((2, numbers.shape[1]))
    known = ~np.isnan(numbers)
    some, whole = known.any(axis=0), known.all(axis=0)
    for percentile, part in ((np.percentile, whole), (np.nanpercentile, some & ~whole)):
        if part.any():
            low, median[part], high = percentile(numbers[:, part], [25, 50, 75], axis=0)
            distance[part] = high - low
    flat = some & (distance == 0)
    ends = np.nanmin(numbers[:, flat], axis=0), np.nanmax(numbers[:, flat], axis=0)
    distance[flat] = 0.5 * (ends[1] - ends[0])
    return median, distance


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES,
        sparse_output=False, dtype=np.float64,
    )  # fmt: skip


def _is_numeric(X: Any) -> bool:
    return isinstance(X, np.ndarray) and X.dtype.kind in "iuf"


def _objects(table: list[Column], positions: np.ndarray) -> np.ndarray:
    """Columns as objects, None where a value is missing."""
    chosen = np.empty((len(table[0].values), len(positions)), dtype=object)
    for at, k in enumerate(positions):
        values = table[k].values
        chosen[:, at] = values
        if not table[k].is_words:
            chosen[np.isnan(values), at] = None
    return chosen


def _tell_left_out(labels: list[str], n: int) -> None:
    if len(labels) == n:
        raise ValueError(
            f"{labels[0]} of X, like each other column, holds a text of its own for nearly each "
            "row, from which nothing can be learned; name the columns of categories in "
            "categorical_features"
        )
    if labels:
        warn(
            f"{' and '.join(labels)} of X: nearly each row has a text of its own, from which "
            "nothing can be learned about others; left out. Drop such columns, or name the columns "
            "of categories in categorical_features",
            module=OURS,
        )


def _positions(given: Any, estimator: Any) -> np.ndarray:
    """Positions of the categorical columns."""
    n = estimator.n_features_in_
    names = list(getattr(estimator, "feature_names_in_", []))
    chosen = np.asarray(given)
    if chosen.dtype == bool:
        if chosen.shape != (n,):
            raise ValueError(
                f"categorical_features is a mask of shape {chosen.shape}; expected ({n},), one "
                "for each column of X"
            )
        return np.flatnonzero(chosen)
    if chosen.dtype.kind in "iu":
        if len(chosen) and (chosen.min() < 0 or chosen.max() >= n):
            raise ValueError(
                f"categorical_features is {given}; expected columns from 0 to {n - 1} of X"
            )
        return chosen.astype(np.int64)
    unknown = [name for name in chosen.tolist() if name not in names]
    if unknown:
        raise ValueError(
            f"categorical_features holds {unknown}; expected names of columns of X: {names}"
        )
    return np.array([names.index(name) for name in chosen.tolist()], dtype=np.int64)
