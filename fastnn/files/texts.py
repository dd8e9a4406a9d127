"""Texts as an array of bytes: in a file they take no more memory than on the disk."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

END = 0xFF
"""Ends each text; no text in UTF-8 holds it."""
AT_ONCE = 2**16


def to_array(texts: Iterable[str]) -> np.ndarray:
    """Texts as uint8 (n,).

    Examples
    --------
    >>> to_array(["age", "é"]).tobytes()
    b'age\\xff\\xc3\\xa9\\xff'
    """
    try:
        encoded = b"".join(text.encode() + bytes([END]) for text in texts)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{error.object!r:.60} holds half a letter, which no file can hold: mend that text"
        ) from None
    return np.frombuffer(encoded, np.uint8)


def each(array: np.ndarray) -> Iterator[bytes]:
    """The texts one after the other, in UTF-8."""
    begin = 0
    for start in range(0, len(array), AT_ONCE):
        for end in start + np.flatnonzero(array[start : start + AT_ONCE] == END):
            yield array[begin:end].tobytes()
            begin = int(end) + 1


def are_whole(array: np.ndarray) -> bool:
    """Whether uint8 (n,) holds texts in UTF-8, each with its end."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(array), AT_ONCE):
            # Where a text ends, a letter must not be half.
            decoder.decode(array[start : start + AT_ONCE].tobytes().replace(bytes([END]), b" "))
    except UnicodeDecodeError:
        return False
    return not len(array) or bool(array[-1] == END)


def ascend(array: np.ndarray) -> bool:
    """Whether each text comes after the one before."""
    return all(a < b for a, b in pairwise(each(array)))


def count(texts: np.ndarray | list[str]) -> int:
    """How many there are."""
    return len(texts) if isinstance(texts, list) else sum(1 for _ in each(texts))


def to_list(texts: np.ndarray | list[str]) -> list[str]:
    """The texts of an array; a list, as files of version 1 hold it, as it is.

    Examples
    --------
    >>> to_list(to_array(["age", "é"]))
    ['age', 'é']
    """
    return texts if isinstance(texts, list) else [text.decode() for text in each(texts)]
