"""Forms: what a description may say, checked before anything of it is used.

A form is a function of a value and of the words for its place; it raises a ValueError that names
the place, what came and what was expected. Forms nest no deeper than they are written, so that a
file cannot make the check go deep.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from fastnn.files import texts as joined

Form = Callable[[Any, str], None]

MOST = 2**53
"""Counts of steps, epochs and rows stay below: a double holds each of them."""
WORD = 2**63 - 1
"""The largest number that the compiled loop takes."""


def refuse(value: Any, place: str, expected: str) -> NoReturn:
    """Say what stands at a place, and what should."""
    # reprlib looks a few levels deep only.
    raise ValueError(f"{place} is {reprlib.repr(value)}; expected {expected}")


def anything(value: Any, place: str) -> None:
    """What another reader checks."""


def whole(low: int = 0, high: int = MOST) -> Form:
    """A whole number from low to high."""

    def check(value: Any, place: str) -> None:
        if type(value) is not int or not low <= value <= high:
            refuse(value, place, f"a whole number from {low} to {high:.3g}")

    return check


def number(low: float = -math.inf) -> Form:
    """A finite number of at least low."""

    def check(value: Any, place: str) -> None:
        plain = type(value) is float or (type(value) is int and abs(value) <= MOST)
        if not plain or not math.isfinite(value) or value < low:
            refuse(value, place, "a finite number" + f" of at least {low:g}" * (low > -math.inf))

    return check


def switch(value: Any, place: str) -> None:
    """True or false."""
    if type(value) is not bool:
        refuse(value, place, "true or false")


def text(value: Any, place: str) -> None:
    """A text that can be written down again."""
    if type(value) is not str or not _can_be_encoded(value):
        refuse(value, place, "a text")


def _can_be_encoded(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def choice(*values: str) -> Form:
    """One of some texts."""

    def check(value: Any, place: str) -> None:
        if type(value) is not str or value not in values:
            refuse(value, place, " or ".join(map(repr, values)))

    return check


def array(*dtypes: str, ndim: int = 1) -> Form:
    """An array of finite numbers of one of some types, such as "int64"."""

    def check(value: Any, place: str) -> None:
        fits = isinstance(value, np.ndarray) and value.dtype.name in dtypes and value.ndim == ndim
        if not fits or (value.dtype.kind == "f" and not np.isfinite(value).all()):
            refuse(value, place, f"finite {' or '.join(dtypes)} of {ndim} dimensions")

    return check


def texts(value: Any, place: str) -> None:
    """Texts as an array; a list of them in files of version 1."""
    if isinstance(value, list):
        listed(text)(value, place)
        return
    array("uint8")(value, place)
    if not joined.are_whole(value):
        refuse(value, place, "texts in UTF-8, each with its end")


def either(first: Form, other: Form) -> Form:
    """What one form says of lists, or another of anything else."""

    def check(value: Any, place: str) -> None:
        (first if isinstance(value, list) else other)(value, place)

    return check


def maybe(form: Form) -> Form:
    """Nothing, or what another form says."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            form(value, place)

    return check


def listed(form: Form, least: int = 0, most: int = MOST) -> Form:
    """A list of values of one form."""

    def check(value: Any, place: str) -> None:
        if type(value) is not list or not least <= len(value) <= most:
            refuse(value, place, f"a list of {least} to {most:.3g} entries")
        try:
            for item in value:
                form(item, place)
        except ValueError:
            # Only now the place of each is written down: that takes longer than to look at it.
            for k, item in enumerate(value):
                form(item, f"{place}[{k}]")
            raise

    return check


def row(*forms: Form) -> Form:
    """A list of a value each."""

    def check(value: Any, place: str) -> None:
        if type(value) is not list or len(value) != len(forms):
            refuse(value, place, f"a list of {len(forms)}")
        for k, (form, item) in enumerate(zip(forms, value, strict=True)):
            form(item, f"{place}[{k}]")

    return check


def mapping(form: Form) -> Form:
    """A mapping from texts to values of a form."""

    def check(value: Any, place: str) -> None:
        if type(value) is not dict:
            refuse(value, place, "a mapping")
        for name, part in value.items():
            text(name, place)
            form(part, f"{place}[{name!r:.40}]")

    return check


def record(needed: dict[str, Form], others: dict[str, Form] | None = None) -> Form:
    """A mapping with these names, each of its form; those of `others` may be missing."""
    forms = needed | (others or {})

    def check(value: Any, place: str) -> None:
        if type(value) is not dict:
            refuse(value, place, f"a mapping with {', '.join(needed)}")
        for name in needed:
            if name not in value:
                raise ValueError(f"{place} lacks {name!r}")
        for name, part in value.items():
            if name not in forms:
                raise ValueError(
                    f"{place} holds {reprlib.repr(name)}, which is unknown here; a later fastnn "
                    "may know it"
                )
            forms[name](part, f"{place}.{name}")

    return check
