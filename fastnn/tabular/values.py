"""Values: what the texts of a column stand for, numbers, dates or words."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.tabular.table import arrow

MONEY = "[$€£¥]"
SPACE = "[ \\t\u00a0\u202f]"
"""Also the spaces that do not break a line, which stand between thousands."""


def _written(core: str) -> str:
    """A pattern of numbers with a sign, and a unit on either side."""
    return rf"^\s*[+-]?{MONEY}?{SPACE}?[+-]?({core}){SPACE}?({MONEY}|%)?\s*$"


CORE = r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
NUMBER = _written(rf"{CORE}|(?i:inf|infinity)")
GROUPED = _written(rf"\d{{1,3}}([,'’]\d{{3}}|{SPACE}\d{{3}})+(\.\d*)?|{CORE}")
DECIMAL_COMMA = _written(rf"(\d{{1,3}}([.'’]\d{{3}}|{SPACE}\d{{3}})+|\d+)(,\d*)?")
CODE = r"^0\d+$"
"""Digits that begin with 0 are no count: a telephone number, a postcode."""
STAMPS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y")
SIGNS = "$€£¥% \\s\u00a0\u202f'’"
WRITINGS = {
    "plain": (NUMBER, f"[{SIGNS}]"),
    "thousands": (GROUPED, f"[{SIGNS},]"),
    "comma": (DECIMAL_COMMA, f"[{SIGNS}.]"),
}
"""How numbers are written: a pattern, and what to leave out to read one."""


def column(data: Any, name: str) -> Any:
    """A column as one Arrow array, a dictionary of words as the words."""
    pa = arrow()
    found = data.column(name).combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], found.type)
    if pa.types.is_dictionary(found.type):
        found = found.dictionary_decode()
    if isinstance(found.type, pa.BaseExtensionType):
        found = found.storage
    if pa.types.is_large_string(found.type) or pa.types.is_string_view(found.type):
        found = found.cast(pa.string())
    return found


def is_text(values: Any) -> bool:
    """Whether an Arrow array holds text."""
    return bool(arrow().types.is_string(values.type))


def writing_of(texts: Any, decimal_comma: bool) -> tuple[str, int]:
    """How most of the texts are numbers, a key of `WRITINGS`, and how many of them are none."""
    import pyarrow.compute as pc

    if _all_plain(texts) is not None:
        return "plain", 0
    order = ["plain", *(("comma", "thousands") if decimal_comma else ("thousands", "comma"))]
    best, fewest = order[0], len(texts) - texts.null_count
    for writing in order:
        fits = pc.sum(pc.match_substring_regex(texts, WRITINGS[writing][0])).as_py() or 0
        strays = len(texts) - texts.null_count - fits
        if strays < fewest:
            best, fewest = writing, strays
    return best, fewest


def _all_plain(texts: Any) -> Any:
    """Numbers of texts that all are such as a computer writes; None where one is not."""
    import pyarrow.compute as pc

    try:
        return pc.cast(texts, arrow().float64())
    except arrow().ArrowInvalid:
        return None


def first_unlike(texts: Any, pattern: str) -> int:
    """The number of the first text that is not of a pattern; -1 where all are."""
    import pyarrow.compute as pc

    unlike = pc.invert(pc.match_substring_regex(texts, pattern))
    return int(pc.index(pc.fill_null(unlike, False), True).as_py())


def to_numbers(values: Any, writing: str = "plain") -> np.ndarray:
    """Numbers (n,) float64; NaN where there is none, and where a text is none."""
    pa = arrow()
    import pyarrow.compute as pc

    if not is_text(values):
        if pa.types.is_duration(values.type):
            values = values.cast(pa.int64())
        # Whole numbers above 2^53 are rounded.
        found = values.cast(pa.float64(), safe=False)
    elif writing != "plain" or (found := _all_plain(values)) is None:
        pattern, signs = WRITINGS[writing]
        fits = pc.match_substring_regex(values, pattern)
        values = pc.if_else(fits, values, pa.scalar(None, pa.string()))
        values = pc.replace_substring_regex(values, signs, "")
        if writing == "comma":
            values = pc.replace_substring(values, ",", ".")
        found = pc.cast(pc.utf8_ltrim(values, "+"), pa.float64())
    numbers = np.array(found.to_numpy(zero_copy_only=False), np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


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
    import pyarrow.compute as pc

    if pa.types.is_floating(values.type):
        numbers = to_numbers(values)
        return pa.array([None if v != v else f"{v:.15g}" for v in numbers], pa.string())
    if pa.types.is_boolean(values.type):
        texts = [None if v is None else str(v) for v in values.to_pylist()]
        return pa.array(texts, pa.string())
    if is_text(values):
        # 1.0 is 1: a column of whole numbers with gaps is written so by pandas.
        return pc.replace_substring_regex(values, r"^([+-]?\d+)\.0+$", r"\1")
    return values.cast(pa.string())


def to_words(values: Any) -> np.ndarray:
    """Texts (n,) of object; None where there is none."""
    return np.asarray(as_text(values).to_numpy(zero_copy_only=False), object)
