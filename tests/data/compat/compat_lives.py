"""The studies in study.db, which were broken off, and the session.

The texts of `build` and `choose` are part of the keys by which their studies are found: leave them
as they are.
"""

from concurrent.futures import ThreadPoolExecutor

from compat_estimators import SMALL
from compat_models import CLASSES, PART, ROWS, X, network

from fastnn import (
    SELU,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    ReLU,
    RMSprop,
    Sequential,
    Session,
    Softmax,
    Tanh,
    tune,
)
from fastnn.estimators import MLPClassifier


def build(learning_rate, units, activation):
    model = Sequential([Dense(units), activation, Dense(3), Softmax()])
    model.compile(Adam(learning_rate), metrics=["accuracy"])
    return model


SPACE = {
    "learning_rate": tune.LogUniform(1e-3, 0.1),
    "units": tune.LogInt(3, 6),
    "activation": [ReLU(), Tanh(), SELU()],
    "batch_size": [16, 32],
}


def choose(optimizer, learning_rate):
    model = Sequential([Dense(4), ReLU(), Dense(3), Softmax()])
    model.compile(optimizer(learning_rate))
    return model


OPTIMIZERS = {"optimizer": [Adam, RMSprop], "learning_rate": tune.LogUniform(1e-3, 0.1)}
RATES = {"learning_rate_init": tune.LogUniform(1e-3, 0.1), "alpha": [1e-4, 1e-2]}


def search(name, storage, **more):
    """One of the studies in study.db: the whole of it, for what is there is not done again."""
    if name == "estimator":
        return tune.search(
            MLPClassifier(**SMALL), RATES, X, CLASSES, trials=4, cv=2, storage=storage, verbose=0,
            **more,
        )  # fmt: skip
    if name == "classes":
        return tune.search(
            choose, OPTIMIZERS, X, CLASSES, "grid", trials=4, epochs=2, storage=storage, verbose=0,
            **more,
        )  # fmt: skip
    return tune.search(
        build, SPACE, X, CLASSES, name, trials=6, epochs=9, storage=storage, verbose=0, **more
    )


class Exhausted(ThreadPoolExecutor):
    """Takes so many jobs, and then is interrupted."""

    def __init__(self, jobs):
        super().__init__(1)
        self.jobs = jobs

    def submit(self, *arguments):
        self.jobs -= 1
        if self.jobs < 0:
            raise KeyboardInterrupt
        return super().submit(*arguments)


STUDIES = {"random": 4, "halving": 7, "classes": None, "estimator": None}
"""Each with the number of jobs after which it was interrupted."""


def make_session(directory):
    """Four epochs of "main", of which the last two come after a change; two of "careful"."""
    layers = [Dense(5), BatchNorm(), ReLU(), Dropout(0.1), Dense(3), Softmax()]
    model = network(layers, Adam(0.02), "cross_entropy", metrics=["accuracy"])
    session = Session(model, X, CLASSES, directory=directory, **PART)
    session.run(2)
    session.set(learning_rate=10.0, dropout=0.5)
    session.run(2)
    session.rollback(to=2)
    session.branch("careful")
    session.set(learning_rate=0.01, weight_decay=0.01, batch_size=32)
    session.run(2)
    session.switch("main")
    session.run(2)
    return session


def tell(session):
    """What a resumed session does, step by step."""
    found = {"main": session.model.predict(ROWS)}
    found["main.loss"] = list(session.model.history["loss"])
    session.run(1)
    found["continued"] = session.model.predict(ROWS)
    session.rollback(to=3)
    found["back"] = session.model.predict(ROWS)
    session.switch("careful")
    found["careful"] = session.model.predict(ROWS)
    found["careful.loss"] = list(session.model.history["loss"])
    session.run(1)
    found["careful.continued"] = session.model.predict(ROWS)
    return found
