"""Reading back what an estimator knows of the table that it was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.estimators.description import plain
from fastnn.estimators.tables import MAX_CATEGORIES, TableEncoder
from fastnn.files import texts
from fastnn.files.forms import array
from fastnn.files.persistence import read_json


def scales(left: dict[str, np.ndarray], d: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Medians and factors of what the network reads, as many as the columns of the table make."""
    median, factor = (checked_floats(left.pop(name), name) for name in ("median", "factor"))
    for name, values in (("median", median), ("factor", factor)):
        array("float64")(values, name)
    spec, n = d["inputs"], d["n_features"]
    used = np.append(spec["columns"], spec["left_out"]).astype(np.int64)
    places = np.append(used, np.array(spec["words"], np.int64).reshape(-1, 2)[:, 0])
    if len(np.unique(used)) < len(used) or places.min(initial=0) < 0 or places.max(initial=-1) >= n:
        raise ValueError(f"its columns are not among {n} features")
    sizes = np.minimum(_sizes(spec), MAX_CATEGORIES)
    width = n - len(used) + int(np.where(sizes == 2, 1, sizes).sum())
    gaps = _gaps(spec)
    if gaps.min(initial=0) < 0 or gaps.max(initial=-1) >= width:
        raise ValueError(f"its gaps are not among {width} columns")
    width += len(gaps)
    if not (len(median) == len(factor) == width):
        raise ValueError(f"it scales {len(median)} columns, and makes {width}")
    return median, factor


def _gaps(spec: dict[str, Any]) -> np.ndarray:
    """Columns that had gaps, which the first files did not know."""
    return np.array(spec.get("gaps", []), np.int64)


def _sizes(spec: dict[str, Any]) -> np.ndarray:
    """How many categories each column has."""
    categories, rare = spec["categories"], spec["rare"]
    if isinstance(categories, list):  # of version 1
        sizes, fits = np.array([len(c) for c in categories], np.int64), len(rare) == len(categories)
    else:
        sizes = spec["sizes"]
        fits = sizes.min(initial=1) >= 1 and sizes.max(initial=0) <= len(rare)
        fits = fits and sizes.sum() == len(rare) == texts.count(categories)
    if not fits or len(sizes) != len(spec["columns"]):
        raise ValueError("its categories are not those of its columns")
    if isinstance(categories, np.ndarray):
        _check_order(categories, sizes)
        ends = np.cumsum(sizes)
        few = [int(rare[end - size : end].sum()) for size, end in zip(sizes, ends, strict=True)]
    else:
        few = [len(set(own)) for own in rare]
    # As many as are too many, beside one for them all, are rare.
    if few != np.where(sizes > MAX_CATEGORIES, sizes - MAX_CATEGORIES + 1, 0).tolist():
        raise ValueError("its rare categories are not as many as they should")
    return sizes


def _check_order(categories: np.ndarray, sizes: np.ndarray) -> None:
    """Refuse categories of a column that do not ascend, a missing one last."""
    ends, before = set(np.cumsum(sizes).tolist()), None
    for k, word in enumerate(texts.each(categories)):
        category = _category(word)
        if k in ends or k == 0:
            before = category
            continue
        if before is None or (category is not None and not before < category):
            raise ValueError("its categories are not in order")
        before = category


def encoder(
    spec: dict[str, Any], categorical: Any, median: np.ndarray, factor: np.ndarray
) -> TableEncoder:
    """What the preset knows of the table."""
    inputs = TableEncoder(categorical)
    inputs.columns, inputs.left_out = (
        np.array(spec[name], np.int64) for name in ("columns", "left_out")
    )
    inputs.gaps = _gaps(spec)
    inputs.words = {int(k): bool(held) for k, held in spec["words"]}
    inputs.median, inputs.factor, inputs.encoder = median.copy(), factor.copy(), None
    categories, rare = _categories(spec)
    if categories:
        inputs.learn_each(list(map(_example, categories, rare)))
        found = [list(c) for c in inputs.encoder.categories_]
        few = inputs.encoder.infrequent_categories_
        if found != categories or any(
            ([] if own is None else list(own)) != [c[k] for k in places]
            for own, c, places in zip(few, found, rare, strict=True)
        ):
            raise ValueError("its categories are not in order")
    return inputs


def _categories(spec: dict[str, Any]) -> tuple[list[list[Any]], list[list[int]]]:
    """The categories of each column, and which of them are rare."""
    if isinstance(spec["categories"], list):  # of version 1
        return spec["categories"], spec["rare"]
    words = [_category(word) for word in texts.each(spec["categories"])]
    ends = np.cumsum(spec["sizes"])
    parts = list(zip(ends - spec["sizes"], ends, strict=True))
    return (
        [words[a:b] for a, b in parts],
        [np.flatnonzero(spec["rare"][a:b]).tolist() for a, b in parts],
    )


def _category(word: bytes) -> Any:
    """A text, a number, yes or no, or nothing, from its JSON."""
    if word[:1] in (b"[", b"{"):
        raise ValueError("a category is a list")
    found = read_json(word)
    plain(found, "a category")
    return found


def _example(categories: list[Any], rare: list[int]) -> np.ndarray:
    """Values (n,) from which the same categories are learned: the rare ones stand once."""
    few = set(rare)
    if not few <= set(range(len(categories))):
        raise ValueError("its rare categories are none of its categories")
    frequent = [c for k, c in enumerate(categories) if k not in few]
    if not frequent:
        raise ValueError("all categories of a column are rare")
    found = np.empty(len(categories) + len(frequent), object)
    found[:] = categories + frequent
    return found


def checked_floats(array: np.ndarray, name: str, size: int | None = None) -> np.ndarray:
    """An array of the file, if it is float64 (n,)."""
    if array.dtype != np.float64 or array.ndim != 1 or len(array) != (size or len(array)):
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}; expected float64 (n,)")
    return array
