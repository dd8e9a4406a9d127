"""Decision boundaries: the regions are the classifier's, for every kind of classifier."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastnn import LBFGS, Dense, Sequential, Sigmoid, Softmax
from fastnn.plotting import decision_boundaries
from fastnn.plotting.boundaries import DARKEST, PALEST, SIDE
from fastnn.plotting.panels import COLORS, MARKERS

matplotlib = pytest.importorskip("matplotlib")
figure = pytest.importorskip("matplotlib.figure")

rng = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def no_windows():
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")
    matplotlib.use(before)


RING = "taken for another"


def blobs(n_classes, rows=30):
    y = np.repeat(np.arange(n_classes), rows)
    angle = 2 * np.pi * y / n_classes
    return 4 * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(size=(len(y), 2)), y


def trained(layers, loss, X, y):
    model = Sequential(layers, seed=0)
    model.compile(LBFGS(), loss=loss)
    model.fit(X, y, epochs=30, batch_size=None, verbose=0)
    return model


def regions(ax):
    """The number of the class at each point of the plane, and how opaque it is drawn."""
    assert ax.images[0].origin == "lower"
    assert ax.images[0].get_extent() == pytest.approx([*ax.get_xlim(), *ax.get_ylim()])
    image = np.asarray(ax.images[0].get_array())
    colors = np.array([matplotlib.colors.to_rgb(color) for color in COLORS])
    distance = np.abs(image[:, :, None, :3] - colors).sum(axis=-1)
    assert distance.min(axis=-1).max() < 1e-6
    return distance.argmin(axis=-1), image[:, :, 3]


def plane(ax):
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    grid = np.meshgrid(np.linspace(left, right, SIDE), np.linspace(bottom, top, SIDE))
    return np.stack(grid, axis=-1).reshape(-1, 2)


def names(ax):
    """Of the classes in the legend."""
    return [text for text in legend(ax) if text != RING]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def n_points(ax):
    """Points taken for their class, and for another, class by class."""
    found = [c for c in ax.collections if isinstance(c, matplotlib.collections.PathCollection)]
    sizes = [len(c.get_offsets()) for c in found if c.get_label() != RING]
    return list(zip(sizes[::2], sizes[1::2], strict=True))


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5, 6])
def test_softmax_regression(n_classes):
    X, y = blobs(n_classes)
    model = trained([Dense(n_classes), Softmax()], "cross_entropy", X, y)
    ax = decision_boundaries(model, X, y)
    classes, opacity = regions(ax)
    outputs = model.predict(plane(ax))
    assert_array_equal(classes.ravel(), outputs.argmax(axis=1))
    sure = (outputs.max(axis=1) - 1 / n_classes) / (1 - 1 / n_classes)
    assert_allclose(opacity.ravel(), PALEST + (DARKEST - PALEST) * sure, atol=1e-6)
    right = model.predict_classes(X) == y
    assert n_points(ax) == [
        (int(right[y == k].sum()), int((~right)[y == k].sum())) for k in range(n_classes)
    ]
    assert names(ax) == [str(k) for k in range(n_classes)]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$")


def test_one_sigmoid_unit():
    X, y = blobs(2)
    model = trained([Dense(1), Sigmoid()], "binary_cross_entropy", X, y)
    ax = decision_boundaries(model, X, y == 1, class_names=["left", "right"])
    assert_array_equal(regions(ax)[0].ravel(), model.predict_classes(plane(ax)))
    assert names(ax) == ["left", "right"]


def half(points):
    return 1 / (1 + np.exp(-5 * (points[:, 0] - 0.3)))


SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


@pytest.mark.parametrize(
    "classifier",
    [
        half,
        lambda points: half(points)[:, None],
        lambda points: np.column_stack([1 - half(points), half(points)]),
        lambda points: half(points) > 0.5,
        lambda points: np.where(half(points) > 0.5, 1.0, 0.0),
    ],
    ids=["probability", "column", "both", "bool", "float labels"],
)
def test_functions(classifier):
    ax = decision_boundaries(classifier, SQUARE, [0, 1, 0, 1])
    lines = [path.vertices for c in ax.collections for path in c.get_paths() if len(path) > 50]
    assert lines
    for line in lines:
        assert_allclose(line[:, 0], 0.3, atol=1.2 / SIDE)
    assert n_points(ax) == [(2, 0), (2, 0)]


def test_labels_that_only_the_plane_shows_are_classes_too():
    def thirds(points):
        return np.digitize(points[:, 0], [0.4, 0.6])

    ax = decision_boundaries(thirds, SQUARE, [0, 2, 0, 2])
    assert names(ax) == ["0", "1", "2"]
    assert n_points(ax) == [(2, 0), (0, 0), (2, 0)]


@pytest.mark.parametrize(
    ("y", "shown"),
    [
        (["no", "yes", "no", "yes"], ["no", "yes"]),
        ([-1, 1, -1, 1], ["-1", "1"]),
        ([False, True, False, True], ["False", "True"]),
        ([0.0, 1.0, 0.0, 1.0], ["0", "1"]),
        ([[0], [1], [0], [1]], ["0", "1"]),
        ([[1, 0], [0, 1], [1, 0], [0, 1]], ["0", "1"]),
        ([1, 1, 1, 1], ["0", "1"]),
    ],
)
def test_labels_of_any_form(y, shown):
    ax = decision_boundaries(half, SQUARE, y)
    assert names(ax) == shown
    assert sum(wrong for _, wrong in n_points(ax)) == (
        2 if shown == ["0", "1"] and y[0] == 1 else 0
    )


def test_one_class_and_one_point():
    ax = decision_boundaries(lambda points: ["a"] * len(points), [[1.0, 2.0]], ["a"])
    assert names(ax) == ["a"]
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("frames", ["pandas", "polars"])
def test_an_estimator_that_knows_names_of_columns_and_classes(frames):
    library = pytest.importorskip(frames)
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = blobs(3)
    frame = library.DataFrame({"petal length": X[:, 0], "petal width": X[:, 1]})
    labels = np.array(["c", "a", "b"])[y]
    model = linear_model.LogisticRegression().fit(frame, labels)
    ax = decision_boundaries(model, frame, labels)
    assert names(ax) == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("petal length", "petal width")
    assert sum(right for right, _ in n_points(ax)) == (model.predict(frame) == labels).sum()


def test_an_estimator_without_probabilities():
    svm = pytest.importorskip("sklearn.svm")
    X, y = blobs(3)
    model = svm.LinearSVC().fit(X, y)
    classes, opacity = regions(decision_boundaries(model, X, y))
    assert len(np.unique(classes)) == 3
    assert_allclose(opacity, DARKEST)


def test_the_legend_lies_beside_new_axes_and_in_given_ones_where_it_is_short():
    X, y = blobs(12)
    ax = decision_boundaries(half, SQUARE, [0, 1, 0, 1])
    ax.figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1 - 1
    given = figure.Figure().subplots()
    assert decision_boundaries(half, SQUARE, [0, 1, 0, 1], given) is given
    assert given.get_legend().get_window_extent().x1 < given.get_window_extent().x1
    other = figure.Figure().subplots()
    nearest = X[np.arange(0, len(X), 30)]
    decision_boundaries(
        lambda p: ((p[:, None] - nearest) ** 2).sum(axis=2).argmin(axis=1), X, y, other
    )
    assert other.get_legend().get_window_extent().x0 > other.get_window_extent().x1 - 1


def test_the_ring_is_explained_where_there_is_one():
    assert legend(decision_boundaries(half, SQUARE, half(SQUARE) > 0.5)) == ["False", "True"]
    assert legend(decision_boundaries(half, SQUARE, [1, 1, 1, 1])) == ["0", "1", RING]


def test_a_legend_in_given_axes_lies_above_all_points():
    X, y = blobs(3)
    ax = figure.Figure().subplots()
    decision_boundaries(lambda p: np.eye(3)[np.zeros(len(p), int)], X, y, ax)
    ax.figure.draw_without_rendering()
    highest = ax.transData.transform((0, X[:, 1].max()))[1]
    assert ax.get_legend().get_window_extent().y0 > highest


def test_colours_are_told_apart_by_the_colour_blind():
    """By the model of Machado, Oliveira and Fernandes (2009), full protanopia and deuteranopia."""
    sees = [
        np.eye(3),
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                  [-0.003882, -0.048116, 1.051998]]),
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                  [-0.011820, 0.042940, 0.968881]]),
    ]  # fmt: skip
    for matrix in sees:
        colors = [lab(matrix @ linear(color)) for color in COLORS]
        assert min(np.linalg.norm(a - b) for a, b in combinations(colors, 2)) > 15
        assert min(np.linalg.norm(a - b) for a, b in combinations(colors[:4], 2)) > 30
    assert len(set(MARKERS)) == len(COLORS)


def linear(color):
    c = np.array(matplotlib.colors.to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIELAB of linear sRGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.asarray(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def two_sigmoids():
    model = Sequential([Dense(2), Sigmoid()], seed=0)
    return model.build(2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((half, np.zeros((3, 4)), [0, 1, 0]), ValueError, r"X has shape \(3, 4\); expected"),
        ((half, np.zeros((0, 2)), []), ValueError, "X has no rows"),
        ((half, [[0, np.nan]], [0]), ValueError, "NaN at row 0, column 1"),
        ((half, SQUARE, [0, 1, 0]), ValueError, r"y has shape \(3,\) but X has 4 rows"),
        ((half, SQUARE, [0.5, 1, 0, 1]), ValueError, "y holds 0.5; expected class labels"),
        ((half, SQUARE, [0, 1, 2, 3]), ValueError, "y holds 4 classes, 0, 1, 2, 3, but .* knows 2"),
        ((half, SQUARE, [5, 5, 5, 5]), ValueError, "y holds 1 class, 5, but .* labels from 0 to 1"),
        (("svm", SQUARE, [0, 1, 0, 1]), TypeError, "got 'svm'; expected a Sequential"),
        ((lambda p: p[:, 0], SQUARE, [0, 1, 0, 1]), ValueError, "answered 1.08 at a point"),
        ((lambda p: p * 0, SQUARE, [0, 1, 0, 1]), ValueError, "sum to 0 at a point"),
        ((lambda p: half(p) * np.nan, SQUARE, [0, 1, 0, 1]), ValueError, "answered nan"),
        ((lambda p: [1, 2], SQUARE, [0, 1, 0, 1]), ValueError, r"with shape \(2,\); expected"),
        ((two_sigmoids(), SQUARE, [0, 1, 0, 1]), ValueError, "ends with 2 sigmoid units"),
    ],
)  # fmt: skip
def test_refusals(arguments, error, message):
    with pytest.raises(error, match=message):
        decision_boundaries(*arguments)
    assert matplotlib.pyplot.get_fignums() == []


def test_refused_names_and_labels():
    with pytest.raises(ValueError, match=r"class_names holds 1 names; expected 2, .* classes 0, 1"):
        decision_boundaries(half, SQUARE, [0, 1, 0, 1], class_names=["a"])
    neighbors = pytest.importorskip("sklearn.neighbors")
    model = neighbors.KNeighborsClassifier(1).fit(SQUARE, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="y holds the class 7; the classifier knows 0, 1"):
        decision_boundaries(model, SQUARE, [0, 1, 7, 1])
