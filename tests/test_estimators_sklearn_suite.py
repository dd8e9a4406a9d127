"""scikit-learn's own tests of its MLP, those installed, of our estimators: all of them.

Where a test reads a private part of scikit-learn's, a stand-in here says the same of ours.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn.neural_network

from fastnn import estimators
from fastnn.estimators.full_batch import Loss
from fastnn.estimators.presets import settings_of
from fastnn.estimators.recipe import setup_of
from fastnn.estimators.rows import rows_of
from fastnn.inputs.reading import Data

pytestmark = pytest.mark.filterwarnings("ignore")
PATH = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = f"from {__name__} import MLPClassifier, MLPRegressor"


class MLPClassifier(estimators.MLPClassifier):
    """With stand-ins for what the tests read of scikit-learn's private parts."""

    @property
    def _optimizer(self):
        """Of `_optimizer.learning_rate`: the rate of the step that would follow."""
        rate = self._machine.rate
        return SimpleNamespace(learning_rate=self.learning_rate_init if rate is None else rate)

    def _loss_grad_lbfgs(self, parameters, X, Y, *_):
        """Of the loss and its gradient for L-BFGS: those that ours hands to SciPy."""
        s = settings_of(self)
        y = self.classes_[Y.argmax(axis=1) if Y.shape[1] > 1 else Y[:, 0]]
        targets, labels = self._targets(s, y, X.dtype, False)
        objective = self._objective(s, targets, labels)
        data = Data(rows_of(X, targets, labels), np.arange(len(X)))
        loss = Loss(self._machine, setup_of(s, objective), data, objective.of_gradient)
        return loss(parameters)


class MLPRegressor(estimators.MLPRegressor):
    """Nothing needs a stand-in."""


@pytest.fixture
def global_random_seed():
    return 0


def scikit_learns_tests():
    """The names of the file, with our estimators in place of scikit-learn's."""
    if not PATH.is_file():
        return {}
    source = PATH.read_text(encoding="utf-8")
    if THEIRS not in source:
        raise AssertionError(f"{PATH} imports the estimators in another way")
    names = {"__name__": "scikit_learns_tests"}
    exec(compile(source.replace(THEIRS, OURS), str(PATH), "exec"), names)
    return names


TESTS = {name: test for name, test in scikit_learns_tests().items() if name.startswith("test_")}
globals().update({f"{name}_of_scikit_learn": test for name, test in TESTS.items()})


def test_no_test_of_scikit_learn_is_left_out():
    if not PATH.is_file():
        pytest.skip("scikit-learn is installed without its tests")
    named = [
        line for line in PATH.read_text(encoding="utf-8").split("\n") if line[:9] == "def test_"
    ]
    assert len(TESTS) == len(named)
    assert TESTS["test_gradient"].__globals__["MLPClassifier"] is MLPClassifier
