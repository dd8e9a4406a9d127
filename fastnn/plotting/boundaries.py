"""Decision boundaries: what a classifier answers in the plane of two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.inputs.arrays import as_array, check_finite, column_names
from fastnn.inputs.calls import explained
from fastnn.plotting.classifiers import answers, class_labels
from fastnn.plotting.header import height_of, leave_room
from fastnn.plotting.panels import COLORS, MARKERS, ink, one_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 300
"""The plane is asked at so many points in each direction."""
PALEST, DARKEST = 0.06, 0.5
"""Opacity of a region where all classes are as probable, and where one is certain."""
MOST_SIZE = 30.0
"""Area of a point in square points, where there are few."""
POINT_INK = 0.35
"""Share of ink in the colour of the points: they must be seen on their region."""
RING = 0.2
"""Width of the ring round a point that is taken for another, as a share of the point's."""
MANY = 5000
"""More points than this are pixels in a vector graphic."""
INSIDE = 10
"""Number of classes whose legend may lie in given axes, above the data; others lie beside them."""


@explained
def decision_boundaries(
    classifier: Any, X: Any, y: Any, ax: Axes | None = None, *,
    class_names: Sequence[str] | None = None,
) -> Axes:  # fmt: skip
    """Draw the regions in which a classifier of two features chooses each class, and the data.

    A region is the darker the surer the classifier is of its class; lines part the regions. A
    dark ring marks the points that it takes for another class.

    Parameters
    ----------
    classifier : Sequential, scikit-learn estimator, or callable
        A network that ends with `Softmax` or with one `Sigmoid` unit, an estimator with
        `predict_proba` or `predict`, or a function of points (n, 2) that returns probabilities
        (n, K), the probability of the second class (n,), or labels (n,).
    X : array or data frame (n, 2)
        The classifier is asked in the same form.
    y : array (n,) or one-hot rows (n, K)
        Labels of any type.
    ax : matplotlib Axes, optional
        Default: a new figure.
    class_names : sequence of str, optional
        For the legend, in the order of the classes. Default: the labels.

    Returns
    -------
    ax : matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "fastnn-mlp[plot]"``.
    ValueError, TypeError
        For other than two features, labels that the classifier does not know, and answers that
        are neither probabilities nor labels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.plotting import decision_boundaries
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.5]])
    >>> ax = decision_boundaries(lambda points: points[:, 0] > 0.5, X, [False, True, True])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['False', 'True']
    """
    points = _plane_points(X)
    labels = class_labels(y, len(points))
    edges = _limits(points)
    steps = [np.linspace(low, high, SIDE) for low, high in edges]
    plane = np.stack(np.meshgrid(*steps), axis=-1).reshape(-1, 2)
    # In one call: who answers with labels tells by all of them which classes there are.
    given, classes = answers(classifier, _like(X, np.vstack([plane, points])), labels)
    names, known = _names(class_names, classes), np.isin(labels, classes)
    if not known.all():
        raise ValueError(
            f"y holds the class {labels[~known][0]}; the classifier knows {', '.join(names)}"
        )
    wrong = classes[given[len(plane) :].argmax(axis=1)] != labels
    panel = one_axes(ax, (5.4, 4.2))
    _draw_regions(panel, given[: len(plane)], steps)
    for k, (label, name) in enumerate(zip(classes, names, strict=True)):
        mine = labels == label
        _draw_points(panel, k, name, points, (mine & ~wrong, mine & wrong))
    if wrong.any():
        size = _point_size(len(points))
        panel.scatter(
            [], [], s=size, facecolors="none", edgecolors=ink(panel),
            linewidths=RING * size**0.5, label="taken for another",
        )  # fmt: skip
    xlabel, ylabel = map(str, column_names(X) or ("$x_1$", "$x_2$"))
    panel.set(xlim=edges[0], ylim=edges[1], xlabel=xlabel, ylabel=ylabel)
    _legend(panel, len(points), len(names), beside=ax is None or len(names) > INSIDE)
    return panel


def _plane_points(X: Any) -> np.ndarray:
    points = as_array(X, "X")
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(
            f"X has shape {points.shape}; expected (n, 2): decision boundaries are drawn in the "
            "plane of two features, so train a classifier on two, such as X[:, [0, 1]]"
        )
    if len(points) == 0:
        raise ValueError("X has no rows; pass at least one point")
    check_finite(points, "X", names=column_names(X))
    return points.astype(np.float64)


def _limits(points: np.ndarray) -> list[tuple[float, float]]:
    """The range of each feature, with a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.where(high > low, high - low, np.maximum(np.abs(low), 1.0))
    return list(zip(low - 0.08 * size, high + 0.08 * size, strict=True))


def _like(X: Any, points: np.ndarray) -> Any:
    """The points in X's form: a frame of its kind with its columns, or an array."""
    names = column_names(X)
    if names is None:
        return points.astype(X.dtype if getattr(X, "dtype", None) in ("f4", "f8") else "f8")
    return type(X)(dict(zip(names, points.T, strict=True)))


def _names(given: Any, classes: np.ndarray) -> list[str]:
    if given is None:
        return [str(label) for label in classes]
    names = [str(name) for name in given]
    if len(names) != len(classes):
        raise ValueError(
            f"class_names holds {len(names)} names; expected {len(classes)}, one for each of the "
            f"classes {', '.join(map(str, classes))}"
        )
    return names


def _draw_regions(ax: Axes, surface: np.ndarray, steps: list[np.ndarray]) -> None:
    from matplotlib.colors import to_rgb

    K = surface.shape[1]
    surest = surface.max(axis=1)
    colors = np.array([to_rgb(COLORS[k % len(COLORS)]) for k in range(K)])
    sure = np.clip((surest - 1 / K) / (1 - 1 / K), 0, 1) if K > 1 else surest
    opacity = PALEST + (DARKEST - PALEST) * sure
    image = np.column_stack([colors[surface.argmax(axis=1)], opacity]).reshape(SIDE, SIDE, 4)
    (left, right), (bottom, top) = [(s[0], s[-1]) for s in steps]
    ax.imshow(
        image, extent=(left, right, bottom, top), origin="lower", aspect="auto",
        interpolation="nearest", zorder=0,
    )  # fmt: skip
    for k in range(K):
        others = np.delete(surface, k, axis=1).max(axis=1) if K > 1 else surest - 1
        margin = (surface[:, k] - others).reshape(SIDE, SIDE)
        if margin.min() < 0 < margin.max():
            ax.contour(*steps, margin, levels=[0], colors=[ink(ax)], linewidths=0.7, zorder=1)


def _draw_points(
    ax: Axes, k: int, name: str, points: np.ndarray, parts: tuple[np.ndarray, np.ndarray]
) -> None:
    """Those of class k: a pale edge round those that are taken for it, a dark ring round others."""
    from matplotlib.colors import to_rgb

    size = _point_size(len(points))
    dark = np.array(to_rgb(ink(ax)))
    color = (1 - POINT_INK) * np.array(to_rgb(COLORS[k % len(COLORS)])) + POINT_INK * dark
    edges = (ax.get_facecolor(), 0.06), (ink(ax), RING)
    for part, (edge, width), text in zip(parts, edges, (name, None), strict=True):
        ax.scatter(
            points[part, 0], points[part, 1], s=size, color=color, marker=MARKERS[k % len(MARKERS)],
            edgecolors=edge, linewidths=width * size**0.5, label=text, zorder=2,
            rasterized=len(points) > MANY,
        )  # fmt: skip


def _point_size(n: int) -> float:
    return float(np.clip(MOST_SIZE * 300 / n, 6, MOST_SIZE))


def _legend(ax: Axes, n: int, n_classes: int, beside: bool) -> None:
    """Beside the axes, or above the data: it covers no point."""
    place: dict[str, Any] = {"loc": "upper left", "frameon": False}
    columns = 1 + (n_classes - 1) // 18
    if beside:
        place["bbox_to_anchor"] = (1, 1)
    else:
        place["borderaxespad"], columns = 0, min(n_classes + 1, 3)
    legend = ax.legend(
        fontsize="small", handletextpad=0.3, columnspacing=1.0, ncols=columns,
        markerscale=(MOST_SIZE / _point_size(n)) ** 0.5, **place,
    )  # fmt: skip
    if not beside:
        ax.figure.canvas.figure.draw_without_rendering()
        leave_room(ax, legend.get_window_extent().height * 72 / ax.figure.dpi / height_of(ax))
