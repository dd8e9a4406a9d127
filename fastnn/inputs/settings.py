"""Settings: whether a given value is a number in its range, a count, or a switch."""

import math
import operator
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

COUNT_BITS = 53
"""Whole numbers of more bits are no counts: neither arrays nor files have so many entries."""
# What else than a number a setting may be.
ALSO = {"batch_size": ', "auto" or None for the full batch'}
SWITCHES = bool, np.bool_
# What is met most often comes first.
SCALARS = str, int, type(None), Real, np.bool_


@dataclass(frozen=True)
class Range:
    """The finite numbers from `low` to `high`; a round bracket leaves out its end.

    Examples
    --------
    >>> Range(0, 1).holds(1), str(Range(0, 1)), str(Range(0, ends="()"))
    (False, 'number in [0, 1)', 'finite number above 0')
    """

    low: float = -math.inf
    high: float = math.inf
    ends: str = "[)"

    def holds(self, value: Any) -> bool:
        """Whether it is such a number, of Python's types or NumPy's; True and False are none."""
        # The common types first: what a number is, else takes long to find out.
        if type(value) not in (float, int) and not _is_real(value):
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        above = number >= self.low if self.ends[0] == "[" else number > self.low
        below = number <= self.high if self.ends[1] == "]" else number < self.high
        return math.isfinite(number) and above and below

    def __str__(self) -> str:
        if self.high < math.inf:
            return f"number in {self.ends[0]}{self.low:g}, {self.high:g}{self.ends[1]}"
        if self.low == -math.inf:
            return "finite number"
        return f"finite number {'of at least' if self.ends[0] == '[' else 'above'} {self.low:g}"


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


ABOVE_0 = Range(0, ends="()")


def is_switch(value: Any) -> bool:
    """Whether it is True or False, also NumPy's."""
    return isinstance(value, SWITCHES)


def is_one_of(value: Any, options: Collection[Any]) -> bool:
    """Whether it is one of some names or numbers; an array or a list is none."""
    return isinstance(value, SCALARS) and value in options


def _refuse(part: Any, name: str, expected: str) -> None:
    value = getattr(part, name)
    raise ValueError(f"{type(part).__name__}({name}={value!r}): expected {expected}")


def set_number(part: Any, name: str, allowed: Range, also: str = "") -> None:
    """Make a field of a frozen dataclass a float, or refuse its value."""
    value = getattr(part, name)
    if not allowed.holds(value):
        _refuse(part, name, f"a {allowed}{also}")
    object.__setattr__(part, name, float(value))


def set_count(part: Any, name: str, least: int = 1) -> None:
    """Make a field of a frozen dataclass an int of at least `least`, or refuse its value."""
    value = getattr(part, name)
    try:
        count = -1 if is_switch(value) else operator.index(value)
    except TypeError:
        count = -1
    if count < least or count.bit_length() > COUNT_BITS:
        _refuse(part, name, f"a whole number of at least {least}{_most(count, least)}")
    object.__setattr__(part, name, count)


def set_switch(part: Any, name: str) -> None:
    """Make a field of a frozen dataclass a bool, or refuse its value."""
    value = getattr(part, name)
    if not is_switch(value):
        _refuse(part, name, "True or False")
    object.__setattr__(part, name, bool(value))


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """`value` as an int of at least `minimum`, or an error.

    Examples
    --------
    >>> check_count(32, "batch_size")
    32
    """
    if type(value) is int and minimum <= value < 2**COUNT_BITS:
        return value
    try:
        count = None if is_switch(value) else operator.index(value)
    except TypeError:
        count = None
    if count is not None and minimum <= count < 2**COUNT_BITS:
        return count
    expected = f"expected a whole number of at least {minimum}{ALSO.get(name, '')}"
    if count is None:
        whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
        fix = f"; write {int(value)}" if whole else ""
        raise TypeError(f"{name} is {value!r}, a {type(value).__name__}; {expected}{fix}")
    raise ValueError(f"{name} is {count}; {expected}{_most(count, minimum)}")


def _most(count: int, least: int) -> str:
    """What to add where a count is not too small, but too large."""
    return f", below 2**{COUNT_BITS}" if count > least else ""


def check_switch(value: Any, name: str) -> None:
    """Refuse what is not True or False."""
    if not is_switch(value):
        raise TypeError(f"{name} is {value!r}; expected True or False")


def as_limit(limit: Any, name: str) -> float:
    """A limit of the gradient; 0 for none."""
    if limit is not None and not ABOVE_0.holds(limit):
        raise ValueError(f"{name} is {limit!r}; expected a {ABOVE_0}, or None")
    return float(limit or 0)
