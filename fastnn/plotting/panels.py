"""What the pictures share: axes to draw on, colours, ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.inputs.packages import package

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#92dadd", "#832db6",
    "#b9ac70", "#a96b59", "#717581", "#e76300", "#94a4a2",
)  # fmt: skip
"""Ten that also the colour-blind tell apart: M. A. Petroff, "Accessible Color Sequences for Data
Visualization", 2021, arXiv:2107.02270; the more different ones first."""
MARKERS = "osD^v<>hPX"
TRAINING, VALIDATION = COLORS[0], COLORS[8]
NEUTRAL = "#808080"
"""Seen on white and on black."""


def pyplot() -> Any:
    """matplotlib.pyplot, or how to get it."""
    use = "fastnn.plotting draws with matplotlib"
    return package("matplotlib.pyplot", use, '"fastnn-mlp[plot]"')


def grid(n: int, columns: int, size: tuple[float, float], **options: Any) -> list[Axes]:
    """So many axes of a new figure, row by row, each of `size` inches."""
    columns = min(n, columns)
    rows = -(-n // columns)
    _, axes = pyplot().subplots(
        rows, columns, figsize=(columns * size[0], rows * size[1]), layout="constrained",
        squeeze=False, **options,
    )  # fmt: skip
    for unused in axes.flat[n:]:
        unused.remove()
    return list(axes.flat[:n])


def as_axes(given: Any, name: str = "axes") -> list[Axes]:
    """Axes, or axes in a sequence or an array, as a list."""
    pyplot()
    from matplotlib.axes import Axes

    found = list(np.asarray(given, dtype=object).ravel())
    if not found:
        raise ValueError(f"{name} holds no axes; pass some, or leave it out")
    for one in found:
        if not isinstance(one, Axes):
            raise TypeError(
                f"{name} holds a {type(one).__name__}; expected matplotlib Axes, such as "
                "figure.subplots() gives"
            )
    return found


def one_axes(ax: Any, size: tuple[float, float]) -> Axes:
    """The axes given, or those of a new figure."""
    if ax is None:
        return grid(1, 1, size)[0]
    found = as_axes(ax, "ax")
    if len(found) != 1:
        raise ValueError(f"ax holds {len(found)} axes; expected one")
    return found[0]


def panels(
    axes: Any, n: int, columns: int, size: tuple[float, float], **options: Any
) -> list[Axes]:
    """n axes: the first of those given, or new ones."""
    if axes is None:
        return grid(n, columns, size, **options)
    found = as_axes(axes)
    if len(found) < n:
        raise ValueError(f"got {len(found)} axes for {n} panels; pass {n}, or none")
    return found[:n]


def ink(ax: Axes) -> Any:
    """The colour of the axes' own text: dark on light, light on dark."""
    return ax.xaxis.label.get_color()


def tidy(ax: Axes) -> None:
    """No frame but the two axes, and a faint grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, axis="y", which="major", color=NEUTRAL, alpha=0.25, linewidth=0.7)
    ax.set_axisbelow(True)


def mark(ax: Axes, x: float, y: float, color: Any, label: str) -> None:
    """A dot on the dotted line at x; the legend shows both."""
    ax.plot(
        [x], [y], marker="o", markersize=7, markerfacecolor=color, color=ink(ax),
        markeredgecolor=ax.get_facecolor(), linestyle=":", linewidth=0.8, label=label,
    )  # fmt: skip


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Ticks of a logarithmic axis from `low` to `high`: 0.2, or powers of ten on a long way."""
    from matplotlib.ticker import FuncFormatter, LogFormatterMathtext, LogLocator, NullFormatter

    plain = low >= PLAIN[0] / 2 and high < PLAIN[1]
    subs = (1.0, 2.0, 5.0) if high < 3e2 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=8))
    if plain or len(subs) > 1:
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    else:
        axis.set_major_formatter(LogFormatterMathtext())
    axis.set_minor_formatter(NullFormatter())


PLAIN = 1e-3, 1e4
"""Numbers from the one to the other are written without a power of ten."""


def number(value: float, digits: int = 4) -> str:
    """A number in so many significant digits, for ticks and labels.

    Examples
    --------
    >>> number(0.12345), number(1.5e-7, 2)
    ('0.1235', '$1.5\\\\times10^{-7}$')
    """
    if value == 0 or PLAIN[0] <= abs(value) < PLAIN[1]:
        return f"{value:.{digits}g}".replace("-", "\N{MINUS SIGN}")
    mantissa, power = f"{value:.{min(digits, 3) - 1}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    tens = f"10^{{{int(power)}}}"
    return f"${tens}$" if mantissa == "1" else rf"${mantissa}\times{tens}$"
