"""Choices: options of any kind, tuples of draws, and other libraries' distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from fastnn.tune.scales import Scale, as_generator, distributions
from fastnn.tune.whole import Int

PLAIN = (bool, int, float, str, type(None))
"""What Optuna and JSON hold as it is."""


@dataclass(frozen=True)
class Choice(Scale):
    """One of several options, each as likely.

    Parameters
    ----------
    options : sequence, or mapping of options to spaces
        The options may be of any type: numbers, names, tuples, layers. In a mapping each option
        brings a space of its own, whose parameters exist only where that option is chosen.

    Examples
    --------
    >>> from fastnn.tune import Choice, OneMinusLog
    >>> Choice(["relu", "tanh"]).rvs(random_state=0)
    'tanh'
    >>> optimizer = Choice({"sgd": {"momentum": OneMinusLog(0.9, 0.999)}, "adam": {}})
    """

    options: Any
    spaces: tuple[Mapping[str, Any], ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        given = self.options
        if isinstance(given, str) or not isinstance(given, Sequence | Mapping | range):
            raise TypeError(f"Choice({given!r:.60}): expected a list of options")
        if not len(given):
            raise ValueError("Choice([]): expected at least one option")
        spaces = tuple(given.values()) if isinstance(given, Mapping) else ({},) * len(given)
        object.__setattr__(self, "spaces", spaces)
        object.__setattr__(self, "options", tuple(given))
        for k, label in enumerate(map(_key, self.labels)):
            if self._places[label] != k:
                raise ValueError(f"Choice has the option {label} twice; give each once")

    @cached_property
    def labels(self) -> tuple:
        """The options as JSON holds them; those that it does not know, by their repr."""
        return tuple(map(_label, self.options))

    @cached_property
    def _places(self) -> dict[Any, int]:
        """Where in the list each label stands."""
        return {_key(label): k for k, label in enumerate(self.labels)}

    def ppf(self, q: Any) -> Any:
        """The option at a quantile of the list; of several, an array of objects."""
        q = np.asarray(q, dtype=np.float64)
        n = len(self.options)
        index = np.clip(np.ceil(q * n - 1e-9) - 1, 0, n - 1).astype(np.int64)
        chosen = np.empty(q.shape, dtype=object)
        for at, i in np.ndenumerate(index):
            chosen[at] = self.options[i]
        return chosen[()]

    def cdf(self, x: Any) -> Any:
        """The share of the options up to and including x."""
        return (self.index(x) + 1) / len(self.options)

    def index(self, option: Any) -> int:
        """Where in the list an option stands."""
        return self._place(_label(option))

    def _place(self, label: Any) -> int:
        try:
            return self._places[_key(label)]
        except KeyError:
            raise ValueError(f"{label!r:.60} is none of the options") from None

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        return self.ppf(as_generator(random_state).uniform(size=size))

    def to_optuna(self) -> Any:
        # Optuna keeps tuples and objects badly: they go by their number.
        known = self.options if self._is_flat() else range(len(self.options))
        return distributions().CategoricalDistribution(known)

    def from_optuna(self, value: Any) -> Any:
        return value if self._is_flat() else self.options[value]

    def _is_flat(self) -> bool:
        return all(isinstance(option, PLAIN) for option in self.options)

    def to_label(self, value: Any) -> Any:
        return self.labels[self.index(value)]

    def from_label(self, label: Any) -> Any:
        return self.options[self._place(label)]

    def note(self, value: Any) -> str:
        return f"{self.to_label(value)}"


def _label(option: Any) -> Any:
    """An option as JSON holds it, or its repr."""
    return option if _is_plain(option) else repr(option)


def _is_plain(option: Any) -> bool:
    """Whether JSON can hold it."""
    if isinstance(option, tuple | list):
        return all(_is_plain(part) for part in option)
    return isinstance(option, PLAIN) and not isinstance(option, np.generic)


def _key(label: Any) -> Any:
    """A label that tells 1 from True and takes JSON's lists for tuples."""
    if isinstance(label, tuple | list):
        return tuple(map(_key, label))
    return f"{type(label).__name__} {label!r}"


@dataclass(frozen=True)
class Tuple:
    """A tuple of draws from one scale, such as the units of two to four layers.

    Parameters
    ----------
    of : scale
        Of each element.
    length : int or Int
        How many.

    Examples
    --------
    >>> from fastnn.tune import Int, Tuple
    >>> hidden = Tuple(Int(50, 100), Int(2, 4))
    >>> hidden.rvs(random_state=1)
    (98, 57, 98)
    """

    of: Any
    length: Any

    def __post_init__(self) -> None:
        if not hasattr(self.of, "ppf"):
            raise TypeError(f"Tuple({self.of!r:.60}): expected a scale, such as Int(50, 100)")
        length = self.length
        if isinstance(length, int) and not isinstance(length, bool) and length > 0:
            object.__setattr__(self, "length", Choice([length]))
        elif not isinstance(length, Int) or length.low < 0:
            raise TypeError(f"Tuple(length={length!r:.60}): expected a whole number, or Int(2, 4)")

    @property
    def longest(self) -> int:
        """The largest length."""
        return int(self.length.high if isinstance(self.length, Int) else self.length.options[0])

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Draws: a tuple, or an array of tuples of the given size."""
        rng = as_generator(random_state)
        drawn = np.empty(() if size is None else size, dtype=object)
        for at in np.ndindex(drawn.shape):
            n = self.length.rvs(random_state=rng)
            drawn[at] = tuple(self.of.rvs(random_state=rng) for _ in range(n))
        return drawn[()]


@dataclass(frozen=True)
class Foreign(Scale):
    """Another library's frozen distribution, such as `scipy.stats.norm(0, 1)`."""

    distribution: Any

    def ppf(self, q: Any) -> Any:
        return self.distribution.ppf(q)

    def cdf(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def to_optuna(self) -> Any:
        # Of the quantile: any distribution becomes an even one so.
        return distributions().FloatDistribution(0.001, 0.999)

    def from_optuna(self, value: Any) -> Any:
        return self.rounded(self.ppf(value))

    def rounded(self, value: Any) -> Any:
        """A plain Python number: whole for the discrete distributions."""
        discrete = hasattr(getattr(self.distribution, "dist", None), "pmf")
        return int(value) if discrete else float(value)
