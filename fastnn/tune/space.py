"""The space of a search: named scales, flattened into coordinates from 0 to 1.

A *point* gives each coordinate that exists there its value; *parameters* are what the user's
builder receives. A tuple of several draws and the spaces inside a `Choice` become coordinates of
their own, so that strategies need to know plain scales only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.tune.choices import Choice, Foreign, Tuple
from fastnn.tune.scales import Scale
from fastnn.tune.whole import WholeScale

Point = dict[str, Any]
"""Coordinate -> value."""
Box = dict[str, Any]
"""Coordinate -> (low, high) between 0 and 1, or the tuple of options of a Choice."""


@dataclass(frozen=True)
class Coordinate:
    """One axis of the space.

    Attributes
    ----------
    name : str
        Of the axis, unique.
    parameter : str
        What it belongs to.
    scale : Scale
    parent : str or None
        The axis on which its existence depends: a Choice's, or a tuple's length.
    needs : int
        The number of the option that must be chosen there, or what the length must exceed.
    element : int or None
        Its place in a tuple; -1 for the length.
    """

    name: str
    parameter: str
    scale: Any
    parent: str | None = None
    needs: int = 0
    element: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether it can take more than one value."""
        return not isinstance(self.scale, Choice) or len(self.scale.options) > 1

    def value(self, q: float) -> Any:
        """The value at a quantile, as a plain Python number or option."""
        found = self.scale.ppf(q)
        if isinstance(self.scale, Choice):
            return found
        if isinstance(self.scale, Foreign):
            return self.scale.rounded(found)
        return int(found) if isinstance(self.scale, WholeScale) else float(found)

    def place(self, value: Any) -> float:
        """Where from 0 to 1 a value lies: the middle of its share."""
        if isinstance(self.scale, Choice):
            return (self.scale.index(value) + 0.5) / len(self.scale.options)
        high = float(self.scale.cdf(value))
        low = float(self.scale.cdf(value - 1)) if isinstance(value, int) else high
        return (low + high) / 2


class Space:
    """Named scales, made ready for a search.

    Parameters
    ----------
    scales : mapping of str to scale
        A list stands for `Choice`, any other plain value for a constant. Frozen distributions of
        scipy.stats are scales, too.

    Examples
    --------
    >>> from fastnn.tune import Choice, Int, LogUniform, Space, Tuple
    >>> space = Space({"rate": LogUniform(1e-4, 1), "hidden": Tuple(Int(8, 32), Int(1, 2))})
    >>> [c.name for c in space.coordinates]
    ['rate', 'hidden.length', 'hidden[0]', 'hidden[1]']
    """

    def __init__(self, scales: Mapping[str, Any]) -> None:
        if not isinstance(scales, Mapping) or not scales:
            raise TypeError(
                f"the space is {scales!r:.60}; expected a dictionary of scales, such as "
                '{"learning_rate": LogUniform(1e-4, 1)}'
            )
        self.scales = dict(scales)
        self.coordinates: list[Coordinate] = []
        self._add(self.scales, None, 0)
        self._known = {c.name: c for c in self.coordinates}

    def _add(self, scales: Mapping[str, Any], parent: str | None, needs: int) -> None:
        for name, given in scales.items():
            if not isinstance(name, str):
                raise TypeError(f"the space has the name {name!r}; expected a string")
            if isinstance(given, Tuple):
                self._add_tuple(name, given, parent, needs)
                continue
            scale = as_scale(given)
            at = self._new(name, name, scale, parent, needs)
            for option, space in enumerate(getattr(scale, "spaces", ())):
                self._add(space, at, option)

    def _add_tuple(self, name: str, given: Tuple, parent: str | None, needs: int) -> None:
        length = self._new(f"{name}.length", name, given.length, parent, needs, -1)
        for i in range(given.longest):
            self._new(f"{name}[{i}]", name, as_scale(given.of), length, i, i)

    def _new(
        self, name: str, parameter: str, scale: Any, parent: str | None, needs: int,
        element: int | None = None,
    ) -> str:  # fmt: skip
        taken = {c.name: c for c in self.coordinates}
        if name in taken:
            if parent is None or taken[name].parent != parent or taken[name].needs == needs:
                raise ValueError(f'the space has two parameters named "{name}"; rename one')
            name = f"{name} {needs}"
        self.coordinates.append(Coordinate(name, parameter, scale, parent, needs, element))
        return name

    def __getitem__(self, name: str) -> Coordinate:
        return self._known[name]

    def names(self) -> list[str]:
        """All parameters, those that exist at some points only among them."""
        return list(dict.fromkeys(c.parameter for c in self.coordinates))

    def free(self) -> list[Coordinate]:
        """The coordinates that can vary."""
        return [c for c in self.coordinates if c.is_free]

    def exists(self, coordinate: Coordinate, point: Point) -> bool:
        """Whether a coordinate exists at a point."""
        if coordinate.parent is None:
            return True
        if coordinate.parent not in point:
            return False
        parent = self[coordinate.parent]
        value = point[parent.name]
        if parent.element == -1:
            return value > coordinate.needs
        return parent.scale.index(value) == coordinate.needs

    def whole(self) -> Box:
        """The box that holds all points."""
        return {
            c.name: c.scale.options if isinstance(c.scale, Choice) else (0.0, 1.0)
            for c in self.coordinates
        }

    def draw(self, rng: np.random.Generator, box: Box | None = None) -> Point:
        """A random point of a box; by default, of the space."""
        # One number a coordinate, whether it exists or not: the later ones do not depend on it.
        return self.at(rng.uniform(size=len(self.coordinates)), box)

    def at(self, shares: Sequence[float] | np.ndarray, box: Box | None = None) -> Point:
        """The point at given shares, from 0 to 1, of the sides of a box."""
        box = self.whole() if box is None else box
        point: Point = {}
        for c, q in zip(self.coordinates, shares, strict=True):
            if self.exists(c, point):
                side = box[c.name]
                if isinstance(c.scale, Choice):
                    point[c.name] = side[min(int(q * len(side)), len(side) - 1)]
                else:
                    point[c.name] = c.value(side[0] + q * (side[1] - side[0]))
        return point

    def places(self, point: Point) -> dict[str, float]:
        """Where from 0 to 1 a point lies on each coordinate that exists there."""
        return {name: self[name].place(value) for name, value in point.items()}

    def grid(self, points: int) -> Iterator[Point]:
        """All points of a grid with so many values on each numeric coordinate."""
        yield from self._grid({}, 0, points)

    def _grid(self, point: Point, k: int, points: int) -> Iterator[Point]:
        if k == len(self.coordinates):
            yield dict(point)
            return
        c = self.coordinates[k]
        if not self.exists(c, point):
            yield from self._grid(point, k + 1, points)
            return
        for value in _grid_values(c, points):
            yield from self._grid({**point, c.name: value}, k + 1, points)

    def parameters(self, point: Point) -> dict[str, Any]:
        """What the builder receives at a point."""
        found: dict[str, Any] = {}
        for name, value in point.items():
            c = self[name]
            if c.element is None:
                found[c.parameter] = value
            elif c.element == -1:
                found[c.parameter] = ()
            else:
                found[c.parameter] = (*found[c.parameter], value)
        return found

    def labels(self, point: Point) -> dict[str, Any]:
        """A point as JSON can hold it."""
        return {name: self[name].scale.to_label(value) for name, value in point.items()}

    def point(self, labels: Mapping[str, Any]) -> Point:
        """The point of what `labels` gave."""
        return {name: self[name].scale.from_label(label) for name, label in labels.items()}

    def note(self, point: Point) -> dict[str, str]:
        """What a report says of each parameter at a point."""
        notes: dict[str, str] = {}
        for name, value in point.items():
            c = self[name]
            text = "" if c.element == -1 else c.scale.note(value)
            notes[c.parameter] = ", ".join(filter(None, [notes.get(c.parameter, ""), text]))
        return notes


def as_scale(given: Any) -> Any:
    """A scale from a scale, a frozen distribution, a list of options or a constant."""
    if isinstance(given, Scale):
        return given
    if hasattr(given, "ppf") and hasattr(given, "cdf"):
        return Foreign(given)
    return Choice(given) if isinstance(given, list | range) else Choice([given])


def _grid_values(coordinate: Coordinate, points: int) -> list[Any]:
    if isinstance(coordinate.scale, Choice):
        return list(coordinate.scale.options)
    places = np.linspace(0, 1, points) if points > 1 else [0.5]
    if isinstance(coordinate.scale, Foreign):
        # Its ends may be infinite.
        places = (np.arange(points) + 0.5) / points
    values = [coordinate.value(q) for q in places]
    return [key for key, _ in itertools.groupby(values)]
