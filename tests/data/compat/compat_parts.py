"""What programs may keep in pickles of their own."""

from compat_lives import SPACE, search
from compat_models import TARGETS, X, activations, classifier, make_model, steady, untrained

import fastnn
from fastnn import LBFGS, SGD, Adam, AdamW, NAdam, RMSprop, Rprop, losses, schedules, tune


def parts():
    """One of each kind of part, but for initializers, which the layers hold."""
    layers = [layer for make in (classifier, activations, untrained) for layer in make().layers]
    rates = [getattr(schedules, name) for name in schedules.__all__ if name not in OTHERS]
    halves = [*(rate(0.1, 9) for rate in rates), schedules.Constant(0.1)]
    halves.append(schedules.Piecewise((2, 4), (0.1, 0.01, 0.001)))
    optimizers = [Adam(0.1), AdamW(halves[0]), NAdam(), RMSprop(), Rprop(), SGD(0.1, 0.9), LBFGS()]
    own_losses = [losses.get(name) for name in losses.LOSSES]
    callbacks = [fastnn.EarlyStopping("loss", patience=3), fastnn.ReduceOnPlateau(factor=0.5)]
    scales = [*SPACE.values(), tune.Uniform(0, 1), tune.OneMinusLog(0.9, 0.99), tune.Int(1, 5)]
    metrics = list(fastnn.metrics.METRICS.values())
    return [*layers, *halves, *optimizers, *own_losses, *callbacks, *scales, *metrics]


OTHERS = "SCHEDULES", "Constant", "Piecewise", "Schedule", "steps"


def results():
    """What was measured."""
    model = make_model("steady")
    found = model.lr_find(X, TARGETS["values"], steps=20)
    folds = tune.cross_validate(steady(), X, TARGETS["values"], cv=2, epochs=2)
    trials = search("estimator", ":memory:").trials
    return {"history": model.history, "finder": found, "folds": folds, "trials": trials}
