"""The check of a network: each finding in one made to show it."""

import numpy as np
import pytest
from diagnosed import (
    CLASSES,
    FLOWERS,
    SOUND,
    SPECIES,
    TABLE,
    VALUES,
    X,
    Y,
    found,
    hidden,
    network,
    normal,
    subjects,
)

from fastnn import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Standardize,
    Tanh,
)
from fastnn.diagnostics import check

# ----------------------------------------------------------------------------- data


def test_constant_features_are_a_fact_and_no_fault():
    report = check(network(SOUND["digits"][0]), X, Y)
    (finding,) = report.findings
    assert (finding.severity, finding.subject) == ("info", "inputs")
    assert "3 of 64 features are the same in all rows, such as column 0" in finding.message
    assert report.ok
    everything = check(network([Dense(3), Softmax()]), np.ones((150, 4)), SPECIES)
    assert found(everything, "inputs").severity == "warning"


@pytest.mark.parametrize(
    ("scale", "match"),
    [
        ([1, 1, 1, 1000], "1 of 4 features are large; the root mean square of column 3 is 1.42e"),
        ([1, 1, 1, 1e-4], "1 of 4 features hardly show: the deviation of column 3 is 7.6e-05"),
        ([1e-4] * 4, "features hardly show"),
    ],
)
def test_features_far_from_the_scale_of_1(scale, match):
    layers = [*hidden(16, ReLU, 1), Dense(3), Softmax()]
    assert match in found(check(network(layers), FLOWERS * scale, SPECIES), "inputs").message
    for first in (Standardize(), BatchNorm()):
        sound = check(network([first, *layers]), FLOWERS * scale, SPECIES)
        assert "inputs" not in subjects(sound)


def test_a_frame_names_its_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(FLOWERS * [1, 1000, 1, 1], columns=["a", "b", "c", "d"])
    report = check(network([Dense(3), Softmax()]), frame, SPECIES)
    assert 'column 1 ("b")' in found(report, "inputs").message


def test_equal_targets():
    report = check(network(SOUND["digits"][0]), X, np.full(len(X), 3))
    assert subjects(report) == {"targets"}
    assert "all 1797 rows have the same target" in found(report, "targets").message


@pytest.mark.parametrize(
    ("last", "targets"),
    [(Sigmoid(), VALUES), (Tanh(), 3 * VALUES), (ReLU(), VALUES), (Softplus(), -1 - VALUES**2)],
)
def test_targets_that_the_last_layer_cannot_reach(last, targets):
    finding = found(check(network([Dense(9), ReLU(), Dense(1), last], "mse"), TABLE, targets),
                    "targets")  # fmt: skip
    assert finding.severity == "error"
    assert f"which is all that {last.name} as the last layer can give" in finding.message


def test_large_targets():
    report = check(network(SOUND["table"][0], "mse"), TABLE, 2e5 + 8e4 * VALUES)
    assert subjects(report) == {"targets"}
    assert "y.mean()" in found(report, "targets").advice


# -------------------------------------------------------------------- loss and units


def test_an_untrained_network_that_is_sure_of_itself():
    report = check(network([*hidden(64, ReLU, 2), *CLASSES]), 255 * X, Y)
    assert "should have 2.303, the log of 10 classes" in found(report, "loss").message
    assert found(report, "saturation").layer == 5


def test_a_trained_network_that_is_worse_than_a_constant():
    model = network([*hidden(32, ReLU, 1), *CLASSES], optimizer=Adam(1e-2))
    model.fit(X, Y, epochs=5, verbose=0)
    assert check(model, X, Y).ok
    finding = found(check(model, X, (Y + 1) % 10), "loss")
    assert f"after {model.step} steps it is of no use" in finding.message


def test_dead_units():
    model = network([Dense(20), ReLU(), *CLASSES])
    model.build(64)
    weights = model.get_weights()
    weights[1][:12] = -100
    model.set_weights(weights)
    finding = found(check(model, X, Y), "dead units")
    assert (finding.severity, finding.layer) == ("warning", 1)
    assert "12 of 20 units of ReLU are never active, on 1,000 rows" in finding.message
    weights[1][6:12] = 0
    model.set_weights(weights)
    assert "dead units" not in subjects(check(model, X, Y))


def test_a_learning_rate_that_kills_all_units():
    model = network([*hidden(64, ReLU, 2), *CLASSES], optimizer=SGD(10.0))
    model.fit(X, Y, epochs=2, verbose=0)
    report = check(model, X, Y)
    assert subjects(report) >= {"dead units", "gradients", "one batch"}
    assert found(report, "dead units").severity == "error"
    assert "the gradient of all weights is 0" in found(report, "gradients").message
    assert "cannot fit a batch of 16 rows" in found(report, "one batch").message


@pytest.mark.parametrize("activation", [Tanh, Sigmoid])
def test_saturated_units(activation):
    layers = [*hidden(64, activation, 2, normal(4.0)), *CLASSES]
    finding = found(check(network(layers), X, Y), "saturation")
    assert f"of the outputs of {activation.__name__} are within 1%" in finding.message
    assert "(likewise layer " in finding.message
    sound = [x for layer in layers for x in ((layer, BatchNorm()) if layer in layers[:-2:2]
             else (layer,))]  # fmt: skip
    assert "saturation" not in subjects(check(network(sound), X, Y))


# ------------------------------------------------------------------------ gradients


def test_vanishing_gradients():
    report = check(network([Standardize(), *hidden(32, Sigmoid, 8), *CLASSES]), X, Y)
    finding = found(report, "gradients")
    assert finding.layer == 1
    assert "gradients vanish: the effect that its weights have on the loss is" in finding.message
    assert "of that in layer 18" in finding.message
    small = check(network([*hidden(64, ReLU, 5, normal(0.01)), *CLASSES]), X, Y)
    assert "gradients vanish" in found(small, "gradients").message


def test_exploding_gradients():
    chaos = [Standardize(), *hidden(64, Tanh, 14, normal(1.0)), *CLASSES]
    assert "gradients explode" in found(check(network(chaos), X, Y), "gradients").message
    large = [*hidden(64, ReLU, 6, normal(1.0)), *CLASSES]
    assert "gradients explode" in found(check(network(large), X, Y), "gradients").message
    normed = [x for layer in large[:-2] for x in (layer, BatchNorm())] + CLASSES
    assert "gradients" not in subjects(check(network(normed), X, Y))


def test_last_weights_of_0_are_sound():
    layers = [*hidden(32, ReLU, 1), Dense(10, init="zeros"), Softmax()]
    assert check(network(layers), X, Y).ok


def test_weights_that_are_all_0():
    report = check(network([Dense(9, init="zeros"), ReLU(), Dense(10, init="zeros"), Softmax()]),
                   X, Y)  # fmt: skip
    assert subjects(report) == {"dead units", "gradients", "one batch"}
    assert not report.ok
