"""scikit-learn's own proofs, for our estimators: its checks, and its tests of its MLP."""

import doctest
from pathlib import Path

import pytest

pytest.importorskip("sklearn")

import sklearn.neural_network
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn import estimators
from fastnn.estimators import MLPClassifier, MLPRegressor, classifier, regressor

pytestmark = pytest.mark.filterwarnings("ignore")


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPClassifier(max_iter=50, solver="lbfgs"),
        MLPRegressor(max_iter=50, solver="lbfgs", n_members=2),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("module", [estimators, classifier, regressor])
def test_examples(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 2) == (0, True)


PRIVATE = ("test_gradient", "test_learning_rate_warmstart", "test_adaptive_learning_rate")
"""They read scikit-learn's private parts, such as `_backprop`."""


@pytest.fixture
def global_random_seed():
    return 0


def scikit_learns_tests():
    """The tests of scikit-learn's MLP, where they are installed, of our estimators."""
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    if not path.is_file():
        return {}
    source = path.read_text(encoding="utf-8")
    theirs = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
    if theirs not in source:
        raise AssertionError(f"{path} imports the estimators in another way")
    ours = "from fastnn.estimators import MLPClassifier, MLPRegressor"
    names = {"__name__": "scikit_learns_tests"}
    exec(compile(source.replace(theirs, ours), str(path), "exec"), names)
    return names


for name, test in scikit_learns_tests().items():
    if name.startswith("test_") and name not in PRIVATE:
        globals()[f"{name}_of_scikit_learn"] = test
