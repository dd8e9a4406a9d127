"""The estimators' short ways say what scikit-learn's long ones say."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("sklearn")

from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import validate_parameter_constraints

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.labels import binarizer_of, plain_classes
from fastnn.estimators.presets import defaults_of
from fastnn.inputs.arrays import check_finite

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
WHOLE = np.arange(60) % 3


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool", "float64", "str", ">i4"])
@pytest.mark.parametrize("y", [WHOLE, WHOLE[:2], 0 * WHOLE, 7 * WHOLE - 4, WHOLE[::-1]])
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_labels_are_those_of_scikit_learn(y, dtype):
    y = np.abs(y).astype(dtype)
    found, expected = binarizer_of(y), LabelBinarizer().fit(y)
    assert vars(found).keys() == vars(expected).keys()
    assert found.y_type_ == expected.y_type_
    assert found.classes_.dtype == expected.classes_.dtype
    assert_array_equal(found.classes_, expected.classes_)
    assert_array_equal(found.transform(y), expected.transform(y))


def test_classes_that_may_be_none_are_left_to_scikit_learn():
    assert plain_classes(np.arange(9)) is None
    assert plain_classes(WHOLE[:, None]) is None
    assert plain_classes(WHOLE.astype(float)) is None


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_the_defaults_need_no_look(cls):
    validate_parameter_constraints(cls._parameter_constraints, defaults_of(cls), cls.__name__)


@pytest.mark.parametrize("parameter", ["alpha", "solver", "l1", "max_iter"])
def test_other_values_are_looked_at(parameter):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of MLPClassifier must be"):
        MLPClassifier(**{parameter: -1}).fit(np.eye(4), [0, 1, 0, 1])


def test_plain_tables_are_held_to_what_was_fitted():
    X, y = np.random.default_rng(0).random((60, 4)), WHOLE
    model = MLPClassifier((3,), random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match=r"3 features.*expecting 4"):
        model.partial_fit(X[:, :3], y)
    for bad in (np.nan, np.inf):
        X[5, 1] = bad
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            model.partial_fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        MLPRegressor().fit(np.ones((3, 2)), np.array([1, np.nan, 2]))


def test_a_table_with_names_before_and_none_now_is_said():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.random.default_rng(0).random((60, 2)), columns=["a", "b"])
    model = MLPClassifier((3,), max_iter=1).fit(X, WHOLE)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.partial_fit(X.to_numpy(), WHOLE)
    assert not hasattr(model.fit(X.to_numpy(), WHOLE), "feature_names_in_")


@pytest.mark.parametrize(
    ("value", "own", "wanted", "fine"),
    [
        (1e30, "float32", "float32", True),  # its square is infinite
        (1e160, "float64", "float64", True),
        (3e38, "float64", "float32", True),
        (1e39, "float64", "float32", False),
        (np.nan, "float32", "float64", False),
        (-np.inf, "float64", None, False),
        (np.inf, "float16", "float32", False),
    ],
)
def test_few_numbers_are_finite_by_the_sum_of_their_squares(value, own, wanted, fine):
    array = np.zeros((3, 4), own)
    array[1, 2] = value
    if fine:
        check_finite(array, "X", wanted)
        return
    with pytest.raises(ValueError, match="at row 1, column 2"):
        check_finite(array, "X", wanted)
