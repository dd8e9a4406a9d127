"""Search: the settings of a tabular model that its rows like best."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fastnn import tune
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.tabular.blocks import is_large
from fastnn.tabular.encoder import Encoder
from fastnn.tabular.folds import STOPPING_SHARE, part_held_out
from fastnn.tabular.model import TabularModel
from fastnn.tabular.reading import read_table
from fastnn.tabular.sample import draw_sample

SPACE = {
    "hidden_layer_sizes": tune.Choice([(64, 64), (128, 128, 128), (256, 256), (256, 256, 256)]),
    "learning_rate_init": tune.LogUniform(0.01, 0.2),
    "dropout": tune.Choice([0.0, 0.15, 0.3]),
    "alpha": tune.LogUniform(1e-6, 1e-2),
}
SEARCH_SHARE = 0.6
"""Of the time goes into the search, the rest into the model."""
LEAST_TRIALS = 6
"""So many trials must fit into the search's time on one thread."""


def tuned(
    model: TabularModel, source: Any, seconds: float, verbose: Any = "auto"
) -> tuple[TabularModel, Any]:
    """Search for settings, and train the model with the best.

    A fifth of the rows that are not held out judges the trials; encoders and scales come from the
    others, and the rows held out for `scores_` are seen by neither.

    Parameters
    ----------
    model : TabularModel
        Untrained; what its ``settings`` set is not searched for.
    source : path, data frame or dict of columns
    seconds : float
        For all of it.

    Returns
    -------
    model : TabularModel
        Trained, with the best settings.
    search : fastnn.tune.Result
    """
    start = time.perf_counter()
    large = is_large(source)
    table = draw_sample(source, model.target, model.seed)[0] if large else read_table(source)
    lesson, learned, _ = model.prepare(table)
    task = lesson.target.task
    train, stop = part_held_out(lesson.y[learned], STOPPING_SHARE, task, model.seed)
    encoder = Encoder.learn(lesson.columns, lesson.table.take(learned[train]))
    X = encoder.encode(lesson.table.take(learned)).astype(np.float32)
    kind: Any = MLPRegressor if task == "regression" else MLPClassifier
    fixed = {"preset": "tabular", "n_members": 1, "random_state": model.seed} | model.settings
    limit = SEARCH_SHARE * seconds
    weight = {} if lesson.weight is None else {"sample_weight": lesson.weight[learned]}
    found = tune.search(
        kind(**fixed, max_time=limit / LEAST_TRIALS),
        {name: scale for name, scale in SPACE.items() if name not in model.settings},
        X, lesson.y[learned], "random", None, limit, cv=[(train, stop)],
        monitor="neg_root_mean_squared_error" if task == "regression" else "neg_log_loss",
        storage=None, seed=model.seed, verbose=verbose, **weight,
    )  # fmt: skip
    model.settings |= found.best_params
    model.seconds = max(seconds - (time.perf_counter() - start), seconds / 10)
    return model.fit(source if large else table, verbose), found
