"""Pictures of models: what is drawn is what the model computes, and the model stays as it is."""

import doctest
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fastnn
from fastnn import (
    BatchNorm,
    Dense,
    Dropout,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Standardize,
    Tanh,
    plotting,
)
from fastnn.plotting import boundaries, curves, finder, header, histograms, panels, weights
from fastnn.plotting import first_layer_weights as draw_weights

matplotlib = pytest.importorskip("matplotlib")
figure = pytest.importorskip("matplotlib.figure")

rng = np.random.default_rng(3)
X = rng.normal(size=(40, 4))
Y = rng.integers(0, 3, size=40)


@pytest.fixture(autouse=True)
def no_windows():
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")
    matplotlib.use(before)


def trained(layers, loss="cross_entropy", X=X, y=Y, **settings):
    model = Sequential(layers, seed=0, **settings)
    model.compile(loss=loss)
    model.fit(X, y, epochs=2, verbose=0)
    return model


def deep():
    return trained(
        [Standardize(), Dense(8), BatchNorm(), ReLU(), Dropout(0.3), Dense(6), Tanh(), Dense(3),
         Softmax()]
    )  # fmt: skip


def counts(ax):
    """How many values a histogram shows."""
    return sum(patch.get_data().values.sum() for patch in ax.patches)


def remarks(ax):
    return ax.texts[0].get_text()


PICTURES = {
    "learning_curves": lambda model: plotting.learning_curves(model.history, events=[(1, "x")]),
    "activation_histograms": lambda model: plotting.activation_histograms(model, X),
    "gradient_histograms": lambda model: plotting.gradient_histograms(model, X, Y),
    "first_layer_weights": lambda model: draw_weights(model),
    "learning_rate_finder": lambda model: plotting.learning_rate_finder(model.lr_find(X, Y)),
    "decision_boundaries": lambda model: plotting.decision_boundaries(
        lambda points: model.predict(np.column_stack([points, points])), X[:, :2], Y
    ),
}


@pytest.mark.parametrize("name", plotting.__all__)
def test_a_picture_changes_neither_the_model_nor_matplotlib_and_shows_nothing(name, monkeypatch):
    monkeypatch.setattr(matplotlib.pyplot, "show", lambda *args, **settings: pytest.fail("shown"))
    settings = dict(matplotlib.rcParams)
    model, twin = deep(), deep()
    PICTURES[name](model)
    assert dict(matplotlib.rcParams) == settings
    for each in (model, twin):
        each.fit(X, Y, epochs=2, verbose=0)
    assert model.history["loss"] == twin.history["loss"]
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_array_equal(ours, theirs)


# ------------------------------------------------------------- activations


def test_each_layer_but_dropout_has_a_histogram_of_its_values():
    model = deep()
    axes = plotting.activation_histograms(model, X)
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles == [
        "1 Standardize()", "2 Dense(8)", "3 BatchNorm()", "4 ReLU()", "6 Dense(6)", "7 Tanh()",
        "8 Dense(3)", "9 Softmax()",
    ]  # fmt: skip
    assert counts(axes[1]) == 40 * 8
    outputs = model.predict(X)
    assert remarks(axes[-1]) == f"mean {outputs.mean():.2g}, std {outputs.std():.2g}"
    assert [patch.get_data().edges[[0, -1]] for patch in axes[-1].patches] == [
        pytest.approx([outputs.min(), outputs.max()])
    ]


def test_zeros_dead_and_saturated_units_are_counted():
    model = Sequential([Dense(3), ReLU(), Dense(2), Tanh(), Dense(1), Sigmoid()], seed=0).build(1)
    first = [[[1.0, -1.0, 0.0]], [0.0, 0.0, -1.0]]
    rest = [[[0.0, 9.0], [0.0, 9.0], [0.0, 0.0]], [0.1, 0.0], [[0.0], [0.0]], [99.0]]
    model.set_weights([*first, *rest])
    axes = plotting.activation_histograms(model, [[-2.0], [-1.0], [1.0], [2.0]])
    assert remarks(axes[1]).endswith("67% zero; 1 dead")
    assert counts(axes[1]) == 4
    assert remarks(axes[3]).endswith("50% saturated")
    assert remarks(axes[5]).endswith("std 0; 100% saturated")


def test_a_layer_of_zeros_has_an_empty_panel():
    model = Sequential([Dense(3, init="zeros"), ReLU(), Dense(1)], seed=0).build(4)
    axes = plotting.activation_histograms(model, X)
    assert remarks(axes[1]) == "mean 0, std 0; 100% zero; 3 dead"
    assert counts(axes[1]) == 0
    axes[0].figure.draw_without_rendering()


def test_rows_that_the_loop_cannot_gather_are_drawn_too():
    whole = (10 * X).astype(np.int16)
    axes = plotting.activation_histograms(deep(), whole)
    assert counts(axes[1]) == 40 * 8
    assert len(plotting.gradient_histograms(deep(), whole, Y)) == 3


# ------------------------------------------------------------- gradients


def linear():
    model = Sequential([Dense(2)], seed=0, dtype="float64")
    model.compile("sgd", loss="mse")
    return model.build(4)


def test_the_gradient_drawn_is_that_of_the_loss():
    model = linear()
    W, b = model.get_weights()
    y = rng.normal(size=(40, 2))
    expected = np.abs(X.T @ (X @ W + b - y)) * 2 / y.size
    (found,) = histograms._gradients(model, X, y).values()
    assert_allclose(np.abs(found).reshape(W.shape), expected, rtol=1e-12)
    (ax,) = plotting.gradient_histograms(model, X, y)
    assert counts(ax) == 8
    assert remarks(ax) == f"median {np.median(expected):.2g} (line)"
    (line,) = ax.get_lines()
    assert line.get_xdata()[0] == pytest.approx(np.median(expected))


def test_layers_share_one_logarithmic_axis_and_zeros_are_counted():
    X0 = X * [1.0, 0.0, 1.0, 1.0]
    model = Sequential([Dense(30), Sigmoid(), Dense(30), Sigmoid(), Dense(3), Softmax()], seed=0)
    model.compile("sgd")
    axes = plotting.gradient_histograms(model.build(4), X0, Y)
    assert [ax.get_title(loc="left") for ax in axes] == ["1 Dense(30)", "3 Dense(30)", "5 Dense(3)"]
    assert len({ax.get_xlim() for ax in axes}) == 1
    assert {ax.get_xscale() for ax in axes} == {"log"}
    assert remarks(axes[0]).endswith("; 25% zero")
    medians = [ax.get_lines()[0].get_xdata()[0] for ax in axes]
    assert medians == sorted(medians)


def test_all_gradients_zero_can_be_drawn():
    model = linear()
    axes = plotting.gradient_histograms(model, X, model.predict(X))
    assert remarks(axes[0]) == "100% zero"
    axes[0].figure.draw_without_rendering()


def test_frozen_layers_have_no_gradient():
    source = deep()
    model = Sequential([*source.layers], seed=1)
    model.compile()
    model.initialize_from(source, freeze=4)
    assert len(plotting.gradient_histograms(model, X, Y)) == 2
    model.initialize_from(source, freeze=len(source.layers))
    with pytest.raises(ValueError, match="all Dense layers are frozen"):
        plotting.gradient_histograms(model, X, Y)


# ------------------------------------------------------------- first layer


def test_units_are_images_side_by_side_the_largest_first():
    model = Sequential([Standardize(), Dense(3), ReLU(), Dense(1)], seed=0).build(4)
    W = np.array([[1, 0, 9], [2, 0, 9], [3, 0, 9], [-4, 1, 9]], float)
    model.set_weights([[0] * 4, [1] * 4, W, [0] * 3, np.ones((3, 1)), [0]])
    ax = draw_weights(model, max_units=2)
    image = ax.images[0]
    pixels = np.ma.filled(image.get_array(), np.nan)
    assert_array_equal(pixels, [[9, 9, np.nan, 1, 2], [9, 9, np.nan, 3, -4]])
    assert image.get_clim() == (-9, 9)
    assert ax.get_title() == "weights of 2 of 3 units"


def test_images_of_another_form():
    model = Sequential([Dense(1)], seed=0).build(6)
    ax = draw_weights(model, (2, 3), figure.Figure().subplots())
    W = model.get_weights()[0]
    assert_array_equal(ax.images[0].get_array(), W.reshape(2, 3))
    assert ax.get_title() == "weights of 1 unit"


def test_many_units_make_about_a_square():
    assert weights.mosaic(np.zeros((64, 8, 8))).shape == (71, 71)
    rows, columns = weights.mosaic(np.zeros((20, 4, 16))).shape
    assert 0.6 < rows / columns < 1.6


# ------------------------------------------------------------- refusals


def unbuilt():
    model = Sequential([Dense(3), Softmax()])
    model.compile()
    return model


def uncompiled():
    return Sequential([Dense(3), Softmax()], seed=0).build(4)


def ruined():
    model = uncompiled()
    model.compile()
    model.set_weights([np.full((4, 3), 3e38), [0.0] * 3])
    return model


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: plotting.activation_histograms(unbuilt(), X), ValueError, "no weights yet"),
        (lambda: plotting.activation_histograms(deep(), X[:, :3]), ValueError, "3 .*4"),
        (lambda: plotting.activation_histograms(deep(), X, figure.Figure().subplots(1, 3)),
         ValueError, "got 3 axes for 8 panels; pass 8, or none"),
        (lambda: plotting.gradient_histograms(unbuilt(), X, Y), ValueError, "no weights yet"),
        (lambda: plotting.gradient_histograms(uncompiled(), X, Y), ValueError, "not compiled"),
        (lambda: plotting.gradient_histograms(deep(), X, Y[:3]), ValueError, "y has 3 rows"),
        (lambda: plotting.gradient_histograms(ruined(), 1e3 * X, Y), ValueError, "is not finite"),
        (lambda: draw_weights(unbuilt()), ValueError, "no weights yet"),
        (lambda: draw_weights(Sequential([Dense(2)]).build(5)), ValueError,
         "has 5 inputs, which are no square image; .* pass shape="),
        (lambda: draw_weights(deep(), (3, 2)), ValueError, "3 x 2 = 6 pixels, .* has 4 inputs"),
        (lambda: draw_weights(deep(), 4), ValueError, "shape is 4; expected"),
        (lambda: draw_weights(deep(), (4, 1.0)), TypeError, "shape is 1.0"),
        (lambda: draw_weights(deep(), max_units=0), ValueError, "max_units is 0"),
        (lambda: draw_weights(deep(), ax=figure.Figure().subplots(1, 2)), ValueError,
         "ax holds 2 axes; expected one"),
        (lambda: plotting.learning_rate_finder(None, "ax"), TypeError, "ax holds a str"),
    ],
)  # fmt: skip
def test_refusals(draw, error, message):
    with pytest.raises(error, match=message):
        draw()
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "module", [boundaries, curves, finder, header, histograms, panels, weights]
)
def test_docstring_examples(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


def test_every_public_picture_is_tested_here():
    assert set(PICTURES) == set(plotting.__all__)
    assert fastnn.plotting is plotting


def test_matplotlib_is_not_imported_before_a_picture_is_drawn():
    code = "import sys, fastnn; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
