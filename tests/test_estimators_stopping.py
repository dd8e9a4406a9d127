"""The compiled loop stops where scikit-learn's rule does, as if epochs were taken one by one."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastnn.engine.pace import Pace
from fastnn.engine.threads import alone
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.training.epochs import Epochs

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 6))
CLASSES, NUMBERS = (X[:, 0] > 0) * 1 + (X[:, 1] > 1), X[:, :2] @ rng.normal(size=(2, 2))
FAST = {"tol": 1e-2, "learning_rate_init": 0.03}
SETTINGS = {
    "stops": FAST,
    "many steps": {"tol": 1e-2, "batch_size": 8},
    "few epochs": {"max_iter": 30},
    "in sequence": {**FAST, "shuffle": False},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.3},
    "twice": {**FAST, "warm_start": True},
    "patient": {"tol": 1e-2, "n_iter_no_change": 40},
    "never": {"tol": 0.0, "max_iter": 150},
}


def fitted(kind, y, settings):
    """What a fit leaves, with the next number of its generator."""
    random_state = np.random.RandomState(0)
    network = kind(
        hidden_layer_sizes=(12,), random_state=random_state, **{"max_iter": 220, **settings}
    )
    weight = np.linspace(0, 2, len(X)) if settings.get("shuffle") is False else None
    with alone():
        for _ in range(1 + ("warm_start" in settings)):
            network.fit(X, y, sample_weight=weight)
    norms = network.history_["gradient_norm"]
    found = [network.n_iter_, network.t_, network._no_improvement_count, network.best_loss_]
    arrays = [*network.coefs_, *network.intercepts_, np.array(network.loss_curve_), norms]
    return [*found, random_state.randint(2**31 - 1)], arrays


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("case", SETTINGS)
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_a_rule_in_the_loop_is_the_rule_after_each_epoch(kind, case, monkeypatch):
    y = CLASSES if kind is MLPClassifier else NUMBERS
    taken, take = [], Epochs.take

    def noted(self, count):
        taken.append((count, take(self, count)))
        return taken[-1][1]

    # However slow the machine is.
    monkeypatch.setattr(Pace, "together", lambda self, steps, rows, left: left)
    monkeypatch.setattr(Epochs, "take", noted)
    found, arrays = fitted(kind, y, SETTINGS[case])
    assert max(taken)[0] > 20
    if case in ("stops", "in sequence", "adaptive", "twice"):
        assert any(done < count for count, done in taken)
    monkeypatch.setattr(Epochs, "together", lambda self, left: 1)
    others, its_arrays = fitted(kind, y, SETTINGS[case])
    assert found == others
    for one, other in zip(arrays, its_arrays, strict=True):
        assert_array_equal(one, other)


def test_epochs_taken_in_one_go_with_one_that_diverges_are_judged(monkeypatch):
    monkeypatch.setattr(Pace, "together", lambda self, steps, rows, left: left)
    found = []
    for joined in (True, False):
        if not joined:
            monkeypatch.setattr(Epochs, "together", lambda self, left: 1)
        network = MLPRegressor(
            hidden_layer_sizes=(12,), solver="sgd", learning_rate_init=2.0, random_state=0
        )
        with alone(), pytest.raises(ValueError, match="non-finite"):
            network.fit(X, NUMBERS)
        found.append((network.loss_curve_, network.best_loss_, network._no_improvement_count))
    assert found[0] == found[1]
    losses, best, count = found[0]
    assert len(losses) > 2
    assert (best, count) == (min(losses), len(losses) - 1 - losses.index(min(losses)))
