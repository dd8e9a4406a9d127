"""What L-BFGS knows of the curvature, and the directions and steps that it takes by it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

# No product here is BLAS's: how that adds up is a matter of its threads.
_dot, _matrix_vector, _vector_matrix, _matrix_transpose = (
    partial(np.einsum, form) for form in ("n,n->", "kn,n->k", "k,kn->n", "kn,ln->kl")
)
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Point(NamedTuple):
    """Parameters (n,), and value and gradient (n,) there."""

    x: np.ndarray
    value: float
    gradient: np.ndarray


class Curvature(NamedTuple):
    """The newest steps (k, n), how they changed the gradient (k, n), and the last one (n,)."""

    steps: np.ndarray
    changes: np.ndarray
    gradient: np.ndarray

    @classmethod
    def nothing(cls, gradient: np.ndarray) -> Curvature:
        """At the beginning."""
        none = np.empty((0, len(gradient)))
        return cls(none, none, gradient)

    def after(self, old: Point, new: Point, memory: int) -> Curvature:
        """With one more step, and at most so many."""
        step, change = new.x - old.x, new.gradient - old.gradient
        if _dot(step, change) <= np.finfo(np.float64).eps * _dot(change, change):
            return self._replace(gradient=new.gradient)
        return Curvature(
            np.concatenate([self.steps, step[None]])[-memory:],
            np.concatenate([self.changes, change[None]])[-memory:],
            new.gradient,
        )

    def direction(self) -> np.ndarray:
        """Minus the inverse Hessian, as far as it is known, times the gradient (n,).

        The compact form of Byrd, Nocedal & Schnabel 1994, theorem 2.2. With nothing known, a step
        of at most length 1 down the gradient.
        """
        from scipy.linalg.lapack import dtrtrs

        S, Y, g = self
        if not len(S):
            return -g / max(1.0, math.sqrt(_dot(g, g)))
        products, Yg = _matrix_transpose(S, Y), _matrix_vector(Y, g)
        scale = products[-1, -1] / _dot(Y[-1], Y[-1])
        # Of the products only the upper triangle is read.
        a, _ = dtrtrs(products, _matrix_vector(S, g))
        along = _vector_matrix(a, Y)
        right = products.diagonal() * a + scale * (_matrix_vector(Y, along) - Yg)
        b, _ = dtrtrs(products, right, trans=1)
        return -(scale * (g - along) + _vector_matrix(b, S))


def next_point(function: Function, old: Point, direction: np.ndarray) -> Point | None:
    """A lower point in a direction that fulfils Wolfe's conditions; None where none is found.

    `function` gives value and gradient.
    """
    from scipy.optimize import line_search

    last = old

    def at(x: np.ndarray) -> Point:
        nonlocal last
        if not np.array_equal(last.x, x):
            value, gradient = function(x)
            last = Point(x.copy(), value if np.isfinite(value) else np.inf, gradient)
        return last

    def along(length: np.ndarray) -> Point:
        return at(old.x + length * direction)

    def slope(point: Point) -> np.ndarray:
        return _dot(point.gradient, direction)[None]

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # That it has found nothing, or an infinite value on the way.
        warnings.simplefilter("ignore")
        # Along the line, by its length: the slope is one number, and SciPy's products are of one.
        length = line_search(
            lambda t: along(t).value, lambda t: slope(along(t)), np.zeros(1), np.ones(1),
            gfk=slope(old), old_fval=old.value,
        )[0]  # fmt: skip
    if length is None:
        return None
    new = at(old.x + length * direction)
    return new if new.value < old.value else None
