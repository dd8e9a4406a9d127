"""Values: what the texts of a column stand for, numbers, dates or words."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.tabular.reading import arrow

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
GROUPED = r"^\s*[+-]?\d{1,3}(,\d{3})+(\.\d*)?\s*$"
DECIMAL_COMMA = r"^\s*[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?\s*$"
CODE = r"^0\d+$"
"""Digits that begin with 0 are no count: a telephone number, a postcode."""
STAMPS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y")
WRITINGS = {
    "plain": (NUMBER, {}),
    "thousands": (GROUPED, {",": ""}),
    "comma": (DECIMAL_COMMA, {".": "", ",": "."}),
}
"""How numbers are written: a pattern, and what to replace to read one."""


def column(data: Any, name: str) -> Any:
    """A column as one Arrow array, a dictionary of words as the words."""
    pa = arrow()
    found = data.column(name).combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], found.type)
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if pa.types.is_large_string(found.type) or pa.types.is_string_view(found.type):
        found = found.cast(pa.string())
    return found


def is_text(values: Any) -> bool:
    """Whether an Arrow array holds text."""
    return bool(arrow().types.is_string(values.type))


def writing_of(texts: Any, decimal_comma: bool) -> tuple[str, int]:
    """How most of the texts are numbers, a key of `WRITINGS`, and how many of them are none."""
    import pyarrow.compute as pc

    order = ["plain", *(("comma", "thousands") if decimal_comma else ("thousands", "comma"))]
    total = len(texts) - texts.null_count
    best, fewest = order[0], total
    for writing in order:
        fits = pc.sum(pc.match_substring_regex(texts, WRITINGS[writing][0])).as_py() or 0
        if writing == "thousands" and fits:
            plain = pc.sum(pc.match_substring_regex(texts, NUMBER)).as_py() or 0
            fits += plain
        if total - fits < fewest:
            best, fewest = writing, total - fits
    return best, fewest


def to_numbers(values: Any, writing: str = "plain") -> np.ndarray:
    """Numbers (n,) float64; NaN where there is none, and where a text is none."""
    pa = arrow()
    import pyarrow.compute as pc

    if not is_text(values):
        if pa.types.is_duration(values.type):
            values = values.cast(pa.int64())
        return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    pattern, replacements = WRITINGS[writing]
    if writing == "thousands":
        pattern = f"{NUMBER}|{GROUPED}"
    try:
        if writing != "plain":
            raise pa.ArrowInvalid
        numbers = pc.cast(values, pa.float64())
    except pa.ArrowInvalid:
        fits = pc.match_substring_regex(values, pattern)
        values = pc.utf8_trim_whitespace(pc.if_else(fits, values, pa.scalar(None, pa.string())))
        for old, new in replacements.items():
            values = pc.replace_substring(values, old, new)
        numbers = pc.cast(pc.utf8_ltrim(values, "+"), pa.float64())
    found = np.array(numbers.to_numpy(zero_copy_only=False), np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def stamp_of(texts: Any) -> str | None:
    """The format of which all texts are dates, if there is one."""
    import pyarrow.compute as pc

    for stamp in STAMPS:
        first = next((t.as_py() for t in texts if t.is_valid), None)
        if first is None or len(first) < 8:
            return None
        found = pc.strptime(texts, format=stamp, unit="s", error_is_null=True)
        if found.null_count == texts.null_count:
            return stamp
    return None


def to_seconds(values: Any, stamp: str | None) -> np.ndarray:
    """Seconds since 1970 (n,) float64, of dates or of texts in a format; NaN for what is none."""
    pa = arrow()
    import pyarrow.compute as pc

    if is_text(values):
        values = pc.strptime(values, format=stamp or STAMPS[0], unit="s", error_is_null=True)
    elif not pa.types.is_temporal(values.type):
        return np.full(len(values), np.nan)
    values = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False)) / 1e6


def as_text(values: Any) -> Any:
    """An Arrow array of text. Whole numbers are written without a point, in any type."""
    pa = arrow()
    if pa.types.is_floating(values.type):
        numbers = to_numbers(values)
        return pa.array([None if v != v else f"{v:.15g}" for v in numbers], pa.string())
    if pa.types.is_boolean(values.type):
        texts = [None if v is None else str(v) for v in values.to_pylist()]
        return pa.array(texts, pa.string())
    return values if is_text(values) else values.cast(pa.string())


def to_words(values: Any) -> np.ndarray:
    """Texts (n,) of object; None where there is none."""
    return np.asarray(as_text(values).to_numpy(zero_copy_only=False), object)
