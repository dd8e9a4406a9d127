"""The pictures of a report, as SVG that takes the page's own text colour."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.history import History
from fastnn.plotting import learning_curves
from fastnn.plotting.panels import NEUTRAL, TRAINING, VALIDATION, tidy
from fastnn.tabular.report.findings import Importance

INK = "#010203"
"""A colour that stands for the page's own until the SVG is written."""
SETTINGS = {
    "svg.fonttype": "none", "svg.hashsalt": "fastnn", "font.size": 9, "font.family": "sans-serif",
    "axes.facecolor": "none", "axes.titlecolor": INK,
    "legend.facecolor": "none", "legend.framealpha": 0,
}  # fmt: skip
BINS = 10
MOST_CLASSES = 12
"""Of more classes a matrix cannot be read."""


def as_svg(draw: Callable[[Any], None], width: float, height: float) -> str:
    """An SVG element of what `draw` draws on a matplotlib figure."""
    import matplotlib
    from matplotlib.figure import Figure

    names = "text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"
    settings: Any = dict.fromkeys(names, INK) | SETTINGS
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        draw(figure)
        for axes in figure.axes:
            legend = axes.get_legend()
            if legend is not None:
                legend.get_frame().set_facecolor("none")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def curves(history: History) -> str:
    """Loss over the epochs, with the best one."""

    def draw(figure: Any) -> None:
        learning_curves(history, figure.subplots(1, 1))

    return as_svg(draw, 5.5, 3)


def trial(found: list[Any], name: str, measure: str) -> str:
    """The measure of all trials over one setting that was searched for."""
    values = np.array([-trial.value for trial in found])
    ceiling = np.quantile(values, 0.9)
    given = [trial.params.get(name) for trial in found]

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        if all(isinstance(v, int | float) for v in given):
            places = np.array(given, float)
            if places.min() > 0 and places.max() > 20 * places.min():
                ax.set_xscale("log")
        else:
            words = sorted(set(map(str, given)))
            places = np.array([words.index(str(v)) for v in given])
            ax.set_xticks(range(len(words)), words, rotation=20)
        ax.scatter(places, np.minimum(values, ceiling), s=16, color=TRAINING, edgecolors="none")
        ax.set_xlabel(name)
        ax.set_ylabel(f"{measure} (worst tenth on top)")
        tidy(ax)

    return as_svg(draw, 3.6, 2.8)


def importance_bars(found: list[Importance]) -> str:
    """How much the score loses without each column, with the spread over shuffles."""
    shown = found[:20][::-1]

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        means, spreads = [i.mean for i in shown], [i.spread for i in shown]
        ax.barh([i.name[:28] for i in shown], means, xerr=spreads, color=TRAINING, ecolor=NEUTRAL)
        ax.set_xlabel("loss gained where the column is shuffled")
        ax.spines[["top", "right"]].set_visible(False)

    return as_svg(draw, 5.5, 1.0 + 0.24 * len(shown))


def confusion(y: np.ndarray, chosen: np.ndarray, classes: tuple[str, ...]) -> str:
    """Counts of true (rows) and predicted (columns) classes; "" where there are too many."""
    n = len(classes)
    if n > MOST_CLASSES:
        return ""
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (y, chosen), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for i in range(n):
            for j in range(n):
                color = "white" if shares[i, j] > 0.5 else "#202020"
                ax.text(j, i, str(counts[i, j]), ha="center", va="center", color=color)
        names = [name[:16] for name in classes]
        ax.set_xticks(range(n), names, rotation=45 if n > 4 else 0)
        ax.set_yticks(range(n), names)
        ax.set_xlabel("predicted")
        ax.set_ylabel("true (shade: share of the row)")

    size = 2.2 + 0.42 * n
    return as_svg(draw, size + 0.8, size)


def calibration(y: np.ndarray, outputs: np.ndarray) -> str:
    """How often the predicted class is right, against its probability, in `BINS` bins."""
    from sklearn.calibration import calibration_curve

    sure, right = outputs.max(axis=1), outputs.argmax(axis=1) == y
    strategy = "quantile"
    share, mean = calibration_curve(right, np.minimum(sure, 1), n_bins=BINS, strategy=strategy)

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        ax.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=1, linestyle=":", label="as it should be")
        ax.plot(mean, share, color=TRAINING, marker="o", markersize=4, label="held-out rows")
        low = max(0.0, min(mean.min(), share.min()) - 0.05)
        ax.set(xlim=(low, 1.01), ylim=(low, 1.01))
        ax.set_xlabel("probability of the predicted class")
        ax.set_ylabel("share of them that is right")
        ax.legend(frameon=False)
        tidy(ax)

    return as_svg(draw, 3.6, 3.2)


def predicted_against_true(y: np.ndarray, outputs: np.ndarray) -> str:
    """Predictions over true values, and the residuals' histogram."""

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        ends = [min(y.min(), outputs.min()), max(y.max(), outputs.max())]
        left.plot(ends, ends, color=NEUTRAL, linewidth=1, linestyle=":")
        left.scatter(y, outputs, s=8, alpha=0.5, color=TRAINING, edgecolors="none")
        left.set_xlabel("true")
        left.set_ylabel("predicted (dotted: equal)")
        right.hist(outputs - y, bins=30, color=VALIDATION)
        right.set_xlabel("predicted minus true")
        right.set_ylabel("rows")
        for ax in (left, right):
            tidy(ax)

    return as_svg(draw, 6.4, 3)
