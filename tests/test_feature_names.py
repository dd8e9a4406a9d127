"""A model remembers the columns of its frame: another order, or others, are refused."""

import copy

import numpy as np
import pytest

import fastnn
from fastnn import Dense, Sequential, Standardize, diagnostics, plotting, tune

pandas = pytest.importorskip("pandas")

rng = np.random.default_rng(0)
ARRAY = rng.normal(size=(40, 3))
X = pandas.DataFrame(ARRAY, columns=["age", "height", "weight"])
TURNED = X[["weight", "age", "height"]]
y = ARRAY[:, 0] - 2 * ARRAY[:, 2]
ORDER = r'in another order than in training: column 0 is "weight" and was "age"; pass X\[model.feat'


def network():
    model = Sequential([Standardize(), Dense(1)], seed=0)
    model.compile("adam", loss="mse")
    return model


def trained(table=X):
    model = network()
    model.fit(table, y, verbose=0)
    return model


USES = {
    "predict": lambda m, X: m.predict(X),
    "evaluate": lambda m, X: m.evaluate(X, y),
    "fit": lambda m, X: m.fit(X, y, verbose=0),
    "lr_find": lambda m, X: m.lr_find(X, y),
    "recompute_batchnorm": lambda m, X: m.recompute_batchnorm(X),
    "check": lambda m, X: diagnostics.check(m, X, y),
    "check_gradient": lambda m, X: fastnn.check_gradient(m, X, y),
    "activations": lambda m, X: plotting.activation_histograms(m, X),
    "gradients": lambda m, X: plotting.gradient_histograms(m, X, y),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_another_order_is_refused_everywhere(use):
    model = trained()
    before = model.predict(ARRAY)
    with pytest.raises(ValueError, match=ORDER):
        use(model, TURNED)
    assert model.epoch == 1
    np.testing.assert_array_equal(model.predict(ARRAY), before)
    np.testing.assert_array_equal(model.predict(TURNED[model.feature_names]), before)


def test_a_shift_is_refused_by_its_own_name():
    with pytest.raises(ValueError, match="in another order than in training"):
        diagnostics.shift(trained(), TURNED, X)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        (["age", "height", "mass"], 'X lacks "weight" and has "mass"; expected the columns of'),
        (["age", "weight", "weight"], 'X lacks "height"; expected .*"age", "height", "weight"'),
        ([f"c{k}" for k in range(9)], 'has "c0", "c1", "c2", "c3", "c4" and 4 more'),
    ],
)
def test_other_columns_are_named(columns, match):
    with pytest.raises(ValueError, match=match):
        trained().predict(pandas.DataFrame(np.zeros((2, len(columns))), columns=columns))


def test_validation_data_are_checked_from_the_first_fit_on():
    model = network()
    with pytest.raises(ValueError, match="validation X has the columns in another order"):
        model.fit(X, y, validation_data=(TURNED, y), verbose=0)
    assert model.epoch == 0
    assert model.feature_names is None


def test_arrays_and_numbered_columns_have_no_names():
    model = trained()
    expected = model.predict(ARRAY)
    numbered = pandas.DataFrame(ARRAY, columns=[2, 1, 0])
    np.testing.assert_array_equal(model.predict(numbered), expected)
    assert trained(numbered).feature_names is None
    late = trained(ARRAY)
    np.testing.assert_array_equal(late.predict(X), late.predict(ARRAY))
    late.fit(X, y, verbose=0)
    assert late.feature_names == list(X.columns)


def test_files_and_copies_remember(tmp_path):
    model = trained()
    model.save(tmp_path / "model.safetensors")
    for twin in (fastnn.load(tmp_path / "model.safetensors"), copy.deepcopy(model)):
        assert twin.feature_names == ["age", "height", "weight"]
        with pytest.raises(ValueError, match=ORDER):
            twin.predict(TURNED)


def test_tuned_models_remember(tmp_path):
    def build(units):
        model = Sequential([Dense(units), Dense(1)])
        model.compile("adam", loss="mse")
        return model

    space = {"units": [2, 3]}
    result = tune.search(build, space, X, y, trials=2, epochs=2, storage=None, verbose=0)
    folds = tune.cross_validate(network(), X, y, cv=2, epochs=1)
    for model in (result.best_model, *folds.models):
        with pytest.raises(ValueError, match=ORDER):
            model.predict(TURNED)


def test_polars_too():
    polars = pytest.importorskip("polars")
    with pytest.raises(ValueError, match=ORDER):
        trained().predict(polars.DataFrame(TURNED.to_dict("list")))
