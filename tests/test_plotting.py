"""Curves of learning: what is drawn for which history; no text lies on another, or on a curve."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnn import History
from fastnn.plotting import learning_curves, learning_rate_finder
from fastnn.plotting.header import stack
from fastnn.plotting.panels import TRAINING, VALIDATION, number

matplotlib = pytest.importorskip("matplotlib")
figure = pytest.importorskip("matplotlib.figure")
NAN = float("nan")


@pytest.fixture(autouse=True)
def no_windows():
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")
    matplotlib.use(before)


def history_of(start=1, **columns):
    history = History()
    for k in range(len(next(iter(columns.values())))):
        history.append(start + k, {name: column[k] for name, column in columns.items()})
    return history


def falling(n, **more):
    return history_of(loss=2.0 ** -np.arange(n), **more)


def labels(ax):
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def curve(ax, color):
    """The longest line of a colour, as (epochs, values)."""
    lines = [line for line in ax.get_lines() if line.get_color() == color]
    return [list(data) for data in max(lines, key=lambda line: len(line.get_xdata())).get_data()]


def test_loss_alone_is_one_panel():
    history = history_of(
        loss=[3.0, 1.0, 2.0], learning_rate=[0.1] * 3, gradient_norm=[9.0] * 3, seconds=[1.0] * 3
    )
    (ax,) = learning_curves(history)
    assert labels(ax) == ["training", "best: 1 at epoch 2"]
    assert curve(ax, TRAINING) == [[1, 2, 3], [3.0, 1.0, 2.0]]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "linear")


def test_each_metric_is_a_panel_and_the_best_epoch_is_by_validation():
    history = history_of(
        loss=[3.0, 2.0, 0.1], accuracy=[0.1, 0.2, 0.3],
        val_loss=[3.0, 2.0, 2.5], val_accuracy=[0.1, 0.7, 0.8], val_f1_macro=[0.0, 0.1, 0.2],
    )  # fmt: skip
    axes = learning_curves(history)
    assert [ax.get_ylabel() for ax in axes] == ["loss", "accuracy", "f1 macro"]
    assert set(labels(axes[0])) == {"training", "validation", "best: 2 at epoch 2"}
    assert labels(axes[1]) == ["0.7 at the best loss, epoch 2"]
    assert curve(axes[1], VALIDATION)[1] == [0.1, 0.7, 0.8]
    assert [ax.get_yscale() for ax in axes] == ["log", "linear", "linear"]


def test_as_many_given_axes_as_there_are_panels_are_drawn_into():
    history = falling(3, mae=[1.0] * 3)
    panel = figure.Figure().subplots()
    assert learning_curves(history, panel) == [panel]
    axes = figure.Figure().subplots(2, 2)
    assert learning_curves(history, axes) == list(axes.flat[:2])
    assert not axes[1, 0].get_lines()


def test_epochs_without_validation_are_bridged():
    history = falling(6, val_loss=[NAN, 0.5, NAN, 0.4, NAN, 0.3])
    (ax,) = learning_curves(history)
    assert curve(ax, VALIDATION) == [[2, 4, 6], [0.5, 0.4, 0.3]]
    lines = {line.get_color(): line.get_marker() for line in ax.get_lines()[:2]}
    assert lines == {TRAINING: "None", VALIDATION: "."}


def test_overfitting_is_shaded_from_its_epoch_to_the_last():
    history = falling(8, val_loss=[5.0, 3, 2, 1, 2, 3, 4, 5], mae=[1.0] * 8)
    axes = learning_curves(history)
    assert "overfitting after epoch 4" in labels(axes[0])
    for ax in axes:
        band = next(patch for patch in ax.patches if patch.get_label().startswith("overfitting"))
        assert band.get_extents().transformed(ax.transData.inverted()).intervalx == pytest.approx(
            [4, 8]
        )


@pytest.mark.parametrize("loss", [[1.0], [NAN, NAN], [0.0, 0.0], [5.0, np.inf, 4.0], [-1.0, -9.0]])
def test_odd_histories_are_drawn(loss):
    (ax,) = learning_curves(history_of(loss=loss))
    ax.figure.draw_without_rendering()
    finite = [value for value in loss if np.isfinite(value)]
    assert curve(ax, TRAINING)[1] == finite
    assert np.isfinite(ax.get_ylim()).all()
    assert ax.get_xlim()[0] < 1 <= len(loss) < ax.get_xlim()[1]
    assert labels(ax)[1:] == [f"best: {number(min(finite))} at epoch {loss.index(min(finite)) + 1}"
                              for _ in finite[:1]]  # fmt: skip


def test_a_few_values_far_off_do_not_flatten_the_rest():
    r2 = np.r_[-5000.0, -300, np.linspace(0, 1, 58)]
    low, high = learning_curves(falling(60, r2=r2))[1].get_ylim()
    assert -0.1 < low < 0
    assert 1 < high < 1.3


def test_what_falls_far_is_logarithmic_and_what_rises_is_not():
    axes = learning_curves(
        falling(9, mse=np.geomspace(900, 1, 9), accuracy=np.geomspace(0.01, 1, 9))
    )
    assert [ax.get_yscale() for ax in axes] == ["log", "log", "linear"]


# ------------------------------------------------------------- events and branches


EVENTS = [(0, "start"), *((10 + k // 2, f"event number {k}") for k in range(12)), (60, "the end")]


def event_labels(ax):
    return [text for text in ax.texts if text.get_text() and text.get_visible()]


def check_readable(axes, height=1.0):
    """Labels and legends inside their axes, none on another, all above all curves."""
    root = axes[0].figure
    root.draw_without_rendering()
    for ax in axes:
        frame = ax.get_window_extent()
        found = [text.get_window_extent() for text in event_labels(ax)]
        if ax.get_legend():
            found.append(ax.get_legend().get_window_extent())
        for one, other in combinations(found, 2):
            assert not one.padded(-0.5).overlaps(other.padded(-0.5))
        for box in found:
            assert frame.x0 - 1 <= box.x0
            assert box.x1 <= frame.x1 + 1
            assert box.y1 <= frame.y1 + 1
        floor = min((box.y0 for box in found), default=frame.y1)
        for line in ax.get_lines():
            if line.get_transform() == ax.transData and len(line.get_xdata()) > 2:
                assert ax.transData.transform(line.get_xydata())[:, 1].max() <= floor + 1


def test_labels_of_events_can_be_read():
    history = falling(60, accuracy=np.linspace(0, 1, 60))
    axes = learning_curves(history, events=EVENTS)
    check_readable(axes)
    texts = [text.get_text() for text in event_labels(axes[0])]
    # Two an epoch, in one label.
    assert len(texts) == 8
    assert texts[1] == "event number 0, event number 1"
    for ax in axes:
        marked = {line.get_xdata()[0] for line in ax.get_lines() if len(set(line.get_xdata())) == 1}
        assert {epoch for epoch, _ in EVENTS} <= marked


def test_a_new_figure_grows_until_all_labels_fit():
    events = [(k, f"event number {k}") for k in range(60)]
    few = learning_curves(falling(60), events=events[:2])[0].figure.get_figheight()
    (ax,) = learning_curves(falling(60), events=events)
    check_readable([ax])
    assert len(event_labels(ax)) == 60
    assert ax.figure.get_figheight() > few + 0.5


def test_given_axes_keep_half_their_height_for_the_curve():
    root = figure.Figure(figsize=(5, 3))
    (ax,) = learning_curves(falling(60), root.subplots(), events=[(k, "event") for k in range(60)])
    assert root.get_size_inches().tolist() == [5, 3]
    check_readable([ax])
    assert 5 < len(event_labels(ax)) < 60
    top = ax.transData.transform((1, 1.0))[1]
    frame = ax.get_window_extent()
    assert 0.3 < (top - frame.y0) / frame.height < 0.5


def test_a_label_too_long_for_the_axes_is_cut():
    (ax,) = learning_curves(falling(60), events=[(30, "learning_rate " * 30)])
    check_readable([ax])
    assert event_labels(ax)[0].get_text().endswith("…")


def test_events_after_the_last_epoch_are_in_view():
    (ax,) = learning_curves(falling(3), events=[(7, "learning_rate 0.1")])
    assert ax.get_xlim()[1] > 7
    check_readable([ax])


def test_subfigures_are_drawn_into():
    part = figure.Figure(figsize=(9, 4)).subfigures(1, 2)[0]
    learning_curves(falling(60), part.subplots(), events=EVENTS)


def test_branches_are_thin_lines_with_one_entry_for_a_name():
    back = history_of(start=3, loss=[0.5, 90.0])
    wide = history_of(loss=[1.0, 0.5, 0.25, 0.2])
    branches = [("rolled back", back), ("wide", wide), ("rolled back", back), ("gone", History())]
    (ax,) = learning_curves(falling(6), branches=branches)
    assert sorted(labels(ax)) == sorted(
        ["training", f"best: {1 / 32:.4g} at epoch 6", "rolled back", "wide", "gone"]
    )
    drawn = [line.get_ydata().tolist() for line in ax.get_lines() if line.get_linewidth() == 1]
    assert drawn[:3] == [[0.5, 90.0], [1.0, 0.5, 0.25, 0.2], [0.5, 90.0]]
    assert ax.get_ylim()[1] > 90


@given(st.lists(st.tuples(st.floats(0, 500), st.floats(1, 200)), max_size=40))
def test_spans_in_a_row_keep_their_distance_in_as_few_rows_as_can_be(pairs):
    spans = [(start, start + length) for start, length in pairs]
    rows = stack(spans, gap=5.0)
    for (a, row_a), (b, row_b) in combinations(zip(spans, rows, strict=True), 2):
        assert row_a != row_b or a[1] + 5.0 <= b[0] or b[1] + 5.0 <= a[0]
    together = [sum(start <= at < end + 5.0 for start, end in spans) for at, _ in spans]
    assert max(rows, default=-1) + 1 == max(together, default=0)


# ------------------------------------------------------------- learning-rate finder


def rate_test(n=50, **changes):
    rates = np.geomspace(1e-6, 10, n)
    smoothed = 2 - np.exp(-((np.log10(rates) + 2) ** 2))
    fields = {
        "learning_rates": rates, "losses": smoothed + 0.1 * np.sin(np.arange(n) * 7.0),
        "smoothed": smoothed, "suggestion": 0.01,
    }  # fmt: skip
    return SimpleNamespace(**(fields | changes))


def test_the_suggestion_is_marked_on_the_smoothed_curve():
    result = rate_test()
    ax = learning_rate_finder(result)
    dot = next(line for line in ax.get_lines() if line.get_marker() == "o")
    assert dot.get_xdata() == [0.01]
    assert dot.get_ydata()[0] == pytest.approx(1.0, abs=0.01)
    assert ax.get_legend().get_texts()[-1].get_text() == "suggestion: 0.01"
    assert ax.get_xscale() == "log"


def test_no_suggestion_and_broken_batches():
    result = rate_test(suggestion=None)
    result.losses[3:5] = 1e9, np.inf
    ax = learning_rate_finder(result, figure.Figure().subplots())
    assert len(ax.get_legend().get_texts()) == 2
    assert ax.get_ylim()[1] < 3


# ------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"events": (40, "text")}, TypeError, r"events holds 40; expected pairs of an epoch"),
        ({"events": [("x", 40)]}, TypeError, r"events holds \('x', 40\)"),
        ({"events": [(NAN, "x")]}, TypeError, r"events holds \(nan, 'x'\)"),
        ({"branches": {"wide": 1}}, TypeError, "branches holds 'wide'; expected pairs of a name"),
        ({"branches": [("wide", {})]}, TypeError, "expected pairs of a name and a History"),
        ({"axes": "axes"}, TypeError, "axes holds a str; expected matplotlib Axes"),
        ({"axes": figure.Figure()}, TypeError, "axes holds a Figure; expected matplotlib Axes"),
        ({"axes": []}, ValueError, "axes holds no axes; pass some, or leave it out"),
    ],
)
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        learning_curves(falling(3), **arguments)
    assert matplotlib.pyplot.get_fignums() == []


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="no epochs; call fit"):
        learning_curves(History())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.1235"), (0, "0"), (-3, "\N{MINUS SIGN}3"), (1e-9, "$10^{-9}$"),
     (12345.6, r"$1.23\times10^{4}$"), (2e-4, r"$2\times10^{-4}$"), (1e4, "$10^{4}$")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number(value) == text
